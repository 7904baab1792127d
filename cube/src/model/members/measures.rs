//! The measures of a cube: automatic ones, declared ones, the count; and that none refers to itself.

use std::{collections::BTreeMap, sync::Arc};

use super::{NamedHierarchy, formula::Vocabulary};
use crate::{
    aggregate::Aggregate,
    limits::MEASURE_DEPTH_MAX,
    load::table::Table,
    model::{
        definition::{CubeDefinition, MeasureDefinition, Mode},
        error::Problems,
        measure::{COUNT, Measure, MeasureKind},
        reach::Reach,
    },
    resolve::names::LevelNames,
    value::ColumnType,
};

/// A measure before it is known of what type it is.
struct Draft {
    name: String,
    /// None when something is wrong with it.
    kind: Option<MeasureKind>,
}

pub(in crate::model) fn measures(
    definition: &CubeDefinition,
    reach: &Reach,
    tables: &BTreeMap<String, Arc<Table>>,
    hierarchies: &[NamedHierarchy<'_>],
    place: &str,
    problems: &mut Problems,
) -> Vec<Measure> {
    let declared: Vec<&MeasureDefinition> =
        definition.measures.iter().filter(|measure| is_new(measure, definition, place, problems)).collect();
    let mut drafts = match definition.mode {
        Mode::Auto => automatic(reach),
        Mode::NoMeasures | Mode::Manual => Vec::new(),
    };
    drafts.retain(|draft| declared.iter().all(|declared| declared.name != draft.name));
    let automatic_count = drafts.len();
    drafts.extend(declared.iter().map(|declared| Draft { name: declared.name.clone(), kind: None }));
    drafts.push(Draft { name: COUNT.to_owned(), kind: Some(MeasureKind::Facts(Aggregate::Count)) });

    let vocabulary = Vocabulary {
        reach,
        tables,
        hierarchies,
        levels: LevelNames::new(hierarchies.iter().map(|hierarchy| (hierarchy.name.as_str(), hierarchy.level_names()))),
        measures: drafts.iter().map(|draft| draft.name.clone()).collect(),
        values: definition.values.keys().cloned().collect(),
    };
    for (draft, declared) in drafts.iter_mut().skip(automatic_count).zip(declared) {
        match vocabulary.read(&declared.kind) {
            Ok(kind) => draft.kind = Some(kind),
            Err(mistakes) => {
                let place = measure_place(place, &declared.name);
                for mistake in mistakes {
                    problems.add(&place, mistake);
                }
            }
        }
    }
    let mut checker = Checker { drafts: &drafts, reach, place, problems, checked: vec![None; drafts.len()] };
    for measure in 0..drafts.len() {
        checker.check(measure, &mut Vec::new());
    }
    let types = checker.checked;
    drafts
        .into_iter()
        .zip(types)
        .filter_map(|(Draft { name, kind }, checked)| {
            Some(Measure { name, kind: kind?, result_type: checked?.result_type? })
        })
        .collect()
}

fn measure_place(place: &str, name: &str) -> String {
    format!("{place}.measures[{name}]")
}

fn is_new(measure: &MeasureDefinition, definition: &CubeDefinition, place: &str, problems: &mut Problems) -> bool {
    let place = measure_place(place, &measure.name);
    let first = definition.measures.iter().find(|earlier| earlier.name == measure.name);
    if measure.name == COUNT {
        problems.add(&place, "every cube has this measure already");
        false
    } else if first.is_some_and(|first| !std::ptr::eq(first, measure)) {
        problems.add(&place, "two measures have this name");
        false
    } else {
        true
    }
}

fn automatic(reach: &Reach) -> Vec<Draft> {
    let facts = reach.fact_table();
    let is_measured =
        |column: &crate::load::table::Column| column.column_type().is_numeric() && !facts.is_key(&column.name);
    let columns = reach.columns().filter(|column| column.id.table == 0 && is_measured(column.column));
    let sum_and_mean = |column: crate::model::reach::ReachedColumn<'_>| {
        let draft = |suffix, aggregate| Draft {
            name: format!("{}.{suffix}", column.column.name),
            kind: Some(MeasureKind::Facts(aggregate)),
        };
        [draft("SUM", Aggregate::Sum(column.id)), draft("MEAN", Aggregate::Mean(column.id))]
    };
    columns.flat_map(sum_and_mean).collect()
}

/// Follows measures through the measures that they are made of.
struct Checker<'a> {
    drafts: &'a [Draft],
    reach: &'a Reach,
    place: &'a str,
    problems: &'a mut Problems,
    checked: Vec<Option<Checked>>,
}

#[derive(Clone, Copy)]
struct Checked {
    /// None when something is wrong with the measure, which has been told.
    result_type: Option<ColumnType>,
    /// Measures that refer to each other, up to this one.
    height: usize,
}

impl Checker<'_> {
    const WRONG: Checked = Checked { result_type: None, height: 0 };

    fn check(&mut self, measure: usize, path: &mut Vec<usize>) -> Checked {
        if let Some(checked) = self.checked.get(measure).copied().flatten() {
            return checked;
        }
        if let Some(start) = path.iter().position(|earlier| *earlier == measure) {
            let cycle = path.iter().skip(start).chain([&measure]);
            let names: Vec<&str> = cycle.map(|measure| self.name(*measure)).collect();
            let message = format!("the measure refers to itself: {}", names.join(" → "));
            self.tell(measure, &message);
            return Self::WRONG;
        }
        let drafts = self.drafts;
        let Some(kind) = drafts.get(measure).and_then(|draft| draft.kind.as_ref()) else { return Self::WRONG };
        path.push(measure);
        let is_too_deep = path.len() > MEASURE_DEPTH_MAX;
        let operands = if is_too_deep { Vec::new() } else { kind.operands() };
        let operands: Vec<(usize, Checked)> =
            operands.into_iter().map(|operand| (operand, self.check(operand, path))).collect();
        path.pop();
        let height = 1 + operands.iter().map(|(_, checked)| checked.height).max().unwrap_or(0);
        let is_wrong = operands.iter().any(|(_, checked)| checked.result_type.is_none());
        let result_type = if is_wrong {
            None
        } else if is_too_deep || height > MEASURE_DEPTH_MAX {
            self.tell(measure, &format!("the measure refers to others through more than {MEASURE_DEPTH_MAX} of them"));
            None
        } else {
            self.result_type(measure, kind, &operands)
        };
        let checked = Checked { result_type, height };
        if let Some(slot) = self.checked.get_mut(measure) {
            *slot = Some(checked);
        }
        checked
    }

    fn result_type(&mut self, measure: usize, kind: &MeasureKind, operands: &[(usize, Checked)]) -> Option<ColumnType> {
        if !matches!(kind, MeasureKind::PreviousMember { .. }) {
            for (operand, checked) in operands {
                if let Some(other) = checked.result_type.filter(|result_type| !result_type.is_numeric()) {
                    let message =
                        format!("the measure {:?} has the type {other}; this needs numbers", self.name(*operand));
                    self.tell(measure, &message);
                    return None;
                }
            }
        }
        let of_operand = operands.first().and_then(|(_, checked)| checked.result_type);
        match kind {
            MeasureKind::Facts(aggregate) => {
                let type_of =
                    |column| self.reach.at(column).map_or(ColumnType::Double, |column| column.column.column_type());
                Some(aggregate.result_type(type_of))
            }
            MeasureKind::Converted { .. }
            | MeasureKind::Expression(_)
            | MeasureKind::ShareOfParent { .. }
            | MeasureKind::ShareOfTotal { .. } => Some(ColumnType::Double),
            MeasureKind::PreviousMember { .. } => of_operand,
            MeasureKind::RunningTotal { .. } => of_operand.map(crate::aggregate::sum_type),
        }
    }

    fn name(&self, measure: usize) -> &str {
        self.drafts.get(measure).map_or("", |draft| &draft.name)
    }

    fn tell(&mut self, measure: usize, message: &str) {
        let place = measure_place(self.place, self.name(measure));
        self.problems.add(&place, message);
    }
}
