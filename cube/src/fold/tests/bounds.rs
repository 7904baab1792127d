//! Tables around the sizes of words, chunks and morsels; threads; limits; interruption.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::limits::CLUSTERED_ROWS_MIN;

/// Facts in which every cell, mask bit and number follows from the row, whatever the number of rows.
fn many(rows: usize) -> Facts {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    let cell = |kind: Kind, random: &mut dyn FnMut(usize) -> usize| match kind {
        Kind::Text(texts) => texts[random(texts.len())].to_owned(),
        Kind::Date => ["", "2021-01-31", "2021-02-01"][random(3)].to_owned(),
        _ if random(9) == 0 => String::new(),
        Kind::Int => random(12).to_string(),
        Kind::Wide => (i64::try_from(random(1 << 40)).unwrap() - (1 << 39)).to_string(),
        Kind::Decimal { scale } => format!("{}.{:02}", random(100_000), random(10_usize.pow(u32::from(scale.min(2))))),
        Kind::Half => (f64::from(u32::try_from(random(80)).unwrap()) / 2.0).to_string(),
        Kind::Odd => ["0.1", "-12.34", "1e16", "-1e16", "1e-40", "1e60"][random(6)].to_owned(),
    };
    let mut facts: Facts =
        (0..rows).map(|_| COLUMNS.iter().map(|(_, kind)| cell(*kind, &mut random)).collect()).collect();
    if rows >= CLUSTERED_ROWS_MIN {
        // As they are once they are loaded, so that both sides number them alike.
        let day = COLUMNS.iter().position(|(_, kind)| *kind == Kind::Date).unwrap();
        facts.sort_by_key(|row| (row[day].is_empty(), row[day].clone()));
    }
    facts
}

/// One of each kind of aggregate.
fn aggregates() -> Vec<Asked> {
    let at =
        |name: &str| ColumnId { table: 0, column: COLUMNS.iter().position(|(column, _)| *column == name).unwrap() };
    let spread = Spread { sample: true, root: false };
    let mut asked: Vec<Asked> = [
        Aggregate::Count,
        Aggregate::Sum(at("size")),
        Aggregate::Sum(at("odd")),
        Aggregate::Mean(at("price")),
        Aggregate::Min(at("half")),
        Aggregate::Max(at("day")),
        Aggregate::Spread { column: at("price"), of: spread },
        Aggregate::Spread { column: at("odd"), of: spread },
        Aggregate::Quantile { column: at("size"), quantile: 0.75 },
        Aggregate::Quantile { column: at("odd"), quantile: 0.25 },
        Aggregate::DistinctCount(at("wide")),
        Aggregate::SumProduct(vec![at("size"), at("price")]),
        Aggregate::SumProduct(vec![at("size"), at("odd")]),
    ]
    .map(Asked::Of)
    .into();
    asked.push(Asked::Converted(at("price")));
    asked
}

/// By day within region, and by shop, over what a mask and a filter leave.
fn case(rows: usize) -> Case {
    Case {
        facts: many(rows),
        hierarchies: vec![vec![0, 2], vec![1]],
        visible: Some((0..rows).map(|fact| fact % 3 > 0 || fact / 5000 % 2 == 0).collect()),
        wanted: Wanted::Not(Box::new(Wanted::Leaves { hierarchy: 0, pattern: 0x8421_8421_8421_8421 })),
        groups: vec![(0, 1, 0), (1, 0, 1)],
        aggregates: aggregates(),
    }
}

fn in_pool<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

#[test]
fn words_chunks_and_morsels_that_end_anywhere_hold_the_same_facts() {
    let sizes =
        [1, 63, 64, 65, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, MORSEL_ROWS - 1, MORSEL_ROWS, MORSEL_ROWS + 1];
    for rows in sizes {
        let case = case(rows);
        let model = model(&case.facts, &case.hierarchies);
        let ungrouped = Case { groups: Vec::new(), ..case.clone() };
        let whole = Case { visible: None, wanted: Wanted::All(Vec::new()), ..case.clone() };
        // The evaluator takes its time over the large ones.
        let cases = if rows > CHUNK_ROWS + 1 { vec![case] } else { vec![case, ungrouped, whole] };
        for case in cases {
            let question = Question::new(&case, cube(&model));
            check(&question, &case.facts, &question.ask()).unwrap_or_else(|error| panic!("{rows} rows: {error}"));
        }
    }
}

#[test]
fn cells_do_not_depend_on_threads() {
    let case = case(3 * MORSEL_ROWS + 77);
    let model = model(&case.facts, &case.hierarchies);
    let question = Question::new(&case, cube(&model));
    let expected = in_pool(1, || question.ask());
    for threads in 2..=3 {
        for cells in [in_pool(threads, || question.ask()), in_pool(threads, || question.ask_sorted())] {
            assert_eq!(nodes_seen(&cells, 2), nodes_seen(&expected, 2));
            assert_eq!(seen(&cells, question.aggregates.len()), seen(&expected, question.aggregates.len()));
        }
    }
}

#[test]
fn an_interrupted_scan_has_no_cells() {
    let case = case(3 * MORSEL_ROWS);
    let model = model(&case.facts, &case.hierarchies);
    let question = Question::new(&case, cube(&model));
    let asked = AtomicUsize::new(0);
    let uninterrupted = || {
        asked.fetch_add(1, Ordering::Relaxed);
        false
    };
    question.ask_within(&Budget { interrupted: &uninterrupted, ..Budget::default() }).unwrap();
    let times = asked.load(Ordering::Relaxed);
    assert!(times >= 3, "asked {times} times for three morsels");
    for nth in 0..times {
        let asked = AtomicUsize::new(0);
        let interrupted = || asked.fetch_add(1, Ordering::Relaxed) >= nth;
        let cells = question.ask_within(&Budget { interrupted: &interrupted, ..Budget::default() });
        assert_eq!(cells.map(|cells| cells.len()), Err(QueryError::Interrupted), "at the {nth}th time");
    }
}

#[test]
fn more_cells_than_a_budget_allows_are_an_error_and_hidden_ones_do_not_count() {
    let case = case(1000);
    let model = model(&case.facts, &case.hierarchies);
    let question = Question::new(&case, cube(&model));
    let cells = question.facts_of_cells().len();
    let within = |cells_max| {
        let limits = QueryLimits { cells_max, ..QueryLimits::default() };
        question.ask_within(&Budget { limits, ..Budget::default() }).map(|cells| cells.len())
    };
    assert_eq!(within(cells), Ok(cells));
    assert!(matches!(within(cells - 1), Err(QueryError::TooLarge(_))));
    assert!(
        Question { visible: None, filter: FactFilter::All(Vec::new()), ..Question::new(&case, cube(&model)) }
            .ask()
            .len()
            > cells
    );
}

#[test]
fn more_combinations_than_could_ever_be_counted_are_only_those_that_facts_have() {
    // Eleven columns of up to a thousand members each: beyond 64 bits.
    let case = case(1000);
    let hierarchies: Hierarchies = [4, 6, 5].into_iter().chain(0..COLUMNS.len()).map(|column| vec![column]).collect();
    let model = model(&case.facts, &hierarchies);
    let groups = (0..hierarchies.len()).map(|hierarchy| (hierarchy, 0, 0)).collect();
    let case = Case { groups, visible: None, wanted: Wanted::All(Vec::new()), ..case };
    let question = Question::new(&case, cube(&model));
    let cells = question.ask();
    check(&question, &case.facts, &cells).unwrap();
    let regrouped = cells.regrouped(question.cube, &vec![Some(0); hierarchies.len()]);
    assert_eq!(seen(&regrouped, question.aggregates.len()), seen(&cells, question.aggregates.len()));
}
