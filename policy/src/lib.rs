//! The access policy of Cubegate: pure functions from objects to decisions.
//!
//! ```text
//! objects ──compile──▶ Snapshot ──resolve(identity)──▶ roles ──visibility(cube)──▶ visible rows
//! ```
//!
//! This crate knows no network, no clock, no environment and no randomness.

pub mod bind;
pub mod claims;
pub mod compile;
pub mod limits;
pub mod nearest;
pub mod password;
pub mod publication;
pub mod resolve;
pub mod snapshot;
