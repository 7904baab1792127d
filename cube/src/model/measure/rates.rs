//! Exchange rates, read from a table.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    load::table::{Column, Table},
    model::definition::RatesDefinition,
    nearest::unknown,
    storage::{dictionary::Dictionary, numbers::ratio},
    value::{Cell, ColumnType},
};

/// How many units of one currency a unit of another is.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// From → to → rate.
    by_pair: HashMap<String, HashMap<String, f64>>,
}

impl Rates {
    /// Reads the table; or tells everything that is wrong with the definition.
    pub(crate) fn read(
        definition: &RatesDefinition,
        tables: &BTreeMap<String, Arc<Table>>,
    ) -> Result<Self, Vec<String>> {
        let RatesDefinition { table, from, to, rate } = definition;
        let table =
            tables.get(table).ok_or_else(|| vec![unknown("table", table, tables.keys().map(String::as_str))])?;
        let is_text = |column_type| column_type == ColumnType::String;
        let columns = [
            rate_column(table, from, is_text, "currencies are text"),
            rate_column(table, to, is_text, "currencies are text"),
            rate_column(table, rate, ColumnType::is_numeric, "rates are numbers"),
        ];
        match columns {
            [Ok(from), Ok(to), Ok(rate)] => Ok(Self::of_rows(table.row_count, from, to, rate)),
            mistakes => Err(mistakes.into_iter().filter_map(Result::err).collect()),
        }
    }

    fn of_rows(row_count: usize, from: &Column, to: &Column, rate: &Column) -> Self {
        let mut by_pair: HashMap<String, HashMap<String, f64>> = HashMap::new();
        for row in 0..row_count {
            if let (Cell::Text(from), Cell::Text(to), Some(rate)) =
                (from.cell(row), to.cell(row), number(rate.cell(row)))
            {
                by_pair.entry(from.to_owned()).or_default().insert(to.to_owned(), rate);
            }
        }
        Self { by_pair }
    }

    /// The rate into a currency, by the code of the other one.
    pub(crate) fn by_currency(&self, target: &str, currencies: &Dictionary) -> Arc<[Option<f64>]> {
        let rate = |code| match currencies.member(code) {
            _ if code == currencies.missing() => None,
            Cell::Text(from) => {
                let known = self.by_pair.get(from).and_then(|rates| rates.get(target)).copied();
                known.or_else(|| (from == target).then_some(1.0))
            }
            _ => None,
        };
        (0..currencies.len()).map(|code| rate(crate::storage::codes::code_of(code))).collect()
    }
}

fn rate_column<'a>(
    table: &'a Table,
    name: &str,
    fits: impl Fn(ColumnType) -> bool,
    rule: &str,
) -> Result<&'a Column, String> {
    let column = table
        .column(name)
        .ok_or_else(|| unknown(&format!("column of the table {:?}", table.name), name, table.column_names()))?;
    if fits(column.column_type()) {
        Ok(column)
    } else {
        Err(format!("the column {name:?} of {:?} has the type {}; {rule}", table.name, column.column_type()))
    }
}

fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        #[expect(clippy::cast_precision_loss, reason = "a rate is a double")]
        Cell::Int64(number) => Some(number as f64),
        Cell::Double(number) => Some(number),
        Cell::Decimal { units, scale } => Some(ratio(units, 10_i128.pow(scale.into()))),
        _ => None,
    }
}
