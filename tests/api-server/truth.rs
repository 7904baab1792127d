//! Status tells the truth, and nothing is written without need.

use std::time::Duration;

use anyhow::ensure;
use cubegate_tests::{answers, http::Connection, limits::STATUS_MAX, story};

use crate::{
    cluster::{Cluster, NAMESPACE, USERS, credentials, url_of},
    edits::paris_only,
};

/// How long "at rest" is watched.
const REST: Duration = Duration::from_secs(3);

pub(crate) async fn every_condition_speaks_of_the_newest_generation(cluster: &Cluster<'_>) {
    cluster.story.step("conditions of all four kinds");
    let settled = story::eventually("every object is Accepted, resolved and Programmed", STATUS_MAX, || async {
        let all = cluster.conditions().await?;
        for kind in ["Session/", "Role/", "Restriction/", "TechnicalUser/"] {
            ensure!(all.keys().any(|name| name.starts_with(kind)), "there is no {kind}");
        }
        for (name, found) in &all {
            for wanted in ["Accepted", "ResolvedRefs", "Programmed"] {
                let condition = found.conditions.iter().find(|condition| condition.type_ == wanted);
                let holds = condition.is_some_and(|condition| {
                    condition.status == "True" && condition.observed_generation == Some(found.generation)
                });
                ensure!(holds, "{name}: {wanted}: {condition:?}");
            }
        }
        Ok(all.len())
    });
    let (objects, _) = settled.await.unwrap();
    cluster.story.say(format_args!("     {objects} objects"));
    let shown = cluster.kubectl(&["get", "cubegate"]).await;
    assert!(shown.contains("retail") && shown.contains("PROGRAMMED"), "{shown}");
}

pub(crate) async fn programmed_means_every_ready_pod(cluster: &mut Cluster<'_>) {
    cluster.story.step("a second pod");
    let mut second = cluster.kubelet.run_deployment(NAMESPACE, "retail").await.unwrap();
    second.wait_ready().await.unwrap();
    cluster.pods.push(second);
    cluster.story.step("when kubectl wait returns, both pods enforce the edit: asked once, no polling");
    for (city, expected) in
        [("Lyon", answers::LYON), ("Paris", answers::PARIS), ("Lyon", answers::LYON), ("Paris", answers::PARIS)]
    {
        cluster.apply(&paris_only("City", city)).await;
        cluster.wait_for("Programmed", "restriction/paris-only").await;
        for pod in &cluster.pods {
            let mut parisian = Connection::to(&url_of(pod), credentials("parisian-user")).await.unwrap();
            let reply = parisian.query("Sales", &answers::quantity_by_city()).await.unwrap();
            answers::expect_cities(&reply, expected).unwrap();
        }
    }
    cluster.story.step("a pod that does not answer, but is Ready still, keeps Programmed from being True");
    cluster.pods[1].pause("sidecar");
    cluster.apply(&paris_only("City", "Lyon")).await;
    let arguments = ["-n", NAMESPACE, "wait", "--for=condition=Programmed", "restriction/paris-only", "--timeout=1s"];
    let waited = cluster.control_plane.try_kubectl(&arguments).await.unwrap();
    assert!(cluster.pods[1].is_ready(), "the second pod should still pass for Ready");
    assert!(!waited.status.success(), "Programmed although one of two Ready pods has not answered");
    cluster.pods[1].resume("sidecar");
    cluster.wait_for("Programmed", "restriction/paris-only").await;
    cluster.apply_example().await;
    cluster.wait_for("Programmed", "restriction/paris-only").await;
    let second = cluster.pods.pop().unwrap();
    second.delete().await.unwrap();
    for (user, table) in USERS {
        answers::expect_cities(&cluster.ask(credentials(user)).await, table).unwrap();
    }
}

pub(crate) async fn nothing_is_written_at_rest(cluster: &Cluster<'_>) {
    cluster.story.step("nothing is written at rest");
    cluster.wait_for("Programmed", "session/retail").await;
    // What the last step set in motion may still end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = cluster.versions().await;
    tokio::time::sleep(REST).await;
    let after = cluster.versions().await;
    let written: Vec<_> = after.iter().filter(|(name, version)| before.get(*name) != Some(*version)).collect();
    assert!(written.is_empty(), "written although nothing changed: {written:?}");
}
