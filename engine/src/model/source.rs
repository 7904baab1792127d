//! Where the bytes of tables come from.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

use cubegate_api::model::FileLocation;

use crate::limits::TABLE_BYTES_MAX;

/// Hands out the bytes of a table's file.
pub trait ModelSource: Send + Sync + 'static {
    /// Name to call the file by in errors, and its bytes; or a sentence why there are none.
    fn read(&self, location: &FileLocation) -> Result<(String, Vec<u8>), String>;

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
    fn read(&self, location: &FileLocation) -> Result<(String, Vec<u8>), String> {
        let shown = match location {
            FileLocation::ConfigMap(reference) => format!("ConfigMap {}/{}", reference.name, reference.key),
            FileLocation::Path(path) if Path::new(path).is_absolute() => path.clone(),
            FileLocation::Path(path) => return Err(format!("{path}: a path in a pod must be absolute")),
        };
        match read_file(&self.path(location)) {
            Ok(bytes) => Ok((shown, bytes)),
            Err(reason) => Err(format!("{shown}: {reason}")),
        }
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

/// Reads a file that is not larger than a table may be, and that nobody writes to meanwhile.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    let size = before.len();
    if size > TABLE_BYTES_MAX {
        return Err(format!("has {size} bytes; a table has at most {TABLE_BYTES_MAX}"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // One byte more than there should be, to see a file that grows; never as many as a writer gives.
    (&mut file).take(size + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let after = file.metadata().map_err(unreadable)?;
    let is_same = bytes.len() as u64 == size && after.len() == size && after.modified().ok() == before.modified().ok();
    if is_same { Ok(bytes) } else { Err("changed while it was read; put a whole file in its place at once".to_owned()) }
}
