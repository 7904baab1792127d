//! Reads tables, and again when they have changed.
//!
//! ```text
//!          ┌── due? ── stamp ── digest ── parse ──┐ per table; what has not changed is kept as it is
//! load ────┤                                      ├──▶ Model::build ──▶ LoadedModel ──▶ the one that answers
//! refresh ─┘                                      ┘
//! ```
//!
//! When anything fails, nothing of it is taken over: the model before goes on answering, and the next time comes.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{Context, SHA256};
use cubegate_api::model::{FileLocation, Source};
use cubegate_cube as cube;
use tracing::warn;

use super::{LoadedModel, ModelError, ModelSource, ModelSpec, Stamp, TableFile, spec::TableToRead};

/// The tables of a model and what is known of their files.
pub(crate) struct Loader {
    spec: ModelSpec,
    source: Box<dyn ModelSource>,
    /// By table.
    read: BTreeMap<String, ReadTable>,
    /// By table: when to look next.
    due: BTreeMap<String, Instant>,
}

/// A table as it was read.
#[derive(Clone)]
struct ReadTable {
    table: Arc<cube::Table>,
    stamp: Option<Stamp>,
    sha256: Vec<u8>,
}

impl Loader {
    pub(crate) fn new(spec: ModelSpec, source: impl ModelSource) -> Self {
        Self { spec, source: Box::new(source), read: BTreeMap::new(), due: BTreeMap::new() }
    }

    /// Reads every table and builds every cube. Errors of all tables are collected before giving up.
    pub(crate) fn load(&mut self) -> Result<LoadedModel, ModelError> {
        let tables: Vec<TableToRead> = self.spec.tables().collect();
        self.plan(&tables);
        self.read_tables(&tables, true).map(|model| model.expect("something is always new to a model that is loaded"))
    }

    /// Looks at the tables that are due. None when nothing has changed.
    pub(crate) fn refresh(&mut self) -> Result<Option<LoadedModel>, ModelError> {
        let now = Instant::now();
        // A model that could not be loaded is loaded whole as soon as anything is due.
        let is_whole = self.read.is_empty();
        let is_due = |table: &TableToRead| self.due.get(&table.definition.name).is_some_and(|due| *due <= now);
        let tables: Vec<TableToRead> = self.spec.tables().filter(|table| is_whole || is_due(table)).collect();
        self.plan(&tables);
        self.read_tables(&tables, is_whole)
    }

    /// When the next table is due; never when none is to be looked at again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    fn plan(&mut self, tables: &[TableToRead]) {
        let now = Instant::now();
        let interval = |table: &TableToRead| Some((table.definition.name.clone(), now + table.refresh?));
        self.due.extend(tables.iter().filter_map(interval));
    }

    fn read_tables(&mut self, tables: &[TableToRead], is_new: bool) -> Result<Option<LoadedModel>, ModelError> {
        let (definition, mut errors) = match self.spec.definition() {
            Ok(definition) => (definition, Vec::new()),
            Err(errors) => (cube::ModelDefinition::default(), errors),
        };
        let mut read = self.read.clone();
        let mut has_changed = is_new;
        for table in tables {
            let name = &table.definition.name;
            match self.read_table(table, read.get(name)) {
                Err(reason) => errors.push(format!("table {name}: {reason}")),
                Ok(None) => {}
                Ok(Some(found)) => {
                    has_changed |= read.get(name).is_none_or(|known| !Arc::ptr_eq(&known.table, &found.table));
                    read.insert(name.clone(), found);
                }
            }
        }
        if !errors.is_empty() {
            return Err(ModelError { errors });
        }
        let built = has_changed.then(|| {
            let tables = read.iter().map(|(name, read)| (name.clone(), Arc::clone(&read.table))).collect();
            LoadedModel::build(&definition, &tables, self.spec.contexts())
        });
        let built = built.transpose()?;
        self.read = read;
        Ok(built)
    }

    /// The digest of a file as it is now.
    fn sha256(&self, location: &FileLocation) -> Result<Vec<u8>, String> {
        let TableFile { name, bytes } = self.source.open(location)?;
        let mut bytes = Digesting { bytes, context: Context::new(&SHA256) };
        io::copy(&mut bytes, &mut io::sink()).map_err(|error| format!("{name}: cannot be read: {error}"))?;
        Ok(bytes.context.finish().as_ref().to_vec())
    }

    /// None when the file is the one that is known. A file that was only touched keeps its table.
    fn read_table(&self, table: &TableToRead, known: Option<&ReadTable>) -> Result<Option<ReadTable>, String> {
        let TableToRead { definition, source, refresh: _ } = table;
        let location = source.location();
        let stamp = self.source.stamp(location);
        if known.is_some_and(|known| known.stamp.is_some() && known.stamp == stamp) {
            return Ok(None);
        }
        if let Some(known) = known
            && known.sha256 == self.sha256(location)?
        {
            return Ok(Some(ReadTable { stamp, ..known.clone() }));
        }
        let TableFile { name: file, bytes } = self.source.open(location)?;
        let mut bytes = Digesting { bytes, context: Context::new(&SHA256) };
        let table = match source {
            Source::Csv(_) => cube::csv::read(definition, &file, &mut bytes),
            Source::Parquet(_) => cube::parquet::read(definition, &file, read_whole(&file, &mut bytes)?),
        };
        let table = table.map_err(|errors| errors.to_string())?;
        let sha256 = bytes.context.finish().as_ref().to_vec();
        if table.skipped().rows() > 0 {
            warn!(
                table = definition.name,
                file,
                rows = table.skipped().rows(),
                "rows that cannot be read were left out"
            );
        }
        Ok(Some(ReadTable { table: Arc::new(table), stamp, sha256 }))
    }
}

/// Takes the digest of what is read.
struct Digesting {
    bytes: Box<dyn Read>,
    context: Context,
}

impl Read for Digesting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.context.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn read_whole(file: &str, bytes: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut whole = Vec::new();
    bytes.read_to_end(&mut whole).map_err(|error| format!("{file}: cannot be read: {error}"))?;
    Ok(whole)
}

/// How long until a moment.
pub(crate) fn until(moment: Instant) -> Duration {
    moment.saturating_duration_since(Instant::now())
}
