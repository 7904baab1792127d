//! What has to be folded from facts, so that measures can be had.

use crate::{
    aggregate::Aggregate,
    model::{
        cube::Cube,
        measure::{Measure, MeasureKind},
    },
};

/// The aggregates that measures are made of, each once; and by measure of the cube the one that it is, if it is.
pub(super) fn of_measures(
    measures: impl Iterator<Item = usize>,
    cube: &Cube,
    currency: Option<&str>,
) -> (Vec<Aggregate>, Vec<Option<usize>>) {
    let mut aggregates: Vec<Aggregate> = Vec::new();
    let mut aggregate_of = vec![None; cube.measures.len()];
    let mut is_seen = vec![false; cube.measures.len()];
    let mut open: Vec<usize> = measures.collect();
    open.reverse();
    while let Some(index) = open.pop() {
        let (Some(measure), Some(is_seen)) = (cube.measures.get(index), is_seen.get_mut(index)) else { continue };
        if std::mem::replace(is_seen, true) {
            continue;
        }
        open.extend(measure.kind.operands());
        let Some(aggregate) = aggregate(measure, cube, currency) else { continue };
        let position = aggregates.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            aggregates.push(aggregate);
            aggregates.len() - 1
        });
        if let Some(slot) = aggregate_of.get_mut(index) {
            *slot = Some(position);
        }
    }
    (aggregates, aggregate_of)
}

fn aggregate(measure: &Measure, cube: &Cube, target: Option<&str>) -> Option<Aggregate> {
    match &measure.kind {
        MeasureKind::Facts(aggregate) => Some(aggregate.clone()),
        MeasureKind::Converted { amount, currency, rates, to } => {
            let currencies = &cube.reach.at(*currency)?.column.coded().dictionary;
            let rates = rates.by_currency(target.unwrap_or(to), currencies);
            Some(Aggregate::Converted { amount: *amount, currency: *currency, rates })
        }
        MeasureKind::Expression(_)
        | MeasureKind::ShareOfParent { .. }
        | MeasureKind::ShareOfTotal { .. }
        | MeasureKind::RunningTotal { .. }
        | MeasureKind::PreviousMember { .. } => None,
    }
}
