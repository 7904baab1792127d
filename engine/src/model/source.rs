//! Where the bytes of tables come from.

use std::path::{Path, PathBuf};

use cubegate_api::model::CsvLocation;

use crate::limits::TABLE_BYTES_MAX;

/// Hands out the bytes of a table's file.
pub trait ModelSource: Send + Sync + 'static {
    /// Name to call the file by in errors, and its bytes; or a sentence why there are none.
    fn read(&self, location: &CsvLocation) -> Result<(String, Vec<u8>), String>;
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
}

impl ModelSource for PodFiles {
    fn read(&self, location: &CsvLocation) -> Result<(String, Vec<u8>), String> {
        match location {
            CsvLocation::ConfigMap(reference) => {
                let shown = format!("ConfigMap {}/{}", reference.name, reference.key);
                let path = self.config_maps.join(&reference.name).join(&reference.key);
                read_file(&path).map(|bytes| (shown.clone(), bytes)).map_err(|reason| format!("{shown}: {reason}"))
            }
            CsvLocation::Path(path) if Path::new(path).is_absolute() => read_file(Path::new(path))
                .map(|bytes| (path.clone(), bytes))
                .map_err(|reason| format!("{path}: {reason}")),
            CsvLocation::Path(path) => Err(format!("{path}: a path in a pod must be absolute")),
        }
    }
}

/// Reads a file that is not larger than a table may be.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > TABLE_BYTES_MAX {
        return Err(format!("has {size} bytes; a table has at most {TABLE_BYTES_MAX}"));
    }
    std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))
}
