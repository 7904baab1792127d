//! From counts and sums to values of measures.

use super::roll_up::Rows;
use crate::{
    answer::Values,
    plan::{Output, Plan},
    request::QueryError,
    resolve::Resolved,
    scan::sums::Sums,
    value::ColumnType,
};

/// The values of each measure, by row.
pub(super) fn evaluate(resolved: &Resolved<'_>, plan: &Plan<'_>, rows: &Rows) -> Result<Vec<Values>, QueryError> {
    let values = |output: &Output| match output {
        Output::Count => Some(Values::Int64(by_row(rows, |_, facts| Some(facts.into())))),
        Output::Sum { sum, column_type: ColumnType::Int64 } => sum_of_int64s(rows, rows.accumulators.sums.get(*sum)?),
        Output::Sum { sum, .. } => {
            let sums = rows.accumulators.sums.get(*sum)?;
            Some(Values::Double(by_row(rows, |row, facts| (sums.count(row, facts) > 0).then(|| sums.double(row)))))
        }
        Output::Mean { sum } => {
            let sums = rows.accumulators.sums.get(*sum)?;
            Some(Values::Double(by_row(rows, |row, facts| {
                let count = sums.count(row, facts);
                (count > 0).then(|| sums.double(row) / f64::from(count))
            })))
        }
    };
    let evaluated = plan.outputs.iter().zip(&resolved.measures).map(|(output, measure)| {
        let too_large =
            || QueryError::TooLarge(format!("a value of the measure {:?} does not fit 64 bits", measure.name));
        values(output).ok_or_else(too_large)
    });
    evaluated.collect()
}

/// None when a sum does not fit.
fn sum_of_int64s(rows: &Rows, sums: &Sums) -> Option<Values> {
    let value = |(row, facts): (usize, &u32)| match sums.count(row, *facts) {
        0 => Some(None),
        _ => sums.int64(row).map(Some),
    };
    rows.accumulators.facts.iter().enumerate().map(value).collect::<Option<Vec<_>>>().map(Values::Int64)
}

fn by_row<T>(rows: &Rows, value: impl Fn(usize, u32) -> Option<T>) -> Vec<Option<T>> {
    rows.accumulators.facts.iter().enumerate().map(|(row, facts)| value(row, *facts)).collect()
}
