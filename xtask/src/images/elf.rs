//! Just enough of the ELF format to tell whether a program asks for a dynamic loader, which an empty image does not have.

use anyhow::{Result, bail, ensure};

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const CLASS_OFFSET: usize = 4;
const ENDIANNESS_OFFSET: usize = 5;
const PROGRAM_HEADERS_OFFSET: usize = 0x20;
const PROGRAM_HEADER_SIZE_OFFSET: usize = 0x36;
const PROGRAM_HEADER_COUNT_OFFSET: usize = 0x38;
/// The kind of program header that names a dynamic loader.
const INTERPRETER: u32 = 3;

/// Fails for anything but a 64-bit program without a loader.
pub(super) fn require_static(program: &[u8]) -> Result<()> {
    let is_64_bit = program.starts_with(MAGIC)
        && program.get(CLASS_OFFSET) == Some(&CLASS_64)
        && program.get(ENDIANNESS_OFFSET) == Some(&LITTLE_ENDIAN);
    ensure!(is_64_bit, "not a 64-bit little-endian ELF program");

    let table = read(program, PROGRAM_HEADERS_OFFSET).map(u64::from_le_bytes).and_then(|at| usize::try_from(at).ok());
    let size = read(program, PROGRAM_HEADER_SIZE_OFFSET).map(u16::from_le_bytes);
    let count = read(program, PROGRAM_HEADER_COUNT_OFFSET).map(u16::from_le_bytes);
    let (Some(table), Some(size), Some(count)) = (table, size, count) else { bail!("a truncated ELF program") };
    for index in 0..count {
        let header = usize::from(index).checked_mul(usize::from(size)).and_then(|offset| offset.checked_add(table));
        let Some(kind) = header.and_then(|header| read(program, header)) else { bail!("a truncated ELF program") };
        ensure!(
            u32::from_le_bytes(kind) != INTERPRETER,
            "it asks for a dynamic loader, so it is not statically linked"
        );
    }
    Ok(())
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of headers alone.
    fn program(kinds: &[u32]) -> Vec<u8> {
        const HEADER_SIZE: usize = 0x40;
        let mut bytes = vec![0; HEADER_SIZE];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[CLASS_OFFSET] = CLASS_64;
        bytes[ENDIANNESS_OFFSET] = LITTLE_ENDIAN;
        bytes[PROGRAM_HEADERS_OFFSET] = 0x40;
        bytes[PROGRAM_HEADER_SIZE_OFFSET] = 56;
        bytes[PROGRAM_HEADER_COUNT_OFFSET] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            bytes.extend(kind.to_le_bytes());
            bytes.resize(bytes.len() + 52, 0);
        }
        bytes
    }

    #[test]
    fn a_program_that_names_a_loader_is_refused() {
        require_static(&program(&[1, 2, 6])).unwrap();
        let error = require_static(&program(&[1, INTERPRETER])).unwrap_err().to_string();
        assert!(error.contains("dynamic loader"), "{error}");
    }

    #[test]
    fn what_is_not_a_whole_program_is_refused_at_any_length() {
        let whole = program(&[1, 2]);
        for length in 0..=0x40 {
            assert!(require_static(&whole[..length]).is_err(), "{length}");
        }
        let mut lying = whole;
        lying[PROGRAM_HEADERS_OFFSET..PROGRAM_HEADERS_OFFSET + 8].fill(0xff);
        assert!(require_static(&lying).is_err());
    }

    #[test]
    fn this_test_is_linked_dynamically_and_seen_to_be() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(require_static(&this).is_err());
    }
}
