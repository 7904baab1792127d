//! The sidecar as its callers meet it: the real [`cubegate_sidecar::run`] on loopback, in front of an engine that records
//! exactly what arrives, with an identity provider that does exactly what a test says.

mod basic;
mod bearer;
mod client;
mod engine;
mod fixture;
mod login;
mod policy;
mod provider;
mod screening;
mod status;
