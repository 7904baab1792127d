//! Tables to cube, query to answer.
//!
//! ```text
//! CSV, Parquet ──load──▶ Table ──model──▶ Cube ──mask(clauses)──▶ Mask ──view──┐
//!                                                                              ▼
//! JSON ──request──▶ Query ──resolve──▶ filter, groups, aggregates ──────────▶ fold ──cells──▶ finish ──▶ Answer
//!                                                                              ▲                           │ answer
//!                                                       cuboid: earlier cells ─┘                           ▼
//!                                                                                            JSON, CSV, Arrow
//! ```
//!
//! A [`Model`] is an immutable snapshot of tables and cubes. A [`Mask`] is the part of a cube's facts that a caller may
//! see; a query sees those facts and no others, so that its answer is, byte for byte, the one over tables from which
//! the other facts had been deleted.
//!
//! A row whose measures are all null is dropped, and so are the grand total and the one row of a query without levels. A
//! count of nothing is null. So when nothing is visible, every query has an answer without rows.
//!
//! This crate knows no network, no clock, no environment, no users and no roles.

mod aggregate;
mod answer;
mod budget;
mod cuboid;
mod expression;
mod finish;
mod fold;
mod gathered;
mod load;
mod mask;
mod model;
mod nearest;
mod request;
mod resolve;
mod room;
mod rows;
mod scope;
mod simd;
mod storage;
mod value;
mod view;

pub mod limits;

pub use answer::{Answer, AnswerColumn, ColumnKind, Encoding, Remarks};
pub use budget::Budget;
pub use load::{Flaw, LoadError, LoadErrors, OnBadRow, Skipped, TableDefinition, csv, parquet, table::Table};
pub use mask::{Mask, MaskError, PathTest, Paths};
pub use model::{
    Model,
    cube::{Cube, Stage},
    definition::{
        CubeDefinition, HierarchyDefinition, JoinDefinition, MeasureDefinition, MeasureFormula, Mode, ModelDefinition,
        RatesDefinition,
    },
    error::ModelError,
    measure::COUNT,
    schema::{ColumnSchema, CubeSchema, HierarchySchema, LevelSchema, MeasureSchema, TableSchema},
};
pub use request::{
    Direction, Order, Query, QueryError,
    context::{Context, Number, ResultLimit, TimeLimit},
    filter::{Filter, Scalar, Test},
};
pub use rows::{
    member_list::MembersQuery,
    request::{RowFilter, RowsQuery},
    table::TableView,
};
pub use scope::{Granted, Scope};
pub use value::{Cell, ColumnName, ColumnType};
