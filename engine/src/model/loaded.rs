//! A model with its tables in memory, and the masks made of it so far.

use std::{collections::BTreeMap, sync::Arc};

use cubegate_cube as cube;
use cubegate_policy::{
    bind::{CubeShape, HierarchyShape, ModelShape, Visibility},
    snapshot::ColumnName,
};
use moka::sync::Cache;

use super::{ModelSource, ModelSpec};
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
    /// By cube and canonical visibility, never by user or role: equal restrictions share one mask.
    masks: Cache<(String, Visibility), cube::Mask>,
}

impl ModelError {
    /// A panic while loading.
    pub(crate) fn defect(panic: &tokio::task::JoinError) -> Self {
        Self { errors: vec![format!("loading broke off: {panic}")] }
    }
}

impl LoadedModel {
    /// Reads every table and builds every cube. Errors of all tables are collected before giving up.
    pub(crate) fn load(spec: &ModelSpec, source: &impl ModelSource) -> Result<Self, ModelError> {
        let mut tables = BTreeMap::new();
        let (definition, mut errors) = match spec.definition() {
            Ok(definition) => (definition, Vec::new()),
            Err(errors) => (cube::ModelDefinition::default(), errors),
        };
        for (table, location) in spec.tables() {
            match source.read(location) {
                Err(reason) => errors.push(format!("table {}: {reason}", table.name)),
                Ok((file, bytes)) => match cube::csv::read(&table, &file, &bytes) {
                    Ok(loaded) => drop(tables.insert(table.name.clone(), loaded)),
                    Err(found) => errors.push(format!("table {}: {found}", table.name)),
                },
            }
        }
        if !errors.is_empty() {
            return Err(ModelError { errors });
        }
        let model = cube::Model::build(&definition, tables)
            .map_err(|errors| ModelError { errors: errors.iter().map(ToString::to_string).collect() })?;
        let shape = shape(&model);
        // A mask has a bit per fact.
        let mask_bytes = model.cubes().map(cube::Cube::fact_count).max().unwrap_or_default() / 8 + 1;
        let masks = Cache::new((MASK_CACHE_BYTES_MAX / mask_bytes as u64).max(MASKS_MIN));
        Ok(Self { model, shape, masks })
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

    /// The facts of a cube that a visibility leaves. Made once, then kept; several callers that ask at once wait for one.
    pub(super) fn mask(&self, cube: &cube::Cube, visibility: &Visibility) -> Result<cube::Mask, Arc<cube::MaskError>> {
        self.masks.try_get_with((cube.schema().name.clone(), visibility.clone()), || cube.mask(&clauses(visibility)))
    }
}

fn shape(model: &cube::Model) -> ModelShape {
    let tables = model.tables().map(cube::TableView::schema).map(|table| {
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        (table.name.clone(), columns)
    });
    let cubes = model.cubes().map(|cube| {
        let schema = cube.schema();
        let hierarchies = schema.hierarchies.iter().map(|hierarchy| HierarchyShape {
            name: hierarchy.name.clone(),
            levels: hierarchy.levels.iter().map(|level| policy_column(&level.column)).collect(),
        });
        let reachable = schema.reachable.iter().map(policy_column).collect();
        (schema.name.clone(), CubeShape { hierarchies: hierarchies.collect(), reachable })
    });
    ModelShape { tables: tables.collect(), cubes: cubes.collect() }
}

fn policy_column(column: &cube::ColumnName) -> ColumnName {
    ColumnName { table: column.table.clone(), column: column.column.clone() }
}

/// A visibility in the words of the cube crate.
fn clauses(visibility: &Visibility) -> Vec<Vec<Vec<cube::ColumnIn>>> {
    let column_in = |clause: &cubegate_policy::bind::ColumnIn| cube::ColumnIn {
        column: cube::ColumnName { table: clause.column.table.clone(), column: clause.column.column.clone() },
        values: clause.values.clone(),
    };
    visibility
        .all_of
        .iter()
        .map(|any_of| any_of.0.iter().map(|all_of| all_of.0.iter().map(column_in).collect()).collect())
        .collect()
}
