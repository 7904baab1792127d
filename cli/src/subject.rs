//! What `explain`, `who-sees` and `diff` ask: the Sessions of a directory or cluster, compiled, loaded and bound, but not served.

use std::{collections::BTreeMap, time::SystemTime};

use anyhow::{Context, bail};
use cubegate_api::Moment;
use cubegate_engine::{Inspection, ModelSpec};
use cubegate_policy::{
    explain::{Origin, Viewer, viewers},
    nearest::suggestion,
    snapshot::Snapshot,
};

use crate::{
    location::Location,
    manifests::Manifests,
    sessions::{Declared, declared},
    terminal::complain,
};

/// A Session of a directory.
pub(crate) struct Subject {
    pub(crate) declared: Declared,
    /// Absent when the tables cannot be loaded; why, has been said.
    pub(crate) inspection: Option<Inspection>,
}

/// The Sessions of a location by name; the wanted one, if one is.
pub(crate) fn subjects(location: &Location, manifests: &Manifests, wanted: Option<&str>) -> BTreeMap<String, Subject> {
    let declared = declared(manifests, &mut location.passwords());
    let named = declared.into_iter().map(|declared| (declared.name().to_owned(), declared));
    let wanted = named.filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
    wanted.map(|(name, declared)| (name, Subject::new(declared, manifests, location))).collect()
}

/// The Session that is meant.
pub(crate) fn subject(location: &Location, manifests: &Manifests, wanted: Option<&str>) -> anyhow::Result<Subject> {
    let names: Vec<String> = manifests.session_names().collect();
    let listed = |name| suggestion(name, "Sessions", names.iter().map(String::as_str));
    let name = match (wanted, names.as_slice()) {
        (Some(name), _) => name,
        (None, [name]) => name,
        (None, []) => bail!("there is no Session in {location}"),
        (None, _) => bail!("there are several Sessions; choose one by --session: {}", names.join(", ")),
    };
    subjects(location, manifests, Some(name))
        .remove(name)
        .with_context(|| format!("there is no valid Session `{name}`; {}", listed(name)))
}

impl Subject {
    fn new(declared: Declared, manifests: &Manifests, location: &Location) -> Self {
        for diagnostic in &declared.diagnostics {
            complain!("{diagnostic}");
        }
        let files = location.files(manifests);
        let spec = ModelSpec::from(&declared.session.spec);
        let loaded = Inspection::load(&spec, files, &declared.compiled.snapshot.access);
        let inspection = loaded.map_err(|failure| {
            for error in failure.errors {
                complain!("{}: {error}", declared.object());
            }
        });
        Self { declared, inspection: inspection.ok() }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.declared.compiled.snapshot
    }

    /// Everybody whom the policy knows, with their rights now.
    pub(crate) fn viewers(&self) -> Vec<Viewer> {
        viewers(&self.snapshot().door, Moment::of(SystemTime::now()))
    }

    /// The loaded model.
    pub(crate) fn inspection(&self) -> anyhow::Result<&Inspection> {
        self.inspection.as_ref().with_context(|| format!("the tables of {} cannot be loaded", self.declared.object()))
    }
}

/// An origin with its file and line.
pub(crate) fn placed(origin: &Origin, manifests: &Manifests) -> String {
    let Some(entry) = manifests.find(&origin.object) else { return origin.to_string() };
    let place = entry.diagnostic_at(&entry.item(&origin.field, origin.item.as_deref()), String::new());
    format!("{origin} ({}:{})", place.file.display(), place.line)
}
