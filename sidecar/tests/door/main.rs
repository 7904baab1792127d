//! The sidecar as its callers meet it: the real [`cubegate_sidecar::run`] on loopback, in front of an engine that records
//! exactly what arrives, with an identity provider that does exactly what a test says.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else than it expects has failed"
)]
#![expect(clippy::needless_pass_by_value, reason = "json!({…}) reads better than &json!({…})")]

mod basic;
mod bearer;
mod browser;
mod certification;
mod client;
mod client_credentials;
mod cors;
mod engine;
mod fixture;
mod guest;
mod hostile;
mod login;
mod logout;
mod pki;
mod policy;
mod provider;
mod providers;
mod proxy_protocol;
mod renewal;
mod rotation;
mod screening;
mod service_accounts;
mod shapes;
mod source;
mod status;
mod stream;
mod tls;
mod verified;
