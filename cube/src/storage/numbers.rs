//! A nullable number per row.

use super::bitmap::Bitmap;

/// A nullable number per row; zero where it is null.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T> {
    values: Vec<T>,
    nulls: Option<Bitmap>,
}

impl<T: Copy + Default> Numbers<T> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// Which rows are null; absent when none is.
    pub(crate) fn nulls(&self) -> Option<&Bitmap> {
        self.nulls.as_ref()
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.get(row))
    }

    pub(crate) fn get(&self, row: usize) -> Option<T> {
        if self.is_null(row) { None } else { self.values.get(row).copied() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<T>> + '_ {
        (0..self.values.len()).map(|row| self.get(row))
    }
}

impl<T: Copy + Default> FromIterator<Option<T>> for Numbers<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> Self {
        let mut nulls = Bitmap::default();
        let values = values
            .into_iter()
            .map(|value| {
                nulls.push(value.is_none());
                value.unwrap_or_default()
            })
            .collect();
        Self { values, nulls: (nulls.ones() > 0).then_some(nulls) }
    }
}
