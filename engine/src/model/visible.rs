//! A cube or a table as one caller may see it.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use cubegate_cube::{
    Answer, Budget, COUNT, ColumnName, Context, Cube, Granted, Mask, MembersQuery, Query, QueryError, RowsQuery, Scope,
    TableSchema, TableView, TimeLimit,
};
use cubegate_policy::{bind::Visibility, context::CallerContext};
use serde_json::{Value, json};
use tracing::error;

use super::{
    LoadedModel,
    answers::{AnswerKey, Kept},
    context,
    description::describe,
    explanation::Explanation,
    loaded::Place,
};
use crate::{
    limits::{QUERY_TIME_DEFAULT, QUERY_TIME_MAX},
    metrics::Metrics,
    problem::Problem,
};

/// A cube together with what its caller may see of it. There is no other way to an answer.
pub(crate) struct VisibleCube {
    model: Arc<LoadedModel>,
    name: String,
    visibility: Visibility,
    context: CallerContext,
    granted: Granted,
}

/// A table together with what its caller may see of it. There is no other way to its rows.
pub(crate) struct VisibleTable {
    model: Arc<LoadedModel>,
    name: String,
    visibility: Visibility,
    hidden: BTreeSet<ColumnName>,
    time_limit: Duration,
}

/// An answer, and how it came about if that was asked for.
pub(crate) struct Answered {
    pub(crate) answer: Arc<Answer>,
    pub(crate) explanation: Option<Value>,
}

impl VisibleCube {
    pub(crate) fn new(model: Arc<LoadedModel>, name: &str, visibility: Visibility, context: CallerContext) -> Self {
        let granted = granted(&context);
        Self { model, name: name.to_owned(), visibility, context, granted }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The query under the context values of the caller: it can tighten limits, and choose what is no limit.
    pub(crate) fn in_context(&self, query: Query) -> Result<Query, Problem> {
        let context = context::within(&query.context, context::of_caller(&self.context, self.cube()?.schema()));
        Ok(Query { context, ..query })
    }

    /// How long an answer may take.
    pub(crate) fn time_limit(&self, asked: Option<TimeLimit>) -> Duration {
        let of_caller = time_limit(&self.context);
        asked.map_or(of_caller, |TimeLimit(asked)| asked.min(of_caller))
    }

    /// Answers a query over the visible facts and no others.
    pub(crate) fn answer(&self, query: &Query, budget: &Budget<'_>, metrics: &Metrics) -> Result<Answered, Problem> {
        let started = Instant::now();
        let cube = self.cube()?;
        let (mask, mask_was_kept) = self.mask()?;
        let mut explanation = Explanation::new(started);
        explanation.stage("mask");
        let key = AnswerKey {
            cube: self.name.clone(),
            query: query.canonical(),
            visibility: self.visibility.clone(),
            granted: self.granted.clone(),
        };
        let (answer, kept) = self.model.answers().answer(key, query.cache, || {
            cube.query_watched(query, self.scope(&mask), budget, &mut |stage| explanation.watch(stage))
                .map_err(query_error)
        })?;
        metrics.result_cache.with_label_values(&[kept.name()]).inc();
        let name = |was_kept: bool| if was_kept { Kept::Hit.name() } else { Kept::Miss.name() };
        let explanation = query.explain.then(|| {
            explanation.say("factsVisible", mask.visible_count());
            explanation.say("rows", answer.row_count());
            explanation.finish(&json!({"mask": name(mask_was_kept), "result": kept.name()}))
        });
        Ok(Answered { answer, explanation })
    }

    /// Answers as [`answer`](Self::answer) does, but of all measures, and keeps and counts nothing.
    pub(crate) fn read(&self, query: &Query, budget: &Budget<'_>) -> Result<Answer, Problem> {
        let (mask, _) = self.mask()?;
        self.cube()?.query_within(query, &mask, budget).map_err(query_error)
    }

    /// The measures that there are.
    pub(crate) fn measures(&self) -> Result<BTreeSet<String>, Problem> {
        let names = self.cube()?.schema().measures.iter().map(|measure| &measure.name);
        Ok(names.filter(|name| self.granted.contains(name)).cloned().collect())
    }

    /// How many facts are visible, of how many.
    pub(crate) fn facts(&self) -> Result<(usize, usize), Problem> {
        Ok((self.mask()?.0.visible_count(), self.cube()?.fact_count()))
    }

    /// The members of a level that have a visible fact.
    pub(crate) fn members(&self, query: &MembersQuery, budget: &Budget<'_>) -> Result<Answered, Problem> {
        let (mask, _) = self.mask()?;
        unexplained(self.cube()?.members(query, &mask, budget))
    }

    /// The visible facts.
    pub(crate) fn drill_through(&self, query: &RowsQuery, budget: &Budget<'_>) -> Result<Answered, Problem> {
        let (mask, _) = self.mask()?;
        unexplained(self.cube()?.drill_through(query, self.scope(&mask), budget))
    }

    /// Name, hierarchies with their levels, and measures.
    pub(crate) fn describe(self) -> Value {
        let has_facts = |hierarchy: &str, path: &[String]| self.has_facts(hierarchy, path).unwrap_or_default();
        let describe = |cube: &Cube| json!(describe(cube.schema(), &self.context, &self.granted, &has_facts));
        self.model.cube(&self.name).map_or(Value::Null, describe)
    }

    /// Whether a visible fact is below a member.
    fn has_facts(&self, hierarchy: &str, path: &[String]) -> Result<bool, Problem> {
        let default_members = Some([(hierarchy.to_owned(), path.to_vec())].into());
        let context = Context { default_members, ..Context::default() };
        let query = Query { measures: vec![COUNT.to_owned()], context, ..Query::default() };
        Ok(self.read(&query, &Budget::default())?.row_count() > 0)
    }

    fn scope<'a>(&'a self, mask: &'a Mask) -> Scope<'a> {
        Scope { mask, measures: &self.granted }
    }

    fn cube(&self) -> Result<&Cube, Problem> {
        self.model.cube(&self.name).ok_or(Problem::Internal)
    }

    /// The mask, and whether it had been made before.
    fn mask(&self) -> Result<(Mask, bool), Problem> {
        let cube = self.cube()?;
        let place = Place::Cube(self.name.clone());
        let mask = self.model.mask(place, &self.visibility, |clauses| cube.mask(clauses));
        mask.map_err(|reason| unmasked(&self.name, &reason))
    }
}

impl VisibleTable {
    pub(crate) fn new(model: Arc<LoadedModel>, name: &str, visibility: Visibility, context: &CallerContext) -> Self {
        let hidden = model.hidden_columns(name, &granted(context));
        Self { model, name: name.to_owned(), visibility, hidden, time_limit: time_limit(context) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long an answer may take.
    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// The visible rows.
    pub(crate) fn rows(&self, query: &RowsQuery, budget: &Budget<'_>) -> Result<Answered, Problem> {
        unexplained(self.table()?.rows(query, &self.mask()?, &self.hidden, budget))
    }

    /// How many rows are visible.
    pub(crate) fn count(&self) -> Result<usize, Problem> {
        Ok(self.mask()?.visible_count())
    }

    fn table(&self) -> Result<&TableView, Problem> {
        self.model.table(&self.name).ok_or(Problem::Internal)
    }

    fn mask(&self) -> Result<Mask, Problem> {
        let (table, place) = (self.table()?, Place::Table(self.name.clone()));
        let mask = self.model.mask(place, &self.visibility, |clauses| table.mask(clauses));
        mask.map(|(mask, _)| mask).map_err(|reason| unmasked(&self.name, &reason))
    }

    /// Name, columns with their types, and keys.
    pub(crate) fn describe(self) -> Value {
        self.schema().map_or(Value::Null, |schema| json!(schema))
    }

    /// What there is of the table.
    pub(crate) fn schema(&self) -> Option<TableSchema> {
        let mut schema = self.model.table(&self.name)?.schema().clone();
        let is_hidden =
            |column: &str| self.hidden.contains(&ColumnName { table: self.name.clone(), column: column.to_owned() });
        schema.columns.retain(|column| !is_hidden(&column.name));
        schema.keys.retain(|key| !is_hidden(key));
        Some(schema)
    }
}

/// What a caller sees of an answer that there is not.
pub(crate) fn query_error(reason: QueryError) -> Problem {
    match reason {
        QueryError::Invalid(message) => Problem::InvalidQuery(message),
        QueryError::TooLarge(message) => Problem::ResultLimit(message),
        // Nobody waits for it any more: whoever gave up has answered already.
        QueryError::Interrupted => Problem::Interrupted,
        other => {
            error!(reason = %other, "query failed");
            Problem::Internal
        }
    }
}

fn time_limit(context: &CallerContext) -> Duration {
    context.query_time_limit.as_ref().map_or(QUERY_TIME_DEFAULT, |given| given.value.duration()).min(QUERY_TIME_MAX)
}

fn granted(context: &CallerContext) -> Granted {
    context.granted_measures.as_ref().map_or(Granted::All, |given| Granted::Only(given.value.clone()))
}

fn unexplained(answer: Result<Answer, QueryError>) -> Result<Answered, Problem> {
    let answer = answer.map_err(query_error)?;
    Ok(Answered { answer: Arc::new(answer), explanation: None })
}

fn unmasked(name: &str, reason: &cubegate_cube::MaskError) -> Problem {
    error!(name, %reason, "a bound restriction does not make a mask");
    Problem::Internal
}
