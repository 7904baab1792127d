//! Our side: the star as a cube, asked in its own JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use cubegate_cube::{
    Answer, Cell, ColumnType, Cube, CubeDefinition, HierarchyDefinition, JoinDefinition, Mask, MeasureDefinition,
    MeasureFormula, Mode, Model, ModelDefinition, TableDefinition, csv,
};
use serde_json::json;

use crate::{
    data::Data,
    memory,
    queries::{Comparison, Measure, Query, Test, Value, queries},
    restriction::Restriction,
    rows::Rows,
    schema::{FACTS, HIERARCHIES, Kind, TABLES, TableSpec, table_of},
};

const CUBE: &str = "Lineorder";

/// The star, loaded.
pub(crate) struct Ours {
    model: Model,
    /// From the files to a cube that answers.
    pub(crate) load: Duration,
    /// What the process grew by when it loaded.
    pub(crate) resident_bytes: u64,
    resident_bytes_before: u64,
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
            let bytes = std::fs::File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let loaded = csv::read(&definition(table), &file.display().to_string(), bytes)?;
            tables.insert(table.name.to_owned(), loaded);
        }
        let mistakes = |errors: Vec<_>| anyhow!("the model is wrong: {errors:?}");
        let model = Model::build(&model_definition(), tables).map_err(mistakes)?;
        let load = start.elapsed();
        let resident_bytes = memory::resident_bytes()?.saturating_sub(before);
        Ok(Self { model, load, resident_bytes, resident_bytes_before: before })
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

    /// What the process has grown by since before it loaded, lazily made parts of the cube included.
    pub(crate) fn resident_bytes_now(&self) -> Result<u64> {
        Ok(memory::resident_bytes()?.saturating_sub(self.resident_bytes_before))
    }

    /// Number of members of the finest level of a hierarchy, which decides how wide its codes are.
    fn leaf_count(&self, levels: &[&str]) -> Result<usize> {
        let leaf = levels.last().context("a hierarchy has levels")?;
        let question = Question { levels: vec![(*leaf).to_owned()], ..Question::default() };
        let everything = self.cube().mask(&[])?;
        Ok(self.answer(&question, &everything)?.row_count())
    }
}

/// How many bytes of each fact a query must read when every fact is looked at: a code per hierarchy, in 8, 16 or 32 bits
/// by the number of its members, and a number per column, as narrow as the column's numbers allow.
pub(crate) struct Widths(BTreeMap<&'static str, usize>);

impl Widths {
    pub(crate) fn of(ours: &Ours) -> Result<Self> {
        let code_bytes = |count| match count {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let widths = HIERARCHIES.iter().map(|(name, levels)| Ok((*name, code_bytes(ours.leaf_count(levels)?))));
        Ok(Self(widths.collect::<Result<_>>()?))
    }

    pub(crate) fn bytes_per_fact(&self, query: &Query) -> usize {
        let levels = query.groups.iter().copied().chain(query.filter.iter().map(|test| test.column));
        let distinct = query.measures.iter().filter_map(|measure| match measure {
            Measure::DistinctCount(column) => Some(*column),
            _ => None,
        });
        let hierarchies = levels.chain(distinct).filter_map(hierarchy_of).map(|(name, _)| *name);
        let codes = hierarchies.collect::<BTreeSet<_>>().into_iter().filter_map(|name| self.0.get(name)).sum::<usize>();
        let numbers = query.measures.iter().filter(|measure| !matches!(measure, Measure::DistinctCount(_)));
        let numbers: BTreeSet<&str> = numbers.flat_map(Measure::columns).collect();
        codes + numbers.into_iter().map(number_bytes).sum::<usize>()
    }
}

fn number_bytes(column: &str) -> usize {
    let columns = table_of(column).into_iter().flat_map(|table| table.columns);
    match columns.into_iter().find(|known| known.name == column).map(|column| column.kind) {
        Some(Kind::Small) => 1,
        Some(Kind::Medium) => 2,
        _ => 4,
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
    // No peer keeps answers, or cells of earlier ones.
    let mut document = json!({"measures": names, "levels": query.groups, "totals": query.totals, "cache": false});
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
        Kind::Small | Kind::Medium | Kind::Large | Kind::Money => ColumnType::Int64,
        Kind::Category | Kind::Name => ColumnType::String,
        Kind::Date => ColumnType::Date,
    };
    TableDefinition {
        name: table.name.to_owned(),
        keys: table.join.iter().map(|(_, key)| (*key).to_owned()).collect(),
        column_types: table.columns.iter().map(|column| (column.name.to_owned(), column_type(column.kind))).collect(),
        ..TableDefinition::default()
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
        measures: measure_definitions(),
        ..CubeDefinition::default()
    };
    ModelDefinition {
        tables: TABLES.iter().map(|table| table.name.to_owned()).collect(),
        joins: TABLES.iter().filter_map(join).collect(),
        cubes: vec![cube],
    }
}

/// Each measure that a query asks for, once, and those that an expression is made of.
fn measure_definitions() -> Vec<MeasureDefinition> {
    let all = queries();
    let measures = all.iter().flat_map(|query| &query.measures);
    let operands = measures.clone().flat_map(|measure| match measure {
        Measure::SumDifference(one, other) => vec![Measure::Sum(one), Measure::Sum(other)],
        _ => Vec::new(),
    });
    let measures = measures.copied().chain(operands);
    let named: BTreeMap<String, MeasureFormula> =
        measures.filter_map(|measure| Some((measure_name(&measure), formula(&measure)?))).collect();
    named.into_iter().map(|(name, kind)| MeasureDefinition { name, kind }).collect()
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

/// None for the count, which every cube has.
fn formula(measure: &Measure) -> Option<MeasureFormula> {
    Some(match measure {
        Measure::Count => return None,
        Measure::Sum(column) => MeasureFormula::Sum((*column).to_owned()),
        Measure::SumProduct(one, other) => MeasureFormula::SumProduct(vec![(*one).to_owned(), (*other).to_owned()]),
        Measure::SumDifference(one, other) => MeasureFormula::Expression(format!("[{one}.SUM] - [{other}.SUM]")),
        Measure::DistinctCount(column) => MeasureFormula::DistinctCount((*column).to_owned()),
    })
}
