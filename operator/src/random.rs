//! Random bytes for salts and keys.

use aws_lc_rs::error::Unspecified;

/// Bytes that nobody can guess.
pub fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}
