//! From the formula of a measure to what it is made of: names become columns, levels and other measures.

use std::{collections::BTreeMap, sync::Arc};

use super::NamedHierarchy;
use crate::{
    aggregate::{Aggregate, ColumnId, Spread},
    expression::{self, Operand},
    limits::SUM_PRODUCT_COLUMNS_MAX,
    load::table::Table,
    model::{
        definition::MeasureFormula,
        measure::{MeasureKind, rates::Rates},
        reach::{Reach, ReachedColumn},
    },
    nearest::unknown,
    resolve::names::LevelNames,
    value::ColumnType,
};

/// What formulas can speak of.
pub(super) struct Vocabulary<'a> {
    pub(super) reach: &'a Reach,
    pub(super) tables: &'a BTreeMap<String, Arc<Table>>,
    pub(super) hierarchies: &'a [NamedHierarchy<'a>],
    pub(super) levels: LevelNames,
    /// Names of all measures of the cube, by index.
    pub(super) measures: Vec<String>,
    /// Names of all context values of the cube, by index.
    pub(super) values: Vec<String>,
}

impl Vocabulary<'_> {
    /// What a formula says; or everything that is wrong with it.
    pub(super) fn read(&self, formula: &MeasureFormula) -> Result<MeasureKind, Vec<String>> {
        let facts = |aggregate: Result<Aggregate, String>| aggregate.map(MeasureKind::Facts);
        let spread = |column: &str, sample, root| {
            facts(self.numeric(column).map(|column| Aggregate::Spread { column, of: Spread { sample, root } }))
        };
        let one = match formula {
            MeasureFormula::Sum(column) => facts(self.numeric(column).map(Aggregate::Sum)),
            MeasureFormula::Mean(column) => facts(self.numeric(column).map(Aggregate::Mean)),
            MeasureFormula::Min(column) => facts(self.ordered(column).map(Aggregate::Min)),
            MeasureFormula::Max(column) => facts(self.ordered(column).map(Aggregate::Max)),
            MeasureFormula::Stddev(column) => spread(column, true, true),
            MeasureFormula::Variance(column) => spread(column, true, false),
            MeasureFormula::StddevPopulation(column) => spread(column, false, true),
            MeasureFormula::VariancePopulation(column) => spread(column, false, false),
            MeasureFormula::Median(column) => {
                facts(self.numeric(column).map(|column| Aggregate::Quantile { column, quantile: 0.5 }))
            }
            MeasureFormula::Quantile { column, q } => {
                return both(self.numeric(column), share(q))
                    .map(|(column, quantile)| MeasureKind::Facts(Aggregate::Quantile { column, quantile }));
            }
            MeasureFormula::DistinctCount(column) => {
                facts(self.reach.find(column).map(|column| Aggregate::DistinctCount(column.id)))
            }
            MeasureFormula::SumProduct(columns) => return self.sum_product(columns),
            MeasureFormula::Expression(text) => return self.expression(text),
            MeasureFormula::ShareOfParent { measure, hierarchy } => {
                return both(self.measure(measure), self.hierarchy(hierarchy))
                    .map(|(measure, hierarchy)| MeasureKind::ShareOfParent { measure, hierarchy });
            }
            MeasureFormula::ShareOfTotal { measure } => {
                self.measure(measure).map(|measure| MeasureKind::ShareOfTotal { measure })
            }
            MeasureFormula::RunningTotal { measure, level } => {
                return both(self.measure(measure), self.levels.find(level))
                    .map(|(measure, along)| MeasureKind::RunningTotal { measure, along });
            }
            MeasureFormula::PreviousMember { measure, level } => {
                return both(self.measure(measure), self.levels.find(level))
                    .map(|(measure, along)| MeasureKind::PreviousMember { measure, along });
            }
            MeasureFormula::Convert { sum, currency, rates, to } => {
                let columns = both(self.numeric(sum), self.currency(currency));
                return both_many(columns, Rates::read(rates, self.tables)).map(|((amount, currency), rates)| {
                    MeasureKind::Converted { amount, currency, rates: Arc::new(rates), to: to.clone() }
                });
            }
        };
        one.map_err(|mistake| vec![mistake])
    }

    fn sum_product(&self, columns: &[String]) -> Result<MeasureKind, Vec<String>> {
        if !(2..=SUM_PRODUCT_COLUMNS_MAX).contains(&columns.len()) {
            let given = columns.len();
            return Err(vec![format!("a product has 2 to {SUM_PRODUCT_COLUMNS_MAX} columns; this one has {given}")]);
        }
        let mut mistakes = Vec::new();
        let columns = columns.iter().map(|column| self.numeric(column));
        let columns: Vec<ColumnId> =
            columns.filter_map(|column| column.map_err(|mistake| mistakes.push(mistake)).ok()).collect();
        if mistakes.is_empty() { Ok(MeasureKind::Facts(Aggregate::SumProduct(columns))) } else { Err(mistakes) }
    }

    fn expression(&self, text: &str) -> Result<MeasureKind, Vec<String>> {
        let expression = expression::parse(text).map_err(|mistake| vec![format!("{mistake}")])?;
        let find = |operand: &Operand<String>| match operand {
            Operand::Measure(name) => self.measure(name).map(Operand::Measure),
            Operand::Value(name) => self.value(name).map(Operand::Value),
        };
        let unknown: Vec<String> =
            expression.operands().into_iter().filter_map(|operand| find(operand).err()).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let expression = expression.try_map(&mut |operand| find(&operand));
        expression.map(MeasureKind::Expression).map_err(|mistake| vec![mistake])
    }

    fn measure(&self, written: &str) -> Result<usize, String> {
        let position = self.measures.iter().position(|name| name == written);
        position.ok_or_else(|| unknown("measure", written, self.measures.iter().map(String::as_str)))
    }

    fn value(&self, written: &str) -> Result<usize, String> {
        let position = self.values.iter().position(|name| name == written);
        position.ok_or_else(|| unknown("context value", written, self.values.iter().map(String::as_str)))
    }

    fn hierarchy(&self, written: &str) -> Result<usize, String> {
        let names = || self.hierarchies.iter().map(|hierarchy| hierarchy.name.as_str());
        names().position(|name| name == written).ok_or_else(|| unknown("hierarchy", written, names()))
    }

    fn currency(&self, written: &str) -> Result<ColumnId, String> {
        let column = self.reach.find(written)?;
        match column.column.column_type() {
            ColumnType::String => Ok(column.id),
            other => Err(format!("the column {written:?} has the type {other}; currencies are text")),
        }
    }

    fn numeric(&self, written: &str) -> Result<ColumnId, String> {
        self.measured(written, "numeric column", "measures need numbers", ColumnType::is_numeric)
    }

    fn ordered(&self, written: &str) -> Result<ColumnId, String> {
        let fits = |column_type: ColumnType| {
            column_type.is_numeric() || matches!(column_type, ColumnType::Date | ColumnType::Timestamp)
        };
        self.measured(
            written,
            "numeric, date or timestamp column",
            "the smallest and largest are of numbers and dates",
            fits,
        )
    }

    /// A column of the fact table that may be written as `Column` or `Table/Column`.
    fn measured(
        &self,
        written: &str,
        what: &str,
        rule: &str,
        fits: impl Fn(ColumnType) -> bool,
    ) -> Result<ColumnId, String> {
        let facts = self.reach.fact_table();
        let of_facts = || self.reach.columns().filter(|column| column.id.table == 0);
        let is_meant =
            |column: &ReachedColumn<'_>| column.column.name == written || column.name().to_string() == written;
        match (of_facts().find(is_meant), self.reach.find(written)) {
            (Some(column), _) if fits(column.column.column_type()) => Ok(column.id),
            (Some(column), _) => {
                Err(format!("the column {written:?} has the type {}; {rule}", column.column.column_type()))
            }
            (None, Ok(column)) => Err(format!(
                "the column {:?} is not of the fact table {:?}, which measures are over",
                column.name().to_string(),
                facts.name
            )),
            (None, Err(_)) => {
                let fitting = facts.columns.iter().filter(|column| fits(column.column_type()));
                Err(unknown(what, written, fitting.map(|column| column.name.as_str())))
            }
        }
    }
}

fn share(written: &str) -> Result<f64, String> {
    let quantile = crate::value::parse_double(written).filter(|quantile| (0.0..=1.0).contains(quantile));
    quantile.ok_or_else(|| format!("{written:?} is not a share; write a decimal number from 0 to 1, as in 0.95"))
}

fn both<A, B>(a: Result<A, String>, b: Result<B, String>) -> Result<(A, B), Vec<String>> {
    both_many(a.map_err(|mistake| vec![mistake]), b.map_err(|mistake| vec![mistake]))
}

fn both_many<A, B>(a: Result<A, Vec<String>>, b: Result<B, Vec<String>>) -> Result<(A, B), Vec<String>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err([a.err().unwrap_or_default(), b.err().unwrap_or_default()].concat()),
    }
}
