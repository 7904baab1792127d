//! The operator is down: pods keep serving and keep denying; when it is back, it rewrites nothing and catches up.

use std::time::Duration;

use cubegate_tests::{answers, http::Credentials};

use crate::{
    cluster::{Cluster, NAMESPACE, credentials},
    edits::{paris_only, table},
};

pub(crate) async fn pods_serve_and_deny_without_the_operator_and_it_catches_up(cluster: &mut Cluster<'_>) {
    cluster.story.step("the operator is ended");
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    let before = cluster.versions().await;
    cluster.operator.take().unwrap().delete().await.unwrap();
    cluster.expect_tables_but(&[]).await;
    cluster.ask(credentials("outsider")).await.expect(403).unwrap();
    cluster.ask(Credentials::basic("parisian-user", "wrong")).await.expect(401).unwrap();

    cluster.story.step("a new operator finds everything in order and writes nothing");
    start_operator(cluster).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = cluster.versions().await;
    let written: Vec<_> = after.iter().filter(|(name, version)| before.get(*name) != Some(*version)).collect();
    assert!(written.is_empty(), "a restart of the operator rewrote {written:?}");

    cluster.story.step("an edit made while there is no operator is caught up with");
    cluster.operator.take().unwrap().delete().await.unwrap();
    cluster.apply(&paris_only("City", "Lyon")).await;
    answers::expect_cities(&cluster.ask(credentials("parisian-user")).await, answers::PARIS).unwrap();
    start_operator(cluster).await;
    cluster.wait_for("Programmed", "restriction/paris-only").await;
    cluster.enforced("enforced when Programmed says so", &mut parisian, table(answers::LYON)).await;
    cluster.apply_example().await;
    cluster.enforced("and back after", &mut parisian, table(answers::PARIS)).await;
}

async fn start_operator(cluster: &mut Cluster<'_>) {
    let started = std::time::Instant::now();
    let mut operator = cluster.kubelet.run_deployment(NAMESPACE, &cluster.operator_deployment).await.unwrap();
    operator.wait_ready().await.unwrap();
    cluster.story.measured("the operator is Ready after", started.elapsed());
    cluster.operator = Some(operator);
}
