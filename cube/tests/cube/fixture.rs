//! `cube().table(…).join(…).build()`: a model of one cube from text.

use std::collections::BTreeSet;

use cubegate_cube::{
    Answer, ColumnName, ColumnType, Cube, CubeDefinition, HierarchyDefinition, JoinDefinition, LoadErrors, Mask,
    MeasureDefinition, Mode, Model, ModelDefinition, ModelError, Number, PathTest, Paths, Query, QueryError, Table,
    TableDefinition, csv,
};
use serde_json::{Value, json};

pub(crate) const CUBE: &str = "Cube";

/// A model to be. The first table has the facts.
#[derive(Clone, Default)]
pub(crate) struct Fixture {
    tables: Vec<(TableDefinition, String)>,
    definition: CubeDefinition,
    joins: Vec<JoinDefinition>,
}

pub(crate) struct Built {
    pub(crate) model: Model,
}

pub(crate) fn cube() -> Fixture {
    Fixture::default()
}

/// Reads a table called `Table` from `table.csv`.
pub(crate) fn load(keys: &[&str], text: impl AsRef<[u8]>) -> Result<Table, LoadErrors> {
    csv::read(&definition("Table", keys), "table.csv", text.as_ref())
}

pub(crate) fn definition(name: &str, keys: &[&str]) -> TableDefinition {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    TableDefinition { name: name.to_owned(), keys, ..TableDefinition::default() }
}

pub(crate) fn is_in(table: &str, column: &str, values: &[&str]) -> PathTest {
    path_in(&[(table, column)], &values.iter().map(std::slice::from_ref).collect::<Vec<_>>())
}

/// Columns as table and name.
pub(crate) fn path_in(columns: &[(&str, &str)], paths: &[&[&str]]) -> PathTest {
    let column =
        |(table, column): &(&str, &str)| ColumnName { table: (*table).to_owned(), column: (*column).to_owned() };
    let paths = paths.iter().map(|path| texts(path)).collect::<BTreeSet<_>>();
    PathTest { columns: columns.iter().map(column).collect(), negated: false, paths: Paths::In(paths) }
}

/// Without an end where it is empty.
pub(crate) fn between(from: &[&str], to: &[&str]) -> Paths {
    Paths::Between { from: texts(from), to: texts(to) }
}

fn texts(path: &[&str]) -> Vec<String> {
    path.iter().map(|text| (*text).to_owned()).collect()
}

impl Fixture {
    pub(crate) fn table(mut self, name: &str, keys: &[&str], text: impl Into<String>) -> Self {
        self.tables.push((definition(name, keys), text.into()));
        self
    }

    /// Gives a column of the last table a type.
    pub(crate) fn typed(mut self, column: &str, column_type: ColumnType) -> Self {
        self.tables.last_mut().unwrap().0.column_types.insert(column.to_owned(), column_type);
        self
    }

    pub(crate) fn join(mut self, from: &str, to: &str, on: &[(&str, &str)]) -> Self {
        let on = on.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        self.joins.push(JoinDefinition { from: from.to_owned(), to: to.to_owned(), on });
        self
    }

    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.definition.mode = mode;
        self
    }

    pub(crate) fn hierarchy(mut self, name: &str, levels: &[&str]) -> Self {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        self.definition.hierarchies.push(HierarchyDefinition { name: name.to_owned(), levels });
        self
    }

    pub(crate) fn without(mut self, hierarchies: &[&str]) -> Self {
        self.definition.remove_hierarchies.extend(hierarchies.iter().map(|name| (*name).to_owned()));
        self
    }

    pub(crate) fn measure(mut self, measure: MeasureDefinition) -> Self {
        self.definition.measures.push(measure);
        self
    }

    pub(crate) fn value(mut self, name: &str, number: &str) -> Self {
        self.definition.values.insert(name.to_owned(), Number::parse(number).unwrap());
        self
    }

    pub(crate) fn build(self) -> Built {
        Built { model: self.try_build().unwrap() }
    }

    pub(crate) fn try_build(self) -> Result<Model, Vec<ModelError>> {
        let Self { tables, mut definition, joins } = self;
        CUBE.clone_into(&mut definition.name);
        if definition.fact_table.is_empty() {
            definition.fact_table.clone_from(&tables[0].0.name);
        }
        let names = tables.iter().map(|(table, _)| table.name.clone()).collect();
        let load = |(table, text): &(TableDefinition, String)| {
            (table.name.clone(), csv::read(table, &format!("{}.csv", table.name), text.as_bytes()).unwrap())
        };
        let loaded = tables.iter().map(load).collect();
        Model::build(&ModelDefinition { tables: names, joins, cubes: vec![definition] }, loaded)
    }

    /// The mistakes of a model that cannot be built, a line each.
    pub(crate) fn mistakes(self) -> Vec<String> {
        self.try_build().unwrap_err().iter().map(ToString::to_string).collect()
    }
}

impl Built {
    pub(crate) fn cube(&self) -> &Cube {
        self.model.cube(CUBE).unwrap()
    }

    pub(crate) fn everything(&self) -> Mask {
        self.cube().mask(&[]).unwrap()
    }

    pub(crate) fn try_ask(&self, query: Value) -> Result<Answer, QueryError> {
        let query: Query = serde_json::from_value(query).unwrap();
        self.cube().query(&query, &self.everything())
    }

    /// The rows of an unrestricted answer.
    pub(crate) fn ask(&self, query: Value) -> Value {
        rows(&self.try_ask(query).unwrap())
    }

    /// The rows that a restricted caller gets.
    pub(crate) fn ask_masked(&self, all_of: &[Vec<Vec<PathTest>>], query: Value) -> Value {
        let query: Query = serde_json::from_value(query).unwrap();
        let mask = self.cube().mask(all_of).unwrap();
        rows(&self.cube().query(&query, &mask).unwrap())
    }

    pub(crate) fn refusal(&self, query: Value) -> String {
        self.try_ask(query).unwrap_err().to_string()
    }
}

/// The rows as JSON values. Not read back from text, which would round numbers.
pub(crate) fn rows(answer: &Answer) -> Value {
    (0..answer.row_count()).map(|row| serde_json::to_value(answer.row(row)).unwrap()).collect()
}

pub(crate) fn column_names(answer: &Answer) -> Vec<&str> {
    answer.columns().iter().map(|column| column.name.as_str()).collect()
}

/// The members of each column with the number of their rows, as a cube shows them; and the type of the column.
pub(crate) fn shown(table: Table, columns: &[&str]) -> Vec<(Value, Value)> {
    let definition = CubeDefinition {
        name: "C".to_owned(),
        fact_table: "T".to_owned(),
        mode: Mode::Manual,
        hierarchies: columns
            .iter()
            .map(|column| HierarchyDefinition { name: (*column).to_owned(), levels: vec![format!("T/{column}")] })
            .collect(),
        ..CubeDefinition::default()
    };
    let model = ModelDefinition { tables: vec!["T".to_owned()], cubes: vec![definition], ..ModelDefinition::default() };
    let model = Model::build(&model, [("T".to_owned(), table)].into()).unwrap();
    let cube = model.cube("C").unwrap();
    let mask = cube.mask(&[]).unwrap();
    let ask = |column: &&str| {
        let query: Query =
            serde_json::from_value(json!({"measures": ["contributors.COUNT"], "levels": [column]})).unwrap();
        let answer = cube.query(&query, &mask).unwrap();
        (serde_json::to_value(answer.columns()[0].r#type.to_string()).unwrap(), rows(&answer))
    };
    columns.iter().map(ask).collect()
}

/// Two countries, three shops, one sale without a shop.
pub(crate) fn retail() -> Fixture {
    let sales = "Sale ID,Date,Shop,Product,Quantity,Unit price\n\
        1,2021-01-01,s1,tea,2,1.5\n\
        2,2021-01-01,s2,tea,3,1.5\n\
        3,2021-01-02,s3,jam,5,0.1\n\
        4,2021-01-03,s3,tea,,0.2\n\
        5,2021-01-03,nowhere,jam,7,\n";
    let shops = "Shop ID,City,Country,Staff\n\
        s1,Saint-Étienne,France,4\n\
        s2,Paris,France,6\n\
        s3,San Antonio,USA,9\n";
    cube()
        .table("Sales", &["Sale ID"], sales)
        .typed("Quantity", ColumnType::Double)
        .table("Shops", &["Shop ID"], shops)
        .join("Sales", "Shops", &[("Shop", "Shop ID")])
}

pub(crate) fn by_city() -> Value {
    json!({"measures": ["Quantity.SUM"], "levels": ["City"]})
}
