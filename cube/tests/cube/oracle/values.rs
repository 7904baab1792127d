//! Values of measures over the facts of a cell, worked out with exact numbers.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_cube::MeasureFormula;

use super::{
    data::{Cell, Column, Columns, Joined, Kind, TABLES, kind_of},
    exact::Exact,
};

/// The value of a measure.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    Null,
    Int(i64),
    Decimal {
        units: i128,
        scale: u8,
    },
    Double {
        value: f64,
        /// How far from it an answer may be: by roundings that are not the evaluator's to know.
        slack: f64,
    },
    /// A date or a timestamp.
    Text(String),
}

/// Roundings of 2⁻⁵³ each that a value may have gone through.
const ROUNDINGS: f64 = 16.0;

impl Val {
    pub(crate) fn double(value: f64) -> Self {
        Self::Double { value, slack: 0.0 }
    }

    fn near(value: f64, magnitude: f64) -> Self {
        Self::Double { value, slack: magnitude * ROUNDINGS * f64::EPSILON }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number of a value that is known to the bit.
    pub(crate) fn number(&self) -> Option<Exact> {
        match self {
            Self::Int(number) => Some(Exact::of_integer(*number)),
            Self::Decimal { units, scale } => Some(of_units(*units, *scale)),
            Self::Double { value, slack } => {
                assert!(*slack == 0.0, "nothing depends on what is not known to the bit");
                Some(Exact::of_double(*value))
            }
            Self::Null => None,
            Self::Text(_) => panic!("nothing depends on {self:?}"),
        }
    }

    /// The value as a double.
    pub(crate) fn rounded(&self) -> Option<f64> {
        match self {
            Self::Double { value, slack } if *slack == 0.0 => Some(*value),
            _ => self.number().map(|number| number.to_double()),
        }
    }

    /// Whether an answer has this value.
    pub(crate) fn is(&self, cell: cubegate_cube::Cell<'_>) -> bool {
        use cubegate_cube::Cell as Found;
        match (self, cell) {
            (Self::Null, Found::Null) => true,
            (Self::Int(expected), Found::Int64(found)) => *expected == found,
            (Self::Decimal { units: expected, scale: digits }, Found::Decimal { units, scale }) => {
                (*expected, *digits) == (units, scale)
            }
            (Self::Double { value, slack }, Found::Double(found)) => {
                if *slack == 0.0 {
                    value.to_bits() == found.to_bits()
                } else {
                    (value - found).abs() <= *slack
                }
            }
            (Self::Text(expected), Found::Date(date)) => *expected == date.to_string(),
            (Self::Text(expected), Found::Timestamp(timestamp)) => *expected == timestamp.to_string(),
            _ => false,
        }
    }
}

/// What a case says about currencies.
pub(crate) struct Currencies<'a> {
    /// From, to and rate of each row of the table of rates.
    pub(crate) rates: Vec<[&'a str; 3]>,
    /// The target that the query asks for.
    pub(crate) reference: Option<&'a str>,
}

/// The value of a measure that is made of facts.
pub(crate) fn of_facts(formula: &MeasureFormula, facts: &[&Joined], currencies: &Currencies<'_>) -> Val {
    let numbers = |column: &str| -> Vec<Exact> { facts.iter().filter_map(|fact| number(fact, find(column))).collect() };
    let spread = |column: &str, sample: bool, root: bool| {
        let variance = variance(&numbers(column), sample).map(|value| if root { value.sqrt() } else { value });
        // The square root of a variance of rounding errors is far from zero.
        variance.map_or(Val::Null, |value| Val::near(value, value))
    };
    match formula {
        MeasureFormula::Sum(column) => typed(kind_of(find(column)), &numbers(column), |numbers| Exact::sum(numbers)),
        MeasureFormula::Mean(column) => mean(&numbers(column)),
        MeasureFormula::Min(column) => extreme(find(column), facts, |cells| cells.into_iter().min()),
        MeasureFormula::Max(column) => extreme(find(column), facts, |cells| cells.into_iter().max()),
        MeasureFormula::Stddev(column) => spread(column, true, true),
        MeasureFormula::Variance(column) => spread(column, true, false),
        MeasureFormula::StddevPopulation(column) => spread(column, false, true),
        MeasureFormula::VariancePopulation(column) => spread(column, false, false),
        MeasureFormula::Median(column) => quantile(numbers(column), 0.5),
        MeasureFormula::Quantile { column, q } => quantile(numbers(column), q.parse().unwrap()),
        MeasureFormula::DistinctCount(column) => distinct(find(column), facts),
        MeasureFormula::SumProduct(columns) => {
            sum_product(&columns.iter().map(|column| find(column)).collect::<Vec<_>>(), facts)
        }
        MeasureFormula::Convert { sum, currency, to, .. } => {
            converted(find(sum), find(currency), currencies.reference.unwrap_or(to), facts, &currencies.rates)
        }
        other => unreachable!("{other:?} is made of other measures"),
    }
}

/// The value of a count, sum or mean that a cube makes itself.
pub(crate) fn automatic(name: &str, facts: &[&Joined], currencies: &Currencies<'_>) -> Val {
    match name.split_once('.').unwrap() {
        ("contributors", _) => Val::Int(i64::try_from(facts.len()).unwrap()),
        (column, "SUM") => of_facts(&MeasureFormula::Sum(column.to_owned()), facts, currencies),
        (column, _) => of_facts(&MeasureFormula::Mean(column.to_owned()), facts, currencies),
    }
}

/// A column written alone or after its table.
fn find(written: &str) -> Column {
    let name = written.rsplit('/').next().unwrap();
    let of_table = |(table, _, columns): &(&'static str, usize, Columns)| {
        columns.iter().find(|(column, _)| *column == name).map(|(column, _)| (*table, *column))
    };
    TABLES.iter().find_map(of_table).unwrap()
}

fn number(fact: &Joined, column: Column) -> Option<Exact> {
    match &fact[&column] {
        Cell::Number(number) => Some(number.clone()),
        _ => None,
    }
}

fn of_units(units: i128, scale: u8) -> Exact {
    Exact::of_integer(units).over(&Exact::of_integer(10_i128.pow(scale.into())))
}

fn count(numbers: &[Exact]) -> i64 {
    i64::try_from(numbers.len()).unwrap()
}

/// A number of the type of a column; null of no numbers.
fn typed(kind: Kind, numbers: &[Exact], make: impl Fn(&[Exact]) -> Exact) -> Val {
    if numbers.is_empty() {
        return Val::Null;
    }
    let number = make(numbers);
    match kind {
        Kind::Int => Val::Int(i64::try_from(number.units(0).unwrap()).unwrap()),
        Kind::Decimal => Val::Decimal { units: number.units(2).unwrap(), scale: 2 },
        _ => Val::double(number.to_double()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are few facts")]
fn mean(numbers: &[Exact]) -> Val {
    if numbers.is_empty() { Val::Null } else { Val::double(Exact::sum(numbers).to_double() / count(numbers) as f64) }
}

fn extreme(column: Column, facts: &[&Joined], pick: impl Fn(Vec<Cell>) -> Option<Cell>) -> Val {
    let known = facts.iter().map(|fact| fact[&column].clone()).filter(|cell| *cell != Cell::Missing);
    match pick(known.collect()) {
        Some(Cell::Number(number)) => typed(kind_of(column), &[number], |one| one[0].clone()),
        Some(Cell::Text(text)) => Val::Text(text),
        _ => Val::Null,
    }
}

fn variance(numbers: &[Exact], sample: bool) -> Option<f64> {
    let degrees = count(numbers) - i64::from(sample);
    if degrees < 1 {
        return None;
    }
    let squares: Vec<Exact> = numbers.iter().map(|number| number.times(number)).collect();
    let (sum, squares) = (Exact::sum(numbers), Exact::sum(&squares));
    let difference = squares.times(&Exact::of_integer(count(numbers))).plus(&sum.times(&sum).negated());
    Some(difference.over(&Exact::of_integer(count(numbers) * degrees)).to_double())
}

fn quantile(mut numbers: Vec<Exact>, quantile: f64) -> Val {
    numbers.sort();
    let Some(last) = numbers.len().checked_sub(1) else { return Val::Null };
    let position = Exact::of_double(quantile).times(&Exact::of_integer(last));
    let below = (0..=last).rev().find(|index| Exact::of_integer(*index) <= position).unwrap();
    let (low, high) = (&numbers[below], &numbers[(below + 1).min(last)]);
    let part = position.plus(&Exact::of_integer(below).negated());
    let value = low.plus(&high.plus(&low.negated()).times(&part)).to_double();
    // A position is itself rounded, by as much as its whole part is large.
    let magnitude = low.magnitude().plus(&high.magnitude()).times(&Exact::of_integer(last + 1)).to_double();
    Val::near(value, magnitude)
}

fn distinct(column: Column, facts: &[&Joined]) -> Val {
    let missing = [Cell::Missing, Cell::Text("N/A".to_owned())];
    let known: BTreeSet<&Cell> =
        facts.iter().map(|fact| &fact[&column]).filter(|cell| !missing.contains(cell)).collect();
    Val::Int(i64::try_from(known.len()).unwrap())
}

fn sum_product(columns: &[Column], facts: &[&Joined]) -> Val {
    let factors =
        |fact: &&Joined| -> Option<Vec<Exact>> { columns.iter().map(|column| number(fact, *column)).collect() };
    let rows: Vec<Vec<Exact>> = facts.iter().filter_map(factors).collect();
    if rows.is_empty() {
        return Val::Null;
    }
    let kinds: Vec<Kind> = columns.iter().map(|column| kind_of(*column)).collect();
    if kinds.iter().any(|kind| matches!(kind, Kind::Quarter | Kind::Odd)) {
        // With a double among them, each product is a double.
        let product = |row: &Vec<Exact>| row.iter().fold(1.0, |product, factor| product * factor.to_double());
        let products: Vec<Exact> = rows.iter().map(|row| Exact::of_double(product(row))).collect();
        return Val::double(Exact::sum(&products).to_double());
    }
    let product = |row: &Vec<Exact>| row.iter().fold(Exact::of_integer(1), |product, factor| product.times(factor));
    let sum = Exact::sum(&rows.iter().map(product).collect::<Vec<_>>());
    match kinds.iter().filter(|kind| **kind == Kind::Decimal).count() {
        0 => Val::Int(i64::try_from(sum.units(0).unwrap()).unwrap()),
        decimals => {
            let scale = 2 * u8::try_from(decimals).unwrap();
            Val::Decimal { units: sum.units(scale).unwrap(), scale }
        }
    }
}

fn converted(amount: Column, currency: Column, target: &str, facts: &[&Joined], rates: &[[&str; 3]]) -> Val {
    let mut amounts: BTreeMap<&str, Vec<Exact>> = BTreeMap::new();
    for fact in facts {
        let (Some(number), Cell::Text(currency)) = (number(fact, amount), &fact[&currency]) else { continue };
        amounts.entry(currency).or_default().push(number);
    }
    if amounts.is_empty() {
        return Val::Null;
    }
    let (mut total, mut magnitude) = (Exact::of_integer(0), Exact::of_integer(0));
    for (currency, amounts) in amounts {
        // The later of two rows for a pair holds, also when it has no rate.
        let row = rates.iter().rev().find(|[from, to, _]| (*from, *to) == (currency, target));
        let row = row.filter(|[_, _, rate]| !rate.is_empty());
        let rate = match row {
            _ if currency == "N/A" => return Val::Null,
            Some([_, _, rate]) => Exact::of_double(rate.parse().unwrap()),
            None if currency == target => Exact::of_integer(1),
            None => return Val::Null,
        };
        let converted = Exact::of_double(Exact::sum(&amounts).to_double()).times(&rate);
        magnitude = magnitude.plus(&converted.magnitude());
        total = total.plus(&converted);
    }
    Val::near(total.to_double(), magnitude.to_double())
}
