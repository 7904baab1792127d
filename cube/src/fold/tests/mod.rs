//! Random tables, masks, filters and groups against an evaluator that works fact by fact with exact numbers.
//!
//! The evaluator takes the nodes of facts as the hierarchies tell them, and shares nothing else with the fold.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use proptest::prelude::*;

use super::*;
use crate::{
    Cube, Model,
    aggregate::{ColumnId, Spread},
    limits::QueryLimits,
    storage::{bitmap::Bitmap, codes::code_of},
};

mod bounds;
#[path = "../../../tests/cube/oracle/exact.rs"]
mod exact;
mod naive;
mod tables;

use naive::Expected;
use tables::{COLUMNS, CURRENCY, Facts, Hierarchies, Kind, RATES, facts, hierarchies, model};

const ROWS_MAX: usize = 150;
/// Indices below this are taken modulo how many things there are.
const NUMBER_MAX: usize = 60;

/// A filter in words that hold for any table with these hierarchies.
#[derive(Clone, Debug)]
enum Wanted {
    All(Vec<Wanted>),
    Any(Vec<Wanted>),
    Not(Box<Wanted>),
    /// By the members of the leaf.
    Leaves {
        hierarchy: usize,
        pattern: u64,
    },
}

#[derive(Clone, Debug)]
struct Case {
    facts: Facts,
    hierarchies: Hierarchies,
    visible: Option<Vec<bool>>,
    wanted: Wanted,
    /// A hierarchy, a level to group by, and one above to regroup by; each modulo how many there are.
    groups: Vec<(usize, usize, usize)>,
    aggregates: Vec<Asked>,
}

/// An aggregate, before the cube with the codes of its currencies is there.
#[derive(Clone, Debug)]
enum Asked {
    Of(Aggregate),
    Converted(ColumnId),
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let leaf =
        (0..NUMBER_MAX, any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(hierarchy, one, two, is_sparse)| {
            Wanted::Leaves { hierarchy, pattern: if is_sparse { one & two } else { one | two } }
        });
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Wanted::All),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Wanted::Any),
            inner.prop_map(|wanted| Wanted::Not(Box::new(wanted))),
        ]
    })
}

fn column(is_meant: impl Fn(Kind) -> bool) -> impl Strategy<Value = ColumnId> + Clone {
    let columns: Vec<usize> = (0..COLUMNS.len()).filter(|index| is_meant(COLUMNS[*index].1)).collect();
    proptest::sample::select(columns).prop_map(|column| ColumnId { table: 0, column })
}

fn asked() -> impl Strategy<Value = Asked> {
    let number = || column(Kind::is_numeric);
    let ordered = || column(|kind| kind.is_numeric() || kind == Kind::Date);
    let quantile = proptest::sample::select(vec![0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0]);
    let of = prop_oneof![
        1 => Just(Aggregate::Count),
        3 => number().prop_map(Aggregate::Sum),
        2 => number().prop_map(Aggregate::Mean),
        1 => ordered().prop_map(Aggregate::Min),
        1 => ordered().prop_map(Aggregate::Max),
        3 => (number(), any::<bool>(), any::<bool>())
            .prop_map(|(column, sample, root)| Aggregate::Spread { column, of: Spread { sample, root } }),
        2 => (number(), quantile).prop_map(|(column, quantile)| Aggregate::Quantile { column, quantile }),
        2 => column(|_| true).prop_map(Aggregate::DistinctCount),
        3 => proptest::collection::vec(number(), 2..5).prop_map(Aggregate::SumProduct),
    ];
    prop_oneof![9 => of.prop_map(Asked::Of), 1 => number().prop_map(Asked::Converted)]
}

fn case() -> impl Strategy<Value = Case> {
    let visible = proptest::option::of(proptest::collection::vec(any::<bool>(), ROWS_MAX));
    let groups = proptest::collection::vec((0..NUMBER_MAX, 0..NUMBER_MAX, 0..NUMBER_MAX), 0..3);
    let wanted = prop_oneof![1 => Just(Wanted::All(Vec::new())), 2 => wanted()];
    (facts(ROWS_MAX), hierarchies(), visible, wanted, groups, proptest::collection::vec(asked(), 1..6)).prop_map(
        |(facts, hierarchies, visible, wanted, groups, aggregates)| Case {
            facts,
            hierarchies,
            visible,
            wanted,
            groups,
            aggregates,
        },
    )
}

// === A case in terms of a cube ===

/// A question to the fold.
struct Question<'a> {
    cube: &'a Cube,
    visible: Option<Bitmap>,
    filter: FactFilter,
    groups: Vec<Group>,
    aggregates: Vec<Aggregate>,
}

fn cube(model: &Model) -> &Cube {
    model.cube("Cube").unwrap()
}

impl<'a> Question<'a> {
    fn new(case: &Case, cube: &'a Cube) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (hierarchy, level, _) in &case.groups {
            let hierarchy = hierarchy % cube.hierarchies.len();
            if groups.iter().all(|group| group.hierarchy != hierarchy) {
                groups.push(Group { hierarchy, level: level % cube.hierarchies[hierarchy].levels.len() });
            }
        }
        Self {
            cube,
            visible: case.visible.as_ref().map(|visible| Bitmap::from_fn(cube.fact_count(), |fact| visible[fact])),
            filter: filter(cube, &case.wanted),
            groups,
            aggregates: case.aggregates.iter().map(|asked| aggregate(cube, asked)).collect(),
        }
    }

    fn ask(&self) -> Cells {
        self.ask_within(&Budget::default()).unwrap()
    }

    fn ask_within(&self, budget: &Budget<'_>) -> Result<Cells, QueryError> {
        scan(&View::masked(self.cube, self.visible.as_ref()), &self.filter, &self.groups, &self.aggregates, budget)
    }

    /// As [`ask`](Self::ask), whatever layout the plan would choose.
    fn ask_sorted(&self) -> Cells {
        let budget = Budget::default();
        let view = View::masked(self.cube, self.visible.as_ref());
        let mut plan = Plan::new(&view, &self.groups, &self.aggregates, self.cube.fact_count());
        plan.layout = Layout::Sorted;
        let rows = sorted::selected(&view, &Selector::new(&view, &self.filter), &budget).unwrap();
        let found = sorted::fold(&plan, &rows, &budget);
        Cells::of_sorted(&self.groups, plan, found.unwrap(), &budget).unwrap()
    }

    /// The facts of each cell, by the nodes of its groups, in natural order.
    fn facts_of_cells(&self) -> BTreeMap<Vec<u32>, Vec<usize>> {
        let mut cells: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        for fact in 0..self.cube.fact_count() {
            let is_visible = self.visible.as_ref().is_none_or(|visible| visible.get(fact));
            if is_visible && is_wanted(self.cube, &self.filter, fact) {
                let node = |group: &Group| {
                    let hierarchy = &self.cube.hierarchies[group.hierarchy];
                    hierarchy.levels[group.level].node(leaf(self.cube, group.hierarchy, fact))
                };
                cells.entry(self.groups.iter().map(node).collect()).or_default().push(fact);
            }
        }
        cells
    }
}

fn aggregate(cube: &Cube, asked: &Asked) -> Aggregate {
    match asked {
        Asked::Of(aggregate) => aggregate.clone(),
        Asked::Converted(amount) => {
            let currency = ColumnId { table: 0, column: CURRENCY };
            let dictionary = &cube.reach.at(currency).unwrap().column.coded().dictionary;
            let rate = |code: usize| {
                let member = dictionary.member(code_of(code));
                RATES.iter().find(|(name, _)| member == crate::value::Cell::Text(name)).and_then(|(_, rate)| *rate)
            };
            let rates: Arc<[Option<f64>]> = (0..dictionary.len()).map(rate).collect();
            Aggregate::Converted { amount: *amount, currency, rates }
        }
    }
}

fn filter(cube: &Cube, wanted: &Wanted) -> FactFilter {
    let each = |wanted: &Vec<Wanted>| wanted.iter().map(|wanted| filter(cube, wanted)).collect();
    match wanted {
        Wanted::All(all) => FactFilter::All(each(all)),
        Wanted::Any(any) => FactFilter::Any(each(any)),
        Wanted::Not(wanted) => FactFilter::Not(Box::new(filter(cube, wanted))),
        Wanted::Leaves { hierarchy, pattern } => {
            let hierarchy = hierarchy % cube.hierarchies.len();
            let last = cube.hierarchies[hierarchy].levels.len() - 1;
            let bit = |leaf| {
                let mut hasher = DefaultHasher::new();
                path(cube, Group { hierarchy, level: last }, code_of(leaf)).hash(&mut hasher);
                pattern >> (hasher.finish() % 64) & 1 == 1
            };
            FactFilter::Leaves { hierarchy, wanted: Bitmap::from_fn(cube.hierarchies[hierarchy].leaf_count(), bit) }
        }
    }
}

fn is_wanted(cube: &Cube, filter: &FactFilter, fact: usize) -> bool {
    match filter {
        FactFilter::All(all) => all.iter().all(|filter| is_wanted(cube, filter, fact)),
        FactFilter::Any(any) => any.iter().any(|filter| is_wanted(cube, filter, fact)),
        FactFilter::Not(filter) => !is_wanted(cube, filter, fact),
        FactFilter::Leaves { hierarchy, wanted } => wanted.get(leaf(cube, *hierarchy, fact) as usize),
    }
}

fn leaf(cube: &Cube, hierarchy: usize, fact: usize) -> u32 {
    cube.hierarchies[hierarchy].levels.last().unwrap().nodes_of_facts().get(fact).unwrap()
}

/// The members of a node and of those above it.
fn path(cube: &Cube, group: Group, node: u32) -> Vec<String> {
    let levels = &cube.hierarchies[group.hierarchy].levels;
    let here = &levels[group.level];
    let member = |level: &crate::model::hierarchy::Level| {
        format!("{:?}", level.dictionary().member(level.member(here.ancestor(node, level))))
    };
    levels[..=group.level].iter().map(member).collect()
}

/// Everything that can be seen of cells, to the bit. What is beyond its type says so.
fn seen(cells: &Cells, aggregates: usize) -> Vec<String> {
    let columns: Vec<_> = (0..aggregates).map(|aggregate| cells.values(aggregate)).collect();
    let values = |cell: usize| -> Vec<String> {
        let value = |values: &Result<crate::answer::Values, QueryError>| match values {
            Ok(values) => format!("{:?}", values.get(cell)),
            Err(error) => error.to_string(),
        };
        columns.iter().map(value).collect()
    };
    (0..cells.len()).map(|cell| format!("{} {:?}", cells.facts()[cell], values(cell))).collect()
}

fn nodes_seen(cells: &Cells, groups: usize) -> Vec<Vec<u32>> {
    (0..groups).map(|group| cells.nodes(group).to_vec()).collect()
}

fn check(question: &Question<'_>, facts: &Facts, cells: &Cells) -> Result<(), TestCaseError> {
    let expected = question.facts_of_cells();
    let nodes =
        |cell: usize| -> Vec<u32> { (0..question.groups.len()).map(|group| cells.nodes(group)[cell]).collect() };
    prop_assert_eq!((0..cells.len()).map(nodes).collect::<Vec<_>>(), expected.keys().cloned().collect::<Vec<_>>());
    let counts: Vec<usize> = cells.facts().iter().map(|count| *count as usize).collect();
    prop_assert_eq!(counts, expected.values().map(Vec::len).collect::<Vec<_>>());
    for (index, aggregate) in question.aggregates.iter().enumerate() {
        let expected: Vec<Expected> = expected
            .values()
            .map(|cell| {
                let rows: Vec<&[String]> = cell.iter().map(|fact| facts[*fact].as_slice()).collect();
                naive::value(aggregate, &rows)
            })
            .collect();
        let is_too_large = expected.iter().any(|expected| matches!(expected, Expected::TooLarge));
        match cells.values(index) {
            Ok(_) if is_too_large => prop_assert!(false, "{aggregate:?} is beyond its type: {expected:?}"),
            Ok(values) => {
                for (cell, expected) in expected.iter().enumerate() {
                    let found = values.get(cell);
                    prop_assert!(expected.is(found), "{aggregate:?}: {found:?} instead of {expected:?}");
                }
            }
            Err(error) => prop_assert!(is_too_large, "{aggregate:?}: {error}, instead of {expected:?}"),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn cells_are_those_of_an_evaluator_that_works_fact_by_fact(case in case()) {
        let model = model(&case.facts, &case.hierarchies);
        let question = Question::new(&case, cube(&model));
        check(&question, &case.facts, &question.ask())?;
    }

    #[test]
    fn cells_that_are_sorted_for_are_those_that_have_a_place_each(case in case()) {
        let model = model(&case.facts, &case.hierarchies);
        let question = Question::new(&case, cube(&model));
        let (one, other) = (question.ask(), question.ask_sorted());
        prop_assert_eq!(nodes_seen(&one, question.groups.len()), nodes_seen(&other, question.groups.len()));
        prop_assert_eq!(seen(&one, question.aggregates.len()), seen(&other, question.aggregates.len()));
    }

    #[test]
    fn regrouped_cells_are_those_of_a_scan_at_the_coarser_levels(case in case()) {
        let model = model(&case.facts, &case.hierarchies);
        let fine = Question::new(&case, cube(&model));
        // One more than the levels at or above stands for not grouped by it.
        let levels: Vec<Option<usize>> = fine.groups.iter().zip(&case.groups)
            .map(|(group, (_, _, above))| Some(above % (group.level + 2)).filter(|above| *above <= group.level))
            .collect();
        let coarser = |(group, level): (&Group, &Option<usize>)| Some(Group { level: (*level)?, ..*group });
        let groups: Vec<Group> = fine.groups.iter().zip(&levels).filter_map(coarser).collect();
        let coarse = Question { groups, ..Question::new(&case, cube(&model)) }.ask();
        for cells in [fine.ask(), fine.ask_sorted()] {
            let regrouped = cells.regrouped(fine.cube, &levels);
            let kept: Vec<Vec<u32>> = (0..levels.len())
                .filter(|group| levels[*group].is_some())
                .map(|group| regrouped.nodes(group).to_vec())
                .collect();
            prop_assert_eq!(kept, nodes_seen(&coarse, levels.iter().flatten().count()));
            prop_assert_eq!(seen(&regrouped, fine.aggregates.len()), seen(&coarse, fine.aggregates.len()));
        }
    }

    #[test]
    fn what_a_mask_hides_makes_no_difference_to_a_single_bit(case in case()) {
        let whole = model(&case.facts, &case.hierarchies);
        let is_visible = |fact: usize| case.visible.as_ref().is_none_or(|visible| visible[fact]);
        let rest = case.facts.iter().enumerate().filter(|(fact, _)| is_visible(*fact)).map(|(_, fact)| fact.clone());
        let left = model(&rest.collect(), &case.hierarchies);
        let masked = Question::new(&case, cube(&whole));
        let filtered = Question::new(&Case { visible: None, ..case.clone() }, cube(&left));
        let (one, other) = (masked.ask(), filtered.ask());
        // Nodes are numbered among all members, so that members are compared.
        let paths = |question: &Question<'_>, cells: &Cells| -> Vec<Vec<Vec<String>>> {
            let paths = |(index, group): (usize, &Group)| {
                cells.nodes(index).iter().map(|node| path(question.cube, *group, *node)).collect()
            };
            question.groups.iter().enumerate().map(paths).collect()
        };
        prop_assert_eq!(paths(&masked, &one), paths(&filtered, &other));
        prop_assert_eq!(seen(&one, masked.aggregates.len()), seen(&other, filtered.aggregates.len()));
    }
}
