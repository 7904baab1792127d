//! Columns of values.

use std::sync::Arc;

use super::{Row, Rows};
use crate::{answer::Values, storage::numbers::ratio};

/// Stands for "no cell" among positions of cells.
pub(super) const NO_CELL: u32 = u32::MAX;

/// The values of rows, from those of the cells of each grouping.
pub(super) fn gather(by_grouping: &[Arc<Values>], rows: &Rows) -> Values {
    match (rows, by_grouping) {
        (Rows::All, [values]) => (**values).clone(),
        (Rows::Cells(cells), [values]) => spread(values, cells),
        (Rows::Mixed(rows), several) => mixed(several, rows),
        _ => unreachable!("with several groupings, rows are mixed"),
    }
}

fn mixed(by_grouping: &[Arc<Values>], rows: &[Row]) -> Values {
    fn of<T: Copy>(slices: &[&[Option<T>]], rows: &[Row]) -> Vec<Option<T>> {
        let value = |row: &Row| slices.get(row.grouping as usize)?.get(row.cell as usize).copied().flatten();
        rows.iter().map(value).collect()
    }
    macro_rules! of_rows {
        ($variant:pat => $values:expr) => {{
            let slices: Vec<&[Option<_>]> = by_grouping
                .iter()
                .map(|values| match &**values {
                    $variant => $values.as_slice(),
                    _ => &[],
                })
                .collect();
            of(&slices, rows)
        }};
    }
    match by_grouping.first().map(|values| &**values) {
        Some(Values::Members { dictionary, .. }) => Values::Members {
            dictionary: Arc::clone(dictionary),
            codes: of_rows!(Values::Members { codes, .. } => codes),
        },
        Some(Values::Int64(_)) => Values::Int64(of_rows!(Values::Int64(values) => values)),
        Some(Values::Decimal { scale, .. }) => {
            Values::Decimal { units: of_rows!(Values::Decimal { units, .. } => units), scale: *scale }
        }
        Some(Values::Double(_)) | None => Values::Double(of_rows!(Values::Double(values) => values)),
    }
}

/// The values of cells, from those of the cells at their positions.
pub(super) fn spread(values: &Values, positions: &[u32]) -> Values {
    fn of<T: Copy>(values: &[Option<T>], positions: &[u32]) -> Vec<Option<T>> {
        positions.iter().map(|position| values.get(*position as usize).copied().flatten()).collect()
    }
    match values {
        Values::Members { dictionary, codes } => {
            Values::Members { dictionary: Arc::clone(dictionary), codes: of(codes, positions) }
        }
        Values::Int64(values) => Values::Int64(of(values, positions)),
        Values::Double(values) => Values::Double(of(values, positions)),
        Values::Decimal { units, scale } => Values::Decimal { units: of(units, positions), scale: *scale },
    }
}

/// Adds whether each value is there.
pub(super) fn or_present(values: &Values, present: &mut [bool]) {
    fn of<T>(values: &[Option<T>], present: &mut [bool]) {
        present.iter_mut().zip(values).for_each(|(present, value)| *present |= value.is_some());
    }
    match values {
        Values::Members { codes, .. } => of(codes, present),
        Values::Int64(values) => of(values, present),
        Values::Double(values) => of(values, present),
        Values::Decimal { units, .. } => of(units, present),
    }
}

/// The values as doubles, NaN where null.
pub(super) fn numbers(values: &Values) -> Vec<f64> {
    fn of<T: Copy>(values: &[Option<T>], number: impl Fn(T) -> f64) -> Vec<f64> {
        values.iter().map(|value| value.map_or(f64::NAN, &number)).collect()
    }
    match values {
        Values::Members { codes, .. } => vec![f64::NAN; codes.len()],
        #[expect(clippy::cast_precision_loss, reason = "arithmetic over measures is of doubles")]
        Values::Int64(values) => of(values, |value| value as f64),
        Values::Double(values) => of(values, |value| value),
        Values::Decimal { units, scale } => {
            let power = 10_i128.pow((*scale).into());
            of(units, |units| ratio(units, power))
        }
    }
}

/// From doubles, NaN being null. There is one zero.
pub(super) fn of_numbers(numbers: Vec<f64>) -> Values {
    Values::Double(numbers.into_iter().map(|number| (!number.is_nan()).then_some(number + 0.0)).collect())
}
