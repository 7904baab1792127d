//! Where manifests are: in a directory, or in a namespace of a cluster.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use anyhow::{Context, bail};

use crate::{
    manifests::{Manifests, cluster},
    passwords::Passwords,
    terminal::complain,
    up::model::TableFiles,
};

/// What a location that is a cluster begins with.
const CLUSTER: &str = "cluster";

/// Where manifests are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A directory of files.
    Directory(PathBuf),
    /// A namespace of the cluster that the current context of the kubeconfig leads to; none: that of the context.
    Cluster { namespace: Option<String> },
}

impl Location {
    /// Everything that is declared there. Fails when something cannot be read that could concern anybody.
    pub(crate) fn manifests(&self) -> anyhow::Result<Manifests> {
        let manifests = match self {
            Self::Directory(directory) => Manifests::load(directory, None).map_err(anyhow::Error::from),
            Self::Cluster { namespace } => cluster::read(namespace.as_deref()),
        };
        let manifests = manifests.with_context(|| format!("failed to read {self}"))?;
        for diagnostic in &manifests.diagnostics {
            complain!("{diagnostic}");
        }
        if !manifests.unreadable.is_empty() {
            bail!("a manifest cannot be read, and it could concern anybody");
        }
        Ok(manifests)
    }

    /// The files of the tables that are declared there.
    pub(crate) fn files(&self, manifests: &Manifests) -> TableFiles {
        match self {
            Self::Directory(directory) => TableFiles::of_directory(directory, manifests),
            Self::Cluster { .. } => TableFiles::of_cluster(manifests),
        }
    }

    /// Secrets of a cluster are none of our business: nobody logs in here.
    pub(crate) fn passwords(&self) -> Passwords {
        match self {
            Self::Directory(_) => Passwords::Looked,
            Self::Cluster { .. } => Passwords::Assumed,
        }
    }
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some((CLUSTER, namespace)) => Self::Cluster { namespace: Some(namespace.to_owned()) },
            None if text == CLUSTER => Self::Cluster { namespace: None },
            _ => Self::Directory(text.into()),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Cluster { namespace: Some(namespace) } => write!(f, "{CLUSTER}:{namespace}"),
            Self::Cluster { namespace: None } => f.write_str(CLUSTER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_directory_unless_it_says_cluster() {
        let read = |text: &str| text.parse::<Location>().unwrap_or_else(|never| match never {});
        assert_eq!(read("cluster"), Location::Cluster { namespace: None });
        assert_eq!(read("cluster:retail"), Location::Cluster { namespace: Some("retail".into()) });
        for directory in ["./cluster", "examples/retail", "C:retail", "clusters"] {
            assert_eq!(read(directory), Location::Directory(directory.into()));
        }
        for text in ["cluster", "cluster:retail", "examples/retail"] {
            assert_eq!(read(text).to_string(), text);
        }
    }
}
