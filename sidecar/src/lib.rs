//! The door of a pod: who is calling, with which roles, and may this pass?
//!
//! ```text
//! screen ──▶ authenticate ──▶ resolve ──▶ decide ──▶ forward ──Unix socket──▶ engine
//!   400          401            403       Permit
//! ```
//!
//! [`run`] serves one Session. What it decides by arrives on a watch channel as [`PolicyUpdate`]s; a policy is
//! first handed to the engine and only then adopted, so that the revision stamped on a request is always known there.

#![forbid(unsafe_code)]

mod config;
mod run;

pub use config::{Config, PolicyUpdate};
pub use run::{RunError, run};
