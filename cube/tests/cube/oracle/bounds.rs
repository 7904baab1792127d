//! Many facts, many combinations, deep and long filters.

use cubegate_cube::PathTest;

use super::*;

/// Many facts, so that there are several morsels, with numbers whose order of addition would show in doubles.
fn many_facts(is_kept: impl Fn(u32) -> bool) -> Built {
    let mut text = String::from("part,number\n");
    for row in (0..200_000_u32).filter(|row| is_kept(*row)) {
        writeln!(text, "p{},{}.{}", row % 7, row.wrapping_mul(2_654_435_761) % 1_000_000, row % 10).unwrap();
    }
    cube().table("Facts", &[], text).build()
}

fn in_pool(threads: usize, built: &Built, all_of: &[Vec<Vec<PathTest>>], query: &Value) -> Value {
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
