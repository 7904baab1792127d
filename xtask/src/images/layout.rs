//! An OCI image layout in one tar archive, as `ctr images import`, `podman load` and `skopeo` read it.
//!
//! ```text
//! index.json ─▶ manifest ─▶ config
//!                      └──▶ layer (a tar of the image's files)
//! ```
//!
//! The same files give the same bytes: names sorted, times zero, everything owned by root.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cache::hexadecimal;

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What an image is.
pub(super) struct Image {
    pub(super) name: String,
    pub(super) tag: String,
    pub(super) files: Vec<ImageFile>,
    pub(super) entrypoint: String,
    pub(super) user: String,
    pub(super) description: String,
}

/// A file of an image.
pub(super) struct ImageFile {
    /// Path without a leading slash.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) content: Vec<u8>,
}

/// An image, packed.
pub(super) struct Archive {
    pub(super) bytes: Vec<u8>,
    /// Name and tag.
    pub(super) name: String,
    /// Digest of the manifest, by which registries and nodes know the image.
    pub(super) digest: String,
}

impl Image {
    /// Packs the image.
    pub(super) fn archive(&self) -> Result<Archive> {
        let name = format!("{}:{}", self.name, self.tag);
        let mut blobs = Blobs::default();
        let layer = self.layer()?;
        // An uncompressed layer's digest is its identity as a part of the file system, too.
        let layer = blobs.add(LAYER_TYPE, layer);
        let config = blobs.add(CONFIG_TYPE, self.config(&layer.digest).to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.json(),
            "layers": [layer.json()],
        });
        let manifest = blobs.add(MANIFEST_TYPE, manifest.to_string().into_bytes());
        let index = self.index(&name, &manifest).to_string();

        let mut entries = vec![
            Entry::file("index.json", 0o644, index.as_bytes()),
            Entry::file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#),
        ];
        entries.extend(blobs.0.iter().map(|(path, content)| Entry::file(path, 0o644, content)));
        Ok(Archive { bytes: tar(entries)?, name, digest: manifest.digest })
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let files = self.files.iter().map(|file| Entry::file(&file.path, file.mode, &file.content));
        let mut directories: Vec<&str> = self.files.iter().flat_map(|file| parents(&file.path)).collect();
        directories.sort_unstable();
        directories.dedup();
        tar(files.chain(directories.into_iter().map(Entry::directory)).collect())
    }

    fn config(&self, layer_digest: &str) -> Value {
        json!({
            "created": EPOCH,
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": self.user,
                "Entrypoint": [self.entrypoint],
                "WorkingDir": "/",
                "Labels": {
                    "org.opencontainers.image.description": self.description,
                    "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
                    "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            "history": [{"created": EPOCH, "created_by": "cargo xtask images"}],
        })
    }

    /// containerd takes the name from its own annotation; the OCI one holds the tag only.
    fn index(&self, name: &str, manifest: &Descriptor) -> Value {
        let mut manifest = manifest.json();
        if let Some(manifest) = manifest.as_object_mut() {
            manifest.insert("platform".into(), json!({"architecture": architecture(), "os": "linux"}));
            let annotations = json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": self.tag});
            manifest.insert("annotations".into(), annotations);
        }
        json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [manifest]})
    }
}

/// Content by its path in the layout.
#[derive(Default)]
struct Blobs(BTreeMap<String, Vec<u8>>);

/// How one blob names another.
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: usize,
}

impl Blobs {
    fn add(&mut self, media_type: &'static str, content: Vec<u8>) -> Descriptor {
        let hash = hexadecimal(&Sha256::digest(&content));
        let descriptor = Descriptor { media_type, digest: format!("sha256:{hash}"), size: content.len() };
        self.0.insert(format!("blobs/sha256/{hash}"), content);
        descriptor
    }
}

impl Descriptor {
    fn json(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size})
    }
}

/// An entry of a tar archive.
struct Entry<'a> {
    path: &'a str,
    mode: u32,
    /// `None` for a directory.
    content: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    fn file(path: &'a str, mode: u32, content: &'a [u8]) -> Self {
        Self { path, mode, content: Some(content) }
    }

    fn directory(path: &'a str) -> Self {
        Self { path, mode: 0o755, content: None }
    }
}

/// Sorted by path, a directory comes before what is in it.
fn tar(mut entries: Vec<Entry<'_>>) -> Result<Vec<u8>> {
    entries.sort_by_key(|entry| entry.path);
    let mut archive = tar::Builder::new(Vec::new());
    for Entry { path, mode, content } in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(if content.is_some() { tar::EntryType::Regular } else { tar::EntryType::Directory });
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let content = content.unwrap_or_default();
        header.set_size(u64::try_from(content.len()).context("a file is too large for an archive")?);
        archive.append_data(&mut header, path, content).with_context(|| format!("cannot archive {path}"))?;
    }
    archive.into_inner().context("cannot finish an archive")
}

/// `a/b/c` → `a`, `a/b`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// As OCI, which follows Go, calls it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn image() -> Image {
        let file = |path: &str, mode, content: &[u8]| ImageFile { path: path.into(), mode, content: content.into() };
        Image {
            name: "localhost/example".into(),
            tag: "1.2.3".into(),
            files: vec![file("usr/bin/example", 0o755, b"\x7fELF"), file("etc/ssl/certs/roots", 0o644, b"roots")],
            entrypoint: "/usr/bin/example".into(),
            user: "65532:65532".into(),
            description: "An example".into(),
        }
    }

    fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 0);
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().to_str().unwrap().to_owned(), content);
        }
        files
    }

    /// The content that a descriptor names, after checking that it is what the descriptor says.
    fn follow<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let content = &files[&format!("blobs/{}", digest.replace(':', "/"))];
        assert_eq!(digest, format!("sha256:{}", hexadecimal(&Sha256::digest(content))));
        assert_eq!(descriptor["size"], content.len());
        content
    }

    #[test]
    fn the_same_files_in_any_order_give_the_same_bytes() {
        let mut reversed = image();
        reversed.files.reverse();
        let (first, second) = (image().archive().unwrap(), reversed.archive().unwrap());
        assert_eq!(first.digest, second.digest);
        assert_eq!(first.bytes, second.bytes);
    }

    #[test]
    fn a_changed_file_gives_another_digest() {
        let mut changed = image();
        changed.files[0].content.push(0);
        assert_ne!(image().archive().unwrap().digest, changed.archive().unwrap().digest);
    }

    #[test]
    fn every_descriptor_from_the_index_down_is_true() {
        let archive = image().archive().unwrap();
        let files = unpack(&archive.bytes);
        assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(index["manifests"][0]["digest"], archive.digest);
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], archive.name);
        let manifest: Value = serde_json::from_slice(follow(&files, &index["manifests"][0])).unwrap();
        let config: Value = serde_json::from_slice(follow(&files, &manifest["config"])).unwrap();
        follow(&files, &manifest["layers"][0]);
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/usr/bin/example"]));
        assert_eq!(files.len(), 5, "nothing lies around that nothing names");
    }

    #[test]
    fn a_layer_holds_the_files_below_directories_that_all_may_enter() {
        let layer = image().layer().unwrap();
        let modes: Vec<(String, u32, u64)> = tar::Archive::new(layer.as_slice())
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned();
                (path, entry.header().mode().unwrap(), entry.header().uid().unwrap())
            })
            .collect();
        let expected = [
            ("etc", 0o755),
            ("etc/ssl", 0o755),
            ("etc/ssl/certs", 0o755),
            ("etc/ssl/certs/roots", 0o644),
            ("usr", 0o755),
            ("usr/bin", 0o755),
            ("usr/bin/example", 0o755),
        ];
        assert_eq!(modes, expected.map(|(path, mode)| (path.to_owned(), mode, 0)));
    }
}
