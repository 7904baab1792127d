//! Tables, joins and cubes as a Session declares them, and as the cube crate understands them.

use std::{collections::BTreeMap, time::Duration};

use cubegate_api::{
    SessionSpec,
    context::ContextValues,
    model::{self, Column, Interval, Number, Source},
};
use cubegate_cube as cube;
use serde::{Deserialize, Serialize};

use super::measure;
use crate::limits::REFRESH_MIN;

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

/// A table to be read: what the cube crate is told of it, where it is, and how often to look.
pub(super) struct TableToRead {
    pub(super) definition: cube::TableDefinition,
    pub(super) source: Source,
    pub(super) refresh: Option<Duration>,
}

impl From<&SessionSpec> for ModelSpec {
    fn from(spec: &SessionSpec) -> Self {
        Self { tables: spec.tables.clone(), joins: spec.joins.clone(), cubes: spec.cubes.clone() }
    }
}

impl ModelSpec {
    /// The tables in the order in which they are declared.
    pub(super) fn tables(&self) -> impl Iterator<Item = TableToRead> {
        self.tables.iter().map(|table| {
            let model::Table { name, source, keys, columns, on_bad_row, refresh } = table;
            let column_type = |(column, Column { r#type }): (&String, &Column)| (column.clone(), column_type(*r#type));
            let definition = cube::TableDefinition {
                name: name.clone(),
                keys: keys.clone(),
                column_types: columns.iter().map(column_type).collect(),
                on_bad_row: match on_bad_row {
                    model::OnBadRow::Fail => cube::OnBadRow::Fail,
                    model::OnBadRow::Skip => cube::OnBadRow::Skip,
                },
            };
            let refresh = refresh.map(|interval: Interval| interval.duration().max(REFRESH_MIN));
            TableToRead { definition, source: source.clone(), refresh }
        })
    }

    /// What the cube crate is told of joins and cubes; or what is wrong with them by themselves.
    pub(super) fn definition(&self) -> Result<cube::ModelDefinition, Vec<String>> {
        let mut errors = Vec::new();
        let cubes = self.cubes.iter().cloned().map(|cube| cube_definition(cube, &mut errors)).collect();
        let tables = self.tables.iter().map(|table| table.name.clone()).collect();
        let definition = cube::ModelDefinition { tables, joins: self.joins.iter().cloned().map(join).collect(), cubes };
        if errors.is_empty() { Ok(definition) } else { Err(errors) }
    }

    /// What a cube gives to everybody, by cube.
    pub(super) fn contexts(&self) -> BTreeMap<String, ContextValues> {
        self.cubes.iter().map(|cube| (cube.name.clone(), cube.context.clone())).collect()
    }
}

fn column_type(declared: model::ColumnType) -> cube::ColumnType {
    match declared {
        model::ColumnType::String => cube::ColumnType::String,
        model::ColumnType::Bool => cube::ColumnType::Bool,
        model::ColumnType::Int64 => cube::ColumnType::Int64,
        model::ColumnType::Double => cube::ColumnType::Double,
        model::ColumnType::Decimal { precision, scale } => cube::ColumnType::Decimal { precision, scale },
        model::ColumnType::Date => cube::ColumnType::Date,
        model::ColumnType::Timestamp => cube::ColumnType::Timestamp,
    }
}

fn join(declared: model::Join) -> cube::JoinDefinition {
    let model::Join { from, to, on } = declared;
    cube::JoinDefinition { from, to, on }
}

fn cube_definition(declared: model::Cube, errors: &mut Vec<String>) -> cube::CubeDefinition {
    let model::Cube { name, fact_table, mode, hierarchies, remove_hierarchies, measures, context } = declared;
    let mut measure = |declared| {
        let measure = measure::definition(declared);
        measure.map_err(|error| errors.push(format!("cube {name}: {error}"))).ok()
    };
    let measures = measures.into_iter().filter_map(&mut measure).collect();
    let number = |(value, number): (String, Number)| {
        let read = cube::Number::parse(number.as_str()).ok_or_else(|| format!("`{number}` is not a number"));
        read.map(|read| (value, read))
    };
    let values = context.values.into_iter().map(number);
    let values = values.filter_map(|value| value.map_err(|error| errors.push(format!("cube {name}: {error}"))).ok());
    let values = values.collect();
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
        values,
    }
}
