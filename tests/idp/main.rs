//! `cubegate up` beside a real identity provider: the first story again, with people instead of technical users.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bearer;
mod browser;
mod ends;
mod keycloak;
mod outage;
mod session;
