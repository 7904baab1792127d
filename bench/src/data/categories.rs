//! The values of each column that has few, told beforehand to peers with enumerated types.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader},
};

use anyhow::{Context, Result};

use super::Data;
use crate::schema::{Kind, TABLES, TableSpec};

/// Writes `categories.json`: column → values in their natural order.
pub(super) fn write(data: &Data) -> Result<()> {
    let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for table in &TABLES {
        collect(data, table, &mut values).with_context(|| format!("cannot read {}", data.file(table).display()))?;
    }
    let file = data.directory().join("categories.json");
    std::fs::write(&file, serde_json::to_vec(&values)?).with_context(|| format!("cannot write {}", file.display()))
}

fn collect(data: &Data, table: &TableSpec, values: &mut BTreeMap<&'static str, BTreeSet<String>>) -> Result<()> {
    let columns = table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Category);
    let columns: Vec<(usize, &'static str)> = columns.map(|(index, column)| (index, column.name)).collect();
    for line in BufReader::new(File::open(data.file(table))?).lines().skip(1) {
        let line = line?;
        let cells: Vec<&str> = line.split(',').collect();
        for (index, name) in &columns {
            let cell = cells.get(*index).with_context(|| format!("a line is too short: {line}"))?;
            let known = values.entry(name).or_default();
            if !known.contains(*cell) {
                known.insert((*cell).to_owned());
            }
        }
    }
    Ok(())
}
