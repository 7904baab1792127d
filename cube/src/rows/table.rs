//! A table as its rows are read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{read, request::RowsQuery};
use crate::{
    answer::Answer,
    budget::Budget,
    load::table::Table,
    mask::{self, Mask, MaskError, PathTest},
    model::{
        cube::Cube,
        error::Problems,
        join::Join,
        reach::{Columns, Reach, ReachedColumn},
        schema::TableSchema,
    },
    request::QueryError,
    value::ColumnName,
};

/// A table and the tables that its joins lead to.
#[derive(Debug)]
pub struct TableView {
    schema: TableSchema,
    reach: Arc<Reach>,
    /// Shared with the masks made by this table, so that they fit no other.
    identity: Arc<()>,
}

impl TableView {
    /// What can be read of the table.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.reach.fact_table().row_count
    }

    /// All columns of the table and of the tables that its joins lead to: what a mask can speak of.
    pub fn reachable(&self) -> impl Iterator<Item = ColumnName> {
        self.reach.columns().map(|column| column.name())
    }

    /// The rows that satisfy `all_of`, as [`Cube::mask`] has it.
    pub fn mask(&self, all_of: &[Vec<Vec<PathTest>>]) -> Result<Mask, MaskError> {
        mask::build_over(&self.schema.name, &self.reach, &self.identity, all_of)
    }

    /// Reads rows that the mask shows, in the order of the table, as if they had no hidden column. The mask must have been made by
    /// this table.
    pub fn rows(
        &self,
        query: &RowsQuery,
        mask: &Mask,
        hidden: &BTreeSet<ColumnName>,
        budget: &Budget<'_>,
    ) -> Result<Answer, QueryError> {
        let selection = mask.selection_of(&self.identity)?;
        let columns: Columns<'_> =
            self.reach.columns().filter(|column| hidden.is_empty() || !hidden.contains(&column.name())).collect();
        let own: Vec<ReachedColumn<'_>> = columns.all().into_iter().filter(|column| column.id.table == 0).collect();
        read(&self.reach, &columns, &own, selection, query, budget)
    }
}

/// A view of every table. The reach of a fact table is shared with its cube.
pub(crate) fn views(
    tables: &BTreeMap<String, Arc<Table>>,
    joins: &[Join],
    cubes: &BTreeMap<String, Cube>,
    schema: impl Fn(&str, &Table) -> TableSchema,
) -> BTreeMap<String, TableView> {
    let view = |(name, table): (&String, &Arc<Table>)| {
        let of_cube = cubes.values().find(|cube| cube.reach.fact_table().name == *name);
        let reach = of_cube.map_or_else(|| Arc::new(reach(table, tables, joins)), |cube| Arc::clone(&cube.reach));
        (name.clone(), TableView { schema: schema(name, table), reach, identity: Arc::default() })
    };
    tables.iter().map(view).collect()
}

/// Where the joins lead to a table in two ways, they lead nowhere: of two rows neither is the one to judge by.
fn reach(table: &Arc<Table>, tables: &BTreeMap<String, Arc<Table>>, joins: &[Join]) -> Reach {
    let mut problems = Problems::default();
    let reach = Reach::from_facts(table, tables, joins, "", &mut problems);
    if problems.is_empty() { reach } else { Reach::from_facts(table, tables, &[], "", &mut problems) }
}
