//! Which rows are kept: those that have a value, and with a filter of rows those that pass it or have one below that does.

use super::{Depths, columns::or_present, evaluate::Evaluator};
use crate::{
    request::QueryError,
    resolve::{Resolved, filter::RowCondition},
};

/// Whether each cell of each depth is a row of the answer.
pub(super) fn kept(
    resolved: &Resolved<'_>,
    depths: &Depths,
    evaluator: &mut Evaluator<'_>,
) -> Result<Vec<Vec<bool>>, QueryError> {
    let with_value = depths.groupings.iter().map(|grouping| with_value(resolved, *grouping, evaluator));
    let mut kept = with_value.collect::<Result<Vec<_>, _>>()?;
    let Some(filter) = &resolved.rows else { return Ok(kept) };
    let passing = passing(filter, resolved, evaluator)?;
    let mut below = Vec::new();
    for (index, kept) in kept.iter_mut().enumerate().rev() {
        let allowed = match depths.parents.get(index) {
            Some(parents) => any_below(&below, parents, kept.len()),
            None => passing.clone(),
        };
        // What a total is shown for is a row that is shown itself.
        let is_deepest = depths.parents.get(index).is_none();
        let own: Vec<bool> = kept.iter().zip(&allowed).map(|(has_value, allowed)| *has_value && *allowed).collect();
        below = if is_deepest { own.clone() } else { allowed };
        *kept = own;
    }
    Ok(kept)
}

/// Without measures a row says that its members have a visible fact.
fn with_value(
    resolved: &Resolved<'_>,
    grouping: usize,
    evaluator: &mut Evaluator<'_>,
) -> Result<Vec<bool>, QueryError> {
    let mut present = vec![resolved.measures.is_empty(); evaluator.cells(grouping).len()];
    for measure in &resolved.measures {
        or_present(&*evaluator.values(grouping, *measure)?, &mut present);
    }
    Ok(present)
}

fn any_below(below: &[bool], parents: &[u32], count: usize) -> Vec<bool> {
    let mut any = vec![false; count];
    for (below, parent) in below.iter().zip(parents) {
        if let Some(any) = any.get_mut(*parent as usize) {
            *any |= below;
        }
    }
    any
}

/// Whether each of the deepest cells passes.
fn passing(
    filter: &RowCondition,
    resolved: &Resolved<'_>,
    evaluator: &mut Evaluator<'_>,
) -> Result<Vec<bool>, QueryError> {
    let deepest = Evaluator::DEEPEST;
    let count = evaluator.cells(deepest).len();
    let mut joined = |filters: &[RowCondition], neutral: bool| {
        let mut all = vec![neutral; count];
        for filter in filters {
            let other = passing(filter, resolved, evaluator)?;
            all.iter_mut()
                .zip(other)
                .for_each(|(one, other)| *one = if neutral { *one && other } else { *one || other });
        }
        Ok(all)
    };
    match filter {
        RowCondition::All(filters) => joined(filters, true),
        RowCondition::Any(filters) => joined(filters, false),
        RowCondition::Not(filter) => {
            let mut passing = passing(filter, resolved, evaluator)?;
            for passes in &mut passing {
                *passes = !*passes;
            }
            Ok(passing)
        }
        RowCondition::Level { column, members } => {
            let column = resolved.columns.get(*column).expect("columns are known by their index in the query");
            let nodes = evaluator.nodes_at(deepest, column.group, column.at.level).all();
            Ok(nodes.iter().map(|node| members.contains(column.level.member(*node))).collect())
        }
        RowCondition::Measure { measure, test } => Ok(test.passing(&*evaluator.values(deepest, *measure)?)),
    }
}
