//! The tables of random cases, and what their cells mean.
//!
//! ```text
//! Facts.shop ─▶ Shops.shop_id     Shops.area ─▶ Areas.code     Facts.product ─▶ Products.product_id     Rates
//! ```

use std::{cmp::Ordering, collections::BTreeMap};

use cubegate_cube::{ColumnName, ColumnType, PathTest, Paths};
use proptest::{prelude::*, sample::select};

use super::exact::Exact;

/// A table by its name.
pub(crate) type TableName = &'static str;
/// A column by the names of its table and its own.
pub(crate) type Column = (TableName, &'static str);
/// The columns of a table with what they hold.
pub(crate) type Columns = &'static [(&'static str, Kind)];
/// The rows of each table, as they are written in its file.
pub(crate) type Tables = BTreeMap<TableName, Vec<Vec<String>>>;
/// The values that a fact has in every column that is reached.
pub(crate) type Joined = BTreeMap<Column, Cell>;

/// A value with its natural order: what is missing is last, except among texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    /// Also dates and timestamps, whose order is that of their texts.
    Text(String),
    Bool(bool),
    Number(Exact),
    Missing,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text(&'static [&'static str]),
    Bool,
    Int,
    /// Two digits behind the point.
    Decimal,
    /// Doubles that are multiples of a quarter.
    Quarter,
    /// Doubles of any magnitude.
    Odd,
    Date,
    Timestamp,
}

const IDS: &[&str] = &["", "a", "b", "B", "é", "z,\"", "N/A"];
const AREAS: &[&str] = &["", "north", "south", "a"];
const CURRENCIES: &[&str] = &["", "EUR", "USD", "JPY"];

/// The columns of the tables, keys first. No two tables share the name of a column.
pub(crate) const TABLES: [(TableName, usize, Columns); 5] = [
    (
        "Facts",
        0,
        &[
            ("shop", Kind::Text(IDS)),
            ("product", Kind::Int),
            ("day", Kind::Date),
            ("at", Kind::Timestamp),
            ("paid", Kind::Bool),
            ("currency", Kind::Text(CURRENCIES)),
            ("size", Kind::Int),
            ("left", Kind::Int),
            ("price", Kind::Decimal),
            ("sold", Kind::Quarter),
            ("odd", Kind::Odd),
        ],
    ),
    (
        "Shops",
        1,
        &[
            ("shop_id", Kind::Text(IDS)),
            ("area", Kind::Text(AREAS)),
            ("city", Kind::Text(&["", "Paris", "Lyon", "paris", "Ly"])),
            ("staff", Kind::Int),
        ],
    ),
    (
        "Areas",
        1,
        &[("code", Kind::Text(AREAS)), ("country", Kind::Text(&["", "France", "USA"])), ("tax", Kind::Decimal)],
    ),
    ("Products", 1, &[("product_id", Kind::Int), ("kind", Kind::Text(&["", "tea", "jam"])), ("since", Kind::Date)]),
    ("Rates", 2, &[("from", Kind::Text(CURRENCIES)), ("to", Kind::Text(CURRENCIES)), ("rate", Kind::Quarter)]),
];

/// Joins by the columns that are compared.
pub(crate) const JOINS: [(Column, Column); 3] = [
    (("Facts", "shop"), ("Shops", "shop_id")),
    (("Shops", "area"), ("Areas", "code")),
    (("Facts", "product"), ("Products", "product_id")),
];

const ODD: &[&str] = &["0.1", "0.7", "12.34", "-0.3", "3e-5", "99999999.99", "1e16", "-1e16", "1e-40", "1e60"];

impl Kind {
    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::String,
            Self::Bool => ColumnType::Bool,
            Self::Int => ColumnType::Int64,
            Self::Decimal => ColumnType::Decimal { precision: 10, scale: 2 },
            Self::Quarter | Self::Odd => ColumnType::Double,
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
        }
    }

    /// What may stand in a file.
    pub(crate) fn written(self) -> BoxedStrategy<String> {
        let text = |texts: &'static [&'static str]| select(texts).prop_map(str::to_owned);
        let known = match self {
            Self::Text(texts) => return text(texts).boxed(),
            Self::Bool => text(&["true", "false"]).boxed(),
            Self::Int => (-3..12_i64).prop_map(|number| number.to_string()).boxed(),
            Self::Decimal => (-999..9_999_i64).prop_map(hundredths).boxed(),
            Self::Quarter => (-20..20_i32).prop_map(|quarters| (f64::from(quarters) / 4.0).to_string()).boxed(),
            Self::Odd => text(ODD).boxed(),
            Self::Date => text(&["2021-01-31", "2021-02-01", "1999-12-31"]).boxed(),
            Self::Timestamp => text(&["2021-01-31T12:00:00Z", "2021-01-31T12:00:01Z", "2020-02-29T00:00:00Z"]).boxed(),
        };
        prop_oneof![1 => Just(String::new()), 5 => known].boxed()
    }

    /// What a cell of a file means.
    pub(crate) fn read(self, written: &str) -> Cell {
        match self {
            Self::Text(_) if written.is_empty() => Cell::Text("N/A".to_owned()),
            Self::Text(_) => Cell::Text(written.to_owned()),
            _ => self.parse(written).unwrap_or(Cell::Missing),
        }
    }

    /// What a value in a filter or a restriction means; none when it cannot be read by this type.
    pub(crate) fn parse(self, written: &str) -> Option<Cell> {
        Some(match self {
            Self::Text(_) => Cell::Text(written.to_owned()),
            Self::Bool => Cell::Bool(written.parse().ok()?),
            Self::Int | Self::Decimal | Self::Quarter | Self::Odd => {
                // Everything but the values of columns of doubles has few digits, and means what it says.
                let number: f64 = written.parse().ok()?;
                let is_double = matches!(self, Self::Quarter | Self::Odd);
                Cell::Number(if is_double { Exact::of_double(number) } else { Exact::of_digits(written) })
            }
            // Lengths tell dates from timestamps, and all that are written here are valid.
            Self::Date if written.len() == "2021-01-31".len() => Cell::Text(written.to_owned()),
            Self::Timestamp if written.ends_with('Z') => Cell::Text(written.to_owned()),
            Self::Date | Self::Timestamp => return None,
        })
    }
}

/// Hundredths as a decimal number.
pub(crate) fn hundredths(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", units.unsigned_abs() / 100, units.unsigned_abs() % 100)
}

pub(crate) fn columns_of(table: TableName) -> Columns {
    TABLES.iter().find(|(name, _, _)| *name == table).unwrap().2
}

pub(crate) fn kind_of(column: Column) -> Kind {
    columns_of(column.0).iter().find(|(name, _)| *name == column.1).unwrap().1
}

pub(crate) fn tables(facts_max: usize) -> impl Strategy<Value = Tables> {
    let rows = |(table, _, columns): &(TableName, usize, Columns)| {
        let row = columns.iter().fold(Just(Vec::new()).boxed(), |row, (_, kind)| {
            (row, kind.written()).prop_map(|(row, cell)| [row, vec![cell]].concat()).boxed()
        });
        let count = if *table == "Facts" { facts_max } else { 8 };
        let key_count = TABLES.iter().find(|(name, _, _)| name == table).unwrap().1;
        let is_number = |index: usize| matches!(columns[index].1, Kind::Int);
        let is_whole = move |row: &Vec<String>| (0..key_count).all(|index| !is_number(index) || !row[index].is_empty());
        // A key that is a number may not be null.
        proptest::collection::vec(row, 0..count).prop_map(move |rows| rows.into_iter().filter(&is_whole).collect())
    };
    let names = TABLES.map(|(name, _, _)| name);
    let all: Vec<BoxedStrategy<Vec<Vec<String>>>> = TABLES.iter().map(|table| rows(table).boxed()).collect();
    all.prop_map(move |all| names.into_iter().zip(all).collect())
}

/// The tables that joins reach from the facts, these among them.
pub(crate) fn reached(joins: &[(Column, Column)]) -> Vec<TableName> {
    let mut reached = vec!["Facts"];
    for (from, to) in joins {
        if reached.contains(&from.0) {
            reached.push(to.0);
        }
    }
    reached
}

/// The facts with the values that they find in the tables that are reached.
pub(crate) fn join(tables: &Tables, joins: &[(Column, Column)]) -> Vec<Joined> {
    let read = |table: TableName, row: &Vec<String>| -> Joined {
        columns_of(table).iter().zip(row).map(|((name, kind), cell)| ((table, *name), kind.read(cell))).collect()
    };
    let facts = tables["Facts"].iter().map(|row| read("Facts", row));
    facts
        .map(|mut fact| {
            let mut found_in = vec!["Facts"];
            for (from, to) in joins.iter().filter(|(from, _)| reached(joins).contains(&from.0)) {
                let mut rows = tables[to.0].iter().map(|row| read(to.0, row));
                // Later rows replace earlier ones. Nothing is equal to what is missing, nor to a row that is not there.
                let is_known = found_in.contains(&from.0) && fact[from] != Cell::Missing;
                let found = rows.rfind(|row| is_known && row[to] == fact[from]);
                found_in.extend(found.is_some().then_some(to.0));
                let nothing = vec![String::new(); columns_of(to.0).len()];
                fact.extend(found.unwrap_or_else(|| read(to.0, &nothing)));
            }
            fact
        })
        .collect()
}

/// Whether a cell is what a text means.
pub(crate) fn is(kind: Kind, cell: &Cell, written: &str) -> bool {
    match cell {
        Cell::Missing => written == "N/A",
        _ => kind.parse(written).as_ref() == Some(cell),
    }
}

/// Whether the first bound is the larger one.
pub(crate) fn is_reversed(kinds: &[Kind], paths: &Paths) -> bool {
    let Paths::Between { from, to } = paths else { return false };
    let parsed = |path: &[String]| -> Vec<Option<Cell>> {
        kinds.iter().zip(path).take(from.len().min(to.len())).map(|(kind, text)| kind.parse(text)).collect()
    };
    parsed(from) > parsed(to)
}

pub(crate) fn is_visible(fact: &Joined, mask: &[Vec<Vec<PathTest>>]) -> bool {
    let holds = |PathTest { columns, negated, paths }: &PathTest| {
        let found = |name: &ColumnName| {
            let (column, cell) = fact.iter().find(|(column, _)| **column == (&*name.table, &*name.column)).unwrap();
            (kind_of(*column), cell)
        };
        let (kinds, cells): (Vec<Kind>, Vec<&Cell>) = columns.iter().map(found).unzip();
        if is_reversed(&kinds, paths) {
            return false;
        }
        let is_missing = |kind: Kind, cell: &Cell| is(kind, cell, "N/A");
        let path = || kinds.iter().copied().zip(cells.iter().copied());
        let lies_on = |side: Ordering, bound: &[String]| {
            for ((kind, cell), text) in path().zip(bound) {
                match cell.cmp(&kind.parse(text).unwrap()) {
                    _ if is_missing(kind, cell) => return false,
                    Ordering::Equal => {}
                    order => return order == side,
                }
            }
            true
        };
        let is_wanted = match paths {
            Paths::In(paths) => {
                paths.iter().any(|wanted| path().zip(wanted).all(|((kind, cell), text)| is(kind, cell, text)))
            }
            Paths::Between { from, to } => lies_on(Ordering::Greater, from) && lies_on(Ordering::Less, to),
        };
        if *negated { !path().any(|(kind, cell)| is_missing(kind, cell)) && !is_wanted } else { is_wanted }
    };
    mask.iter().all(|any_of| any_of.iter().any(|all_of| all_of.iter().all(holds)))
}

pub(crate) fn csv_text(table: TableName, rows: &[Vec<String>]) -> String {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
    let header = line(columns_of(table).iter().map(|(name, _)| (*name).to_owned()).collect());
    rows.iter().fold(header, |text, row| text + &line(row.clone()))
}
