//! What this process holds.

use anyhow::{Context, Result};

/// Resident bytes, after the allocator has given back what nobody uses.
pub(crate) fn resident_bytes() -> Result<u64> {
    give_back();
    resident_bytes_of("self")
}

/// Resident bytes of a process.
pub(crate) fn resident_bytes_of(process: &str) -> Result<u64> {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("cannot read the process status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    Ok(kibibytes.context("the process status tells no resident size")? << 10)
}

#[expect(unsafe_code, reason = "the C library offers this to C only")]
fn give_back() {
    // SAFETY: takes a number of bytes to keep, touches nothing but the allocator's own free memory, and is thread-safe.
    unsafe { libc::malloc_trim(0) };
}
