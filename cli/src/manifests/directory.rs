//! All manifests of a directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cubegate_api::reference::KeyReference;
use cubegate_policy::{
    compile::{InvalidObject, Parsed},
    snapshot::{Kind, ObjectName},
};
use serde_json::Value;

use super::{
    diagnostic::Diagnostic,
    document::{Document, split_json, split_yaml},
    object::{self, Object},
    place,
};
use crate::limits::MANIFEST_BYTES_MAX;

/// Everything that a directory declares, the broken parts included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifests {
    /// Objects in the order of files and documents.
    pub(crate) entries: Vec<Entry>,
    /// Everything wrong with them by themselves.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Files with a document of which not even kind and name are known.
    pub(crate) unreadable: BTreeSet<PathBuf>,
}

/// An object and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) file: PathBuf,
    pub(crate) line: u64,
    /// The document, from that line on.
    text: Arc<str>,
    pub(crate) object: Object,
}

impl Manifests {
    /// Reads `directory` (not what lies deeper, as `kubectl apply -f` does).
    ///
    /// `previous` is what was read before: while some file cannot be read, objects that are missing are kept from it, as invalid.
    pub(crate) fn load(directory: &Path, previous: Option<&Self>) -> io::Result<Self> {
        let mut manifests = Self::default();
        for file in manifest_files(directory)? {
            manifests.read_file(&file);
        }
        if let Some(previous) = previous
            && !manifests.unreadable.is_empty()
        {
            manifests.keep_what_cannot_be_read(previous);
        }
        manifests.refuse_duplicates();
        manifests.diagnostics.sort();
        manifests.diagnostics.dedup();
        Ok(manifests)
    }

    /// The entry of an object of ours.
    pub(crate) fn find(&self, name: &ObjectName) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.object.name().as_ref() == Some(name))
    }

    /// A Secret's data, whether it is an example, and every Secret's name to suggest from.
    pub(crate) fn secret(&self, wanted: &str) -> Option<(&BTreeMap<String, Vec<u8>>, bool)> {
        self.entries.iter().find_map(|entry| match &entry.object {
            Object::Secret { name, data, is_example } if name == wanted => Some((data, *is_example)),
            _ => None,
        })
    }

    /// The value of a Secret's key, or a sentence that names the nearest thing that exists.
    pub(crate) fn secret_value(&self, reference: &KeyReference) -> Result<&[u8], String> {
        let suggest =
            |nearest: Option<&str>| nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let Some((data, _)) = self.secret(&reference.name) else {
            let names = self.entries.iter().filter_map(|entry| match &entry.object {
                Object::Secret { name, .. } => Some(name.as_str()),
                _ => None,
            });
            let hint = suggest(cubegate_policy::nearest::nearest(&reference.name, names));
            return Err(format!("there is no Secret `{}`{hint}", reference.name));
        };
        data.get(&reference.key).map(Vec::as_slice).ok_or_else(|| {
            let hint = suggest(cubegate_policy::nearest::nearest(&reference.key, data.keys().map(String::as_str)));
            format!("Secret `{}` has no key `{}`{hint}", reference.name, reference.key)
        })
    }

    /// The file behind a ConfigMap's key, for a ConfigMap that a kustomization generates.
    pub(crate) fn config_map_file(&self, reference: &KeyReference) -> Option<PathBuf> {
        self.entries.iter().find_map(|entry| match &entry.object {
            Object::Kustomization(kustomization) => {
                let directory = entry.file.parent().unwrap_or_else(|| Path::new("."));
                kustomization.config_maps(directory).get(&reference.name)?.get(&reference.key).cloned()
            }
            _ => None,
        })
    }

    /// The bytes of a ConfigMap's key, for a ConfigMap that is written out.
    pub(crate) fn config_map_value(&self, reference: &KeyReference) -> Result<&[u8], String> {
        let data = self.entries.iter().find_map(|entry| match &entry.object {
            Object::ConfigMap { name, data } if *name == reference.name => Some(data),
            _ => None,
        });
        data.ok_or_else(|| format!("there is no ConfigMap `{}`", reference.name))?
            .get(&reference.key)
            .map(Vec::as_slice)
            .ok_or_else(|| format!("ConfigMap `{}` has no key `{}`", reference.name, reference.key))
    }

    /// Names of all Sessions, the invalid ones included.
    pub(crate) fn session_names(&self) -> impl Iterator<Item = String> {
        let names: BTreeSet<String> = self
            .entries
            .iter()
            .filter_map(|entry| entry.object.name())
            .filter(|name| name.kind == Kind::Session)
            .map(|name| name.name)
            .collect();
        names.into_iter()
    }

    /// Of objects as JSON, each with what stands for its file.
    pub(crate) fn of_objects(objects: Vec<(PathBuf, Value)>) -> Self {
        let mut manifests = Self::default();
        manifests.add_objects(objects);
        manifests
    }

    /// Adds objects as JSON.
    pub(crate) fn add_objects(&mut self, objects: Vec<(PathBuf, Value)>) {
        for (file, object) in objects {
            self.read_documents(&file, vec![Document { line: 1, text: object.to_string() }]);
        }
    }

    fn read_file(&mut self, file: &Path) {
        match documents(file) {
            Ok(documents) => self.read_documents(file, documents),
            Err(diagnostic) => {
                self.unreadable.insert(file.to_owned());
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn read_documents(&mut self, file: &Path, documents: Vec<Document>) {
        for document in documents {
            match object::read(file, &document) {
                Ok((object, found)) => {
                    self.diagnostics.extend(found);
                    self.entries.push(Entry {
                        file: file.to_owned(),
                        line: document.line,
                        text: document.text.into(),
                        object,
                    });
                }
                Err(diagnostic) => {
                    self.unreadable.insert(file.to_owned());
                    self.diagnostics.push(diagnostic);
                }
            }
        }
    }

    /// What is missing now may stand in the file that cannot be read, whatever that file is called.
    fn keep_what_cannot_be_read(&mut self, previous: &Self) {
        let present: BTreeSet<ObjectName> = self.entries.iter().filter_map(|entry| entry.object.name()).collect();
        let kept =
            previous.entries.iter().filter(|entry| entry.object.name().is_some_and(|name| !present.contains(&name)));
        let unreadable: Vec<String> = self.unreadable.iter().map(|file| file.display().to_string()).collect();
        let error = format!("{} cannot be read", unreadable.join(", "));
        let kept: Vec<Entry> = kept
            .map(|entry| {
                let error = format!("{error}, and this object is nowhere else");
                Entry { object: entry.object.clone().invalidated(&error), ..entry.clone() }
            })
            .collect();
        self.entries.extend(kept);
    }

    /// Of two objects with one name nobody knows which is meant, so neither counts.
    fn refuse_duplicates(&mut self) {
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(label) = entry.object.label() {
                places.entry(label).or_default().push(index);
            }
        }
        for (label, indices) in places.into_iter().filter(|(_, indices)| indices.len() > 1) {
            let mut where_declared = Vec::new();
            for index in &indices {
                if let Some(entry) = self.entries.get(*index) {
                    where_declared.push(format!("{}:{}", entry.file.display(), entry.line));
                }
            }
            let error = format!("{label} is declared {} times: {}", indices.len(), where_declared.join(", "));
            for index in indices {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.object = entry.object.clone().invalidated(&error);
                    self.diagnostics.push(entry.diagnostic(error.clone()));
                }
            }
        }
    }
}

impl Entry {
    /// Something wrong with a field of this object, at the place of the field.
    pub(crate) fn diagnostic_at(&self, field: &str, message: String) -> Diagnostic {
        let (line, column) = place::of_field(&self.text, field).unzip();
        let line = self.line + line.map_or(0, |line| line.saturating_sub(1));
        Diagnostic { file: self.file.clone(), line, column, message }
    }

    /// The field of a list in which an item stands, for example `spec.roles[2]`; the list itself when that is unknown.
    pub(crate) fn item(&self, list: &str, item: Option<&str>) -> String {
        let position = || {
            let items = self.object.to_value()?.pointer(&format!("/{}", list.replace('.', "/")))?.as_array()?.clone();
            items.iter().position(|found| found.as_str() == item || item.is_some_and(|item| speaks_of(found, item)))
        };
        item.and_then(|_| position()).map_or_else(|| list.to_owned(), |position| format!("{list}[{position}]"))
    }

    /// Something wrong with this object.
    pub(crate) fn diagnostic(&self, message: String) -> Diagnostic {
        Diagnostic { file: self.file.clone(), line: self.line, column: None, message }
    }
}

impl Object {
    /// Kind and name, for the four kinds.
    pub(crate) fn name(&self) -> Option<ObjectName> {
        let (kind, name) = match self {
            Self::Session(parsed) => (Kind::Session, parsed_name(parsed)),
            Self::Role(parsed) => (Kind::Role, parsed_name(parsed)),
            Self::Restriction(parsed) => (Kind::Restriction, parsed_name(parsed)),
            Self::TechnicalUser(parsed) => (Kind::TechnicalUser, parsed_name(parsed)),
            Self::Secret { .. } | Self::ConfigMap { .. } | Self::Kustomization(_) | Self::Foreign => {
                return None;
            }
        };
        Some(ObjectName { kind, name })
    }

    /// A valid object of ours as it would be written.
    fn to_value(&self) -> Option<serde_json::Value> {
        let value = match self {
            Self::Session(Parsed::Valid(session)) => serde_json::to_value(session),
            Self::Role(Parsed::Valid(role)) => serde_json::to_value(role),
            Self::Restriction(Parsed::Valid(restriction)) => serde_json::to_value(restriction),
            Self::TechnicalUser(Parsed::Valid(user)) => serde_json::to_value(user),
            _ => return None,
        };
        value.ok()
    }

    /// Whether the object was found unusable by itself.
    pub(crate) fn is_invalid(&self) -> bool {
        match self {
            Self::Session(parsed) => matches!(parsed, Parsed::Invalid(_)),
            Self::Role(parsed) => matches!(parsed, Parsed::Invalid(_)),
            Self::Restriction(parsed) => matches!(parsed, Parsed::Invalid(_)),
            Self::TechnicalUser(parsed) => matches!(parsed, Parsed::Invalid(_)),
            Self::Secret { .. } | Self::ConfigMap { .. } | Self::Kustomization(_) | Self::Foreign => false,
        }
    }

    /// `Kind/name` of whatever can be declared twice by mistake.
    fn label(&self) -> Option<String> {
        match self {
            Self::Secret { name, .. } => Some(format!("Secret/{name}")),
            Self::ConfigMap { name, .. } => Some(format!("ConfigMap/{name}")),
            Self::Kustomization(_) | Self::Foreign => None,
            Self::Session(_) | Self::Role(_) | Self::Restriction(_) | Self::TechnicalUser(_) => {
                self.name().map(|name| name.to_string())
            }
        }
    }

    /// The same object, known to be unusable. Data that cannot be told apart is emptied.
    fn invalidated(self, error: &str) -> Self {
        match self {
            Self::Session(parsed) => Self::Session(invalidated(parsed, error)),
            Self::Role(parsed) => Self::Role(invalidated(parsed, error)),
            Self::Restriction(parsed) => Self::Restriction(invalidated(parsed, error)),
            Self::TechnicalUser(parsed) => Self::TechnicalUser(invalidated(parsed, error)),
            Self::Secret { name, is_example, .. } => Self::Secret { name, data: BTreeMap::new(), is_example },
            Self::ConfigMap { name, .. } => Self::ConfigMap { name, data: BTreeMap::new() },
            Self::Kustomization(_) | Self::Foreign => self,
        }
    }
}

/// Whether a line of a Restriction speaks of a column (`Table/Column`) or of a level of a cube (`Cube: Level`).
fn speaks_of(line: &serde_json::Value, subject: &str) -> bool {
    let text = |field| line.get(field).and_then(serde_json::Value::as_str);
    match (text("table"), text("column"), text("level")) {
        (Some(table), Some(column), None) => subject == format!("{table}/{column}"),
        (None, None, Some(level)) => subject.strip_suffix(level).is_some_and(|cube| cube.ends_with(": ")),
        _ => false,
    }
}

fn parsed_name<K: kube::Resource>(parsed: &Parsed<K>) -> String {
    match parsed {
        Parsed::Valid(object) => object.meta().name.clone().unwrap_or_default(),
        Parsed::Invalid(invalid) => invalid.name.clone(),
    }
}

fn invalidated<K: kube::Resource + serde::Serialize>(parsed: Parsed<K>, error: &str) -> Parsed<K> {
    Parsed::Invalid(match parsed {
        Parsed::Valid(object) => InvalidObject {
            name: object.meta().name.clone().unwrap_or_default(),
            uid: String::new(),
            generation: 0,
            manifest: serde_json::to_value(&object).unwrap_or_default(),
            error: error.to_owned(),
        },
        Parsed::Invalid(invalid) => InvalidObject { error: format!("{}; {error}", invalid.error), ..invalid },
    })
}

fn manifest_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_manifest =
            path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known));
        if is_manifest && !is_hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn documents(file: &Path) -> Result<Vec<Document>, Diagnostic> {
    let whole = |message: String| Diagnostic { file: file.to_owned(), line: 1, column: None, message };
    let size = fs::metadata(file).map_err(|error| whole(format!("cannot be read: {error}")))?.len();
    if size > MANIFEST_BYTES_MAX {
        return Err(whole(format!("has {size} bytes; a manifest has at most {MANIFEST_BYTES_MAX}")));
    }
    let bytes = fs::read(file).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| whole(format!("is not UTF-8 from byte {}", error.utf8_error().valid_up_to())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if file.extension().is_some_and(|extension| extension == "json") {
        split_json(file, text)
    } else {
        Ok(split_yaml(text))
    }
}
