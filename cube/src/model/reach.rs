//! The fact table and the tables that the joins reach from it: a tree, with the row that each fact has in each table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    error::Problems,
    join::{Join, NO_ROW},
};
use crate::{
    load::table::{Column, Table},
    nearest::{quoted_list, unknown},
    storage::{bitmap::Bitmap, codes::Codes},
    value::ColumnName,
};

/// The fact table first, then the tables joined to it.
#[derive(Debug)]
pub(crate) struct Reach {
    tables: Vec<Reached>,
}

/// A table and the row that each fact has in it.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) table: Arc<Table>,
    rows: RowMap,
}

#[derive(Debug)]
enum RowMap {
    /// The fact table itself.
    Identity,
    /// A row per fact, or [`NO_ROW`].
    Joined(Vec<u32>),
}

/// A column that a cube reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReachedColumn<'a> {
    pub(crate) reached: &'a Reached,
    pub(crate) column: &'a Column,
}

impl Reach {
    /// Follows the joins from the fact table.
    pub(super) fn from_facts(
        facts: &Arc<Table>,
        tables: &BTreeMap<String, Arc<Table>>,
        joins: &[Join],
        place: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut reach = Self { tables: vec![Reached { table: Arc::clone(facts), rows: RowMap::Identity }] };
        let mut next = 0;
        while let Some(from) = reach.tables.get(next) {
            let mut found = Vec::new();
            for join in joins.iter().filter(|join| join.from == from.table.name) {
                let Some(table) = tables.get(&join.to) else { continue };
                let known = reach.tables.iter().chain(&found).any(|reached| reached.table.name == join.to);
                if known {
                    let message = format!("the joins reach the table {:?} in two ways; remove one of them", join.to);
                    problems.add(place, message);
                } else {
                    found.push(Reached { table: Arc::clone(table), rows: from.rows.then(&join.rows) });
                }
            }
            reach.tables.extend(found);
            next += 1;
        }
        reach
    }

    pub(crate) fn fact_table(&self) -> &Table {
        &self.tables.first().expect("the fact table is there from the start").table
    }

    /// All columns, table by table.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ReachedColumn<'_>> {
        self.tables
            .iter()
            .flat_map(|reached| reached.table.columns.iter().map(move |column| ReachedColumn { reached, column }))
    }

    pub(crate) fn column(&self, name: &ColumnName) -> Option<ReachedColumn<'_>> {
        let reached = self.tables.iter().find(|reached| reached.table.name == name.table)?;
        Some(ReachedColumn { reached, column: reached.table.column(&name.column)? })
    }

    /// The column written as `Table/Column`, or as `Column` when one table has it.
    pub(super) fn find(&self, written: &str) -> Result<ReachedColumn<'_>, String> {
        let qualified = self.columns().find(|column| column.name().to_string() == written);
        let named: Vec<ReachedColumn<'_>> = self.columns().filter(|column| column.column.name == written).collect();
        match (qualified, named.as_slice()) {
            (Some(column), _) => Ok(column),
            (None, [column]) => Ok(*column),
            (None, []) => {
                let choices: Vec<String> = self.columns().map(|column| column.name().to_string()).collect();
                let bare = self.columns().map(|column| column.column.name.as_str());
                Err(unknown("column", written, choices.iter().map(String::as_str).chain(bare.collect::<BTreeSet<_>>())))
            }
            (None, several) => {
                let choices: Vec<String> = several.iter().map(|column| column.name().to_string()).collect();
                Err(format!("several tables have a column {written:?}; write one of {}", quoted_list(&choices)))
            }
        }
    }
}

impl Reached {
    /// A code per fact from a code per row; `missing` for facts without a row here.
    pub(super) fn codes_of_facts(&self, by_row: &Arc<Codes>, missing: u32, code_count: usize) -> Arc<Codes> {
        match &self.rows {
            RowMap::Identity => Arc::clone(by_row),
            RowMap::Joined(rows) => {
                let code = |row: &u32| by_row.get(*row as usize).unwrap_or(missing);
                Arc::new(Codes::collect(code_count, rows.iter().map(code)))
            }
        }
    }

    /// A bit per fact from a bit per row; `missing` for facts without a row here.
    pub(crate) fn bits_of_facts(&self, by_row: Bitmap, missing: bool) -> Bitmap {
        match &self.rows {
            RowMap::Identity => by_row,
            RowMap::Joined(rows) => Bitmap::from_fn(rows.len(), |fact| match rows.get(fact) {
                Some(&NO_ROW) | None => missing,
                Some(row) => by_row.get(*row as usize),
            }),
        }
    }
}

impl ReachedColumn<'_> {
    pub(crate) fn name(&self) -> ColumnName {
        ColumnName { table: self.reached.table.name.clone(), column: self.column.name.clone() }
    }
}

impl RowMap {
    /// From facts to rows here, and on to rows of a table joined to this one.
    fn then(&self, onward: &[u32]) -> Self {
        Self::Joined(match self {
            Self::Identity => onward.to_vec(),
            // Beyond the end of `onward` is only NO_ROW.
            Self::Joined(rows) => rows.iter().map(|row| onward.get(*row as usize).copied().unwrap_or(NO_ROW)).collect(),
        })
    }
}
