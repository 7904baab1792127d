//! How a [`Snapshot`] travels: canonical bytes, a digest of them, a revision that only grows.
//!
//! ```text
//! Snapshot ──canonical bytes──┬──sha256──▶ id
//!                             └──zstd────▶ one key of a Secret, beside `format`, `revision` and `sha256`
//! ```
//!
//! A Secret holds 1 MiB, and ten thousand users are three times that as text. The digest is of what was compressed, so it says
//! the same whatever compressed it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    bind::BindProblem,
    explain::Member,
    limits::{COOKIE_KEYS_MAX, SNAPSHOT_BYTES_MAX},
    rights::Rights,
    snapshot::{Access, Snapshot},
};

/// Keys of the Secret that carries a policy to the pods.
pub mod secret_key {
    /// How the snapshot is written; see [`FORMAT`](super::FORMAT).
    pub const FORMAT: &str = "format";
    /// Canonical JSON of the [`Snapshot`](crate::snapshot::Snapshot), compressed.
    pub const SNAPSHOT: &str = "snapshot.json.zst";
    /// Decimal revision.
    pub const REVISION: &str = "revision";
    /// Lower-case hexadecimal SHA-256 of the canonical bytes.
    pub const SHA256: &str = "sha256";
    /// One or more times 32 random bytes; see [`CookieKeys`](super::CookieKeys). Not part of the snapshot.
    pub const COOKIE_KEY: &str = "cookie-key";
}

/// The one way of writing a publication that is understood: canonical JSON in one zstd frame.
pub const FORMAT: &str = "1";

/// How hard a snapshot is compressed: the fast end of what makes ten thousand users fit.
const COMPRESSION_LEVEL: i32 = 9;

/// Keys of the cookies of a Session, newest first: the newest seals, and each of them opens. At most
/// [`COOKIE_KEYS_MAX`].
#[derive(Clone, PartialEq, Eq)]
pub struct CookieKeys {
    newest: CookieKey,
    older: Vec<CookieKey>,
}

/// 32 random bytes.
pub type CookieKey = [u8; 32];

/// A policy together with what identifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    id: PublicationId,
    snapshot: Snapshot,
}

/// Identifies a published policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicationId {
    /// Grows with each change.
    pub revision: u64,
    /// Lower-case hexadecimal SHA-256 of the canonical bytes of the snapshot.
    pub sha256: String,
}

/// Why bytes are not the publication they claim to be.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// A part is missing.
    #[error("the key `{0}` is missing")]
    Missing(&'static str),
    /// It is written in a way that this program does not know.
    #[error("the snapshot is written in format `{0}`; this program reads `{FORMAT}`")]
    Format(String),
    /// The revision is not a number.
    #[error("the key `revision` is not a number")]
    Revision,
    /// The bytes do not unfold, or to too much.
    #[error("the snapshot cannot be decompressed to at most {SNAPSHOT_BYTES_MAX} bytes")]
    Compression(#[source] std::io::Error),
    /// The digest does not match the bytes.
    #[error("the digest of the snapshot is {actual}, not {claimed} as claimed")]
    Digest {
        /// Digest that came with the bytes.
        claimed: String,
        /// Digest of the bytes.
        actual: String,
    },
    /// The bytes are not a snapshot.
    #[error("the snapshot cannot be read")]
    Snapshot(#[source] serde_json::Error),
}

/// What the sidecar hands to the engine (`PUT /internal/policy`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessPublication {
    /// Identity of the policy that the access part was taken from.
    pub id: PublicationId,
    /// The access part.
    pub access: Access,
}

/// What the sidecar asks the engine about rights (`POST /internal/explain`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainCubes {
    /// The policy by which the rights were decided.
    pub revision: u64,
    /// The rights.
    pub rights: Rights,
    /// Only this cube.
    pub cube: Option<String>,
}

/// What the sidecar asks the engine about a member (`POST /internal/who-sees`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountMember {
    /// The policy by which the rights were decided.
    pub revision: u64,
    /// The member.
    pub member: Member,
    /// Whose rights to look through.
    pub rights: Vec<Rights>,
}

/// How many facts of a member there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberCounts {
    /// All of them.
    pub facts: u64,
    /// Those that each of the rights shows, in the order in which they were asked about.
    pub visible: Vec<u64>,
}

/// What the engine says of itself (`GET` and `PUT /internal/policy`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineReport {
    /// Random per engine process: another value means that the engine was restarted.
    pub instance: String,
    /// The newest policy that the engine has, if any.
    pub policy: Option<PublicationId>,
    /// Whether the tables are loaded, or why not.
    pub model: ModelState,
    /// What of that policy the engine cannot apply to the loaded model. Its holders are refused.
    pub problems: Vec<BindProblem>,
    /// Why the tables could not be read again, while those that were loaded before go on answering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
}

/// Whether an engine can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ModelState {
    /// Tables are being read.
    Loading,
    /// Queries can be answered.
    Loaded,
    /// The tables cannot be loaded, for these reasons.
    Failed(Vec<String>),
}

/// What a sidecar says of itself on its private listener (`GET /policy`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidecarReport {
    /// What the sidecar does with requests.
    pub state: PolicyState,
    /// The policy that requests are decided by, if any. The engine has it too: a sidecar adopts a policy only after its engine has.
    pub policy: Option<PublicationId>,
    /// Last word of the engine, if it has been reached.
    pub engine: Option<EngineReport>,
}

/// What a sidecar does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyState {
    /// No policy yet: 503.
    NoPolicy,
    /// Decides by the newest policy it was given.
    Current,
    /// The source of policies has been silent for a while: decides by the last one.
    Stale,
    /// Silent for too long: 503.
    Expired,
    /// The newest policy offered was refused (bad digest or an older revision): decides by the last good one.
    Rejected,
}

// === impl CookieKeys ===

impl CookieKeys {
    /// A single key.
    pub fn one(key: CookieKey) -> Self {
        Self { newest: key, older: Vec::new() }
    }

    /// As the Secret holds them: one after the other. Nothing unless all of them are whole and they are not too many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (keys, rest) = bytes.as_chunks::<32>();
        let (newest, older) = keys.split_first()?;
        (rest.is_empty() && keys.len() <= COOKIE_KEYS_MAX).then(|| Self { newest: *newest, older: older.to_vec() })
    }

    /// As the Secret holds them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.iter().copied().flatten().collect()
    }

    /// All of them, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &CookieKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl std::fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CookieKeys").field("count", &(self.older.len() + 1)).finish_non_exhaustive()
    }
}

impl Publication {
    /// Gives a snapshot its identity.
    pub fn new(revision: u64, snapshot: Snapshot) -> Self {
        let sha256 = digest(&canonical_bytes(&snapshot));
        Self { id: PublicationId { revision, sha256 }, snapshot }
    }

    /// What a Secret carries of it, by key.
    pub fn to_secret(&self) -> [(&'static str, Vec<u8>); 4] {
        let Self { id: PublicationId { revision, sha256 }, snapshot } = self;
        [
            (secret_key::FORMAT, FORMAT.into()),
            (secret_key::SNAPSHOT, compressed(snapshot)),
            (secret_key::REVISION, revision.to_string().into_bytes()),
            (secret_key::SHA256, sha256.clone().into_bytes()),
        ]
    }

    /// Reads what a Secret carries, and verifies the digest.
    pub fn from_secret<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, PublicationError> {
        let part = |key: &'static str| value(key).ok_or(PublicationError::Missing(key));
        let text = |key: &'static str| part(key).map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        let format = text(secret_key::FORMAT)?;
        if format != FORMAT {
            return Err(PublicationError::Format(format));
        }
        let revision = text(secret_key::REVISION)?.parse().map_err(|_| PublicationError::Revision)?;
        let claimed = text(secret_key::SHA256)?;
        let snapshot = zstd::bulk::decompress(part(secret_key::SNAPSHOT)?, SNAPSHOT_BYTES_MAX);
        let snapshot = snapshot.map_err(PublicationError::Compression)?;
        let actual = digest(&snapshot);
        if actual != claimed {
            return Err(PublicationError::Digest { claimed, actual });
        }
        let snapshot = serde_json::from_slice(&snapshot).map_err(PublicationError::Snapshot)?;
        Ok(Self { id: PublicationId { revision, sha256: actual }, snapshot })
    }

    /// What identifies this policy.
    pub fn id(&self) -> &PublicationId {
        &self.id
    }

    /// The policy.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The part for the engine.
    pub fn access(&self) -> AccessPublication {
        AccessPublication { id: self.id.clone(), access: self.snapshot.access.clone() }
    }
}

/// Deterministic bytes of a snapshot: JSON without white space, fields in declaration order, collections ordered.
pub fn canonical_bytes(snapshot: &Snapshot) -> Vec<u8> {
    serde_json::to_vec(snapshot).expect("a snapshot has string keys only and no floats, so it always serialises")
}

/// A snapshot as it is published.
fn compressed(snapshot: &Snapshot) -> Vec<u8> {
    let compressed = zstd::bulk::compress(&canonical_bytes(snapshot), COMPRESSION_LEVEL);
    compressed.expect("compressing in memory into a buffer that grows does not fail")
}

/// Bytes of a snapshot as it is published, to be compared with what a Secret holds.
pub fn published_bytes(snapshot: &Snapshot) -> usize {
    compressed(snapshot).len()
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cookie_keys_are_whole_and_few_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let is_sound = !bytes.is_empty() && bytes.len() % 32 == 0 && bytes.len() <= 32 * COOKIE_KEYS_MAX;
            prop_assert_eq!(CookieKeys::from_bytes(&bytes).map(|keys| keys.to_bytes()), is_sound.then_some(bytes));
        }
    }
}
