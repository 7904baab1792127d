//! Our side: the star as a cube, asked in its own JSON.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use cubegate_cube::{
    Answer, Cell, ColumnType, Cube, CubeDefinition, HierarchyDefinition, JoinDefinition, Mask, MeasureDefinition, Mode,
    Model, ModelDefinition, TableDefinition, csv,
};
use serde_json::json;

use crate::{
    data::Data,
    memory,
    queries::{Comparison, Measure, Query, Test, Value, queries},
    restriction::Restriction,
    rows::Rows,
    schema::{FACTS, HIERARCHIES, Kind, TABLES, TableSpec},
};

const CUBE: &str = "Lineorder";

/// The star, loaded.
pub(crate) struct Ours {
    model: Model,
    /// From the files to a cube that answers.
    pub(crate) load: Duration,
    /// What the process grew by.
    pub(crate) resident_bytes: u64,
}

/// A query in our own form.
pub(crate) type Question = cubegate_cube::Query;

impl Ours {
    pub(crate) fn load(data: &Data) -> Result<Self> {
        let before = memory::resident_bytes()?;
        let start = Instant::now();
        let mut tables = BTreeMap::new();
        for table in &TABLES {
            let file = data.file(table);
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let loaded = csv::read(&definition(table), &file.display().to_string(), &bytes)?;
            tables.insert(table.name.to_owned(), loaded);
        }
        let mistakes = |errors: Vec<_>| anyhow!("the model is wrong: {errors:?}");
        let model = Model::build(&model_definition(), tables).map_err(mistakes)?;
        let load = start.elapsed();
        Ok(Self { model, load, resident_bytes: memory::resident_bytes()?.saturating_sub(before) })
    }

    pub(crate) fn cube(&self) -> &Cube {
        self.model.cube(CUBE).expect("the model was built with this cube")
    }

    pub(crate) fn mask(&self, restriction: &Restriction) -> Result<Mask> {
        Ok(self.cube().mask(&restriction.clauses())?)
    }

    pub(crate) fn answer(&self, question: &Question, mask: &Mask) -> Result<Answer> {
        Ok(self.cube().query(question, mask)?)
    }

    /// Number of members of the finest level of the hierarchy that has a column, which decides how wide its codes are.
    pub(crate) fn leaf_count(&self, column: &str) -> Result<usize> {
        let leaf = hierarchy_of(column).and_then(|(_, levels)| levels.last());
        let leaf = leaf.with_context(|| format!("no hierarchy has the column {column}"))?;
        let question = Question { levels: vec![(*leaf).to_owned()], ..Question::default() };
        let everything = self.cube().mask(&[])?;
        Ok(self.answer(&question, &everything)?.row_count())
    }
}

/// The hierarchy that has a column.
pub(crate) fn hierarchy_of(column: &str) -> Option<&'static (&'static str, &'static [&'static str])> {
    let is_level = |level: &&str| level.split_once('/').is_some_and(|(_, name)| name == column);
    HIERARCHIES.iter().find(|(_, levels)| levels.iter().any(is_level))
}

/// The query as a user would post it.
pub(crate) fn question(query: &Query) -> Result<Question> {
    let names: Vec<String> = query.measures.iter().map(measure_name).collect();
    let filter: Vec<serde_json::Value> = query.filter.iter().map(filter).collect();
    let mut document = json!({"measures": names, "levels": query.groups, "totals": query.totals});
    if let (Some(document), false) = (document.as_object_mut(), filter.is_empty()) {
        document.insert("filter".to_owned(), json!({"and": filter}));
    }
    serde_json::from_value(document).with_context(|| format!("{} cannot be asked", query.name))
}

/// The columns that were asked for, in the order in which they were; a level's ancestors are left out.
pub(crate) fn rows(query: &Query, answer: &Answer) -> Result<Rows> {
    let position = |name: &str| {
        let found = answer.columns().iter().position(|column| column.name == name);
        found.with_context(|| format!("{}: the answer has no column {name}", query.name))
    };
    let measures = query.measures.iter().map(measure_name).map(|name| position(&name));
    let groups = query.groups.iter().map(|name| position(name));
    let columns = groups.chain(measures).collect::<Result<Vec<usize>>>()?;
    let row = |index: usize| {
        let cells = answer.row(index);
        columns.iter().filter_map(|column| cells.get(*column)).map(text).collect::<Vec<_>>().join("\t")
    };
    Ok(Rows::new((0..answer.row_count()).map(row).collect()))
}

fn text(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => Rows::NULL.to_owned(),
        Cell::Text(text) => (*text).to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int64(number) => number.to_string(),
        Cell::Double(number) => number.to_string(),
        Cell::Decimal { units, scale: 0 } => units.to_string(),
        Cell::Decimal { units, scale } => format!("{units}e-{scale}"),
        Cell::Date(date) => date.to_string(),
        Cell::Timestamp(timestamp) => timestamp.to_string(),
    }
}

fn filter(test: &Test) -> serde_json::Value {
    let value = |value: &Value| serde_json::to_value(value).expect("texts and integers can be written");
    match &test.comparison {
        Comparison::In(values) => match values.as_slice() {
            [only] => json!({"level": test.column, "equals": value(only)}),
            several => json!({"level": test.column, "in": several.iter().map(value).collect::<Vec<_>>()}),
        },
        Comparison::Between(from, to) => {
            json!({"level": test.column, "between": {"from": value(from), "to": value(to)}})
        }
    }
}

fn definition(table: &TableSpec) -> TableDefinition {
    let column_type = |kind| match kind {
        Kind::Small | Kind::Medium | Kind::Large => ColumnType::Int64,
        Kind::Category | Kind::Name => ColumnType::String,
        Kind::Date => ColumnType::Date,
    };
    TableDefinition {
        name: table.name.to_owned(),
        keys: table.join.iter().map(|(_, key)| (*key).to_owned()).collect(),
        column_types: table.columns.iter().map(|column| (column.name.to_owned(), column_type(column.kind))).collect(),
    }
}

fn model_definition() -> ModelDefinition {
    let join = |table: &TableSpec| {
        let (from, to) = table.join?;
        let on = BTreeMap::from([(from.to_owned(), to.to_owned())]);
        Some(JoinDefinition { from: FACTS.to_owned(), to: table.name.to_owned(), on })
    };
    let hierarchy = |(name, levels): &(&str, &[&str])| HierarchyDefinition {
        name: (*name).to_owned(),
        levels: levels.iter().map(|level| (*level).to_owned()).collect(),
    };
    let cube = CubeDefinition {
        name: CUBE.to_owned(),
        fact_table: FACTS.to_owned(),
        mode: Mode::Manual,
        hierarchies: HIERARCHIES.iter().map(hierarchy).collect(),
        remove_hierarchies: Vec::new(),
        measures: measure_definitions(),
    };
    ModelDefinition {
        tables: TABLES.iter().map(|table| table.name.to_owned()).collect(),
        joins: TABLES.iter().filter_map(join).collect(),
        cubes: vec![cube],
    }
}

/// Each measure that a query asks for, once.
fn measure_definitions() -> Vec<MeasureDefinition> {
    let all = queries();
    let measures = all.iter().flat_map(|query| &query.measures);
    let named: BTreeMap<String, MeasureDefinition> =
        measures.filter_map(|measure| Some((measure_name(measure), measure_definition(measure)?))).collect();
    named.into_values().collect()
}

fn measure_name(measure: &Measure) -> String {
    match measure {
        Measure::Count => "contributors.COUNT".to_owned(),
        Measure::Sum(column) => format!("{column}.SUM"),
        Measure::SumProduct(one, other) => format!("{one} × {other}"),
        Measure::SumDifference(one, other) => format!("{one} − {other}"),
        Measure::DistinctCount(column) => format!("{column}.DISTINCT"),
    }
}

fn measure_definition(measure: &Measure) -> Option<MeasureDefinition> {
    let name = measure_name(measure);
    match measure {
        Measure::Sum(column) => Some(MeasureDefinition::Sum { name, column: (*column).to_owned() }),
        _ => None,
    }
}
