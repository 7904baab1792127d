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

/// Collects everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ModelError>);

impl Problems {
    pub(crate) fn add(&mut self, place: &str, message: impl Into<String>) {
        self.0.push(ModelError { place: place.to_owned(), message: message.into() });
    }

    /// The value, or its problem added to the others.
    pub(crate) fn keep<T>(&mut self, place: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(place, message)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_result(self) -> Result<(), Vec<ModelError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
