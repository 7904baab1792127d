//! A cube as one caller may see it.

use std::sync::Arc;

use cubegate_cube::{Answer, Query, QueryError};
use cubegate_policy::bind::Visibility;
use serde_json::{Value, json};
use tracing::error;

use super::LoadedModel;
use crate::problem::Problem;

/// A cube together with what its caller may see of it. There is no other way to an answer.
pub(crate) struct VisibleCube {
    model: Arc<LoadedModel>,
    name: String,
    visibility: Visibility,
}

impl VisibleCube {
    pub(crate) fn new(model: Arc<LoadedModel>, name: &str, visibility: Visibility) -> Self {
        Self { model, name: name.to_owned(), visibility }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Answers a query over the visible facts and no others.
    pub(crate) fn answer(&self, query: &Query) -> Result<Answer, Problem> {
        let cube = self.model.cube(&self.name).ok_or(Problem::Internal)?;
        let mask = self.model.mask(cube, &self.visibility).map_err(|reason| {
            error!(cube = self.name, %reason, "a bound restriction does not make a mask");
            Problem::Internal
        })?;
        cube.query(query, &mask).map_err(|reason| match reason {
            QueryError::Invalid(message) => Problem::InvalidQuery(message),
            QueryError::TooLarge(message) => Problem::ResultLimit(message),
            other => {
                error!(cube = self.name, reason = %other, "query failed");
                Problem::Internal
            }
        })
    }

    /// Name, hierarchies with their levels, and measures.
    pub(crate) fn describe(self) -> Value {
        self.model.cube(&self.name).map_or(Value::Null, |cube| json!(cube.schema()))
    }
}
