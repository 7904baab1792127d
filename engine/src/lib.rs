//! The engine of a pod: loads the tables of one Session, serves its cubes on a Unix socket and applies
//! the policy it was handed to every answer.
//!
//! ```text
//! sidecar ──PUT /internal/policy──▶ Policies ─┐ bind
//! model.json, files ──load──▶ Model ────────────┴──▶ Bound { model, access }
//!                                                     │
//! sidecar ──POST /api/v1/…/query──▶ caller ──visibility──▶ mask ──▶ cube ──▶ answer
//! ```
//!
//! It trusts whoever can open its socket: only the sidecar of the same pod can. It knows no user, no
//! password and no token, only role names and the revision by which they were decided.

#![forbid(unsafe_code)]

mod caller;
mod config;
mod http_api;
mod inspection;
mod limits;
mod metrics;
mod model;
mod policies;
mod problem;
mod run;
mod state;

pub use config::Config;
pub use inspection::{Inspection, InspectionError};
pub use model::{ModelError, ModelSource, ModelSpec, PodFiles, Stamp, TableFile};
pub use run::{Engine, RunError, TableKeeper, run};
