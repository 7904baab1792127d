//! Random tables, and the cubes over them.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::exact::Exact;
use crate::{
    CubeDefinition, HierarchyDefinition, Mode, Model, ModelDefinition, TableDefinition, csv, value::ColumnType,
};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text(&'static [&'static str]),
    Date,
    Int,
    /// As far from zero as integers get.
    Wide,
    Decimal {
        scale: u8,
    },
    /// Doubles that are multiples of one half.
    Half,
    /// Doubles of any magnitude.
    Odd,
}

pub(super) const COLUMNS: [(&str, Kind); 11] = [
    ("region", Kind::Text(&["", "a", "b"])),
    ("shop", Kind::Text(&["", "a", "b", "B", "é", "N/A", "z", "y", "x", "w"])),
    ("day", Kind::Date),
    ("size", Kind::Int),
    ("wide", Kind::Wide),
    ("price", Kind::Decimal { scale: 2 }),
    ("fine", Kind::Decimal { scale: 12 }),
    ("half", Kind::Half),
    ("odd", Kind::Odd),
    ("left", Kind::Int),
    ("currency", Kind::Text(&["", "EUR", "USD", "JPY"])),
];

pub(super) const CURRENCY: usize = 10;

/// The rates of currencies: one of them has none.
pub(super) const RATES: [(&str, Option<f64>); 4] =
    [("EUR", Some(1.0)), ("JPY", Some(0.006_25)), ("N/A", Some(2.0)), ("USD", None)];

/// Doubles of magnitudes that no integer type spans.
const ODD: [&str; 11] = ["0.1", "0.7", "12.34", "-0.3", "3e-5", "99999999.99", "1e16", "-1e16", "1e-40", "1e60", "1e9"];

/// Levels of the hierarchies, by column.
pub(super) type Hierarchies = Vec<Vec<usize>>;

/// Rows of cells.
pub(super) type Facts = Vec<Vec<String>>;

impl Kind {
    pub(super) fn is_numeric(self) -> bool {
        !matches!(self, Self::Text(_) | Self::Date)
    }

    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::String,
            Self::Date => ColumnType::Date,
            Self::Int | Self::Wide => ColumnType::Int64,
            Self::Decimal { scale: 2 } => ColumnType::Decimal { precision: 10, scale: 2 },
            Self::Decimal { scale } => ColumnType::Decimal { precision: 18, scale },
            Self::Half | Self::Odd => ColumnType::Double,
        }
    }

    /// The number that a cell means; none where it is null.
    pub(super) fn number(self, text: &str) -> Option<Exact> {
        match self {
            _ if text.is_empty() => None,
            Self::Text(_) | Self::Date => None,
            Self::Half | Self::Odd => Some(Exact::of_double(text.parse().unwrap())),
            Self::Int | Self::Wide | Self::Decimal { .. } => Some(Exact::of_digits(text)),
        }
    }

    fn cell(self) -> BoxedStrategy<String> {
        let or_null = |cell: BoxedStrategy<String>| prop_oneof![1 => Just(String::new()), 5 => cell].boxed();
        let decimal = |units: i64, scale: u8| {
            let power = 10_u64.pow(scale.into());
            let sign = if units < 0 { "-" } else { "" };
            let width = usize::from(scale);
            format!("{sign}{}.{:0width$}", units.unsigned_abs() / power, units.unsigned_abs() % power)
        };
        match self {
            Self::Text(texts) => select(texts).prop_map(str::to_owned).boxed(),
            Self::Date => select(vec!["", "2021-01-31", "2021-02-01", "1999-12-31"]).prop_map(str::to_owned).boxed(),
            Self::Int => or_null((-3..12_i64).prop_map(|number| number.to_string()).boxed()),
            Self::Wide => {
                let wide = prop_oneof![
                    8 => -1_000_000_000_000..1_000_000_000_000_i64,
                    1 => select(vec![i64::MIN, i64::MAX, 0]),
                ];
                or_null(wide.prop_map(|number| number.to_string()).boxed())
            }
            Self::Decimal { scale: 2 } => {
                or_null((-9999..999_999_i64).prop_map(move |units| decimal(units, 2)).boxed())
            }
            Self::Decimal { scale } => {
                let widest = 10_i64.pow(18) - 1;
                or_null((-widest..widest).prop_map(move |units| decimal(units, scale)).boxed())
            }
            Self::Half => or_null((-40..40_i32).prop_map(|halves| (f64::from(halves) / 2.0).to_string()).boxed()),
            Self::Odd => or_null(select(ODD.as_slice()).prop_map(str::to_owned).boxed()),
        }
    }
}

pub(super) fn facts(rows_max: usize) -> impl Strategy<Value = Facts> {
    let row = COLUMNS.iter().fold(Just(Vec::new()).boxed(), |row, (_, kind)| {
        (row, kind.cell()).prop_map(|(row, cell)| [row, vec![cell]].concat()).boxed()
    });
    proptest::collection::vec(row, 0..rows_max)
}

pub(super) fn hierarchies() -> impl Strategy<Value = Hierarchies> {
    let columns: Vec<usize> = (0..COLUMNS.len()).collect();
    proptest::collection::vec(proptest::sample::subsequence(columns, 1..4).prop_shuffle(), 1..4)
}

/// A model of one cube, `Cube`, with the hierarchies `H0`, `H1`, ….
pub(super) fn model(facts: &Facts, hierarchies: &Hierarchies) -> Model {
    let header = COLUMNS.map(|(name, _)| name.to_owned()).to_vec();
    let lines: Vec<String> = [&header].into_iter().chain(facts).map(|row| row.join(",")).collect();
    let definition = TableDefinition {
        name: "Facts".into(),
        column_types: COLUMNS.map(|(name, kind)| (name.to_owned(), kind.column_type())).into(),
        ..TableDefinition::default()
    };
    let table = csv::read(&definition, "facts.csv", lines.join("\n").as_bytes()).unwrap();
    let hierarchy = |(index, levels): (usize, &Vec<usize>)| HierarchyDefinition {
        name: format!("H{index}"),
        levels: levels.iter().map(|level| COLUMNS[*level].0.to_owned()).collect(),
    };
    let cube = CubeDefinition {
        name: "Cube".into(),
        fact_table: "Facts".into(),
        mode: Mode::Manual,
        hierarchies: hierarchies.iter().enumerate().map(hierarchy).collect(),
        ..CubeDefinition::default()
    };
    let definition = ModelDefinition { tables: vec!["Facts".into()], joins: Vec::new(), cubes: vec![cube] };
    Model::build(&definition, BTreeMap::from([("Facts".to_owned(), table)])).unwrap()
}
