//! One cube: facts pre-joined to codes.

use super::schema::CubeSchema;
use crate::{
    answer::Answer,
    mask::{ColumnIn, Mask, MaskError},
    request::{Query, QueryError},
};

/// A cube, ready to answer.
#[derive(Debug)]
pub struct Cube {}

impl Cube {
    /// Name of the cube.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// What can be asked of the cube.
    pub fn schema(&self) -> &CubeSchema {
        unimplemented!()
    }

    /// Number of facts.
    pub fn fact_count(&self) -> usize {
        unimplemented!()
    }

    /// The facts that satisfy `all_of`: of each entry, at least one conjunction. No entry: all facts. An entry without
    /// conjunction: no fact. A conjunction without column: all facts. Worth caching by the clauses and the model.
    pub fn mask(&self, _all_of: &[Vec<Vec<ColumnIn>>]) -> Result<Mask, MaskError> {
        unimplemented!()
    }

    /// Answers a query from the facts that the mask shows. The mask must have been made by this cube.
    pub fn query(&self, _query: &Query, _mask: &Mask) -> Result<Answer, QueryError> {
        unimplemented!()
    }
}
