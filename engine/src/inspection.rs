//! What callers would see, asked by those who maintain a policy: before it is applied (`cubegate check`, `explain`, `who-sees`,
//! `diff`), or of the one in force.
//!
//! It goes the way of every request: rights → visibility → [`VisibleCube`] → answer. There is no second evaluator to disagree.

mod advice;

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use cubegate_cube::{Answer, Budget, COUNT, CubeSchema, Encoding, Filter, Query, Remarks, Scalar, Test};
use cubegate_policy::{
    bind::{BindProblem, BoundAccess, Visibility},
    explain::{self, CubeExplanation, Member, Share},
    nearest::suggestion,
    resolve::Refusal,
    rights::Rights,
    snapshot::Access,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    limits::ANSWER_BYTES_MAX,
    model::{LoadedModel, ModelError, ModelSource, ModelSpec, VisibleCube},
    problem::Problem,
};

/// A loaded model with a policy bound to it.
pub struct Inspection {
    model: Arc<LoadedModel>,
    bound: Arc<BoundAccess>,
    deadline: Option<Instant>,
}

/// The part of an answer that is read here.
#[derive(Deserialize)]
struct Rows {
    rows: Vec<Vec<Value>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The bearer of the rights is refused.
    #[error("{0}")]
    Refused(#[source] Refusal),
    /// A name that does not exist.
    #[error("{0}")]
    Unknown(String),
    /// Neither of these: a limit, or a defect of ours.
    #[error("{0}")]
    Failed(String),
}

impl Inspection {
    /// Reads the tables, builds the cubes and binds the policy.
    pub fn load(spec: &ModelSpec, source: impl ModelSource, access: &Access) -> Result<Self, ModelError> {
        let model = LoadedModel::load(spec, source)?;
        let bound = Arc::new(BoundAccess::bind(access, model.shape()));
        Ok(Self { model: Arc::new(model), bound, deadline: None })
    }

    /// Of what an engine has, for so long.
    pub(crate) fn of(model: Arc<LoadedModel>, bound: Arc<BoundAccess>, deadline: Instant) -> Self {
        Self { model, bound, deadline: Some(deadline) }
    }

    /// Whether whoever asked has waited long enough.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// What of the policy cannot be applied to the model.
    pub fn problems(&self) -> &[BindProblem] {
        self.bound.problems()
    }

    /// What can be asked of each cube.
    pub fn cubes(&self) -> Vec<CubeSchema> {
        self.model.schemas()
    }

    /// What rights show of one cube, or of each.
    pub fn explain(&self, cube: Option<&str>, rights: &Rights) -> Result<Vec<CubeExplanation>, InspectionError> {
        match cube {
            Some(cube) => Ok(vec![self.cube(cube, rights)?]),
            None => self.model.cube_names().map(|cube| self.cube(cube, rights)).collect(),
        }
    }

    /// What rights show of a cube, why, and how many facts that is.
    pub fn cube(&self, cube: &str, rights: &Rights) -> Result<CubeExplanation, InspectionError> {
        self.known(cube)?;
        let (mut explanation, visibility) = explain::cube(&self.bound, cube, self.model.context(cube), rights);
        if let Ok(visibility) = visibility {
            let visible = self.visible(cube, visibility, rights);
            let (visible, all) = visible.facts().map_err(failed)?;
            explanation.facts = Some(Share { visible, all });
        }
        Ok(explanation)
    }

    /// How many facts of a member rights show: none, when their bearer is refused.
    pub fn facts_of_member(&self, member: &Member, rights: &Rights) -> Result<u64, InspectionError> {
        let Member { cube, level, member } = member;
        let test = Test::In(vec![Some(Scalar::Text(member.to_owned()))]);
        let query = Query {
            measures: vec![COUNT.to_owned()],
            filter: Some(Filter::Level { level: level.to_owned(), test }),
            ..Query::default()
        };
        let rows = match self.ask(cube, &query, rights) {
            Err(InspectionError::Refused(_)) => return Ok(0),
            answer => rows(&answer?)?,
        };
        Ok(rows.first().and_then(|row| row.first()).and_then(Value::as_u64).unwrap_or_default())
    }

    /// The members of a level that rights show.
    pub fn members(&self, cube: &str, level: &str, rights: &Rights) -> Result<BTreeSet<String>, InspectionError> {
        let query = Query { levels: vec![level.to_owned()], ..Query::default() };
        let rows = rows(&self.ask(cube, &query, rights)?)?;
        Ok(rows.into_iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(" / ")).collect())
    }

    /// The measures that rights show.
    pub fn measures(&self, cube: &str, rights: &Rights) -> Result<BTreeSet<String>, InspectionError> {
        self.known(cube)?;
        let visibility = self.bound.visibility(cube, rights);
        let visibility = visibility.map_err(InspectionError::Refused)?;
        self.visible(cube, visibility, rights).measures().map_err(failed)
    }

    /// A sentence about a member that no fact has: the nearest that some fact has.
    pub fn suggest_member(&self, member: &Member, rights: &Rights) -> String {
        let Member { cube, level, member } = member;
        let members = self.members(cube, level, rights).unwrap_or_default();
        let own = members.iter().map(|path| path.rsplit(" / ").next().unwrap_or(path));
        format!("no fact has the member `{member}` of level `{level}`; {}", suggestion(member, "members", own))
    }

    fn ask(&self, cube: &str, query: &Query, rights: &Rights) -> Result<Answer, InspectionError> {
        self.known(cube)?;
        let visibility = self.bound.visibility(cube, rights).map_err(InspectionError::Refused)?;
        let interrupted = || self.is_late();
        let budget = Budget { interrupted: &interrupted, ..Budget::default() };
        if interrupted() {
            return Err(failed(Problem::Interrupted));
        }
        self.visible(cube, visibility, rights).read(query, &budget).map_err(failed)
    }

    fn visible(&self, cube: &str, visibility: Visibility, rights: &Rights) -> VisibleCube {
        let context = self.bound.context(rights, self.model.context(cube));
        VisibleCube::new(Arc::clone(&self.model), cube, visibility, context)
    }

    fn known(&self, cube: &str) -> Result<(), InspectionError> {
        if self.model.has_cube(cube) {
            return Ok(());
        }
        let names: Vec<&str> = self.model.cube_names().collect();
        let hint = suggestion(cube, "cubes", names.iter().copied());
        Err(InspectionError::Unknown(format!("there is no cube `{cube}`; {hint}")))
    }
}

/// The rows, as callers get them.
fn rows(answer: &Answer) -> Result<Vec<Vec<Value>>, InspectionError> {
    let unreadable = |reason: String| InspectionError::Failed(format!("an answer cannot be read: {reason}"));
    let bytes = answer.encode_within(Encoding::Json, Remarks::default(), ANSWER_BYTES_MAX);
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    let answer: Rows = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    Ok(answer.rows)
}

fn shown(member: &Value) -> String {
    member.as_str().map_or_else(|| member.to_string(), str::to_owned)
}

fn failed(problem: Problem) -> InspectionError {
    match problem {
        Problem::InvalidQuery(message) => InspectionError::Unknown(message),
        Problem::Refused(refusal) => InspectionError::Refused(refusal),
        other => InspectionError::Failed(other.detail()),
    }
}
