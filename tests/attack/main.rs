//! Attacks on the running sidecar, by class; `docs/attacks.md` is the list of classes.
//!
//! ```text
//! bytes of an attacker ──▶ cubegate-sidecar ──Unix socket──▶ recorder
//!                                                            keeps all bytes; what is not exactly one well-formed
//!                                                            request of a known caller is a hole
//! ```

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cookies;
mod credentials;
mod door;
mod floods;
mod headers;
mod isolation;
mod libraries;
mod logs;
mod pages;
mod paths;
mod policies;
mod provider;
mod publications;
mod smuggling;
mod tokens;
mod transports;
