//! What a sidecar is started with, and what it is handed while it runs.

use std::path::PathBuf;

use cubegate_policy::publication::Publication;

/// What a sidecar is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Unix socket that the engine serves.
    pub engine_socket: PathBuf,
}

/// A policy to be enforced from now on.
#[derive(Clone)]
pub struct PolicyUpdate {
    /// The policy; its digest has been verified.
    pub publication: Publication,
    /// Key that every key for cookies is derived from. The same in all pods of a Session.
    pub cookie_key: [u8; 32],
}

impl Config {
    /// A sidecar in front of the engine on this socket.
    pub fn new(engine_socket: impl Into<PathBuf>) -> Self {
        Self { engine_socket: engine_socket.into() }
    }
}

impl PolicyUpdate {
    /// A policy with the key for its cookies.
    pub fn new(publication: Publication, cookie_key: [u8; 32]) -> Self {
        Self { publication, cookie_key }
    }
}

impl std::fmt::Debug for PolicyUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyUpdate").field("id", self.publication.id()).finish_non_exhaustive()
    }
}
