//! What a model is to be made of.

use std::collections::BTreeMap;

/// Tables, joins and cubes, as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDefinition {
    /// Names of the tables.
    pub tables: Vec<String>,
    /// How rows of one table find their row in another.
    pub joins: Vec<JoinDefinition>,
    /// The cubes.
    pub cubes: Vec<CubeDefinition>,
}

/// How rows of one table find their row in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinDefinition {
    /// Table whose rows look up.
    pub from: String,
    /// Table that is looked up. Its keys are the columns on the right of `on`.
    pub to: String,
    /// Column of `from` → column of `to`.
    pub on: BTreeMap<String, String>,
}

/// A cube, as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CubeDefinition {
    /// Name of the cube.
    pub name: String,
    /// Table whose rows are the facts.
    pub fact_table: String,
    /// What is made without being asked for.
    pub mode: Mode,
    /// Hierarchies beside those that the mode makes. One with the name of an automatic hierarchy takes its place.
    pub hierarchies: Vec<HierarchyDefinition>,
    /// Names of hierarchies that the mode would make and that are not wanted.
    pub remove_hierarchies: Vec<String>,
    /// Measures beside those that the mode makes. One with the name of an automatic measure takes its place.
    pub measures: Vec<MeasureDefinition>,
}

/// What a cube has without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A hierarchy per non-numeric or key column, a sum and a mean per numeric non-key column of the fact table.
    #[default]
    Auto,
    /// The hierarchies of `Auto`, no measure but the count.
    NoMeasures,
    /// Nothing but the count.
    Manual,
}

/// Levels from the coarsest to the finest, each a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyDefinition {
    /// Name of the hierarchy.
    pub name: String,
    /// `Table/Column`, or the column alone when one reachable table has it.
    pub levels: Vec<String>,
}

/// A measure over a numeric column of the fact table, `Column` or `Table/Column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasureDefinition {
    /// Sum.
    Sum {
        /// Name of the measure.
        name: String,
        /// The column.
        column: String,
    },
    /// Arithmetic mean of the values that are not null.
    Mean {
        /// Name of the measure.
        name: String,
        /// The column.
        column: String,
    },
}
