//! The door of a pod: who is calling, with which roles, and may this pass?
//!
//! ```text
//! screen ──▶ authenticate ──▶ decide ──▶ forward ──Unix socket──▶ engine
//!   400         302, 401        403      Permit
//! ```
//!
//! [`run`] serves one Session. What it decides by arrives on a watch channel as [`PolicyUpdate`]s; a policy is
//! first handed to the engine and only then adopted, so that the revision stamped on a request is always known there.

#![forbid(unsafe_code)]

mod access;
mod adopt;
mod answer;
mod authenticate;
mod authorization;
mod challenge;
mod config;
mod cookie;
mod cors;
mod crowd;
mod engine;
mod flags;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http1;
mod kept;
mod limits;
mod lines;
mod linger;
mod listen;
mod manners;
mod metrics;
mod oidc;
mod page;
mod permit;
mod pipeline;
mod private;
mod run;
mod screen;
mod seal;
mod service_accounts;
mod source;
mod standing;
mod target;
mod trace;
mod transport;
mod turns;
mod workers;

pub use config::{Config, PolicyUpdate, SourceHealth};
pub use flags::Flags;
pub use lines::Lines;
pub use run::{RunError, run};
pub use source::{ApiServer, Policies, SecretSource, Sources};
pub use transport::{Tls, TlsError, TlsFiles};
