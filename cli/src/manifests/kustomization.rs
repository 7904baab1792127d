//! The one part of a `kustomization.yaml` that the engine of `kubectl apply -k` turns into data for us:
//! ConfigMaps generated from files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// A Kustomization; everything but generated ConfigMaps concerns a cluster only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kustomization {
    #[serde(default)]
    config_map_generator: Vec<ConfigMapGenerator>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ConfigMapGenerator {
    name: String,
    /// Each `file` or `key=file`.
    #[serde(default)]
    files: Vec<String>,
}

impl Kustomization {
    /// Files by key, by ConfigMap, resolved against the directory of the kustomization.
    pub(crate) fn config_maps(&self, directory: &Path) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
        self.config_map_generator
            .iter()
            .map(|generator| {
                (generator.name.clone(), generator.files.iter().map(|file| keyed(directory, file)).collect())
            })
            .collect()
    }
}

fn keyed(directory: &Path, file: &str) -> (String, PathBuf) {
    if let Some((key, path)) = file.split_once('=') {
        return (key.to_owned(), directory.join(path));
    }
    let key = Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned());
    (key, directory.join(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_config_map_names_its_keys_after_its_files_unless_told_otherwise() {
        let text =
            "configMapGenerator:\n- name: data\n  files: [sales.csv, other.csv=sub/shops.csv]\nresources: [x.yaml]\n";
        let kustomization: Kustomization = serde_saphyr::from_str(text).unwrap();
        let maps = kustomization.config_maps(Path::new("dir"));
        assert_eq!(maps["data"]["sales.csv"], PathBuf::from("dir/sales.csv"));
        assert_eq!(maps["data"]["other.csv"], PathBuf::from("dir/sub/shops.csv"));
    }
}
