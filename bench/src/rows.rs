//! The rows of an answer as text, so that answers of different systems can be compared.

use anyhow::{Result, bail};
use rayon::prelude::*;

/// Rows that a message shows of each side.
const SHOWN_ROWS_MAX: usize = 5;

/// Rows in an order of their own: cells separated by tabs, whole numbers without a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    sorted: Vec<String>,
}

impl Rows {
    /// What a null is written as.
    pub(crate) const NULL: &'static str = "\\N";

    pub(crate) fn new(mut rows: Vec<String>) -> Self {
        rows.par_sort_unstable();
        Self { sorted: rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Fails with the first differences.
    pub(crate) fn check_equal(&self, other: &Self, name: &str) -> Result<()> {
        if self == other {
            return Ok(());
        }
        let here = only_in(&self.sorted, &other.sorted);
        let there = only_in(&other.sorted, &self.sorted);
        bail!(
            "{name} differs: we have {} rows, of which {} are not theirs:\n{}\nthey have {} rows, of which {} are not ours:\n{}",
            self.len(),
            here.len(),
            first(&here),
            other.len(),
            there.len(),
            first(&there)
        );
    }
}

/// The rows of the first that the second does not have; both are sorted.
fn only_in<'a>(here: &'a [String], there: &[String]) -> Vec<&'a str> {
    here.iter().filter(|row| there.binary_search(row).is_err()).map(String::as_str).collect()
}

fn first(rows: &[&str]) -> String {
    let shown = rows.iter().take(SHOWN_ROWS_MAX).map(|row| format!("  {}", row.replace('\t', " | ")));
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_in_any_order_are_equal_and_a_difference_is_shown() {
        let rows = |rows: &[&str]| Rows::new(rows.iter().map(|row| (*row).to_owned()).collect());
        assert!(rows(&["b\t2", "a\t1"]).check_equal(&rows(&["a\t1", "b\t2"]), "Q").is_ok());
        let message = rows(&["a\t1", "b\t2"]).check_equal(&rows(&["a\t1", "b\t3"]), "Q").unwrap_err().to_string();
        assert!(message.contains("b | 2") && message.contains("b | 3") && !message.contains("a | 1"), "{message}");
    }
}
