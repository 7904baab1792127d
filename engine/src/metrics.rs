//! What the engine counts. Every caller may read it, so nothing here speaks of data: the number of facts would tell a
//! restricted caller how much there is to see.

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, TextEncoder};

/// The process's metrics. The sidecar publishes them together with its own. Clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Queries by outcome: `answered`, or the status of the problem.
    pub(crate) queries: IntCounterVec,
    /// Seconds from a parsed query to its answer, waiting included.
    pub(crate) query_seconds: Histogram,
    /// Queries by whether their answer was kept: `hit`, `miss`, or `bypass` when they wanted none that was.
    pub(crate) result_cache: IntCounterVec,
    /// Looks at the sources of tables by outcome: `refreshed`, `unchanged` or `failed`.
    pub(crate) refreshes: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let queries =
            IntCounterVec::new(Opts::new("cubegate_engine_queries_total", "Queries by outcome."), &["outcome"]);
        let query_seconds = Histogram::with_opts(
            HistogramOpts::new("cubegate_engine_query_seconds", "Seconds from a parsed query to its answer.").buckets(
                vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
            ),
        );
        let result_cache = IntCounterVec::new(
            Opts::new("cubegate_engine_result_cache_total", "Queries by whether their answer was kept."),
            &["outcome"],
        );
        let refreshes = IntCounterVec::new(
            Opts::new("cubegate_engine_refreshes_total", "Looks at the sources of tables by outcome."),
            &["outcome"],
        );
        let metrics = Self {
            registry,
            queries: queries.expect("name and label are valid"),
            query_seconds: query_seconds.expect("name and buckets are valid"),
            result_cache: result_cache.expect("name and label are valid"),
            refreshes: refreshes.expect("name and label are valid"),
        };
        let collectors: [Box<dyn prometheus::core::Collector>; 4] = [
            Box::new(metrics.queries.clone()),
            Box::new(metrics.query_seconds.clone()),
            Box::new(metrics.result_cache.clone()),
            Box::new(metrics.refreshes.clone()),
        ];
        for collector in collectors {
            metrics.registry.register(collector).expect("each metric is registered once, in this registry only");
        }
        metrics
    }

    /// Prometheus text format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("writing to memory does not fail");
        String::from_utf8_lossy(&text).into_owned()
    }
}
