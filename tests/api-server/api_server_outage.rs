//! The API server is away: pods keep serving and keep denying; when it is back, edits are enforced again.

use cubegate_tests::{answers, http::Credentials, limits::STATUS_MAX, process::RunDirectory};

use crate::{
    cluster::{Cluster, credentials},
    edits::{paris_only, table},
};

pub(crate) async fn pods_serve_and_deny_and_edits_go_on_afterwards(cluster: &Cluster<'_>, run: &RunDirectory) {
    cluster.story.step("the API server is killed");
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    cluster.control_plane.kill_api_server().await;
    cluster.expect_tables_but(&[]).await;
    cluster.ask(credentials("outsider")).await.expect(403).unwrap();
    cluster.ask(Credentials::basic("parisian-user", "wrong")).await.expect(401).unwrap();

    cluster.story.step("the API server is back");
    cluster.control_plane.restart_api_server(run).await.unwrap();
    cluster.expect_tables_but(&[]).await;
    cluster.apply(&paris_only("City", "Lyon")).await;
    // Watches come back after a pause that grows: this edit need not be enforced within a second, the next one must.
    let query = answers::quantity_by_city();
    let latency = parisian.query_until("Sales", &query, 2 * STATUS_MAX, table(answers::LYON)).await.unwrap();
    cluster.story.measured("the first edit is enforced after", latency);
    cluster.apply_example().await;
    cluster.enforced("the next one after", &mut parisian, table(answers::PARIS)).await;
    cluster.wait_for("Programmed", "restriction/paris-only").await;
}
