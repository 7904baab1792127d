//! Too much of everything: connections that say little, and frames that say nothing. Meanwhile others are served.

mod http2;
mod slow;

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::{
    door::Door,
    policies::{self, analyst},
};

/// Requests of somebody who means well, by which it is told how they fare.
const GOOD_REQUESTS: usize = 200;
/// The slowest but two of them during a flood, by a build that is not optimised on a machine with other work.
const GOOD_P99_MAX: Duration = Duration::from_secs(2);
/// What the process may grow by during a flood of connections, by a build that is not optimised.
const GROWTH_BYTES_MAX: u64 = 256 << 20;

/// One flood at a time: each needs most of the descriptors there are, and would be measured with the other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A door at which `analyst` is known, so that no hash is in the way.
async fn door() -> Door {
    let door = Door::with(policies::closed()).await.unwrap();
    assert_eq!(door.get("/warm", &analyst()).await.status, 200);
    door
}

/// The median and the 99th percentile of good requests, each on a connection of its own. None of them fails.
async fn good_requests(door: &Door) -> (Duration, Duration) {
    let mut elapsed = Vec::with_capacity(GOOD_REQUESTS);
    for number in 0..GOOD_REQUESTS {
        let started = Instant::now();
        assert_eq!(door.get(&format!("/good/{number}"), &analyst()).await.status, 200);
        elapsed.push(started.elapsed());
    }
    elapsed.sort_unstable();
    (elapsed[GOOD_REQUESTS / 2], elapsed[GOOD_REQUESTS * 99 / 100])
}

/// Good requests fare well enough, and the process has not grown beyond bounds. Prints what was measured.
#[expect(clippy::print_stdout, reason = "a test tells what it measured")]
async fn others_are_served(door: &Door, what: &str, before: (Duration, Duration), resident_before: u64) {
    let (median, p99) = good_requests(door).await;
    let resident = resident_bytes(door);
    println!(
        "{what}: median {:?} -> {median:?}, p99 {:?} -> {p99:?}; resident {} -> {} MiB; {} descriptors",
        before.0,
        before.1,
        resident_before >> 20,
        resident >> 20,
        descriptors(door),
    );
    assert!(p99 < GOOD_P99_MAX, "{what}: {p99:?}");
    assert!(resident < resident_before + GROWTH_BYTES_MAX, "{what}: {resident_before} -> {resident} bytes");
}

fn resident_bytes(door: &Door) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", door.process.id())).unwrap();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.map_or(0, |kib: u64| kib << 10)
}

fn descriptors(door: &Door) -> usize {
    fs::read_dir(format!("/proc/{}/fd", door.process.id())).unwrap().count()
}
