//! Tables, joins and cubes as one immutable snapshot.
//!
//! ```text
//! definition ─┬─ join       rows of one table → rows of another
//! tables      ├─ reach      facts → rows of every table that the joins reach
//!             ├─ members    which hierarchies and measures a cube has (names only)
//!             └─ hierarchy  columns → one code per fact, in hierarchy order ──▶ Cube
//! ```

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    load::table::Table,
    rows::table::{self, TableView},
};

pub(crate) mod cube;
pub(crate) mod definition;
pub(crate) mod error;
pub(crate) mod hierarchy;
pub(crate) mod join;
pub(crate) mod measure;
mod members;
pub(crate) mod reach;
pub(crate) mod schema;

use cube::Cube;
use definition::{JoinDefinition, ModelDefinition};
use error::{ModelError, Problems};
use join::Join;
use schema::{ColumnSchema, TableSchema};

/// Tables, joins and cubes: an immutable snapshot, to be shared behind an `Arc`.
#[derive(Debug)]
pub struct Model {
    tables: BTreeMap<String, TableView>,
    joins: Vec<JoinDefinition>,
    cubes: BTreeMap<String, Cube>,
}

impl Model {
    /// Checks the definition against the tables and builds every cube. All errors at once.
    pub fn build(definition: &ModelDefinition, tables: BTreeMap<String, Table>) -> Result<Self, Vec<ModelError>> {
        Self::build_shared(definition, &tables.into_iter().map(|(name, table)| (name, Arc::new(table))).collect())
    }

    /// As [`build`](Self::build), of tables that another model may have too.
    pub fn build_shared(
        definition: &ModelDefinition,
        tables: &BTreeMap<String, Arc<Table>>,
    ) -> Result<Self, Vec<ModelError>> {
        let mut problems = Problems::default();
        check_tables(definition, tables, &mut problems);
        let joins = join::build(&definition.joins, tables, &mut problems);
        let cubes = build_cubes(definition, tables, &joins, &mut problems);
        problems.into_result()?;
        let tables = table::views(tables, &joins, &cubes, table_schema);
        Ok(Self { tables, joins: definition.joins.clone(), cubes })
    }

    /// The cube of that name.
    pub fn cube(&self, name: &str) -> Option<&Cube> {
        self.cubes.get(name)
    }

    /// All cubes, ordered by name.
    pub fn cubes(&self) -> impl Iterator<Item = &Cube> {
        self.cubes.values()
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&TableView> {
        self.tables.get(name)
    }

    /// All tables, ordered by name.
    pub fn tables(&self) -> impl Iterator<Item = &TableView> {
        self.tables.values()
    }

    /// These tables and the joins between them, as a Mermaid `erDiagram`.
    pub fn mermaid<'s>(&self, tables: impl IntoIterator<Item = &'s TableSchema>) -> String {
        schema::mermaid(tables.into_iter(), &self.joins)
    }
}

fn check_tables(definition: &ModelDefinition, tables: &BTreeMap<String, Arc<Table>>, problems: &mut Problems) {
    for (index, name) in definition.tables.iter().enumerate() {
        let place = format!("tables[{name}]");
        if definition.tables.iter().take(index).any(|earlier| earlier == name) {
            problems.add(&place, "two tables have this name");
        } else if !tables.contains_key(name) {
            problems.add(&place, "the table has not been loaded");
        }
    }
}

fn build_cubes(
    definition: &ModelDefinition,
    tables: &BTreeMap<String, Arc<Table>>,
    joins: &[Join],
    problems: &mut Problems,
) -> BTreeMap<String, Cube> {
    let mut cubes = BTreeMap::new();
    for (index, cube) in definition.cubes.iter().enumerate() {
        if definition.cubes.iter().take(index).any(|earlier| earlier.name == cube.name) {
            problems.add(&format!("cubes[{}]", cube.name), "two cubes have this name");
        }
        cubes.extend(Cube::build(cube, tables, joins, problems).map(|built| (cube.name.clone(), built)));
    }
    cubes
}

fn table_schema(name: &str, table: &Table) -> TableSchema {
    let column =
        |column: &crate::load::table::Column| ColumnSchema { name: column.name.clone(), r#type: column.column_type() };
    TableSchema {
        name: name.to_owned(),
        columns: table.columns.iter().map(column).collect(),
        keys: table.key_names().map(str::to_owned).collect(),
    }
}
