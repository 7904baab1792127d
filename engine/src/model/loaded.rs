//! A model with its tables in memory, and the masks made of it so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use cubegate_cube as cube;
use cubegate_policy::{
    bind::{CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, PathTest, Paths, TableShape, Visibility},
    context::{self, ContextValues},
    snapshot::ColumnName,
};
use moka::sync::Cache;

use super::{
    ModelSource, ModelSpec,
    answers::{Answers, visibility_bytes},
    loader::Loader,
};
use crate::limits::{MASK_CACHE_BYTES_MAX, MASKS_MIN};

/// Why a model cannot be loaded: every error at once.
#[derive(Debug, thiserror::Error)]
#[error("the model cannot be loaded: {}", errors.join("; "))]
pub struct ModelError {
    /// One sentence per error.
    pub errors: Vec<String>,
}

/// An immutable model, with a cache of the masks that were asked for.
pub(crate) struct LoadedModel {
    model: cube::Model,
    shape: ModelShape,
    /// By cube; one that says nothing is not there.
    contexts: BTreeMap<String, ContextValues>,
    /// By place and canonical visibility, never by user or role: equal restrictions share one mask.
    masks: Cache<(Place, Visibility), cube::Mask>,
    answers: Answers,
}

/// What a mask is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Cube(String),
    Table(String),
}

impl ModelError {
    /// A panic while loading.
    pub(crate) fn defect(panic: &tokio::task::JoinError) -> Self {
        Self { errors: vec![format!("loading broke off: {panic}")] }
    }
}

impl LoadedModel {
    /// Reads every table and builds every cube. Errors of all tables are collected before giving up.
    pub(crate) fn load(spec: &ModelSpec, source: impl ModelSource) -> Result<Self, ModelError> {
        Loader::new(spec.clone(), source).load()
    }

    /// Builds every cube.
    pub(super) fn build(
        definition: &cube::ModelDefinition,
        tables: &BTreeMap<String, Arc<cube::Table>>,
        contexts: BTreeMap<String, ContextValues>,
    ) -> Result<Self, ModelError> {
        let model = cube::Model::build_shared(definition, tables)
            .map_err(|errors| ModelError { errors: errors.iter().map(ToString::to_string).collect() })?;
        let shape = shape(&model, &contexts);
        let errors = misnamed(&shape, &contexts);
        if !errors.is_empty() {
            return Err(ModelError { errors });
        }
        let bytes = |(_, visibility): &(Place, Visibility), mask: &cube::Mask| {
            u32::try_from(mask.bytes() + visibility_bytes(visibility)).unwrap_or(u32::MAX)
        };
        // A mask has a bit per row.
        let largest = model.tables().map(cube::TableView::row_count).max().unwrap_or_default() / 8 + 1;
        let capacity = MASK_CACHE_BYTES_MAX.max(MASKS_MIN * largest as u64);
        let masks = Cache::builder().weigher(bytes).max_capacity(capacity).build();
        Ok(Self { model, shape, contexts, masks, answers: Answers::new() })
    }

    /// What a policy can be bound to.
    pub(crate) fn shape(&self) -> &ModelShape {
        &self.shape
    }

    pub(crate) fn fact_rows(&self) -> usize {
        self.model.cubes().map(cube::Cube::fact_count).sum()
    }

    pub(crate) fn has_cube(&self, name: &str) -> bool {
        self.model.cube(name).is_some()
    }

    pub(crate) fn cube_names(&self) -> impl Iterator<Item = &str> {
        self.model.cubes().map(|cube| cube.schema().name.as_str())
    }

    pub(crate) fn schemas(&self) -> Vec<cube::CubeSchema> {
        self.model.cubes().map(|cube| cube.schema().clone()).collect()
    }

    pub(super) fn cube(&self, name: &str) -> Option<&cube::Cube> {
        self.model.cube(name)
    }

    pub(crate) fn table(&self, name: &str) -> Option<&cube::TableView> {
        self.model.table(name)
    }

    pub(crate) fn table_names(&self) -> impl Iterator<Item = &str> {
        self.model.tables().map(|table| table.schema().name.as_str())
    }

    /// These tables and the joins between them, as a Mermaid diagram.
    pub(crate) fn mermaid(&self, tables: &[cube::TableSchema]) -> String {
        self.model.mermaid(tables)
    }

    /// The context values that a cube gives to everybody.
    pub(crate) fn context(&self, cube: &str) -> &ContextValues {
        static NONE: LazyLock<ContextValues> = LazyLock::new(ContextValues::default);
        self.contexts.get(cube).unwrap_or(&NONE)
    }

    /// The columns of a table that are not there for those who are granted these measures: those that no cube with the table
    /// shows. A table that no cube has is there whole.
    pub(super) fn hidden_columns(&self, table: &str, measures: &cube::Granted) -> BTreeSet<cube::ColumnName> {
        if *measures == cube::Granted::All {
            return BTreeSet::new();
        }
        let reached = self.model.table(table).into_iter().flat_map(cube::TableView::reachable);
        let is_hidden = |column: &cube::ColumnName| {
            let mut cubes = self.model.cubes().filter(|cube| cube.schema().reachable.contains(column)).peekable();
            cubes.peek().is_some() && !cubes.any(|cube| cube.shows_column(column, measures))
        };
        reached.filter(is_hidden).collect()
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// What a visibility leaves of a cube or table, and whether that was known. Made once, then kept; several callers that ask at
    /// once wait for one.
    pub(super) fn mask(
        &self,
        place: Place,
        visibility: &Visibility,
        make: impl FnOnce(&[Vec<Vec<cube::PathTest>>]) -> Result<cube::Mask, cube::MaskError>,
    ) -> Result<(cube::Mask, bool), Arc<cube::MaskError>> {
        let key = (place, visibility.clone());
        if let Some(mask) = self.masks.get(&key) {
            return Ok((mask, true));
        }
        Ok((self.masks.try_get_with(key, || make(&clauses(visibility)))?, false))
    }
}

/// What cubes give to everybody and do not have.
fn misnamed(shape: &ModelShape, contexts: &BTreeMap<String, ContextValues>) -> Vec<String> {
    let of_cube = |(name, shape): (&String, &CubeShape)| {
        let unknown = contexts.get(name).map(|values| context::unknown_names(values, shape)).unwrap_or_default();
        unknown.into_iter().map(|message| format!("cube {name}: {message}")).collect::<Vec<_>>()
    };
    shape.cubes.iter().flat_map(of_cube).collect()
}

fn shape(model: &cube::Model, contexts: &BTreeMap<String, ContextValues>) -> ModelShape {
    let tables = model.tables().map(|table| {
        let columns = table.schema().columns.iter().map(|column| column.name.clone()).collect();
        let reachable = table.reachable().map(|column| policy_column(&column)).collect();
        (table.schema().name.clone(), TableShape { columns, reachable })
    });
    let cubes = model.cubes().map(|cube| {
        let schema = cube.schema();
        let hierarchies = schema.hierarchies.iter().map(|hierarchy| HierarchyShape {
            name: hierarchy.name.clone(),
            dimension: hierarchy.dimension.clone(),
            levels: hierarchy.levels.iter().map(level_shape).collect(),
        });
        let reachable = schema.reachable.iter().map(policy_column).collect();
        let measures = schema.measures.iter().map(|measure| measure.name.clone()).collect();
        let values =
            contexts.get(&schema.name).into_iter().flat_map(|context| context.values.keys().cloned()).collect();
        (schema.name.clone(), CubeShape { hierarchies: hierarchies.collect(), reachable, measures, values })
    });
    ModelShape { tables: tables.collect(), cubes: cubes.collect() }
}

fn level_shape(level: &cube::LevelSchema) -> LevelShape {
    let members = match level.r#type {
        cube::ColumnType::Date => MemberKind::Dates,
        cube::ColumnType::Int64 => MemberKind::Integers,
        _ => MemberKind::Other,
    };
    LevelShape { name: level.name.clone(), column: policy_column(&level.column), members }
}

fn policy_column(column: &cube::ColumnName) -> ColumnName {
    ColumnName { table: column.table.clone(), column: column.column.clone() }
}

/// A visibility in the words of the cube crate.
fn clauses(visibility: &Visibility) -> Vec<Vec<Vec<cube::PathTest>>> {
    let column =
        |ColumnName { table, column }: &ColumnName| cube::ColumnName { table: table.clone(), column: column.clone() };
    let test = |PathTest { columns, negated, paths }: &PathTest| cube::PathTest {
        columns: columns.iter().map(column).collect(),
        negated: *negated,
        paths: match paths.clone() {
            Paths::In(paths) => cube::Paths::In(paths),
            Paths::Between { from, to } => cube::Paths::Between { from, to },
        },
    };
    visibility
        .all_of
        .iter()
        .map(|any_of| any_of.0.iter().map(|all_of| all_of.0.iter().map(|of| test(of)).collect()).collect())
        .collect()
}
