//! One cube: facts pre-joined to codes.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    definition::CubeDefinition,
    error::Problems,
    hierarchy::Hierarchy,
    join::Join,
    measure::{COUNT, Measure, MeasureKind},
    members::{self, NamedMeasure, NamedMeasureKind},
    reach::Reach,
    schema::{CubeSchema, HierarchySchema, LevelSchema, MeasureSchema},
};
use crate::{
    aggregate::ColumnId,
    answer::Answer,
    budget::Budget,
    finish,
    limits::QueryLimits,
    load::table::Table,
    mask::{self, ColumnIn, Mask, MaskError},
    nearest::unknown,
    plan::Plan,
    request::{Query, QueryError},
    resolve,
    rows::{
        self,
        member_list::{self, MembersQuery},
        request::RowsQuery,
    },
    scan,
    storage::numbers::Numbers,
};

/// A cube, ready to answer.
#[derive(Debug)]
pub struct Cube {
    schema: CubeSchema,
    pub(crate) reach: Arc<Reach>,
    pub(crate) hierarchies: Vec<Hierarchy>,
    pub(crate) measures: Vec<Measure>,
    /// Columns that measures sum.
    pub(crate) numbers: Vec<Arc<Numbers>>,
    /// Shared with the masks made by this cube, so that they fit no other.
    pub(crate) identity: Arc<()>,
}

impl Cube {
    /// Name of the cube.
    pub fn name(&self) -> &str {
        &self.schema.name
    }

    /// What can be asked of the cube.
    pub fn schema(&self) -> &CubeSchema {
        &self.schema
    }

    /// Number of facts.
    pub fn fact_count(&self) -> usize {
        self.reach.fact_table().row_count
    }

    /// The facts that satisfy `all_of`: of each entry, at least one conjunction. No entry: all facts. An entry without
    /// conjunction: no fact. A conjunction without column: all facts. Worth caching by the clauses and the model.
    pub fn mask(&self, all_of: &[Vec<Vec<ColumnIn>>]) -> Result<Mask, MaskError> {
        mask::build(self, all_of)
    }

    /// Answers a query from the facts that the mask shows. The mask must have been made by this cube.
    pub fn query(&self, query: &Query, mask: &Mask) -> Result<Answer, QueryError> {
        self.query_within(query, mask, QueryLimits::default())
    }

    /// As [`query`](Self::query), with limits of its own.
    pub fn query_within(&self, query: &Query, mask: &Mask, limits: QueryLimits) -> Result<Answer, QueryError> {
        let selection = mask.selection(self)?;
        let resolved = resolve::resolve(query, self)?;
        let plan = Plan::new(&resolved, self, limits);
        let cells = scan::scan(&plan, selection)?;
        finish::finish(&resolved, &plan, &cells)
    }

    /// The members of a level that have a visible fact.
    pub fn members(&self, query: &MembersQuery, mask: &Mask, budget: &Budget<'_>) -> Result<Answer, QueryError> {
        member_list::list(self, query, mask, budget)
    }

    /// The visible facts themselves, with the rows of other tables that they lead to.
    pub fn drill_through(&self, query: &RowsQuery, mask: &Mask, budget: &Budget<'_>) -> Result<Answer, QueryError> {
        let columns: Vec<_> = self.reach.columns().collect();
        rows::read(&self.reach, &columns, mask.selection(self)?, query, budget)
    }

    /// None when something is wrong, which is then among the problems.
    pub(super) fn build(
        definition: &CubeDefinition,
        tables: &BTreeMap<String, Arc<Table>>,
        joins: &[Join],
        problems: &mut Problems,
    ) -> Option<Self> {
        let place = format!("cubes[{}]", definition.name);
        let facts = tables
            .get(&definition.fact_table)
            .ok_or_else(|| unknown("table", &definition.fact_table, tables.keys().map(String::as_str)));
        let facts = problems.keep(&format!("{place}.factTable"), facts)?;
        let reach = Arc::new(Reach::from_facts(facts, tables, joins, &place, problems));
        let hierarchies = members::hierarchies(definition, &reach, &place, problems);
        let measures = members::measures(definition, &reach, &place, problems);
        if !problems.is_empty() {
            return None;
        }
        let hierarchies = hierarchies
            .into_iter()
            .map(|hierarchy| {
                let columns: Vec<ColumnId> = hierarchy.columns.iter().map(|column| column.id).collect();
                Hierarchy::new(hierarchy.name, &columns, &reach)
            })
            .collect::<Vec<_>>();
        let (measures, numbers) = build_measures(&measures, facts);
        let schema = schema(definition, &reach, &hierarchies, &measures);
        Some(Self { schema, reach, hierarchies, measures, numbers, identity: Arc::new(()) })
    }
}

fn build_measures(named: &[NamedMeasure], facts: &Table) -> (Vec<Measure>, Vec<Arc<Numbers>>) {
    let mut columns: Vec<&str> = Vec::new();
    let mut numbers = Vec::new();
    let mut measures = Vec::new();
    for NamedMeasure { name, column: column_name, kind } in named {
        let Some(column) = facts.column(column_name) else { continue };
        let position = columns.iter().position(|known| known == column_name).or_else(|| {
            numbers.push(Arc::clone(column.numbers()?));
            columns.push(column_name);
            Some(columns.len() - 1)
        });
        let Some(position) = position else { continue };
        let kind = match kind {
            NamedMeasureKind::Sum => MeasureKind::Sum { column: position, column_type: column.column_type() },
            NamedMeasureKind::Mean => MeasureKind::Mean { column: position },
        };
        measures.push(Measure { name: name.clone(), kind });
    }
    measures.push(Measure { name: COUNT.to_owned(), kind: MeasureKind::Count });
    (measures, numbers)
}

fn schema(definition: &CubeDefinition, reach: &Reach, hierarchies: &[Hierarchy], measures: &[Measure]) -> CubeSchema {
    let hierarchy = |hierarchy: &Hierarchy| HierarchySchema {
        name: hierarchy.name.clone(),
        dimension: hierarchy.levels.first().map(|level| level.column.table.clone()).unwrap_or_default(),
        levels: hierarchy
            .levels
            .iter()
            .map(|level| LevelSchema {
                name: level.name.clone(),
                column: level.column.clone(),
                r#type: level.column_type(),
            })
            .collect(),
    };
    let measure = |measure: &Measure| MeasureSchema { name: measure.name.clone(), r#type: measure.result_type() };
    CubeSchema {
        name: definition.name.clone(),
        hierarchies: hierarchies.iter().map(hierarchy).collect(),
        measures: measures.iter().map(measure).collect(),
        reachable: reach.columns().map(|column| column.name()).collect(),
    }
}
