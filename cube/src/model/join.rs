//! Finds, for each row of a table, its row in another.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rayon::prelude::*;

use super::{definition::JoinDefinition, error::Problems};
use crate::{
    load::table::{Coded, Table},
    nearest::{quoted_list, unknown},
    storage::codes::{Code as _, code_of, with_codes},
};

/// Stands for "no row" among row numbers.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// For each row of one table, its row in another.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) from: String,
    pub(crate) to: String,
    /// A row of `to` per row of `from`, or [`NO_ROW`].
    pub(crate) rows: Vec<u32>,
}

pub(super) fn build(
    definitions: &[JoinDefinition],
    tables: &BTreeMap<String, Arc<Table>>,
    problems: &mut Problems,
) -> Vec<Join> {
    let mut joins: Vec<Join> = Vec::new();
    for definition in definitions {
        let place = format!("joins[{} → {}]", definition.from, definition.to);
        if joins.iter().any(|join| join.from == definition.from && join.to == definition.to) {
            problems.add(&place, "two joins connect these tables");
            continue;
        }
        let find =
            |name: &String| tables.get(name).ok_or_else(|| unknown("table", name, tables.keys().map(String::as_str)));
        let from = problems.keep(&place, find(&definition.from));
        let to = problems.keep(&place, find(&definition.to));
        let (Some(from), Some(to)) = (from, to) else { continue };
        if let Some(rows) = join_rows(definition, from, to, &place, problems) {
            joins.push(Join { from: definition.from.clone(), to: definition.to.clone(), rows });
        }
    }
    joins
}

fn join_rows(
    definition: &JoinDefinition,
    from: &Table,
    to: &Table,
    place: &str,
    problems: &mut Problems,
) -> Option<Vec<u32>> {
    let keys: Vec<&str> = to.key_names().collect();
    let mut joined: Vec<&str> = definition.on.values().map(String::as_str).collect();
    joined.sort_unstable();
    let mut sorted_keys = keys.clone();
    sorted_keys.sort_unstable();
    let mut pairs: Vec<(&Coded, &Coded)> = Vec::new();
    for (from_name, to_name) in &definition.on {
        let column = |table: &Table, name: &String| match table.column(name) {
            Some(_) => Ok(()),
            None => Err(format!("in table {:?} {}", table.name, unknown("column", name, table.column_names()))),
        };
        problems.keep(place, column(from, from_name));
        problems.keep(place, column(to, to_name));
        let (from_column, to_column) = (from.column(from_name)?, to.column(to_name)?);
        if from_column.column_type() != to_column.column_type() {
            let types = (from_column.column_type(), to_column.column_type());
            let message = format!(
                "{from_name:?} has the type {} but {to_name:?} has the type {}; give both columns the same type",
                types.0, types.1
            );
            problems.add(place, message);
        }
        pairs.push((from_column.coded(), to_column.coded()));
    }
    if joined != sorted_keys {
        let keys = if keys.is_empty() { "it has none".to_owned() } else { format!("they are {}", quoted_list(&keys)) };
        problems.add(place, format!("the columns on the right must be the keys of {:?}; {keys}", definition.to));
        return None;
    }
    Some(match pairs.as_slice() {
        [(from, to)] => look_up_one(from, to),
        pairs => look_up(pairs, from.row_count, to.row_count),
    })
}

/// For each row on the left, the row with the same value on the right.
fn look_up_one(from: &Coded, to: &Coded) -> Vec<u32> {
    let mut row_of_code = vec![NO_ROW; to.dictionary.len()];
    for (row, code) in to.codes.iter().enumerate() {
        if let Some(slot) = row_of_code.get_mut(code as usize) {
            *slot = code_of(row);
        }
    }
    let row = |code: Option<u32>| code.and_then(|code| row_of_code.get(code as usize)).copied().unwrap_or(NO_ROW);
    let rows: Vec<u32> = from.dictionary.translate(&to.dictionary).into_iter().map(row).collect();
    with_codes!(&*from.codes, |codes| {
        codes.par_iter().map(|code| rows.get(code.index()).copied().unwrap_or(NO_ROW)).collect()
    })
}

/// For each row on the left of the pairs, the row with the same values on their right.
fn look_up(pairs: &[(&Coded, &Coded)], from_rows: usize, to_rows: usize) -> Vec<u32> {
    let mut row_of: HashMap<Box<[u32]>, u32> = HashMap::with_capacity(to_rows);
    for row in 0..to_rows {
        let key = pairs.iter().filter_map(|(_, to)| to.codes.get(row)).collect();
        row_of.insert(key, code_of(row));
    }
    let translations: Vec<Vec<Option<u32>>> =
        pairs.iter().map(|(from, to)| from.dictionary.translate(&to.dictionary)).collect();
    let mut key: Vec<u32> = Vec::with_capacity(pairs.len());
    let mut row = |from_row: usize| {
        key.clear();
        for ((from, _), translation) in pairs.iter().zip(&translations) {
            let code = from.codes.get(from_row)?;
            key.push(translation.get(code as usize).copied().flatten()?);
        }
        row_of.get(key.as_slice()).copied()
    };
    (0..from_rows).map(&mut row).map(|row| row.unwrap_or(NO_ROW)).collect()
}
