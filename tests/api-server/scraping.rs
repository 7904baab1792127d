//! A real Prometheus scrapes a pod as the TechnicalUser `prometheus`, and is refused without credentials.

use anyhow::ensure;
use cubegate_tests::{
    limits::START_MAX,
    process::RunDirectory,
    prometheus::{Job, Prometheus},
    story,
};

use crate::cluster::Cluster;

pub(crate) async fn prometheus_scrapes_as_a_technical_user(cluster: &Cluster<'_>, run: &RunDirectory) {
    cluster.story.step("prometheus scrapes");
    let pod = format!("{}:8080", cluster.pods[0].ip);
    let operator = format!("{}:8081", cluster.operator.as_ref().unwrap().ip);
    let jobs = [
        Job { name: "session", target: &pod, basic: Some(("prometheus", "prometheus-example")) },
        Job { name: "without-credentials", target: &pod, basic: None },
        Job { name: "wrong-password", target: &pod, basic: Some(("prometheus", "wrong")) },
        Job { name: "not-a-user", target: &pod, basic: Some(("outsider", "outsider-example")) },
        Job { name: "operator", target: &operator, basic: None },
    ];
    let prometheus = Prometheus::start(run, &jobs).await.unwrap();
    for (job, up) in [
        ("session", 1.0),
        ("operator", 1.0),
        ("without-credentials", 0.0),
        ("wrong-password", 0.0),
        ("not-a-user", 0.0),
    ] {
        story::eventually(&format!("up of {job} is {up}"), START_MAX, || async {
            let value = prometheus.value(&format!("up{{job=\"{job}\"}}")).await?;
            let target = prometheus.target(job).await?;
            ensure!((value - up).abs() < f64::EPSILON, "it is {value}: {target:?}");
            Ok(())
        })
        .await
        .unwrap();
    }
    for (job, statuses) in
        // Who keeps guessing is throttled.
        [
            ("without-credentials", ["401", "401"]),
            ("wrong-password", ["401", "429"]),
            ("not-a-user", ["403", "403"]),
        ]
    {
        let target = prometheus.target(job).await.unwrap();
        assert!(statuses.iter().any(|status| target.last_error.contains(status)), "{job}: {target:?}");
    }
    // Guessing at a user's password does not lock that user out.
    let up = prometheus.value("min_over_time(up{job=\"session\"}[30s])").await.unwrap();
    assert!((up - 1.0).abs() < f64::EPSILON, "a scrape with the right password failed");
    let series = prometheus.value("count({job=\"session\", __name__=~\"cubegate_.*\"})").await.unwrap();
    assert!(series > 0.0);
    cluster.story.say(format_args!("     {series} series of a Session"));
}
