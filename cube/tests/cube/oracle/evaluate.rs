//! What the answer has to be, worked out row by row and measure by measure.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use cubegate_cube::MeasureFormula;
use serde_json::Value;

use super::{
    cases::{Arithmetic, Case, Formula, level_name},
    data::{Cell, Column, Joined, is_visible, join, kind_of},
    filter::{is_kept, is_wanted},
    values::{Currencies, Val, automatic, of_facts},
};

/// The level of each group, or that facts are not grouped by it.
type Grouping = Vec<Option<usize>>;
/// The members of each group down to its level.
type Key = Vec<Option<Vec<Cell>>>;
/// The value of a measure by the cells of a grouping.
type ColumnOfValues = Rc<BTreeMap<Key, Val>>;

/// A row of the answer: members, none in a total above them, and values.
pub(crate) type Row = (Vec<Option<Cell>>, Vec<Val>);

pub(crate) struct Evaluator<'a> {
    case: &'a Case,
    /// The facts that are visible and wanted.
    facts: Vec<Joined>,
    /// Hierarchy and deepest level of each group, in the order of the query.
    groups: Vec<(usize, usize)>,
    known: RefCell<BTreeMap<(String, Grouping), ColumnOfValues>>,
}

/// The rows of the answer.
pub(crate) fn evaluate(case: &Case) -> Vec<Row> {
    let evaluator = Evaluator::new(case);
    let rows = evaluator.rows_in_order();
    let number = |name: &str, default: usize| {
        case.query[name].as_u64().map_or(default, |number| usize::try_from(number).unwrap())
    };
    rows.into_iter().skip(number("offset", 0)).take(number("limit", usize::MAX)).collect()
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The hierarchy, the index and the column of a level that is written as `H0/city`.
pub(crate) fn find_level(case: &Case, written: &str) -> (usize, usize, Column) {
    let levels = case.hierarchies.iter().enumerate().flat_map(|(hierarchy, levels)| {
        levels.iter().enumerate().map(move |(index, column)| (hierarchy, index, *column))
    });
    levels.into_iter().find(|(hierarchy, _, column)| level_name(*hierarchy, *column) == written).unwrap()
}

impl<'a> Evaluator<'a> {
    fn new(case: &'a Case) -> Self {
        let wanted = |fact: &Joined| is_visible(fact, &case.mask) && is_wanted(case, &case.query["filter"], fact);
        let facts = join(&case.tables, &case.joins).into_iter().filter(wanted).collect();
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for name in texts(&case.query["levels"]) {
            let (hierarchy, index, _) = find_level(case, &name);
            match groups.iter_mut().find(|group| group.0 == hierarchy) {
                Some(group) => group.1 = group.1.max(index),
                None => groups.push((hierarchy, index)),
            }
        }
        Self { case, facts, groups, known: RefCell::default() }
    }

    fn deepest(&self) -> Grouping {
        self.groups.iter().map(|(_, level)| Some(*level)).collect()
    }

    /// The level columns: group and level of each.
    fn columns(&self) -> Vec<(usize, usize)> {
        let of_group =
            |(group, (_, deepest)): (usize, &(usize, usize))| (0..=*deepest).map(move |level| (group, level));
        self.groups.iter().enumerate().flat_map(of_group).collect()
    }

    /// The grouping of rows that have members in the first columns.
    fn at_depth(&self, depth: usize) -> Grouping {
        let columns = self.columns();
        let last =
            |group: usize| columns[..depth].iter().filter(|column| column.0 == group).map(|column| column.1).max();
        (0..self.groups.len()).map(last).collect()
    }

    fn key(&self, fact: &Joined, grouping: &Grouping) -> Key {
        let members = |((hierarchy, _), level): (&(usize, usize), &Option<usize>)| {
            let columns = &self.case.hierarchies[*hierarchy][..=(*level)?];
            Some(columns.iter().map(|column| fact[column].clone()).collect())
        };
        self.groups.iter().zip(grouping).map(members).collect()
    }

    fn cells(&self, grouping: &Grouping) -> BTreeMap<Key, Vec<&Joined>> {
        let mut cells: BTreeMap<Key, Vec<&Joined>> = BTreeMap::new();
        for fact in &self.facts {
            cells.entry(self.key(fact, grouping)).or_default().push(fact);
        }
        cells
    }

    // === Measures ===

    /// The value of a measure in each cell.
    fn values(&self, name: &str, grouping: &Grouping) -> ColumnOfValues {
        let known_by = (name.to_owned(), grouping.clone());
        if let Some(known) = self.known.borrow().get(&known_by) {
            return Rc::clone(known);
        }
        let values = Rc::new(self.evaluate(name, grouping));
        self.known.borrow_mut().insert(known_by, Rc::clone(&values));
        values
    }

    fn evaluate(&self, name: &str, grouping: &Grouping) -> BTreeMap<Key, Val> {
        let rates = self.case.tables["Rates"].iter().map(|row| [&*row[0], &*row[1], &*row[2]]).collect();
        let reference = self.case.query["context"]["referenceCurrency"].as_str();
        let currencies = Currencies { rates, reference };
        let cells = self.cells(grouping);
        let formula = self.case.measures.iter().find(|(known, _)| known == name).map(|(_, formula)| formula);
        let each = |value: &dyn Fn(&Key, &[&Joined]) -> Val| -> BTreeMap<Key, Val> {
            cells.iter().map(|(key, facts)| (key.clone(), value(key, facts))).collect()
        };
        match formula {
            None => each(&|_, facts| automatic(name, facts, &currencies)),
            Some(Formula::Arithmetic(arithmetic)) => {
                // There is one zero in an answer.
                each(&|key, _| {
                    self.arithmetic(arithmetic, grouping, key).map_or(Val::Null, |value| Val::double(value + 0.0))
                })
            }
            Some(Formula::Plain(formula)) => match formula {
                MeasureFormula::ShareOfParent { measure, hierarchy } => {
                    let group = self.groups.iter().position(|group| format!("H{}", group.0) == *hierarchy);
                    let above = group.and_then(|group| Some((group, grouping[group]?)));
                    let Some((group, level)) = above else {
                        let own = self.values(measure, grouping);
                        return each(&|key, _| if own[key].is_null() { Val::Null } else { Val::double(1.0) });
                    };
                    let mut parent = grouping.clone();
                    parent[group] = level.checked_sub(1);
                    each(&|key, facts| self.share(measure, grouping, key, &parent, facts))
                }
                MeasureFormula::ShareOfTotal { measure } => {
                    let nothing = vec![None; self.groups.len()];
                    each(&|key, facts| self.share(measure, grouping, key, &nothing, facts))
                }
                MeasureFormula::RunningTotal { measure, level } => match self.along(grouping, level) {
                    None => (*self.values(measure, grouping)).clone(),
                    Some((group, at)) => {
                        let values = self.values(measure, &at);
                        each(&|_, facts| running_total(&values, group, &self.key(facts[0], &at)))
                    }
                },
                MeasureFormula::PreviousMember { measure, level } => match self.along(grouping, level) {
                    None => each(&|_, _| Val::Null),
                    Some((group, at)) => {
                        let values = self.values(measure, &at);
                        each(&|_, facts| previous(&values, group, &self.key(facts[0], &at)))
                    }
                },
                formula => each(&|_, facts| of_facts(formula, facts, &currencies)),
            },
        }
    }

    fn arithmetic(&self, arithmetic: &Arithmetic, grouping: &Grouping, key: &Key) -> Option<f64> {
        let value = match arithmetic {
            Arithmetic::Number(number) => *number,
            Arithmetic::Measure(name) => self.values(name, grouping)[key].rounded()?,
            Arithmetic::Negated(inner) => -self.arithmetic(inner, grouping, key)?,
            Arithmetic::Combined(operator, left, right) => {
                let (left, right) = (self.arithmetic(left, grouping, key)?, self.arithmetic(right, grouping, key)?);
                match operator {
                    '+' => left + right,
                    '-' | '−' => left - right,
                    '*' | '×' => left * right,
                    _ => left / right,
                }
            }
        };
        value.is_finite().then_some(value)
    }

    fn share(&self, measure: &str, grouping: &Grouping, key: &Key, whole: &Grouping, facts: &[&Joined]) -> Val {
        let own = self.values(measure, grouping)[key].rounded();
        let whole = self.values(measure, whole)[&self.key(facts[0], whole)].rounded();
        let share = own.zip(whole).map(|(own, whole)| own / whole + 0.0).filter(|share| share.is_finite());
        share.map_or(Val::Null, Val::double)
    }

    /// The group of a level, and the grouping in which it is the deepest one of its group.
    fn along(&self, grouping: &Grouping, level: &str) -> Option<(usize, Grouping)> {
        let (hierarchy, index, _) = find_level(self.case, level);
        let group = self.groups.iter().position(|group| group.0 == hierarchy)?;
        let mut at = grouping.clone();
        at[group] = grouping[group].filter(|level| *level >= index).map(|_| index);
        at[group].map(|_| (group, at))
    }

    // === Rows ===

    fn rows_in_order(&self) -> Vec<Row> {
        let columns = self.columns();
        let measures = texts(&self.case.query["measures"]);
        let totals = self.case.query["totals"] == Value::Bool(true);
        let depths: BTreeSet<usize> = if totals { (0..=columns.len()).collect() } else { [columns.len()].into() };
        let mut paths = self.paths(&depths, &columns, &measures);
        if totals {
            // Two rows are as far apart as their ancestors where they first differ.
            paths.sort_by(|a, b| match a.iter().zip(b).position(|(a, b)| a != b) {
                Some(depth) => self.compare(&a[..=depth], &b[..=depth], &columns),
                None => a.len().cmp(&b.len()),
            });
        } else {
            paths.sort_by(|a, b| self.compare(a, b, &columns));
        }
        let row = |path: Vec<Cell>| {
            let values = measures.iter().map(|name| self.value_at(name, &path, &columns)).collect();
            let above = columns.len() - path.len();
            (path.into_iter().map(Some).chain(vec![None; above]).collect(), values)
        };
        paths.into_iter().map(row).collect()
    }

    /// The members of the rows that are kept.
    fn paths(&self, depths: &BTreeSet<usize>, columns: &[(usize, usize)], measures: &[String]) -> Vec<Vec<Cell>> {
        let has_value = |path: &[Cell]| measures.iter().any(|name| !self.value_at(name, path, columns).is_null());
        let value = |name: &str, path: &[Cell]| self.value_at(name, path, columns);
        let member = |written: &str, path: &[Cell]| {
            let (hierarchy, index, column) = find_level(self.case, written);
            let group = self.groups.iter().position(|group| group.0 == hierarchy).unwrap();
            let place = columns.iter().position(|column| *column == (group, index)).unwrap();
            (kind_of(column), path[place].clone())
        };
        let deepest: Vec<Vec<Cell>> = self.cells(&self.deepest()).into_keys().map(flat).collect();
        let mut kept: BTreeSet<Vec<Cell>> = BTreeSet::new();
        for path in deepest {
            let passes = is_kept(&self.case.query["filter"], &|name| value(name, &path), &|level| member(level, &path));
            // What a total is shown for is a row that is shown itself; without conditions on rows, it is shown anyway.
            let is_shown = has_value(&path);
            let has_conditions = speaks_of_measures(&self.case.query["filter"]);
            for depth in depths {
                let prefix = path[..*depth].to_vec();
                if passes && (is_shown || !has_conditions) && has_value(&prefix) {
                    kept.insert(prefix);
                }
            }
        }
        kept.into_iter().collect()
    }

    fn value_at(&self, name: &str, path: &[Cell], columns: &[(usize, usize)]) -> Val {
        let grouping = self.at_depth(path.len());
        let mut key: Key = grouping.iter().map(|level| level.map(|_| Vec::new())).collect();
        for ((group, _), member) in columns.iter().zip(path) {
            key[*group].as_mut().unwrap().push(member.clone());
        }
        self.values(name, &grouping)[&key].clone()
    }

    fn compare(&self, a: &[Cell], b: &[Cell], columns: &[(usize, usize)]) -> Ordering {
        let criteria = self.case.query["order"].as_array().unwrap();
        let by_criterion = |criterion: &Value| {
            let (by, is_descending) = (criterion["by"].as_str().unwrap(), criterion["direction"] == "desc");
            if !by.starts_with('H') {
                let value = |path: &[Cell]| self.value_at(by, path, columns).number();
                return nulls_last(value(a), value(b), is_descending);
            }
            let (hierarchy, index, _) = find_level(self.case, by);
            let group = self.groups.iter().position(|group| group.0 == hierarchy).unwrap();
            let place = columns.iter().position(|column| *column == (group, index)).unwrap();
            let ordering = a.get(place).cmp(&b.get(place));
            if is_descending { ordering.reverse() } else { ordering }
        };
        criteria.iter().map(by_criterion).find(|ordering| ordering.is_ne()).unwrap_or_else(|| a.cmp(b))
    }
}

fn nulls_last<T: Ord>(a: Option<T>, b: Option<T>, is_descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if is_descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

fn flat(key: Key) -> Vec<Cell> {
    key.into_iter().flatten().flatten().collect()
}

pub(crate) fn speaks_of_measures(filter: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields.contains_key("measure") || fields.values().any(speaks_of_measures),
        Value::Array(items) => items.iter().any(speaks_of_measures),
        _ => false,
    }
}

/// The same cell but for one group.
fn differ_only_in(group: usize, a: &Key, b: &Key) -> bool {
    a.iter().zip(b).enumerate().all(|(index, (a, b))| index == group || a == b)
}

fn running_total(values: &BTreeMap<Key, Val>, group: usize, here: &Key) -> Val {
    let up_to = values.iter().filter(|(key, _)| differ_only_in(group, key, here) && key[group] <= here[group]);
    let add = |total: Val, value: &Val| match (total, value) {
        (Val::Null, value) => value.clone(),
        (total, Val::Null) => total,
        (Val::Int(total), Val::Int(value)) => Val::Int(total + value),
        (Val::Decimal { units, scale }, Val::Decimal { units: more, .. }) => {
            Val::Decimal { units: units + more, scale }
        }
        (total, value) => Val::double(total.rounded().unwrap() + value.rounded().unwrap()),
    };
    up_to.map(|(_, value)| value).fold(Val::Null, add)
}

fn previous(values: &BTreeMap<Key, Val>, group: usize, here: &Key) -> Val {
    let members: BTreeSet<&Option<Vec<Cell>>> = values.keys().map(|key| &key[group]).collect();
    let Some(before) = members.into_iter().rfind(|member| **member < here[group]) else { return Val::Null };
    let mut there = here.clone();
    there[group].clone_from(before);
    values.get(&there).cloned().unwrap_or(Val::Null)
}
