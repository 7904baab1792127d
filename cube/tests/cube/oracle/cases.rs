//! Random cases: tables, joins, hierarchies, measures, a restriction and a query.

use cubegate_cube::{ColumnName, MeasureFormula, PathTest, Paths, RatesDefinition};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::data::{Column, JOINS, Kind, TABLES, TableName, Tables, columns_of, kind_of, reached, tables};

/// A hierarchy by its levels, called `H` and its index.
pub(crate) type Hierarchies = Vec<Vec<Column>>;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) tables: Tables,
    pub(crate) joins: Vec<(Column, Column)>,
    pub(crate) hierarchies: Hierarchies,
    pub(crate) measures: Vec<(String, Formula)>,
    pub(crate) mask: Vec<Vec<Vec<PathTest>>>,
    pub(crate) query: Value,
}

/// What a measure is.
#[derive(Clone, Debug)]
pub(crate) enum Formula {
    Plain(MeasureFormula),
    Arithmetic(Arithmetic),
}

/// An expression as a tree.
#[derive(Clone, Debug)]
pub(crate) enum Arithmetic {
    Number(f64),
    Measure(String),
    Negated(Box<Arithmetic>),
    Combined(char, Box<Arithmetic>, Box<Arithmetic>),
}

/// Measures that a cube makes itself, or that every case declares, of which values are known to the bit.
pub(crate) const EXACT: [&str; 22] = [
    "contributors.COUNT",
    "size.SUM",
    "size.MEAN",
    "left.SUM",
    "price.SUM",
    "price.MEAN",
    "sold.SUM",
    "sold.MEAN",
    "odd.SUM",
    "odd.MEAN",
    "size min",
    "price max",
    "sold min",
    "odd max",
    "shops",
    "sizes",
    "cities",
    "size×left",
    "size×price",
    "sold×price",
    "odd×size",
    "price×price×left",
];
/// Measures whose values an evaluator knows but for the last digits.
pub(crate) const INEXACT: [&str; 9] = [
    "size sd",
    "price var",
    "odd var",
    "sold sdp",
    "size median",
    "price 0.9",
    "odd 0.25",
    "sold in EUR",
    "price in USD",
];
pub(crate) const DATES: [&str; 2] = ["first day", "last at"];

fn declared(reached: &[TableName]) -> Vec<(String, Formula)> {
    let of = str::to_owned;
    let convert = |sum: &str, to: &str| MeasureFormula::Convert {
        sum: of(sum),
        currency: of("currency"),
        rates: RatesDefinition { table: of("Rates"), from: of("from"), to: of("to"), rate: of("rate") },
        to: of(to),
    };
    let quantile = |column: &str, q: &str| MeasureFormula::Quantile { column: of(column), q: of(q) };
    let product = |columns: &[&str]| MeasureFormula::SumProduct(columns.iter().copied().map(of).collect());
    let far = if reached.contains(&"Areas") { "country" } else { "day" };
    let measures = [
        ("size min", MeasureFormula::Min(of("size"))),
        ("price max", MeasureFormula::Max(of("Facts/price"))),
        ("sold min", MeasureFormula::Min(of("sold"))),
        ("odd max", MeasureFormula::Max(of("odd"))),
        ("first day", MeasureFormula::Min(of("day"))),
        ("last at", MeasureFormula::Max(of("at"))),
        ("shops", MeasureFormula::DistinctCount(of("shop"))),
        ("sizes", MeasureFormula::DistinctCount(of("size"))),
        ("cities", MeasureFormula::DistinctCount(of(far))),
        ("size×left", product(&["size", "left"])),
        ("size×price", product(&["size", "price"])),
        ("sold×price", product(&["sold", "price"])),
        ("odd×size", product(&["odd", "size"])),
        ("price×price×left", product(&["price", "price", "left"])),
        ("size sd", MeasureFormula::Stddev(of("size"))),
        ("price var", MeasureFormula::VariancePopulation(of("price"))),
        ("odd var", MeasureFormula::Variance(of("odd"))),
        ("sold sdp", MeasureFormula::StddevPopulation(of("sold"))),
        ("size median", MeasureFormula::Median(of("size"))),
        ("price 0.9", quantile("price", "0.9")),
        ("odd 0.25", quantile("odd", "0.25")),
        ("sold in EUR", convert("sold", "EUR")),
        ("price in USD", convert("price", "USD")),
    ];
    measures.map(|(name, formula)| (name.to_owned(), Formula::Plain(formula))).into()
}

impl Arithmetic {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Measure(name) => format!("[{name}]"),
            Self::Negated(inner) => format!("-({})", inner.text()),
            Self::Combined(operator, left, right) => format!("({}) {operator} ({})", left.text(), right.text()),
        }
    }
}

pub(crate) fn level_name(hierarchy: usize, column: Column) -> String {
    format!("H{hierarchy}/{}", column.1)
}

/// All levels, with their hierarchies.
pub(crate) fn levels(hierarchies: &Hierarchies) -> Vec<(usize, Column)> {
    let levels =
        |(index, levels): (usize, &Vec<Column>)| levels.iter().map(|level| (index, *level)).collect::<Vec<_>>();
    hierarchies.iter().enumerate().flat_map(levels).collect()
}

fn arithmetic(operands: Vec<String>) -> impl Strategy<Value = Arithmetic> {
    let leaf = prop_oneof![
        1 => select(vec![0.0, 1.0, 2.5, 100.0]).prop_map(Arithmetic::Number),
        3 => select(operands).prop_map(Arithmetic::Measure),
    ];
    leaf.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Arithmetic::Negated(Box::new(inner))),
            4 => (select(vec!['+', '-', '*', '/', '×', '÷', '−']), inner.clone(), inner).prop_map(
                |(operator, left, right)| Arithmetic::Combined(operator, Box::new(left), Box::new(right))
            ),
        ]
    })
}

/// A measure over measures.
fn derived(hierarchies: &Hierarchies, operands: &[String]) -> BoxedStrategy<Formula> {
    let names: Vec<String> = (0..hierarchies.len()).map(|index| format!("H{index}")).collect();
    let levels: Vec<String> = levels(hierarchies).into_iter().map(|(index, level)| level_name(index, level)).collect();
    let measure = || select(operands.to_vec());
    prop_oneof![
        arithmetic(operands.to_vec()).prop_map(Formula::Arithmetic),
        (measure(), select(names))
            .prop_map(|(measure, hierarchy)| Formula::Plain(MeasureFormula::ShareOfParent { measure, hierarchy })),
        measure().prop_map(|measure| Formula::Plain(MeasureFormula::ShareOfTotal { measure })),
        (measure(), select(levels.clone()))
            .prop_map(|(measure, level)| Formula::Plain(MeasureFormula::RunningTotal { measure, level })),
        (measure(), select(levels))
            .prop_map(|(measure, level)| Formula::Plain(MeasureFormula::PreviousMember { measure, level })),
    ]
    .boxed()
}

/// On one column, or on a path of several.
fn leaf(columns: Vec<Column>) -> impl Strategy<Value = PathTest> {
    let path = prop_oneof![3 => Just(1_usize), 1 => 2..4_usize];
    let columns = path.prop_flat_map(move |depth| proptest::collection::vec(select(columns.clone()), depth));
    columns.prop_flat_map(|columns| {
        let depth = columns.len();
        let path = |is_bound: bool| -> BoxedStrategy<Vec<String>> {
            let member = |column: &Column| {
                let written =
                    kind_of(*column).written().prop_filter("missing", move |text| !is_bound || !text.is_empty());
                written.prop_map(|text| if text.is_empty() { "N/A".to_owned() } else { text })
            };
            let whole = columns.iter().map(member).collect::<Vec<_>>();
            let shortest = usize::from(!is_bound);
            (whole, shortest..=depth).prop_map(|(whole, depth)| whole.into_iter().take(depth).collect()).boxed()
        };
        let paths = prop_oneof![
            3 => proptest::collection::vec(path(false), 0..4).prop_map(|paths| Paths::In(paths.into_iter().collect())),
            2 => (path(true), path(true)).prop_map(|(from, to)| Paths::Between { from, to }),
        ];
        let name = |&(table, column): &Column| ColumnName { table: table.to_owned(), column: column.to_owned() };
        let columns: Vec<ColumnName> = columns.iter().map(name).collect();
        (proptest::bool::weighted(0.3), paths).prop_map(move |(negated, paths)| PathTest {
            columns: columns.clone(),
            negated,
            paths,
        })
    })
}

fn mask(columns: Vec<Column>) -> impl Strategy<Value = Vec<Vec<Vec<PathTest>>>> {
    let conjunction = proptest::collection::vec(leaf(columns), 0..3);
    proptest::collection::vec(proptest::collection::vec(conjunction, 1..4), 0..3)
}

/// A value in a filter: mostly of the type of the level, written as JSON has it.
fn scalar(kind: Kind) -> BoxedStrategy<Value> {
    let own = kind.written().prop_map(move |written| match kind {
        _ if written.is_empty() => json!("N/A"),
        Kind::Int => written.parse::<i64>().map_or(json!(written), |number| json!(number)),
        Kind::Quarter => written.parse::<f64>().map_or(json!(written), |number| json!(number)),
        Kind::Bool => json!(written == "true"),
        _ => json!(written),
    });
    let odd = match kind {
        // A text is compared with any text.
        Kind::Text(_) => select(vec![json!("Paris!"), json!("A"), json!(1)]).boxed(),
        Kind::Int | Kind::Decimal => select(vec![json!("many"), json!(2.5), json!(4.0), json!("1999-12-31")]).boxed(),
        _ => select(vec![json!("many"), json!("1999-12-31"), json!("2021-01-31T12:00:00Z")]).boxed(),
    };
    prop_oneof![6 => own, 1 => odd].boxed()
}

/// One test, of a level or a measure.
fn tested(what: &'static str, name: String, value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let or_null = prop_oneof![5 => value.clone(), 1 => Just(Value::Null)].boxed();
    let bounds = (proptest::option::of(value.clone()), proptest::option::of(value.clone())).prop_map(|(from, to)| {
        let bounds = [("from", from), ("to", to)].into_iter();
        Value::Object(bounds.filter_map(|(name, bound)| Some((name.to_owned(), bound?))).collect())
    });
    let comparison = select(vec!["lessThan", "atMost", "greaterThan", "atLeast"]);
    let test = prop_oneof![
        or_null.clone().prop_map(|value| ("equals", value)),
        proptest::collection::vec(or_null, 0..5).prop_map(|values| ("in", Value::Array(values))),
        bounds.prop_map(|bounds| ("between", bounds)),
        (comparison, value),
    ];
    test.prop_map(move |(test, value)| json!({what: name, test: value})).boxed()
}

fn joined(leaf: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({"and": all})),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({"or": any})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    })
}

fn level_test(level: (usize, Column)) -> BoxedStrategy<Value> {
    tested("level", level_name(level.0, level.1), scalar(kind_of(level.1)))
}

fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => (-10..40_i64).prop_map(|number| json!(number)),
        2 => (-40..80_i32).prop_map(|quarters| json!(f64::from(quarters) / 4.0)),
        1 => select(vec![json!("many"), json!("2.5"), json!(1e16)]),
    ]
    .boxed()
}

/// Conditions on facts, and conditions on rows that speak of levels of the query.
fn filter(all: Vec<(usize, Column)>, shown: Vec<(usize, Column)>, exact: Vec<String>) -> BoxedStrategy<Option<Value>> {
    let of_facts = joined(select(all).prop_flat_map(level_test).boxed()).boxed();
    let of_measure = select(exact).prop_flat_map(|name| tested("measure", name, number())).boxed();
    let of_rows = if shown.is_empty() {
        joined(of_measure.clone()).boxed()
    } else {
        joined(prop_oneof![1 => select(shown).prop_flat_map(level_test), 2 => of_measure.clone()].boxed()).boxed()
    };
    // What only speaks of levels would choose facts, so that a measure is always spoken of.
    let of_rows = (of_rows, of_measure).prop_map(|(rows, measure)| json!({"or": [rows, measure]}));
    prop_oneof![
        2 => Just(None),
        3 => of_facts.clone().prop_map(Some),
        1 => of_rows.clone().prop_map(Some),
        2 => (of_facts, of_rows).prop_map(|(facts, rows)| Some(json!({"and": [facts, rows]}))),
    ]
    .boxed()
}

/// A query of measures, of which the exact ones may be ordered by and tested.
pub(crate) fn query(hierarchies: &Hierarchies, exact: Vec<String>, inexact: Vec<String>) -> BoxedStrategy<Value> {
    let all = levels(hierarchies);
    let measures = [exact.clone(), inexact, DATES.map(str::to_owned).to_vec()].concat();
    let asked = proptest::sample::subsequence(all.clone(), 0..=3.min(all.len())).prop_shuffle();
    asked
        .prop_flat_map(move |asked| {
            let names: Vec<String> = asked.iter().map(|(index, level)| level_name(*index, *level)).collect();
            let orderable: Vec<String> = names.iter().cloned().chain(exact.clone()).collect();
            let order = proptest::collection::vec((select(orderable), any::<bool>()), 0..3);
            (
                proptest::sample::subsequence(measures.clone(), 1..5).prop_shuffle(),
                Just(names),
                any::<bool>(),
                filter(all.clone(), asked, exact.clone()),
                order,
                prop_oneof![3 => Just(None), 1 => (0..6_u64).prop_map(Some)],
                prop_oneof![3 => Just(None), 1 => (0..3_u64).prop_map(Some)],
                proptest::option::of(select(vec!["EUR", "USD", "JPY", "XXX"])),
            )
        })
        .prop_map(|(measures, levels, totals, filter, order, limit, offset, currency)| {
            let direction = |is_descending: bool| if is_descending { "desc" } else { "asc" };
            let order: Vec<Value> = order
                .into_iter()
                .map(|(by, is_descending)| json!({"by": by, "direction": direction(is_descending)}))
                .collect();
            let optional = [
                ("filter", filter),
                ("limit", limit.map(Value::from)),
                ("offset", offset.map(Value::from)),
                ("context", currency.map(|currency| json!({"referenceCurrency": currency}))),
            ];
            let mut query = json!({"measures": measures, "levels": levels, "totals": totals, "order": order});
            for (name, value) in optional {
                if let Some(value) = value {
                    query[name] = value;
                }
            }
            query
        })
        .boxed()
}

/// The names of the measures over measures that every case has.
pub(crate) fn derived_names() -> [String; 3] {
    ["D0", "D1", "D2"].map(str::to_owned)
}

/// A case whose measures over measures are made of these.
pub(crate) fn case(facts_max: usize, operands: Vec<String>) -> impl Strategy<Value = Case> {
    let joins = prop_oneof![3 => Just(JOINS.to_vec()), 1 => proptest::sample::subsequence(JOINS.to_vec(), 0..3)];
    (tables(facts_max), joins).prop_flat_map(move |(tables, joins)| {
        let known = reached(&joins);
        let in_reach = TABLES.iter().map(|(name, _, _)| *name).filter(|name| known.contains(name));
        let columns: Vec<Column> =
            in_reach.flat_map(|name| columns_of(name).iter().map(move |(column, _)| (name, *column))).collect();
        let hierarchy = proptest::sample::subsequence(columns.clone(), 1..4).prop_shuffle();
        let plain = declared(&known);
        let operands = operands.clone();
        (Just((tables, joins, plain)), proptest::collection::vec(hierarchy, 1..4), mask(columns)).prop_flat_map(
            move |((tables, joins, plain), hierarchies, mask)| {
                let first = derived(&hierarchies, &operands);
                let second = derived(&hierarchies, &[operands.clone(), vec!["D0".to_owned()]].concat());
                let third = derived(&hierarchies, &["D0".to_owned(), "D1".to_owned()]);
                let names = derived_names();
                let exact = [EXACT.map(str::to_owned).to_vec(), names.to_vec()].concat();
                let query = query(&hierarchies, exact, INEXACT.map(str::to_owned).to_vec());
                (first, second, third, query).prop_map(move |(first, second, third, query)| {
                    let derived = names.iter().cloned().zip([first, second, third]);
                    Case {
                        tables: tables.clone(),
                        joins: joins.clone(),
                        hierarchies: hierarchies.clone(),
                        measures: plain.iter().cloned().chain(derived).collect(),
                        mask: mask.clone(),
                        query,
                    }
                })
            },
        )
    })
}
