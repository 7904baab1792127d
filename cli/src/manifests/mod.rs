//! The manifests of a directory, as `kubectl apply -f DIR` would read them.
//!
//! ```text
//! files ──document──▶ documents ──object──▶ objects ──directory──▶ Manifests
//! cluster ──────────▶ JSON ─────────┘
//! ```
//!
//! What cannot be read is never treated as absent: an object whose document is broken stays in the
//! list as invalid, and an object that was in a file which no longer parses stays too, so that its
//! holders are refused instead of falling back to fewer restrictions.

pub(crate) mod cluster;
mod diagnostic;
mod directory;
mod document;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod kustomization;
mod object;
mod place;

pub(crate) use diagnostic::Diagnostic;
pub(crate) use directory::Manifests;
pub(crate) use object::Object;

#[cfg(test)]
mod tests;
