//! Tables, joins and cubes as one immutable snapshot.

use std::collections::BTreeMap;

use crate::load::table::Table;

pub(crate) mod cube;
pub(crate) mod definition;
pub(crate) mod error;
pub(crate) mod schema;

use cube::Cube;
use definition::ModelDefinition;
use error::ModelError;
use schema::TableSchema;

/// Tables, joins and cubes: an immutable snapshot, to be shared behind an `Arc`.
#[derive(Debug)]
pub struct Model {}

impl Model {
    /// Checks the definition against the tables and builds every cube. All errors at once.
    pub fn build(_definition: &ModelDefinition, _tables: BTreeMap<String, Table>) -> Result<Self, Vec<ModelError>> {
        unimplemented!()
    }

    /// The cube of that name.
    pub fn cube(&self, _name: &str) -> Option<&Cube> {
        unimplemented!()
    }

    /// All cubes, ordered by name.
    pub fn cubes(&self) -> impl Iterator<Item = &Cube> {
        std::iter::empty()
    }

    /// All tables, ordered by name.
    pub fn tables(&self) -> &[TableSchema] {
        unimplemented!()
    }
}
