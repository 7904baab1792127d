//! The data: CSV files of the star, made once per scale and the same on every machine.
//!
//! ```text
//! tpchgen ──star──▶ rows ──▶ CACHE/bench/sf1/*.csv ──categories──▶ categories.json, then `complete`
//! ```

mod calendar;
mod categories;
mod star;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::schema::{TABLES, TableSpec};

/// Grows when the files would differ, so that files of an earlier program are made anew.
const DATA_VERSION: &str = "2";
const BUFFER_BYTES: usize = 1 << 20;

/// A directory with a CSV file per table.
#[derive(Debug)]
pub(crate) struct Data {
    directory: PathBuf,
}

impl Data {
    /// The files of a scale, made if they are not there.
    pub(crate) fn provide(cache: &Path, scale: f64) -> Result<Self> {
        let data = Self { directory: cache.join(format!("sf{scale}")) };
        let stamp = data.directory.join("complete");
        if std::fs::read_to_string(&stamp).is_ok_and(|version| version == DATA_VERSION) {
            return Ok(data);
        }
        println!("making the data of scale {scale} in {}", data.directory.display());
        std::fs::create_dir_all(&data.directory)
            .with_context(|| format!("cannot create {}", data.directory.display()))?;
        for table in &TABLES {
            data.write_table(table, scale).with_context(|| format!("cannot write {}", data.file(table).display()))?;
        }
        categories::write(&data)?;
        std::fs::write(&stamp, DATA_VERSION).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(data)
    }

    /// The file of a table.
    pub(crate) fn file(&self, table: &TableSpec) -> PathBuf {
        self.directory.join(table.name).with_extension("csv")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads all files through once, so that nobody's load waits for the disk. Tells how many bytes they have.
    pub(crate) fn read_through(&self) -> Result<u64> {
        let read = |table| {
            let file = self.file(table);
            File::open(&file)
                .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()))
                .with_context(|| format!("cannot read {}", file.display()))
        };
        TABLES.iter().map(read).sum()
    }

    fn write_table(&self, table: &TableSpec, scale: f64) -> Result<()> {
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(self.file(table))?);
        let header: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        writeln!(file, "{}", header.join(","))?;
        match table.name {
            "customer" => star::write_customers(&mut file, scale)?,
            "supplier" => star::write_suppliers(&mut file, scale)?,
            "part" => star::write_parts(&mut file, scale)?,
            "dates" => calendar::write_days(&mut file)?,
            _ => star::write_lineorders(&mut file, scale)?,
        }
        Ok(file.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_a_scale_is_the_same_each_time_and_fits_the_schema() {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, two] = directories.each_ref().map(|directory| Data::provide(directory.path(), 0.001).unwrap());
        for table in &TABLES {
            let text = std::fs::read_to_string(one.file(table)).unwrap();
            assert_eq!(text, std::fs::read_to_string(two.file(table)).unwrap(), "{}", table.name);
            assert!(text.lines().count() > 1, "{} has no rows", table.name);
            for line in text.lines() {
                assert_eq!(line.split(',').count(), table.columns.len(), "{}: {line}", table.name);
            }
        }
    }
}
