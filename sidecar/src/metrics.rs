//! What Prometheus gets to know. No label has more values than this crate has words for.

use std::time::Duration;

use cubegate_policy::publication::PolicyState;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};

use crate::target::Route;

/// The registry of one sidecar.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    refusals: IntCounterVec,
    duration: Histogram,
    revision: IntGauge,
    state: IntGaugeVec,
    connections: IntGauge,
}

const STATES: [(PolicyState, &str); 5] = [
    (PolicyState::NoPolicy, "NoPolicy"),
    (PolicyState::Current, "Current"),
    (PolicyState::Stale, "Stale"),
    (PolicyState::Expired, "Expired"),
    (PolicyState::Rejected, "Rejected"),
];

// === impl Metrics ===

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let counters = |name, help, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels).expect("our names and labels are valid")
        };
        let gauge = |name, help| IntGauge::new(name, help).expect("our names are valid");
        let buckets = vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        let duration = HistogramOpts::new(
            "cubegate_sidecar_request_duration_seconds",
            "Time from a request's head to its answer's head.",
        )
        .buckets(buckets);
        let metrics = Self {
            requests: counters("cubegate_sidecar_requests_total", "Requests answered.", &["route", "code"]),
            refusals: counters("cubegate_sidecar_refusals_total", "Requests that the sidecar refused.", &["reason"]),
            duration: Histogram::with_opts(duration).expect("our buckets ascend"),
            revision: gauge("cubegate_sidecar_policy_revision", "Revision of the policy that requests are decided by."),
            state: IntGaugeVec::new(
                Opts::new("cubegate_sidecar_policy_state", "1 for the state of the policy."),
                &["state"],
            )
            .expect("our names and labels are valid"),
            connections: gauge("cubegate_sidecar_connections", "Open connections."),
            registry,
        };
        let all: [Box<dyn Collector>; 6] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.refusals.clone()),
            Box::new(metrics.duration.clone()),
            Box::new(metrics.revision.clone()),
            Box::new(metrics.state.clone()),
            Box::new(metrics.connections.clone()),
        ];
        metrics.register(all);
        metrics
    }

    /// Adds what a part of the sidecar counts by itself.
    pub(crate) fn register(&self, collectors: impl IntoIterator<Item = Box<dyn Collector>>) {
        for collector in collectors {
            self.registry.register(collector).expect("each of our names is registered once");
        }
    }

    pub(crate) fn answered(&self, route: Option<&Route>, status: u16, elapsed: Duration) {
        self.requests.with_label_values(&[route_label(route), &status.to_string()]).inc();
        self.duration.observe(elapsed.as_secs_f64());
    }

    pub(crate) fn refused(&self, reason: &str) {
        self.refusals.with_label_values(&[reason]).inc();
    }

    pub(crate) fn connections(&self) -> &IntGauge {
        &self.connections
    }

    /// Everything, as Prometheus text.
    pub(crate) fn text(&self, state: PolicyState, revision: Option<u64>) -> String {
        self.revision.set(revision.and_then(|revision| i64::try_from(revision).ok()).unwrap_or(0));
        for (known, label) in STATES {
            self.state.with_label_values(&[label]).set(i64::from(known == state));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("writing to memory does not fail");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

fn route_label(route: Option<&Route>) -> &'static str {
    match route {
        None => "none",
        Some(Route::Internal) => "internal",
        Some(Route::Login | Route::Authorize(_) | Route::Callback(_)) => "login",
        Some(Route::Logout | Route::BackChannelLogout(_) | Route::FrontChannelLogout(_)) => "logout",
        Some(Route::WhoAmI) => "whoami",
        Some(Route::Metrics) => "metrics",
        Some(Route::Explain | Route::WhoSees) => "access",
        Some(Route::Engine) => "engine",
    }
}
