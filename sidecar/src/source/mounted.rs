//! A mounted Secret.

use std::{collections::BTreeMap, io, path::Path};

use tokio::fs;

/// Link that the kubelet swaps when a mounted Secret changes; what it points at never changes.
const CURRENT: &str = "..data";

/// The values of these keys, all of one version of the Secret.
pub(crate) async fn contents(directory: &Path, keys: &[&str]) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let directory = fs::canonicalize(directory.join(CURRENT)).await.unwrap_or_else(|_| directory.to_owned());
    let mut parts = BTreeMap::new();
    for key in keys {
        parts.insert((*key).to_owned(), fs::read(directory.join(key)).await?);
    }
    Ok(parts)
}
