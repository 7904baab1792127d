//! What can be wrong with a model.

/// One thing that keeps a model from being built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ModelError {
    /// Which part of the definition, as in `cubes[Sales].hierarchies[Geography]`.
    pub place: String,
    /// A sentence that names the nearest valid thing.
    pub message: String,
}
