//! Where the tables of a directory's Sessions come from.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use cubegate_api::{Moment, model::FileLocation};
use cubegate_engine::{Inspection, ModelSource, ModelSpec, Stamp, TableFile};

use cubegate_policy::{bind::BindProblem, compile::Advice, snapshot::ObjectName};

use crate::{
    manifests::{Diagnostic, Manifests},
    sessions::Declared,
};

/// Tables from files beside the manifests, and from ConfigMaps among them.
pub(crate) struct TableFiles {
    /// None: the files are in pods, where we cannot read them.
    directory: Option<PathBuf>,
    manifests: Arc<Manifests>,
}

/// What tells one state of a Session's tables from another, without reading them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fingerprint {
    spec: ModelSpec,
    files: Vec<Option<(SystemTime, u64)>>,
    inline: Vec<Option<Vec<u8>>>,
}

impl TableFiles {
    /// Of manifests in a directory.
    pub(crate) fn of_directory(directory: &Path, manifests: &Manifests) -> Self {
        Self { directory: Some(directory.to_owned()), manifests: Arc::new(manifests.clone()) }
    }

    /// Of manifests in a cluster: its ConfigMaps.
    pub(crate) fn of_cluster(manifests: &Manifests) -> Self {
        Self { directory: None, manifests: Arc::new(manifests.clone()) }
    }

    /// The state of the tables of a model.
    pub(crate) fn fingerprint(&self, spec: &ModelSpec) -> Fingerprint {
        let mut fingerprint = Fingerprint { spec: spec.clone(), files: Vec::new(), inline: Vec::new() };
        for table in &spec.tables {
            let location = table.source.location();
            match self.file(location) {
                Some(path) => {
                    let metadata = std::fs::metadata(path).ok();
                    fingerprint
                        .files
                        .push(metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len()))));
                }
                None => fingerprint.inline.push(self.inline(location).ok().map(|(_, bytes)| bytes)),
            }
        }
        fingerprint
    }

    /// What to call a ConfigMap that is written out in a manifest, and what is in it.
    fn inline(&self, location: &FileLocation) -> Result<(String, Vec<u8>), String> {
        let reference = match location {
            FileLocation::ConfigMap(reference) => reference,
            FileLocation::Path(path) => {
                return Err(format!("{path} is a file of the pods, which cannot be read from here"));
            }
        };
        let bytes = self.manifests.config_map_value(reference)?;
        Ok((format!("ConfigMap {}/{}", reference.name, reference.key), bytes.to_owned()))
    }

    /// The file that a location stands for; none for a ConfigMap that is written out in a manifest.
    fn file(&self, location: &FileLocation) -> Option<PathBuf> {
        match location {
            FileLocation::Path(path) => Some(self.directory.as_ref()?.join(path)),
            FileLocation::ConfigMap(reference) => self.manifests.config_map_file(reference),
        }
    }
}

impl ModelSource for TableFiles {
    fn stamp(&self, location: &FileLocation) -> Option<Stamp> {
        Stamp::of(&self.file(location)?)
    }

    fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
        match self.file(location) {
            Some(path) => TableFile::open(path.display().to_string(), &path),
            None => self.inline(location).map(|(name, bytes)| TableFile::of_bytes(name, bytes)),
        }
    }
}

/// What is wrong with a Session's model and with the policy on it, and what is valid but hardly meant.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Loads a Session's model only to look at it.
pub(crate) fn check(declared: &Declared, manifests: &Manifests, directory: &Path) -> Checked {
    let files = TableFiles::of_directory(directory, manifests);
    let now = Moment::of(SystemTime::now());
    let (spec, snapshot) = (ModelSpec::from(&declared.session.spec), &declared.compiled.snapshot);
    let located = |object: &ObjectName, field: &str, message: String| {
        manifests.find(object).map(|entry| entry.diagnostic_at(field, message))
    };
    match Inspection::load(&spec, files, &snapshot.access) {
        Err(failure) => {
            let session = declared.object();
            let error = |error| located(&session, "", format!("{session}: {error}"));
            Checked { errors: failure.errors.into_iter().filter_map(error).collect(), ..Checked::default() }
        }
        Ok(inspection) => {
            let error =
                |BindProblem { object, message, .. }: &BindProblem| located(object, "", format!("{object}: {message}"));
            let warning =
                |Advice { object, field, message }| located(&object, &field, format!("warning: {object}: {message}"));
            Checked {
                errors: inspection.problems().iter().filter_map(error).collect(),
                warnings: inspection.advice(snapshot, now).into_iter().filter_map(warning).collect(),
            }
        }
    }
}
