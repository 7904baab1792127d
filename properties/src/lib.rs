//! What holds of every input: one function per parser that reads what strangers write.
//!
//! ```text
//! fuzz/corpus/NAME/* ──replay, and some thousand changes of it──▶ TARGETS ◀──whatever libFuzzer finds── fuzz/fuzz_targets/NAME.rs
//! ```
//!
//! Each takes any bytes and panics when something does not hold: what is read is read again as the same, what is
//! ambiguous is refused, and nothing of ours comes in from outside. `tests/replay.rs` runs them on stable Rust with every
//! test; `cargo xtask fuzz` lets libFuzzer look for input.

mod data;
mod policy;

pub use cubegate_cli::fuzzing::{manifests, slicer};
pub use cubegate_sidecar::fuzzing::{
    authorization, chunks, cookies, headers, jwt, logout_form, logout_token, target, trace,
};
pub use data::{csv, parquet, query};
pub use policy::{attributes, claims, cut, publication, rights, times};

/// Something that holds of every input.
pub type Property = fn(&[u8]);

/// Every property by the name of its fuzz target and of its corpus.
pub const TARGETS: [(&str, Property); 20] = [
    ("attributes", attributes),
    ("authorization", authorization),
    ("chunks", chunks),
    ("claims", claims),
    ("cookies", cookies),
    ("csv", csv),
    ("cut", cut),
    ("headers", headers),
    ("jwt", jwt),
    ("logout_form", logout_form),
    ("logout_token", logout_token),
    ("manifests", manifests),
    ("parquet", parquet),
    ("publication", publication),
    ("query", query),
    ("rights", rights),
    ("slicer", slicer),
    ("target", target),
    ("times", times),
    ("trace", trace),
];
