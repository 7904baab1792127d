//! The access policy of Cubegate: pure functions from objects to decisions.
//!
//! ```text
//! objects ──compile──▶ Snapshot ──resolve(identity)──▶ roles ──visibility(cube)──▶ visible rows
//! ```
//!
//! This crate knows no network, no clock, no environment and no randomness.

pub mod bind;
pub mod publication;
pub mod snapshot;
