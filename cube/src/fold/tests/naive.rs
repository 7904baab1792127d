//! What the values of a cell have to be, worked out fact by fact with exact numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    exact::Exact,
    tables::{COLUMNS, CURRENCY, Kind, RATES},
};
use crate::{
    aggregate::{Aggregate, ColumnId},
    value::Cell,
};

/// What a value has to be.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Null,
    Int(i128),
    Units(i128),
    /// Rounded once, or from doubles that were.
    Double(f64),
    /// Rounded more than once.
    Near {
        value: f64,
        /// What the errors are relative to.
        magnitude: f64,
    },
    Text(String),
    /// Beyond its type.
    TooLarge,
}

/// Roundings of 2⁻⁵³ each that a value may have gone through.
const ROUNDINGS: f64 = 8.0;

impl Expected {
    pub(super) fn is(&self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Null, Cell::Null) => true,
            (Self::Int(expected), Cell::Int64(found)) => *expected == i128::from(found),
            (Self::Units(expected), Cell::Decimal { units, .. }) => *expected == units,
            (Self::Double(expected), Cell::Double(found)) => expected.to_bits() == found.to_bits(),
            (Self::Near { value, magnitude }, Cell::Double(found)) => {
                (value - found).abs() <= magnitude * ROUNDINGS * f64::EPSILON
            }
            (Self::Text(expected), Cell::Date(date)) => *expected == date.to_string(),
            _ => false,
        }
    }

    fn of_double(value: f64) -> Self {
        if value.is_finite() { Self::Double(value) } else { Self::TooLarge }
    }
}

/// The value of an aggregate over some facts.
pub(super) fn value(aggregate: &Aggregate, facts: &[&[String]]) -> Expected {
    let numbers = |column: ColumnId| -> Vec<Exact> {
        facts.iter().filter_map(|fact| kind(column).number(&fact[column.column])).collect()
    };
    match aggregate {
        Aggregate::Count => Expected::Int(facts.len() as i128),
        Aggregate::Sum(column) => sum(*column, &numbers(*column)),
        Aggregate::Mean(column) => {
            let numbers = numbers(*column);
            if numbers.is_empty() {
                return Expected::Null;
            }
            Expected::Double(Exact::sum(&numbers).to_double() / double(numbers.len()))
        }
        Aggregate::Min(column) => extreme(*column, facts, |texts| texts.into_iter().next(), Iterator::min),
        Aggregate::Max(column) => extreme(*column, facts, |texts| texts.into_iter().next_back(), Iterator::max),
        Aggregate::Spread { column, of } => {
            let variance = variance(&numbers(*column), of.sample);
            variance.map_or(Expected::Null, |value| {
                let value = if of.root { value.sqrt() } else { value };
                if value.is_finite() { Expected::Near { value, magnitude: value } } else { Expected::TooLarge }
            })
        }
        Aggregate::Quantile { column, quantile } => interpolated(numbers(*column), *quantile),
        Aggregate::DistinctCount(column) => Expected::Int(distinct(*column, facts) as i128),
        Aggregate::SumProduct(columns) => sum_product(columns, facts),
        Aggregate::Converted { amount, .. } => converted(*amount, facts),
    }
}

fn kind(column: ColumnId) -> Kind {
    COLUMNS[column.column].1
}

fn double(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn sum(column: ColumnId, numbers: &[Exact]) -> Expected {
    let sum = Exact::sum(numbers);
    match kind(column) {
        _ if numbers.is_empty() => Expected::Null,
        Kind::Decimal { scale } => Expected::Units(sum.units(scale).unwrap()),
        Kind::Half | Kind::Odd => Expected::of_double(sum.to_double()),
        _ => integer(&sum),
    }
}

fn integer(sum: &Exact) -> Expected {
    let fits = sum.units(0).filter(|sum| i64::try_from(*sum).is_ok());
    fits.map_or(Expected::TooLarge, Expected::Int)
}

fn extreme(
    column: ColumnId,
    facts: &[&[String]],
    of_texts: impl Fn(BTreeSet<&str>) -> Option<&str>,
    of_numbers: impl Fn(std::vec::IntoIter<Exact>) -> Option<Exact>,
) -> Expected {
    let texts = facts.iter().map(|fact| fact[column.column].as_str()).filter(|text| !text.is_empty());
    if kind(column) == Kind::Date {
        return of_texts(texts.collect()).map_or(Expected::Null, |text| Expected::Text(text.to_owned()));
    }
    let numbers: Vec<Exact> = texts.filter_map(|text| kind(column).number(text)).collect();
    let Some(number) = of_numbers(numbers.into_iter()) else { return Expected::Null };
    match kind(column) {
        Kind::Decimal { scale } => Expected::Units(number.units(scale).unwrap()),
        Kind::Half | Kind::Odd => Expected::Double(number.to_double()),
        _ => Expected::Int(number.units(0).unwrap()),
    }
}

fn variance(numbers: &[Exact], sample: bool) -> Option<f64> {
    let count = i64::try_from(numbers.len()).unwrap();
    let degrees = count - i64::from(sample);
    if degrees < 1 {
        return None;
    }
    let squares: Vec<Exact> = numbers.iter().map(|number| number.times(number)).collect();
    let (sum, squares) = (Exact::sum(numbers), Exact::sum(&squares));
    let difference = squares.times(&Exact::of_integer(count)).plus(&sum.times(&sum).negated());
    Some(difference.over(&Exact::of_integer(count * degrees)).to_double())
}

fn interpolated(mut numbers: Vec<Exact>, quantile: f64) -> Expected {
    numbers.sort();
    let Some(last) = numbers.len().checked_sub(1) else { return Expected::Null };
    let position = Exact::of_double(quantile).times(&Exact::of_integer(last));
    let below = (0..=last).rev().find(|index| Exact::of_integer(*index) <= position).unwrap();
    let (low, high) = (&numbers[below], &numbers[(below + 1).min(last)]);
    let part = position.plus(&Exact::of_integer(below).negated());
    let value = low.plus(&high.plus(&low.negated()).times(&part));
    // A position is itself rounded, by as much as its whole part is large.
    let magnitude = low.magnitude().plus(&high.magnitude()).to_double() * (1.0 + double(last));
    Expected::Near { value: value.to_double(), magnitude }
}

fn distinct(column: ColumnId, facts: &[&[String]]) -> usize {
    let texts = facts.iter().map(|fact| fact[column.column].as_str()).filter(|text| !text.is_empty() && *text != "N/A");
    if kind(column).is_numeric() {
        texts.filter_map(|text| kind(column).number(text)).collect::<BTreeSet<Exact>>().len()
    } else {
        texts.collect::<BTreeSet<&str>>().len()
    }
}

fn sum_product(columns: &[ColumnId], facts: &[&[String]]) -> Expected {
    let factors = |fact: &&[String]| -> Option<Vec<Exact>> {
        columns.iter().map(|column| kind(*column).number(&fact[column.column])).collect()
    };
    let rows: Vec<Vec<Exact>> = facts.iter().filter_map(factors).collect();
    if rows.is_empty() {
        return Expected::Null;
    }
    let products = |row: &Vec<Exact>| row.iter().fold(Exact::of_integer(1), |product, factor| product.times(factor));
    let exact = || Exact::sum(&rows.iter().map(products).collect::<Vec<_>>());
    let scale = |column: &ColumnId| match kind(*column) {
        Kind::Int | Kind::Wide => Some(0),
        Kind::Decimal { scale } => Some(scale),
        _ => None,
    };
    match columns.iter().map(scale).sum::<Option<u8>>() {
        Some(0) => integer(&exact()),
        Some(scale) if scale <= 18 => exact().units(scale).map_or(Expected::TooLarge, Expected::Units),
        // With a double among them, or too many digits, each product is a double.
        _ => {
            let product = |row: &Vec<Exact>| row.iter().fold(1.0, |product, factor| product * factor.to_double());
            let products: Vec<Exact> = rows.iter().map(|row| Exact::of_double(product(row))).collect();
            Expected::of_double(Exact::sum(&products).to_double())
        }
    }
}

fn converted(amount: ColumnId, facts: &[&[String]]) -> Expected {
    let zero = || Exact::of_integer(0);
    let mut amounts: BTreeMap<&str, Vec<Exact>> = BTreeMap::new();
    for fact in facts {
        let name = if fact[CURRENCY].is_empty() { "N/A" } else { fact[CURRENCY].as_str() };
        let number = kind(amount).number(&fact[amount.column]);
        if let Some(number) = number {
            amounts.entry(name).or_default().push(number);
        }
    }
    if amounts.is_empty() {
        return Expected::Null;
    }
    let (mut total, mut magnitude) = (zero(), zero());
    for (name, amounts) in amounts {
        let (_, rate) = RATES.iter().find(|(currency, _)| *currency == name).unwrap();
        let Some(rate) = rate else { return Expected::Null };
        let converted = Exact::sum(&amounts).times(&Exact::of_double(*rate));
        magnitude = magnitude.plus(&converted.magnitude());
        total = total.plus(&converted);
    }
    Expected::Near { value: total.to_double(), magnitude: magnitude.to_double() }
}
