//! The fact table and the tables that the joins reach from it: a tree, with the row that each fact has in each table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use super::{
    error::Problems,
    join::{Join, NO_ROW},
};
use crate::{
    aggregate::ColumnId,
    load::table::{Coded, Column, Table},
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
    /// By column: the code of each fact, made when it is first used.
    codes: Vec<OnceLock<Arc<Codes>>>,
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
    pub(crate) id: ColumnId,
    pub(crate) reached: &'a Reached,
    pub(crate) column: &'a Column,
}

/// Columns that there are for whoever asks, table by table.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a>(Vec<ReachedColumn<'a>>);

impl<'a> FromIterator<ReachedColumn<'a>> for Columns<'a> {
    fn from_iter<I: IntoIterator<Item = ReachedColumn<'a>>>(columns: I) -> Self {
        Self(columns.into_iter().collect())
    }
}

impl Reach {
    /// Follows the joins from the fact table.
    pub(crate) fn from_facts(
        facts: &Arc<Table>,
        tables: &BTreeMap<String, Arc<Table>>,
        joins: &[Join],
        place: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut reach = Self { tables: vec![Reached::new(facts, RowMap::Identity)] };
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
                    found.push(Reached::new(table, from.rows.then(&join.rows)));
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
        self.tables.iter().enumerate().flat_map(|(table, reached)| {
            let columns = reached.table.columns.iter().enumerate();
            columns.map(move |(index, column)| ReachedColumn { id: ColumnId { table, column: index }, reached, column })
        })
    }

    pub(crate) fn table_count(&self) -> usize {
        self.tables.len()
    }

    pub(crate) fn at(&self, id: ColumnId) -> Option<ReachedColumn<'_>> {
        let reached = self.tables.get(id.table)?;
        Some(ReachedColumn { id, reached, column: reached.table.columns.get(id.column)? })
    }

    pub(crate) fn column(&self, name: &ColumnName) -> Option<ReachedColumn<'_>> {
        let table = self.tables.iter().position(|reached| reached.table.name == name.table)?;
        let columns = &self.tables.get(table)?.table.columns;
        self.at(ColumnId { table, column: columns.iter().position(|column| column.name == name.column)? })
    }

    /// The column written as `Table/Column`, or as `Column` when one table has it.
    pub(crate) fn find(&self, written: &str) -> Result<ReachedColumn<'_>, String> {
        self.columns().collect::<Columns<'_>>().find(written)
    }
}

impl<'a> Columns<'a> {
    /// All of them, table by table.
    pub(crate) fn all(&self) -> Vec<ReachedColumn<'a>> {
        self.0.clone()
    }

    /// What a column is called: its name alone where no other column has it.
    pub(crate) fn called(&self, column: &ReachedColumn<'_>) -> String {
        let is_shared = self.0.iter().filter(|other| other.column.name == column.column.name).count() > 1;
        if is_shared { column.name().to_string() } else { column.column.name.clone() }
    }

    /// The column written as `Table/Column`, or as `Column` when one table has it.
    pub(crate) fn find(&self, written: &str) -> Result<ReachedColumn<'a>, String> {
        let columns = || self.0.iter().copied();
        let qualified = columns().find(|column| column.name().to_string() == written);
        let named: Vec<ReachedColumn<'_>> = columns().filter(|column| column.column.name == written).collect();
        match (qualified, named.as_slice()) {
            (Some(column), _) => Ok(column),
            (None, [column]) => Ok(*column),
            (None, []) => {
                let choices: Vec<String> = columns().map(|column| column.name().to_string()).collect();
                let bare = self.0.iter().map(|column| column.column.name.as_str());
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
    fn new(table: &Arc<Table>, rows: RowMap) -> Self {
        let codes = table.columns.iter().map(|_| OnceLock::new()).collect();
        Self { table: Arc::clone(table), rows, codes }
    }

    /// The row of a fact in this table.
    pub(crate) fn row(&self, fact: usize) -> Option<usize> {
        match &self.rows {
            RowMap::Identity => Some(fact),
            RowMap::Joined(rows) => rows.get(fact).filter(|row| **row != NO_ROW).map(|row| *row as usize),
        }
    }

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
    /// The code of each fact; that of the missing value for facts without a row in the table.
    pub(crate) fn codes_of_facts(&self) -> Arc<Codes> {
        let make = || {
            let Coded { dictionary, codes } = self.column.coded();
            self.reached.codes_of_facts(codes, dictionary.missing(), dictionary.len())
        };
        self.reached.codes.get(self.id.column).map_or_else(make, |codes| Arc::clone(codes.get_or_init(make)))
    }

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
