//! Slows down whoever guesses: each (source, user) that failed too often has to wait, longer each time.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use moka::{ops::compute::Op, sync::Cache};

use crate::limits::{FAILURES_FREE_MAX, THROTTLE_TTL, THROTTLED_MAX, WAIT_FIRST, WAIT_MAX};

/// Failures by source and user, apart for those who had no password to know.
pub(crate) struct Throttle {
    failures: Cache<(IpAddr, String, bool), Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

// === impl Throttle ===

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { failures: Cache::builder().max_capacity(THROTTLED_MAX).time_to_idle(THROTTLE_TTL).build() }
    }

    /// Fails with the seconds left to wait.
    pub(crate) fn check(&self, source: IpAddr, user: &str, is_known: bool) -> Result<(), u64> {
        let Some(failures) = self.failures.get(&key(source, user, is_known)) else { return Ok(()) };
        let left = wait(failures.count).saturating_sub(failures.last.elapsed());
        if left.is_zero() { Ok(()) } else { Err(left.as_secs() + 1) }
    }

    pub(crate) fn blame(&self, source: IpAddr, user: &str, is_known: bool) {
        self.failures.entry(key(source, user, is_known)).and_compute_with(|before| {
            let count = before.map_or(0, |before| before.value().count).saturating_add(1);
            Op::Put(Failures { count, last: Instant::now() })
        });
    }

    pub(crate) fn forgive(&self, source: IpAddr, user: &str, is_known: bool) {
        self.failures.invalidate(&key(source, user, is_known));
    }
}

/// Who came while a TechnicalUser was broken or not there yet has learnt nothing, and is not slowed down once there is a
/// password to know. An IPv6 customer has a /64 at least: counting single addresses would not slow anyone down.
fn key(source: IpAddr, user: &str, is_known: bool) -> (IpAddr, String, bool) {
    let source = match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    };
    (source, user.to_owned(), is_known)
}

fn wait(failures: u32) -> Duration {
    match failures.checked_sub(FAILURES_FREE_MAX) {
        None => Duration::ZERO,
        Some(excess) => WAIT_FIRST.saturating_mul(2_u32.saturating_pow(excess)).min(WAIT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_are_free_and_then_waits_double_up_to_a_bound() {
        let seconds: Vec<u64> = [0, 4, 5, 6, 7, 20, u32::MAX].map(|count| wait(count).as_secs()).to_vec();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 60, 60]);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let throttle = Throttle::new();
        for host in 0..5 {
            throttle.blame(format!("2001:db8::{host}").parse().unwrap(), "a", true);
        }
        assert!(throttle.check("2001:db8::99".parse().unwrap(), "a", true).is_err());
        assert!(throttle.check("2001:db8:0:1::99".parse().unwrap(), "a", true).is_ok());
        assert!(throttle.check("2001:db8::99".parse().unwrap(), "b", true).is_ok());
    }

    #[test]
    fn success_forgives() {
        let (throttle, source) = (Throttle::new(), "192.0.2.1".parse().unwrap());
        for _ in 0..9 {
            throttle.blame(source, "a", true);
        }
        throttle.forgive(source, "a", true);
        assert!(throttle.check(source, "a", true).is_ok());
    }
}
