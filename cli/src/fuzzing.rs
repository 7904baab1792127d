//! What holds whatever stands in files. Tests and fuzzers call it, by the feature `fuzzing`; nothing else does.

pub use crate::{import::slicer::fuzzing::slicer, manifests::fuzzing::manifests};
