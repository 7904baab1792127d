//! The published answers of the two stories, and what turns a reply into them.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::http::Reply;

/// A row of the first story: a city, or `Total`, and its quantity.
pub type CityRow = (&'static str, f64);

/// What a caller without restriction sees.
pub const EVERYWHERE: &[CityRow] = &[
    ("Total", 8077.0),
    ("Chicago", 603.0),
    ("Houston", 606.0),
    ("Los Angeles", 606.0),
    ("Lyon", 609.0),
    ("Marseille", 603.0),
    ("New York", 808.0),
    ("Nice", 609.0),
    ("Paris", 603.0),
    ("Saint-Étienne", 603.0),
    ("San Antonio", 606.0),
    ("San Diego", 606.0),
    ("San Francisco", 612.0),
    ("San Jose", 603.0),
];

/// What a caller restricted to France sees.
pub const FRANCE: &[CityRow] = &[
    ("Total", 3027.0),
    ("Lyon", 609.0),
    ("Marseille", 603.0),
    ("Nice", 609.0),
    ("Paris", 603.0),
    ("Saint-Étienne", 603.0),
];

/// What a caller restricted to Paris sees.
pub const PARIS: &[CityRow] = &[("Total", 603.0), ("Paris", 603.0)];

/// What a caller restricted to Lyon sees.
pub const LYON: &[CityRow] = &[("Total", 609.0), ("Lyon", 609.0)];

/// `Quantity.SUM` by City with totals.
pub fn quantity_by_city() -> Value {
    json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true})
}

/// Reads the reply to [`quantity_by_city`].
pub fn city_rows(reply: &Reply) -> Result<Vec<(String, f64)>> {
    let table = Table::read(reply)?;
    let (city, quantity) = (table.column("City")?, table.column("Quantity.SUM")?);
    table
        .rows
        .iter()
        .map(|row| {
            let name = row.get(city).and_then(Value::as_str).unwrap_or("Total");
            let quantity =
                row.get(quantity).and_then(Value::as_f64).with_context(|| format!("not a number in {row:?}"))?;
            Ok((name.to_owned(), quantity))
        })
        .collect()
}

/// An error unless the reply to [`quantity_by_city`] is exactly this table, in this order.
pub fn expect_cities(reply: &Reply, expected: &[CityRow]) -> Result<()> {
    let rows = city_rows(reply)?;
    let expected: Vec<(String, f64)> = expected.iter().map(|&(city, quantity)| (city.to_owned(), quantity)).collect();
    ensure!(rows == expected, "expected {expected:?}\n     got {rows:?}");
    Ok(())
}

/// A JSON answer to a query.
#[derive(Debug)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// Reads a reply with status 200.
    pub fn read(reply: &Reply) -> Result<Self> {
        ensure!(reply.status == 200, "expected a table, got {reply:?}");
        let answer = reply.json()?;
        let columns = answer.get("columns").and_then(Value::as_array).context("`columns` is missing")?;
        let columns = columns
            .iter()
            .map(|column| column.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
            .collect();
        let rows = answer.get("rows").and_then(Value::as_array).context("`rows` is missing")?;
        let rows =
            rows.iter().map(|row| row.as_array().cloned().context("a row is an array")).collect::<Result<_>>()?;
        Ok(Self { columns, rows })
    }

    /// Index of a column.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|column| column == name)
            .with_context(|| format!("there is no column {name} in {:?}", self.columns))
    }

    /// The cells of some columns, as text, row by row.
    pub fn texts(&self, columns: &[&str]) -> Result<Vec<Vec<String>>> {
        let indices = columns.iter().map(|name| self.column(name)).collect::<Result<Vec<_>>>()?;
        let text = |cell: Option<&Value>| match cell {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "missing".into(),
        };
        Ok(self.rows.iter().map(|row| indices.iter().map(|&index| text(row.get(index))).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(rows: &Value) -> Reply {
        let body = json!({"columns": [{"name": "City"}, {"name": "Quantity.SUM"}], "rows": rows}).to_string();
        Reply { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn a_table_is_accepted_only_to_the_digit_and_in_order() {
        expect_cities(&reply(&json!([[null, 603.0], ["Paris", 603.0]])), PARIS).unwrap();
        for wrong in [
            json!([[null, 603.0], ["Paris", 603.1]]),
            json!([["Paris", 603.0], [null, 603.0]]),
            json!([[null, 603.0]]),
            json!([[null, 603.0], ["Paris", 603.0], ["Lyon", 609.0]]),
            json!([]),
        ] {
            expect_cities(&reply(&wrong), PARIS).unwrap_err();
        }
    }
}
