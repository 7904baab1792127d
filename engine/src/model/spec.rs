//! Tables, joins and cubes as a Session declares them, and as the cube crate understands them.

use cubegate_api::{
    SessionSpec,
    model::{self, Column, CsvLocation, Source},
};
use cubegate_cube as cube;
use serde::{Deserialize, Serialize};

/// The model part of a Session's spec: three fields of it, verbatim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSpec {
    /// Tables and where their rows come from.
    pub tables: Vec<model::Table>,
    /// How rows of one table find their row in another.
    #[serde(default)]
    pub joins: Vec<model::Join>,
    /// Cubes over these tables.
    pub cubes: Vec<model::Cube>,
}

impl From<&SessionSpec> for ModelSpec {
    fn from(spec: &SessionSpec) -> Self {
        Self { tables: spec.tables.clone(), joins: spec.joins.clone(), cubes: spec.cubes.clone() }
    }
}

impl ModelSpec {
    /// What the cube crate is told of the tables, with the place of each.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (cube::TableDefinition, &CsvLocation)> {
        self.tables.iter().map(|table| {
            let model::Table { name, source: Source::Csv(location), keys, columns } = table;
            let definition = cube::TableDefinition {
                name: name.clone(),
                keys: keys.clone(),
                column_types: columns
                    .iter()
                    .map(|(column, Column { r#type })| (column.clone(), column_type(*r#type)))
                    .collect(),
                on_bad_row: cube::OnBadRow::Fail,
            };
            (definition, location)
        })
    }

    /// What the cube crate is told of joins and cubes; or what is wrong with them by themselves.
    pub(crate) fn definition(&self) -> Result<cube::ModelDefinition, Vec<String>> {
        let mut errors = Vec::new();
        let cubes = self.cubes.iter().cloned().map(|cube| cube_definition(cube, &mut errors)).collect();
        let tables = self.tables.iter().map(|table| table.name.clone()).collect();
        let definition = cube::ModelDefinition { tables, joins: self.joins.iter().cloned().map(join).collect(), cubes };
        if errors.is_empty() { Ok(definition) } else { Err(errors) }
    }
}

fn column_type(declared: model::ColumnType) -> cube::ColumnType {
    match declared {
        model::ColumnType::String => cube::ColumnType::String,
        model::ColumnType::Bool => cube::ColumnType::Bool,
        model::ColumnType::Int64 => cube::ColumnType::Int64,
        model::ColumnType::Double => cube::ColumnType::Double,
        model::ColumnType::Date => cube::ColumnType::Date,
    }
}

fn join(declared: model::Join) -> cube::JoinDefinition {
    let model::Join { from, to, on } = declared;
    cube::JoinDefinition { from, to, on }
}

fn cube_definition(declared: model::Cube, errors: &mut Vec<String>) -> cube::CubeDefinition {
    let model::Cube { name, fact_table, mode, hierarchies, remove_hierarchies, measures } = declared;
    let measures = measures
        .into_iter()
        .filter_map(|declared| measure(declared).map_err(|error| errors.push(format!("cube {name}: {error}"))).ok())
        .collect();
    cube::CubeDefinition {
        name,
        fact_table,
        mode: match mode {
            model::Mode::Auto => cube::Mode::Auto,
            model::Mode::NoMeasures => cube::Mode::NoMeasures,
            model::Mode::Manual => cube::Mode::Manual,
        },
        hierarchies: hierarchies
            .into_iter()
            .map(|model::Hierarchy { name, levels }| cube::HierarchyDefinition { name, levels })
            .collect(),
        remove_hierarchies,
        measures,
    }
}

/// The schema admits exactly one of `sum` and `mean`, but a model file may come from anywhere.
fn measure(declared: model::Measure) -> Result<cube::MeasureDefinition, String> {
    let model::Measure { name, sum, mean } = declared;
    let kind = match (sum, mean) {
        (Some(column), None) => cube::MeasureFormula::Sum(column),
        (None, Some(column)) => cube::MeasureFormula::Mean(column),
        _ => return Err(format!("measure {name}: write exactly one of `sum` and `mean`")),
    };
    Ok(cube::MeasureDefinition { name, kind })
}
