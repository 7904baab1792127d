//! What a model is to be made of.

use std::collections::BTreeMap;

use crate::request::context::Number;

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
    /// Numbers that expressions read, by name, for queries whose context has no other.
    pub values: BTreeMap<String, Number>,
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

/// A measure, as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureDefinition {
    /// Name of the measure.
    pub name: String,
    /// What it is.
    pub kind: MeasureFormula,
}

/// What a measure is. A column is written as `Table/Column`, or as the column alone when one reachable table has it. It is a
/// numeric column of the fact table, where nothing else is said. Nulls take no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasureFormula {
    /// Sum, of the type of the column.
    Sum(String),
    /// Arithmetic mean.
    Mean(String),
    /// Smallest value of a numeric, date or timestamp column of the fact table.
    Min(String),
    /// Largest value of a numeric, date or timestamp column of the fact table.
    Max(String),
    /// Standard deviation of a sample: null of fewer than two values.
    Stddev(String),
    /// Variance of a sample: null of fewer than two values.
    Variance(String),
    /// Standard deviation of a whole population.
    StddevPopulation(String),
    /// Variance of a whole population.
    VariancePopulation(String),
    /// The value in the middle, or half way between the two in the middle.
    Median(String),
    /// The value that a share of the others is below, interpolated linearly between two values.
    Quantile {
        /// The column.
        column: String,
        /// The share, a decimal number from 0 to 1.
        q: String,
    },
    /// Number of different values of any reachable column.
    DistinctCount(String),
    /// Sum of the products of two to four columns.
    SumProduct(Vec<String>),
    /// Arithmetic over other measures and context values, as in `[Revenue.SUM] * {discount} / ([contributors.COUNT] - 2.5)`. A null operand, a division by
    /// zero or a result beyond all doubles gives null.
    Expression(String),
    /// The measure over its own value one level up in a hierarchy. Null when that is null or zero.
    ShareOfParent {
        /// Name of the measure.
        measure: String,
        /// Name of the hierarchy. Where a row has no member of it, the share is one.
        hierarchy: String,
    },
    /// The measure over its own value over all facts that the query looks at. Null when that is null or zero.
    ShareOfTotal {
        /// Name of the measure.
        measure: String,
    },
    /// Sum of the measure over the members of a level up to the one of the row, in natural order and without a restart at a
    /// new ancestor. Where a row has no member of the level: the measure itself. In a row below the level: as at the level.
    RunningTotal {
        /// Name of the measure.
        measure: String,
        /// The level, as in a query.
        level: String,
    },
    /// The measure at the member of a level before the one of the row, among the members that have a fact which the query looks
    /// at. Null when there is none, or no member of the level in the row. In a row below the level: as at the level.
    PreviousMember {
        /// Name of the measure.
        measure: String,
        /// The level, as in a query.
        level: String,
    },
    /// Amounts in many currencies, converted to one and summed. Null when a currency that has an amount has no rate.
    Convert {
        /// Column of the amount.
        sum: String,
        /// Column of the currency of the amount, of text.
        currency: String,
        /// Where the rates are.
        rates: RatesDefinition,
        /// The currency to convert to, unless the query's context names another one.
        to: String,
    },
}

/// A table of exchange rates: of one unit of `from`, there are `rate` units of `to`. Of a currency into itself it is one,
/// unless the table says otherwise. The later of two rows for the same pair holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatesDefinition {
    /// Name of the table, which needs no join.
    pub table: String,
    /// Its column of currencies to convert from.
    pub from: String,
    /// Its column of currencies to convert to.
    pub to: String,
    /// Its column of rates.
    pub rate: String,
}
