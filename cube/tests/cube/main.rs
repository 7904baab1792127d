//! The cube from outside: tables in, answers out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

mod answering;
mod calculating;
mod loading;
mod loading_parquet;
mod masking;
mod modelling;
mod oracle;
mod purity;
mod reading;
mod scoping;
mod world;
