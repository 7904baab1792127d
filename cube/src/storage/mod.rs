//! What columns are stored in.

pub(crate) mod bitmap;
pub(crate) mod codes;
pub(crate) mod dictionary;
pub(crate) mod lookup;
pub(crate) mod numbers;
pub(crate) mod zones;
