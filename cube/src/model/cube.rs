//! One cube: facts pre-joined to codes.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{
    definition::CubeDefinition,
    error::Problems,
    hierarchy::Hierarchy,
    join::Join,
    measure::Measure,
    members,
    reach::{Reach, ReachedColumn},
    schema::{CubeSchema, HierarchySchema, LevelSchema, MeasureSchema},
};
use crate::{
    aggregate::ColumnId,
    answer::Answer,
    budget::Budget,
    finish, fold,
    limits::{GATHERED_BYTES_MIN, GATHERED_TABLES_MAX},
    load::table::Table,
    mask::{self, Mask, MaskError, PathTest},
    nearest::unknown,
    request::{Query, QueryError, context::Number},
    resolve::{self, Resolved, names::LevelNames},
    room::Room,
    rows::{
        self,
        member_list::{self, MembersQuery},
        request::RowsQuery,
    },
    scope::{Granted, Scope},
    storage::zones::Zones,
    value::ColumnName,
    view::{View, per_level},
};

/// A stage of a query that has ended, and what came of it. Counts are of what the mask shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Names have been looked up.
    Resolved,
    /// Facts have been folded into cells.
    Scanned {
        /// Facts that the filter leaves.
        facts_matched: u64,
        /// Combinations of members that have such a fact.
        cells: usize,
    },
    /// Cells have become rows.
    Finished {
        /// Rows of the answer.
        rows: usize,
    },
}

/// A cube, ready to answer.
#[derive(Debug)]
pub struct Cube {
    schema: CubeSchema,
    pub(crate) reach: Arc<Reach>,
    pub(crate) hierarchies: Vec<Hierarchy>,
    pub(crate) level_names: LevelNames,
    pub(crate) measures: Vec<Measure>,
    /// Numbers that expressions read, for queries that bring no other.
    pub(crate) values: BTreeMap<String, Number>,
    /// Shared with the masks made by this cube, so that they fit no other.
    pub(crate) identity: Arc<()>,
    /// The bounds of the nodes of each chunk, by hierarchy and level, made when a query first asks for them.
    pub(crate) zones: Vec<Vec<OnceLock<Zones>>>,
    /// For what masks gather.
    pub(crate) room: Arc<Room>,
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
    pub fn mask(&self, all_of: &[Vec<Vec<PathTest>>]) -> Result<Mask, MaskError> {
        mask::build(self, all_of)
    }

    /// Answers a query from the facts that the mask shows. The mask must have been made by this cube.
    pub fn query<'s>(&self, query: &Query, scope: impl Into<Scope<'s>>) -> Result<Answer, QueryError> {
        self.query_within(query, scope, &Budget::default())
    }

    /// As [`query`](Self::query), at a cost that is bounded; what the query itself asks for can only bound it more.
    pub fn query_within<'s>(
        &self,
        query: &Query,
        scope: impl Into<Scope<'s>>,
        budget: &Budget<'_>,
    ) -> Result<Answer, QueryError> {
        self.query_watched(query, scope, budget, &mut |_| {})
    }

    /// As [`query_within`](Self::query_within), telling `watch` whenever a stage has ended: whoever has a clock can look at it.
    pub fn query_watched<'s>(
        &self,
        query: &Query,
        scope: impl Into<Scope<'s>>,
        budget: &Budget<'_>,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Answer, QueryError> {
        let Scope { mask, measures } = scope.into();
        mask.check(self)?;
        let resolved = resolve::resolve(query, self, measures)?;
        watch(Stage::Resolved);
        let limits = query.context.tighten(budget.limits);
        let cells_total_max = query.context.result_limit.total_max(limits.accumulators_max);
        let budget = Budget { limits, ..*budget };
        let Resolved { facts, groups, aggregates, .. } = &resolved;
        let kept = mask.cuboids().filter(|_| query.cache);
        let cells = if let Some(cells) = kept.and_then(|kept| kept.find(self, facts, groups, aggregates)) {
            cells.check(limits)?;
            cells
        } else {
            let gathered = mask.gathered();
            let view = match &gathered {
                Some(gathered) => View::gathered(self, gathered, facts, groups, aggregates),
                None => View::masked(self, mask.selection(self)?),
            };
            let cells = fold::scan(&view, facts, groups, aggregates, &budget)?;
            if let Some(kept) = kept {
                kept.keep(self, facts.clone(), groups, aggregates, &cells);
            }
            cells
        };
        watch(Stage::Scanned { facts_matched: cells.fact_count(), cells: cells.len() });
        let answer = finish::finish(self, &resolved, cells, cells_total_max, &budget)?;
        watch(Stage::Finished { rows: answer.row_count() });
        Ok(answer)
    }

    /// The members of a level that have a visible fact.
    pub fn members(&self, query: &MembersQuery, mask: &Mask, budget: &Budget<'_>) -> Result<Answer, QueryError> {
        member_list::list(self, query, mask, budget)
    }

    /// The visible facts themselves, with the rows of other tables that they lead to.
    pub fn drill_through<'s>(
        &self,
        query: &RowsQuery,
        scope: impl Into<Scope<'s>>,
        budget: &Budget<'_>,
    ) -> Result<Answer, QueryError> {
        let Scope { mask, measures } = scope.into();
        let is_shown = |column: &ReachedColumn<'_>| self.shows(column.id, measures);
        let columns = self.reach.columns().filter(is_shown).collect();
        rows::read(&self.reach, &columns, &columns.all(), mask.selection(self)?, query, budget)
    }

    /// Whether rows have a column for those who are granted these measures: if they are all, if a level is made of the column,
    /// or if one of them is of this column alone and a query can group single facts, so that it tells the column anyway.
    pub fn shows_column(&self, column: &ColumnName, measures: &Granted) -> bool {
        self.reach.column(column).is_some_and(|column| self.shows(column.id, measures))
    }

    fn shows(&self, column: ColumnId, measures: &Granted) -> bool {
        if *measures == Granted::All {
            return true;
        }
        let Some(name) = self.reach.at(column).map(|column| column.name()) else { return false };
        let mut granted = self.measures.iter().filter(|measure| measures.contains(&measure.name));
        self.has_level_of(&name) || self.tells_facts_apart() && granted.any(|measure| measure.kind.tells(column))
    }

    fn has_level_of(&self, column: &ColumnName) -> bool {
        self.hierarchies.iter().flat_map(|hierarchy| &hierarchy.levels).any(|level| level.column == *column)
    }

    /// Whether a query can group single facts: the fact table has a key, and levels are made of it.
    fn tells_facts_apart(&self) -> bool {
        let facts = self.reach.fact_table();
        let of_facts = |key: &str| ColumnName { table: facts.name.clone(), column: key.to_owned() };
        let mut keys = facts.key_names().peekable();
        keys.peek().is_some() && keys.all(|key| self.has_level_of(&of_facts(key)))
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
        let measures = members::measures(definition, &reach, tables, &hierarchies, &place, problems);
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
        let schema = schema(definition, &reach, &hierarchies, &measures);
        let level_names = LevelNames::of_hierarchies(&hierarchies);
        let room = Room::of_bytes(GATHERED_BYTES_MIN.max(GATHERED_TABLES_MAX * reach.fact_table().bytes()));
        let room = Arc::new(room);
        let zones = per_level(&hierarchies);
        let values = definition.values.clone();
        Some(Self { schema, reach, hierarchies, level_names, measures, values, identity: Arc::new(()), zones, room })
    }
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
    let measure = |measure: &Measure| MeasureSchema { name: measure.name.clone(), r#type: measure.result_type };
    CubeSchema {
        name: definition.name.clone(),
        hierarchies: hierarchies.iter().map(hierarchy).collect(),
        measures: measures.iter().map(measure).collect(),
        reachable: reach.columns().map(|column| column.name()).collect(),
    }
}
