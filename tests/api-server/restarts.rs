//! What restarts, what does not, and what a restart may not change.

use anyhow::ensure;
use cubegate_tests::{
    answers,
    http::{Connection, Credentials},
    limits::{POD_READY_MAX, START_MAX},
    story,
};
use k8s_openapi::api::apps::v1::Deployment;

use crate::cluster::{Cluster, NAMESPACE, credentials};

pub(crate) async fn policy_edits_have_restarted_nothing(cluster: &Cluster<'_>) {
    cluster.story.step("all those edits of the policy have restarted nothing");
    assert_eq!(cluster.pods[0].restarts().await.unwrap(), 0);
    let deployment = cluster.api::<Deployment>().get("retail").await.unwrap();
    assert_eq!(deployment.metadata.generation, Some(1), "an edit of the policy rolled the Deployment");
}

pub(crate) async fn a_killed_container_comes_back_with_the_policy(cluster: &Cluster<'_>) {
    for container in ["engine", "sidecar"] {
        cluster.story.step(&format!("the {container} is killed and comes back"));
        let restarts = cluster.pods[0].restarts().await.unwrap();
        cluster.pods[0].kill(container);
        story::eventually("it is restarted", START_MAX, || async {
            let now = cluster.pods[0].restarts().await?;
            ensure!(now == restarts + 1, "{now} restarts");
            Ok(())
        })
        .await
        .unwrap();
        // Whatever it answers on the way, it is never somebody else's table.
        let ((), waited) = story::eventually("it answers", POD_READY_MAX, || async {
            let mut parisian = Connection::to(&cluster.url(), credentials("parisian-user")).await?;
            let reply = parisian.query("Sales", &answers::quantity_by_city()).await?;
            ensure!(reply.status == 200, "{reply:?}");
            answers::expect_cities(&reply, answers::PARIS).unwrap();
            Ok(())
        })
        .await
        .unwrap();
        cluster.story.measured("answers after", waited);
        cluster.ask(credentials("outsider")).await.expect(403).unwrap();
        cluster.expect_tables_but(&[]).await;
    }
}

pub(crate) async fn a_change_of_the_model_rolls_the_deployment(cluster: &mut Cluster<'_>) {
    cluster.story.step("a measure more in the Session: the Deployment rolls, a new pod has it");
    let before = cluster.api::<Deployment>().get("retail").await.unwrap().metadata.generation;
    let measure = r#"[{"op":"add","path":"/spec/cubes/0/measures","value":[{"name":"Pieces","sum":"Quantity"}]}]"#;
    cluster.kubectl(&["patch", "session", "retail", "--type=json", "-p", measure]).await;
    story::eventually("the Deployment changes", START_MAX, || async {
        let now = cluster.api::<Deployment>().get("retail").await?.metadata.generation;
        ensure!(now > before, "it is generation {now:?}");
        Ok(())
    })
    .await
    .unwrap();
    let pending = cluster.condition("Session", "retail", "Programmed").await;
    assert!(pending.is_err() || pending.is_ok_and(|found| found.status == "False"), "the pod runs the earlier model");

    let mut pod = cluster.kubelet.run_deployment(NAMESPACE, "retail").await.unwrap();
    pod.wait_ready().await.unwrap();
    let old = std::mem::replace(&mut cluster.pods[0], pod);
    old.delete().await.unwrap();
    cluster.wait_for("Programmed", "session/retail").await;
    let by_new_measure = serde_json::json!({"measures": ["Pieces"]});
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    let reply = parisian.query("Sales", &by_new_measure).await.unwrap().expect(200).unwrap();
    assert_eq!(reply.json().unwrap()["rows"], serde_json::json!([[603.0]]));
    cluster.ask(Credentials::None).await.expect(401).unwrap();
}
