//! Where the bytes of tables come from.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use cubegate_api::model::FileLocation;

use crate::limits::TABLE_BYTES_MAX;

/// A table's file, to be read once.
pub struct TableFile {
    /// What to call it in errors.
    pub name: String,
    /// Its bytes.
    pub bytes: Box<dyn Read>,
}

/// Hands out the files of tables.
pub trait ModelSource: Send + Sync + 'static {
    /// The file; or a sentence why it cannot be read.
    fn open(&self, location: &FileLocation) -> Result<TableFile, String>;

    /// What tells one state of the file from another without reading it; none when only reading it tells.
    fn stamp(&self, _location: &FileLocation) -> Option<Stamp> {
        None
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    size_bytes: u64,
}

/// The files of a pod: `ConfigMap`s are mounted under one directory, paths are absolute.
pub struct PodFiles {
    config_maps: PathBuf,
}

impl PodFiles {
    /// Files of `ConfigMap`s are at `<config_maps>/<name>/<key>`.
    pub fn new(config_maps: PathBuf) -> Self {
        Self { config_maps }
    }

    fn path(&self, location: &FileLocation) -> PathBuf {
        match location {
            FileLocation::ConfigMap(reference) => self.config_maps.join(&reference.name).join(&reference.key),
            FileLocation::Path(path) => PathBuf::from(path),
        }
    }
}

impl ModelSource for PodFiles {
    fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
        let shown = match location {
            FileLocation::ConfigMap(reference) => format!("ConfigMap {}/{}", reference.name, reference.key),
            FileLocation::Path(path) if Path::new(path).is_absolute() => path.clone(),
            FileLocation::Path(path) => return Err(format!("{path}: a path in a pod must be absolute")),
        };
        TableFile::open(shown, &self.path(location))
    }

    fn stamp(&self, location: &FileLocation) -> Option<Stamp> {
        Stamp::of(&self.path(location))
    }
}

impl Stamp {
    /// Of the file that a path leads to.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { modified: metadata.modified().ok()?, size_bytes: metadata.len() })
    }
}

impl TableFile {
    /// A file that is not larger than a table may be. Reading it to its end fails when somebody has written to it meanwhile.
    pub fn open(name: String, path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("{name}: cannot be read: {error}");
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let size = metadata.len();
        if size > TABLE_BYTES_MAX {
            return Err(format!("{name}: has {size} bytes; a table has at most {TABLE_BYTES_MAX}"));
        }
        let bytes = Box::new(Unchanged { file, size, modified: metadata.modified().ok(), read: 0 });
        Ok(Self { name, bytes })
    }

    /// A file that is in memory.
    pub fn of_bytes(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes: Box::new(Cursor::new(bytes)) }
    }
}

/// A file as it was when it was opened.
struct Unchanged {
    file: File,
    size: u64,
    modified: Option<SystemTime>,
    read: u64,
}

impl Read for Unchanged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        let is_at_end = count == 0 && !buffer.is_empty();
        // A file that somebody writes to may never end.
        if is_at_end || self.read > self.size {
            let after = self.file.metadata()?;
            let is_same = self.read == self.size && after.len() == self.size && after.modified().ok() == self.modified;
            if !is_same {
                return Err(io::Error::other("it changed while it was read; put a whole file in its place at once"));
            }
        }
        Ok(count)
    }
}
