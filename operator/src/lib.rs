//! The operator of Cubegate: turns Sessions into running pods, hands them their policy, and tells on all four
//! kinds how things stand.
//!
//! ```text
//!             ┌───────────────────────────────── one reconcile per Session ─────────────────────────────────┐
//! watches ──▶ │ dereference ──▶ compile ──▶ build ──▶ apply ──▶ acknowledge (ask the pods) ──▶ update_status │
//!             └──────────────────── pure ───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It is not in the way of any request: when it is down, pods keep serving and keep denying.

pub mod acknowledge;
pub mod apply;
pub mod build;
pub mod config;
pub mod dereference;
pub mod digest;
pub mod limits;
pub mod metrics;
pub mod names;
pub mod publish;
pub mod queue;
pub mod random;
pub mod reconcile;
pub mod run;
pub mod server;
pub mod status;
pub mod update_status;
pub mod watch;

pub use config::Config;
pub use run::run;
