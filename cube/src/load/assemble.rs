//! What all formats have in common: the definition fits the columns, later rows replace earlier ones, rows of a time lie
//! together.

use rayon::prelude::*;

use super::{
    LoadErrors, TableDefinition,
    cluster::clustered,
    report::{Place, Report, Skipped},
    table::Table,
    upsert::kept_rows,
    values::Values,
};
use crate::nearest::unknown;

/// Keys and types must be of columns that exist.
pub(super) fn check_definition(
    definition: &TableDefinition,
    columns: &[String],
    report: &mut Report,
) -> Result<(), LoadErrors> {
    let missing = |name: &str| unknown("column", name, columns.iter().map(String::as_str));
    for (index, key) in definition.keys.iter().enumerate() {
        if !columns.contains(key) {
            report.add(Place::default(), format!("keys: {}", missing(key)));
        }
        if definition.keys.iter().take(index).any(|earlier| earlier == key) {
            report.add(Place::default(), format!("keys: {key:?} is named twice"));
        }
    }
    for column in definition.column_types.keys().filter(|column| !columns.contains(column)) {
        report.add(Place::default(), format!("types of columns: {}", missing(column)));
    }
    report.check()
}

/// All values of a column: of each piece, in order.
pub(super) type Pieces = Vec<Values>;

/// Puts the pieces of each column together, keeps the last row of each key, and orders the rows of a large table by time.
pub(super) fn assemble(
    definition: &TableDefinition,
    names: Vec<String>,
    columns: Vec<Pieces>,
    row_count: usize,
    skipped: Skipped,
) -> Table {
    let columns: Vec<Values> = columns.into_par_iter().map(Values::concat).collect();
    let keys: Vec<usize> = definition.keys.iter().filter_map(|key| names.iter().position(|name| name == key)).collect();
    let key_values: Vec<&Values> = keys.iter().filter_map(|key| columns.get(*key)).collect();
    let kept = kept_rows(&key_values, row_count);
    let kept = clustered(&columns, kept.as_deref()).or(kept);
    let columns = columns.into_par_iter().zip(names).map(|(values, name)| {
        match &kept {
            Some(kept) => values.take(kept),
            None => values,
        }
        .into_column(name)
    });
    let row_count = kept.as_ref().map_or(row_count, Vec::len);
    Table { name: definition.name.clone(), columns: columns.collect(), keys, row_count, skipped }
}
