//! What the operator counts. Names of reconciling are controller-runtime's, so that dashboards for it work.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Seconds from 5 ms to 40 s.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0];

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Reconciles by result.
    pub reconciles: IntCounterVec,
    /// How long a reconcile takes.
    pub reconcile_seconds: Histogram,
    /// Reconciles under way.
    pub active_workers: IntGauge,
    /// Sessions that wait.
    pub queue_depth: IntGauge,
    /// From the start of the reconcile that publishes a policy to its stages.
    pub propagation_seconds: HistogramVec,
    /// Objects written, by kind.
    pub writes: IntCounterVec,
    /// Failures of watches.
    pub watch_failures: IntCounterVec,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            reconciles: IntCounterVec::new(
                Opts::new("controller_runtime_reconcile_total", "Reconciles of Sessions, by result."),
                &["controller", "result"],
            )?,
            reconcile_seconds: Histogram::with_opts(
                HistogramOpts::new("controller_runtime_reconcile_time_seconds", "How long a reconcile takes.")
                    .const_label("controller", CONTROLLER)
                    .buckets(BUCKETS.to_vec()),
            )?,
            active_workers: IntGauge::with_opts(
                Opts::new("controller_runtime_active_workers", "Reconciles under way.").const_label("controller", CONTROLLER),
            )?,
            queue_depth: IntGauge::with_opts(
                Opts::new("workqueue_depth", "Sessions that wait to be reconciled.").const_label("name", CONTROLLER),
            )?,
            propagation_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "cubegate_policy_propagation_seconds",
                    "From the start of the reconcile that publishes a policy until it is published, and until every Ready pod enforces it.",
                )
                .buckets(BUCKETS.to_vec()),
                &["stage"],
            )?,
            writes: IntCounterVec::new(Opts::new("cubegate_writes_total", "Objects written to the API server."), &["kind"])?,
            watch_failures: IntCounterVec::new(Opts::new("cubegate_watch_failures_total", "Failures of watches."), &["watch"])?,
            registry,
        };
        metrics.register_all()?;
        Ok(metrics)
    }

    /// Everything in the Prometheus text format.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn register_all(&self) -> Result<(), prometheus::Error> {
        let Self {
            registry,
            reconciles,
            reconcile_seconds,
            active_workers,
            queue_depth,
            propagation_seconds,
            writes,
            watch_failures,
        } = self;
        registry.register(Box::new(reconciles.clone()))?;
        registry.register(Box::new(reconcile_seconds.clone()))?;
        registry.register(Box::new(active_workers.clone()))?;
        registry.register(Box::new(queue_depth.clone()))?;
        registry.register(Box::new(propagation_seconds.clone()))?;
        registry.register(Box::new(writes.clone()))?;
        registry.register(Box::new(watch_failures.clone()))
    }
}

/// Name of the one controller.
pub const CONTROLLER: &str = "session";
