//! The tables and cubes of the Session, loaded.
//!
//! ```text
//! ModelSpec ──source──▶ bytes ──cube::csv, cube::parquet──▶ tables ──cube::Model──▶ LoadedModel ──visibility──▶ VisibleCube, VisibleTable
//! ```

mod answers;
mod context;
mod description;
mod explanation;
mod loaded;
mod loader;
mod measure;
mod source;
mod spec;
mod visible;

pub(crate) use loaded::LoadedModel;
pub use loaded::ModelError;
pub(crate) use loader::{Loader, until};
pub use source::{ModelSource, PodFiles, Stamp, TableFile};
pub use spec::ModelSpec;
pub(crate) use visible::{Answered, VisibleCube, VisibleTable, query_error};
