//! A code per row, as narrow as the number of codes allows.

/// A code per row.
#[derive(Clone, Debug)]
pub(crate) enum Codes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// Runs the same expression over the slice of whichever width.
macro_rules! with_codes {
    ($codes:expr, |$slice:ident| $body:expr) => {
        match $codes {
            $crate::storage::codes::Codes::U8($slice) => $body,
            $crate::storage::codes::Codes::U16($slice) => $body,
            $crate::storage::codes::Codes::U32($slice) => $body,
        }
    };
}
pub(crate) use with_codes;

/// A row number or a position among distinct values, in the width that rows and codes are stored in.
pub(crate) fn code_of(position: usize) -> u32 {
    u32::try_from(position).expect("row numbers fit, and there are no more distinct values than rows and one")
}

/// What the widths have in common.
pub(crate) trait Code: Copy + Send + Sync + Ord {
    fn index(self) -> usize;

    fn widened(self) -> u32;

    /// A code that is known to fit.
    fn narrow(code: u32) -> Self;

    /// How far above another code, wrapping round below it.
    fn distance(self, other: Self) -> Self;
}

impl Codes {
    /// Codes below `code_count`, one per item.
    pub(crate) fn collect(code_count: usize, codes: impl Iterator<Item = u32>) -> Self {
        let fits = "a code is below the number of codes, which fits";
        match code_count {
            0..=0x100 => Self::U8(codes.map(|code| u8::try_from(code).expect(fits)).collect()),
            0x101..=0x1_0000 => Self::U16(codes.map(|code| u16::try_from(code).expect(fits)).collect()),
            _ => Self::U32(codes.collect()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        with_codes!(self, |codes| codes.len())
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        with_codes!(self, |codes| size_of_val(codes.as_slice()))
    }

    pub(crate) fn get(&self, row: usize) -> Option<u32> {
        match self {
            Self::U8(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::U16(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::U32(codes) => codes.get(row).copied(),
        }
    }

    /// What is listed for each code, all of it below `code_count`. On one thread: whoever makes a part of a cube on first use
    /// must not wait for threads that may be waiting for that part.
    pub(crate) fn translated(&self, list: &[u32], code_count: usize) -> Self {
        fn translated<T: Code, U: Code>(codes: &[T], list: &[u32]) -> Vec<U> {
            codes.iter().map(|code| U::narrow(list.get(code.index()).copied().unwrap_or_default())).collect()
        }
        with_codes!(self, |codes| match code_count {
            0..=0x100 => Self::U8(translated(codes, list)),
            0x101..=0x1_0000 => Self::U16(translated(codes, list)),
            _ => Self::U32(translated(codes, list)),
        })
    }

    /// The codes of these rows, all of which exist.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        fn take<T: Copy + Default>(codes: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|row| codes.get(*row as usize).copied().unwrap_or_default()).collect()
        }
        match self {
            Self::U8(codes) => Self::U8(take(codes, rows)),
            Self::U16(codes) => Self::U16(take(codes, rows)),
            Self::U32(codes) => Self::U32(take(codes, rows)),
        }
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::U8(codes) => Box::new(codes.iter().map(|code| u32::from(*code))),
            Self::U16(codes) => Box::new(codes.iter().map(|code| u32::from(*code))),
            Self::U32(codes) => Box::new(codes.iter().copied()),
        }
    }
}

macro_rules! impl_code {
    ($($width:ty),+) => {
        $(impl Code for $width {
            #[inline(always)]
            fn index(self) -> usize {
                self as usize
            }

            #[inline(always)]
            fn widened(self) -> u32 {
                self.into()
            }

            #[inline(always)]
            fn narrow(code: u32) -> Self {
                Self::try_from(code).expect("codes are as wide as the largest of them")
            }

            #[inline(always)]
            fn distance(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        })+
    };
}
impl_code!(u8, u16, u32);
