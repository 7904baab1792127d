//! Time tells nothing either: whether a member is hidden or absent makes no difference that a thousand samples could show.

use std::{cmp::Ordering, fmt::Write as _, fs, time::Instant};

use cubegate_tests::{
    http::{Connection, Credentials},
    process::RunDirectory,
    story::Story,
    up::Up,
};
use serde_json::json;

use super::{ANY_PORT, leaks};

const SAMPLES: usize = 1000;
const WARM_UP: usize = 50;
/// Facts of the hidden member, so that looking at them would take time.
const HIDDEN_FACTS: usize = 100_000;
const VISIBLE_FACTS: usize = 1000;
/// Standard deviations: less than one run in a million exceeds it by chance.
const SUSPICIOUS: f64 = 5.0;

/// How long one thing took and another, in turns.
#[derive(Default)]
struct Times {
    outside: [Vec<f64>; 2],
    inside: [Vec<f64>; 2],
}

#[tokio::test]
async fn a_thousand_samples_do_not_show_whether_a_member_is_hidden_or_absent() {
    let story = Story::begin("the time of hidden members");
    let run = RunDirectory::new().unwrap();
    let directory = run.make("timing").unwrap();
    leaks::write(&directory, "restrictions: [two-cities]", |_| true);
    let mut sales = String::from("Sale ID,Shop,Product,Date,Quantity,Unit price\n");
    for sale in 0..HIDDEN_FACTS + VISIBLE_FACTS {
        let shop = if sale < HIDDEN_FACTS { "s3" } else { "s1" };
        writeln!(sales, "{sale},{shop},p{},2021-01-{:02},{},1.5", sale % 7, sale % 28 + 1, sale % 100).unwrap();
    }
    fs::write(directory.join("sales.csv"), sales).unwrap();
    let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let connect =
        async |user: &str| Connection::to(up.url("shop").unwrap(), Credentials::basic(user, "secret")).await.unwrap();
    let (mut narrow, mut wide) = (connect("narrow").await, connect("wide").await);

    // Who may see the member sees that it takes time, so what follows could fail.
    let control = times(&mut wide, "Pariss", "Parisz").await;
    story.step(&format!("may see it: {:.1} deviations", deviations(&control.inside)));
    assert!(deviations(&control.inside).abs() > SUSPICIOUS, "the facts of the member take no time");

    let hidden = times(&mut narrow, "Pariss", "Parisz").await;
    let (outside, inside) = (deviations(&hidden.outside), deviations(&hidden.inside));
    story.step(&format!("may not: {outside:.1} deviations of the caller's clock, {inside:.1} of Server-Timing"));
    assert!(outside.abs() < SUSPICIOUS && inside.abs() < SUSPICIOUS, "{outside} and {inside} deviations");
}

/// Asks for two members in turns, each as often first as second.
async fn times(connection: &mut Connection, one: &str, other: &str) -> Times {
    let mut times = Times::default();
    for sample in 0..WARM_UP + SAMPLES {
        let mut order = [(0, one), (1, other)];
        if sample % 2 == 1 {
            order.reverse();
        }
        for (index, member) in order {
            let filter = json!({"level": "City", "equals": member});
            let query = json!({"measures": ["Quantity.SUM", "Most"], "filter": filter, "cache": false});
            let started = Instant::now();
            let reply = connection.query("Sales", &query).await.unwrap().expect(200).unwrap();
            let elapsed = started.elapsed().as_secs_f64();
            let inside: f64 = reply.header("server-timing").trim_start_matches("query;dur=").parse().unwrap();
            if sample >= WARM_UP {
                times.outside[index].push(elapsed);
                times.inside[index].push(inside);
            }
        }
    }
    times
}

/// How far the ranks of two samples lie apart, in standard deviations of what chance gives (Mann and Whitney 1947).
#[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
fn deviations([one, other]: &[Vec<f64>; 2]) -> f64 {
    let wins: f64 = one
        .iter()
        .map(|a| {
            let won = |b: &f64| match a.total_cmp(b) {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            };
            other.iter().map(won).sum::<f64>()
        })
        .sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}
