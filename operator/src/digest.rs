//! SHA-256 of values, to tell whether they changed.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Lower-case hexadecimal SHA-256 of the JSON of a value.
pub fn sha256_of(value: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(value).expect("what is digested has string keys only");
    Sha256::digest(&bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
