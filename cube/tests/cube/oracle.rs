//! Random tables, masks and queries against an evaluator that works row by row over joined values.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use cubegate_cube::{ColumnIn, ColumnType, Mode};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use crate::fixture::{Built, CUBE, cube, is_in};

/// A value with its natural order: what is missing is last, except among texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Text(String),
    Int(i64),
    /// In quarters.
    Number(i64),
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Int,
    Number,
    Date,
}

/// The columns of the two tables; `Facts/shop` finds `Shops/id`.
const FACTS: [(&str, Kind); 6] = [
    ("shop", Kind::Text),
    ("product", Kind::Text),
    ("day", Kind::Date),
    ("size", Kind::Int),
    ("sold", Kind::Number),
    ("left", Kind::Int),
];
const SHOPS: [(&str, Kind); 4] =
    [("id", Kind::Text), ("city", Kind::Text), ("country", Kind::Text), ("staff", Kind::Int)];

#[derive(Clone, Debug)]
struct Case {
    facts: Vec<Vec<String>>,
    shops: Vec<Vec<String>>,
    /// Levels of the hierarchies `H0`, `H1`, … as table and column.
    hierarchies: Vec<Vec<(&'static str, &'static str)>>,
    mask: Vec<Vec<Vec<ColumnIn>>>,
    query: Value,
}

fn cell(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Text => select(vec!["", "a", "b", "B", "é", "z,\"", "N/A"]).prop_map(str::to_owned).boxed(),
        Kind::Date => select(vec!["", "2021-01-31", "2021-02-01", "1999-12-31"]).prop_map(str::to_owned).boxed(),
        Kind::Int => {
            prop_oneof![1 => Just(String::new()), 4 => (-3..12_i64).prop_map(|number| number.to_string())].boxed()
        }
        Kind::Number => {
            let number = (-20..20_i64).prop_map(|quarters| (quarters_to_double(quarters)).to_string());
            prop_oneof![1 => Just(String::new()), 4 => number].boxed()
        }
    }
}

/// Decimals that no double is equal to, of magnitudes that no integer type spans.
fn awkward_number() -> impl Strategy<Value = String> {
    let number =
        select(vec!["0.1", "0.7", "12.34", "-0.3", "1e-200", "1e200", "-1e200", "3e-5", "99999999.99", "1e16", ""]);
    number.prop_map(str::to_owned)
}

fn row(columns: &[(&str, Kind)]) -> BoxedStrategy<Vec<String>> {
    columns.iter().fold(Just(Vec::new()).boxed(), |row, (_, kind)| {
        (row, cell(*kind)).prop_map(|(row, cell)| [row, vec![cell]].concat()).boxed()
    })
}

fn all_columns() -> Vec<(&'static str, &'static str, Kind)> {
    let facts = FACTS.iter().map(|(name, kind)| ("Facts", *name, *kind));
    facts.chain(SHOPS.iter().map(|(name, kind)| ("Shops", *name, *kind))).collect()
}

fn hierarchies() -> impl Strategy<Value = Vec<Vec<(&'static str, &'static str)>>> {
    let columns: Vec<(&str, &str)> = all_columns().iter().map(|(table, name, _)| (*table, *name)).collect();
    let hierarchy = proptest::sample::subsequence(columns, 1..4).prop_shuffle();
    proptest::collection::vec(hierarchy, 1..4)
}

fn leaf() -> impl Strategy<Value = ColumnIn> {
    select(all_columns()).prop_flat_map(|(table, name, kind)| {
        let value = cell(kind).prop_map(|text| if text.is_empty() { "N/A".to_owned() } else { text });
        proptest::collection::vec(value, 0..4)
            .prop_map(move |values| is_in(table, name, &values.iter().map(String::as_str).collect::<Vec<_>>()))
    })
}

fn mask() -> impl Strategy<Value = Vec<Vec<Vec<ColumnIn>>>> {
    let conjunction = proptest::collection::vec(leaf(), 0..3);
    proptest::collection::vec(proptest::collection::vec(conjunction, 1..4), 0..3)
}

fn query(hierarchies: &[Vec<(&'static str, &'static str)>]) -> impl Strategy<Value = Value> + use<> {
    let levels: Vec<(String, Kind)> = hierarchies
        .iter()
        .enumerate()
        .flat_map(|(index, levels)| levels.iter().map(move |level| (format!("H{index}/{}", level.1), kind_of(level))))
        .collect();
    let names: Vec<String> = levels.iter().map(|(name, _)| name.clone()).collect();
    let clause = select(levels).prop_flat_map(|(level, kind)| {
        proptest::collection::vec(cell(kind), 0..4).prop_map(move |values| {
            let values: Vec<&str> = values.iter().map(|value| if value.is_empty() { "N/A" } else { value }).collect();
            json!({"level": level, "in": values})
        })
    });
    let measures = vec!["sold.SUM", "sold.MEAN", "left.SUM", "contributors.COUNT"];
    let order = proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
    (
        proptest::sample::subsequence(names, 0..=3.min(hierarchies.iter().map(Vec::len).sum())).prop_shuffle(),
        proptest::sample::subsequence(measures, 1..=4),
        any::<bool>(),
        proptest::collection::vec(clause, 0..2),
        order,
        prop_oneof![3 => Just(None), 1 => (0..6_u64).prop_map(Some)],
        prop_oneof![3 => Just(None), 1 => (0..3_u64).prop_map(Some)],
    )
        .prop_map(|(levels, measures, totals, clauses, order, limit, offset)| {
            let orderable: Vec<String> =
                levels.iter().cloned().chain(measures.iter().map(|name| (*name).to_owned())).collect();
            let order: Vec<Value> = order
                .into_iter()
                .map(|(by, desc)| json!({"by": by.get(&orderable), "direction": if desc { "desc" } else { "asc" }}))
                .collect();
            let mut query =
                json!({"measures": measures, "levels": levels, "totals": totals, "filter": {"and": clauses}, "order": order});
            if let Some(limit) = limit {
                query["limit"] = json!(limit);
            }
            if let Some(offset) = offset {
                query["offset"] = json!(offset);
            }
            query
        })
}

fn case() -> impl Strategy<Value = Case> {
    let facts = proptest::collection::vec(row(&FACTS), 0..40);
    let shops = proptest::collection::vec(row(&SHOPS), 0..6);
    hierarchies().prop_flat_map(move |hierarchies| {
        (facts.clone(), shops.clone(), mask(), query(&hierarchies)).prop_map(move |(facts, shops, mask, query)| Case {
            facts,
            shops,
            hierarchies: hierarchies.clone(),
            mask,
            query,
        })
    })
}

fn kind_of(level: &(&str, &str)) -> Kind {
    all_columns().iter().find(|(table, name, _)| (*table, *name) == *level).unwrap().2
}

fn csv_text(columns: &[(&str, Kind)], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|(name, _)| name)).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn build(case: &Case) -> Built {
    let mut fixture = cube().mode(Mode::Auto);
    for (table, columns, keys, rows) in [
        ("Facts", FACTS.as_slice(), [].as_slice(), &case.facts),
        ("Shops", SHOPS.as_slice(), ["id"].as_slice(), &case.shops),
    ] {
        fixture = fixture.table(table, keys, csv_text(columns, rows));
        for (name, kind) in columns {
            let column_type = match kind {
                Kind::Text => ColumnType::String,
                Kind::Int => ColumnType::Int64,
                Kind::Number => ColumnType::Double,
                Kind::Date => ColumnType::Date,
            };
            fixture = fixture.typed(name, column_type);
        }
    }
    for (index, levels) in case.hierarchies.iter().enumerate() {
        let levels: Vec<String> = levels.iter().map(|(table, name)| format!("{table}/{name}")).collect();
        fixture = fixture.hierarchy(&format!("H{index}"), &levels.iter().map(String::as_str).collect::<Vec<_>>());
    }
    fixture.join("Facts", "Shops", &[("shop", "id")]).build()
}

// === The evaluator ===

type Joined = BTreeMap<(&'static str, &'static str), Cell>;

fn read(kind: Kind, text: &str) -> Cell {
    match kind {
        Kind::Text => Cell::Text(if text.is_empty() { "N/A".to_owned() } else { text.to_owned() }),
        _ if text.is_empty() => Cell::Missing,
        Kind::Date => Cell::Text(text.to_owned()),
        Kind::Int => Cell::Int(text.parse().unwrap()),
        Kind::Number => Cell::Number(quarters(text)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the numbers are small quarters")]
fn quarters(text: &str) -> i64 {
    (text.parse::<f64>().unwrap() * 4.0) as i64
}

fn join(case: &Case) -> Vec<Joined> {
    let mut shops: BTreeMap<Cell, &Vec<String>> = BTreeMap::new();
    for shop in &case.shops {
        shops.insert(read(Kind::Text, &shop[0]), shop);
    }
    let nowhere: Vec<String> = vec![String::new(); SHOPS.len()];
    let joined = |fact: &Vec<String>| {
        let shop = shops.get(&read(Kind::Text, &fact[0])).copied().unwrap_or(&nowhere);
        let own = FACTS.iter().zip(fact).map(|((name, kind), text)| (("Facts", *name), read(*kind, text)));
        own.chain(SHOPS.iter().zip(shop).map(|((name, kind), text)| (("Shops", *name), read(*kind, text)))).collect()
    };
    case.facts.iter().map(joined).collect()
}

/// Whether a cell is what a text means.
fn is(cell: &Cell, text: &str) -> bool {
    match cell {
        Cell::Text(value) => value == text,
        Cell::Missing => text == "N/A",
        Cell::Int(value) => text.parse() == Ok(*value),
        Cell::Number(value) => {
            text.parse::<f64>().is_ok_and(|number| (number * 4.0).total_cmp(&int_to_double(*value)).is_eq())
        }
    }
}

fn is_visible(row: &Joined, mask: &[Vec<Vec<ColumnIn>>]) -> bool {
    let holds = |leaf: &ColumnIn| {
        let (_, cell) =
            row.iter().find(|(name, _)| (name.0, name.1) == (&*leaf.column.table, &*leaf.column.column)).unwrap();
        leaf.values.iter().any(|value| is(cell, value))
    };
    mask.iter().all(|any_of| any_of.iter().any(|all_of| all_of.iter().all(holds)))
}

fn level_of<'a>(case: &'a Case, name: &str) -> (usize, usize, &'a (&'static str, &'static str)) {
    let (hierarchy, column) = name.split_once('/').unwrap();
    let hierarchy: usize = hierarchy[1..].parse().unwrap();
    let index = case.hierarchies[hierarchy].iter().position(|level| level.1 == column).unwrap();
    (hierarchy, index, &case.hierarchies[hierarchy][index])
}

fn to_json(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Int(number) => json!(number),
        Cell::Number(number) => json!(quarters_to_double(*number)),
        Cell::Missing => json!("N/A"),
    }
}

fn quarters_to_double(quarters: i64) -> f64 {
    int_to_double(quarters) / 4.0
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn int_to_double(number: i64) -> f64 {
    number as f64
}

fn measure(name: &str, rows: &[&Joined]) -> Value {
    let column = name.split_once('.').unwrap().0;
    let numbers: Vec<i64> = rows
        .iter()
        .filter_map(|row| match row.get(&("Facts", if column == "sold" { "sold" } else { "left" })) {
            Some(Cell::Int(number) | Cell::Number(number)) => Some(*number),
            _ => None,
        })
        .collect();
    let sum: i64 = numbers.iter().sum();
    match name {
        "contributors.COUNT" => json!(rows.len()),
        _ if numbers.is_empty() => Value::Null,
        "left.SUM" => json!(sum),
        "sold.SUM" => json!(quarters_to_double(sum)),
        _ => json!(quarters_to_double(sum) / int_to_double(i64::try_from(numbers.len()).unwrap())),
    }
}

fn compare_values(a: &Value, b: &Value, desc: bool) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) if desc => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// What the answer has to be, worked out row by row.
fn evaluate(case: &Case) -> Value {
    let texts = |name: &str| -> Vec<String> {
        case.query[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let clauses = case.query["filter"]["and"].as_array().unwrap();
    let joined = join(case);
    let wanted: Vec<&Joined> = joined
        .iter()
        .filter(|row| is_visible(row, &case.mask))
        .filter(|row| {
            clauses.iter().all(|clause| {
                let (_, _, level) = level_of(case, clause["level"].as_str().unwrap());
                clause["in"].as_array().unwrap().iter().any(|value| is(&row[level], value.as_str().unwrap()))
            })
        })
        .collect();

    let mut groups: Vec<(usize, usize)> = Vec::new();
    for name in texts("levels") {
        let (hierarchy, index, _) = level_of(case, &name);
        match groups.iter_mut().find(|group| group.0 == hierarchy) {
            Some(group) => group.1 = group.1.max(index),
            None => groups.push((hierarchy, index)),
        }
    }
    let columns: Vec<(usize, &(&str, &str))> = groups
        .iter()
        .flat_map(|(hierarchy, deepest)| {
            case.hierarchies[*hierarchy][..=*deepest].iter().map(|level| (*hierarchy, level))
        })
        .collect();

    let mut depths: BTreeSet<usize> = BTreeSet::from([columns.len()]);
    if case.query["totals"] == json!(true) {
        depths.extend(0..columns.len());
    }
    let mut rows: BTreeMap<Vec<Cell>, Vec<&Joined>> = BTreeMap::new();
    for row in wanted {
        let path: Vec<Cell> = columns.iter().map(|(_, level)| row[*level].clone()).collect();
        for depth in &depths {
            rows.entry(path[..*depth].to_vec()).or_default().push(row);
        }
    }
    let measures = texts("measures");
    let values: BTreeMap<Vec<Cell>, Vec<Value>> = rows
        .iter()
        .map(|(path, rows)| (path.clone(), measures.iter().map(|name| measure(name, rows)).collect()))
        .collect();

    let mut paths: Vec<Vec<Cell>> = values.keys().cloned().collect();
    let criteria = case.query["order"].as_array().unwrap();
    let compare = |a: &[Cell], b: &[Cell]| {
        criteria
            .iter()
            .map(|criterion| {
                let (by, desc) = (criterion["by"].as_str().unwrap(), criterion["direction"] == "desc");
                if let Some(measure) = measures.iter().position(|name| name == by) {
                    return compare_values(&values[a][measure], &values[b][measure], desc);
                }
                let (hierarchy, _, level) = level_of(case, by);
                let column = columns.iter().position(|column| *column == (hierarchy, level)).unwrap();
                let ordering = a.get(column).cmp(&b.get(column));
                if desc { ordering.reverse() } else { ordering }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| a.cmp(b))
    };
    if depths.len() == 1 {
        paths.sort_by(|a, b| compare(a, b));
    } else {
        // Two rows are as far apart as their ancestors where they first differ.
        paths.sort_by(|a, b| match a.iter().zip(b).position(|(a, b)| a != b) {
            Some(depth) => compare(&a[..=depth], &b[..=depth]),
            None => a.len().cmp(&b.len()),
        });
    }
    let number = |name: &str, default: usize| {
        case.query[name].as_u64().map_or(default, |number| usize::try_from(number).unwrap())
    };
    paths
        .iter()
        .filter(|path| values[*path].iter().any(|value| !value.is_null()))
        .skip(number("offset", 0))
        .take(number("limit", usize::MAX))
        .map(|path| {
            let members = (0..columns.len()).map(|column| path.get(column).map_or(Value::Null, to_json));
            Value::Array(members.chain(values[path].iter().cloned()).collect())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_are_those_of_an_evaluator_that_works_row_by_row(case in case()) {
        prop_assert_eq!(build(&case).ask_masked(&case.mask, case.query.clone()), evaluate(&case));
    }

    #[test]
    fn a_masked_answer_is_the_answer_over_what_is_left_when_the_rest_is_deleted(
        mut case in case(),
        numbers in proptest::collection::vec(awkward_number(), 40),
    ) {
        let joined = join(&case);
        for (fact, number) in case.facts.iter_mut().zip(numbers) {
            fact[4] = number;
        }
        // What the numbers are was not asked when `joined` was made: the mask must not speak of them.
        let speaks_of_numbers = |leaf: &ColumnIn| leaf.column.column == "sold";
        for any_of in case.mask.iter_mut().flatten() {
            any_of.retain(|leaf| !speaks_of_numbers(leaf));
        }
        let visible: Vec<Vec<String>> = case.facts.iter().zip(&joined)
            .filter(|(_, row)| is_visible(row, &case.mask))
            .map(|(fact, _)| fact.clone())
            .collect();
        let whole = build(&case);
        let left = build(&Case { facts: visible, ..case.clone() });
        let query = serde_json::from_value(case.query.clone()).unwrap();
        let masked = whole.cube().mask(&case.mask).unwrap();
        let masked = whole.model.cube(CUBE).unwrap().query(&query, &masked).unwrap();
        let filtered = left.cube().query(&query, &left.everything()).unwrap();
        prop_assert_eq!(masked.to_json(1), filtered.to_json(1));
        prop_assert_eq!(masked.to_csv(), filtered.to_csv());
    }
}

/// Many facts, so that there are several morsels, with numbers whose order of addition would show in doubles.
fn many_facts(is_kept: impl Fn(u32) -> bool) -> Built {
    let mut text = String::from("part,number\n");
    for row in (0..200_000_u32).filter(|row| is_kept(*row)) {
        writeln!(text, "p{},{}.{}", row % 7, row.wrapping_mul(2_654_435_761) % 1_000_000, row % 10).unwrap();
    }
    cube().table("Facts", &[], text).build()
}

fn in_pool(threads: usize, built: &Built, all_of: &[Vec<Vec<ColumnIn>>], query: &Value) -> Value {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| built.ask_masked(all_of, query.clone()))
}

#[test]
fn sums_do_not_depend_on_threads_or_on_what_a_mask_hides_between_the_facts() {
    let whole = many_facts(|_| true);
    let mask = [vec![vec![is_in("Facts", "part", &["p1", "p4", "p6"])]]];
    let left = many_facts(|row| matches!(row % 7, 1 | 4 | 6));
    let query = json!({"measures": ["number.SUM", "number.MEAN"], "levels": ["part"], "totals": true});
    let expected = in_pool(1, &left, &[], &query);
    for threads in [1, 2, 5] {
        assert_eq!(in_pool(threads, &whole, &mask, &query), expected);
    }
    assert_eq!(in_pool(1, &whole, &[], &query), in_pool(3, &whole, &[], &query));
}

#[test]
fn combinations_beyond_the_dense_limit_are_answered_alike_by_any_number_of_threads() {
    // 300³ combinations of members, of which 300 have facts.
    let mut text = String::from("a,b,c,x\n");
    for row in 0..140_000_u32 {
        let member = row % 300;
        writeln!(text, "{member},{},{},1", member * 7 % 300, 1000 - member).unwrap();
    }
    let levels = ["a", "b", "c"];
    let mut fixture = cube().table("Facts", &[], text);
    for level in levels {
        fixture = fixture.hierarchy(&format!("by {level}"), &[level]);
    }
    let built = fixture.build();
    let query =
        json!({"measures": ["x.SUM"], "levels": levels, "filter": {"level": "a", "in": [299, 2, 30]}, "totals": true});
    for threads in [1, 3] {
        assert_eq!(
            in_pool(threads, &built, &[], &query),
            json!([
                [null, null, null, 1400],
                [2, null, null, 467],
                [2, 14, null, 467],
                [2, 14, 998, 467],
                [30, null, null, 467],
                [30, 210, null, 467],
                [30, 210, 970, 467],
                [299, null, null, 466],
                [299, 293, null, 466],
                [299, 293, 701, 466]
            ])
        );
    }
}
