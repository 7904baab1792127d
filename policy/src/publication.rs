//! How a [`Snapshot`] travels: canonical bytes, a digest of them, a revision that only grows.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    bind::BindProblem,
    snapshot::{Access, Snapshot},
};

/// Keys of the Secret that carries a policy to the pods.
pub mod secret_key {
    /// Canonical JSON of the [`Snapshot`](crate::snapshot::Snapshot).
    pub const SNAPSHOT: &str = "snapshot.json";
    /// Decimal revision.
    pub const REVISION: &str = "revision";
    /// Lower-case hexadecimal SHA-256 of the canonical bytes.
    pub const SHA256: &str = "sha256";
    /// 32 random bytes, with which cookies are sealed. Not part of the snapshot.
    pub const COOKIE_KEY: &str = "cookie-key";
}

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

impl Publication {
    /// Gives a snapshot its identity.
    pub fn new(revision: u64, snapshot: Snapshot) -> Self {
        let sha256 = digest(&canonical_bytes(&snapshot));
        Self { id: PublicationId { revision, sha256 }, snapshot }
    }

    /// Reads a publication back and verifies its digest.
    pub fn from_parts(revision: u64, claimed_sha256: &str, snapshot: &[u8]) -> Result<Self, PublicationError> {
        let actual = digest(snapshot);
        if actual != claimed_sha256 {
            return Err(PublicationError::Digest { claimed: claimed_sha256.into(), actual });
        }
        let snapshot = serde_json::from_slice(snapshot).map_err(PublicationError::Snapshot)?;
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

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}
