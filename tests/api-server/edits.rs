//! Edits with kubectl, seen by clients that stay connected.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cubegate_api::Restriction;
use cubegate_tests::{
    answers::{self, CityRow},
    http::{Connection, Reply},
    limits::{ENFORCED_MAX, PASSWORD_ENFORCED_MAX, STATUS_MAX},
    story,
};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::{Cluster, credentials};

/// Edits in a row, each measured.
const EDITS: u32 = 60;

pub(crate) async fn a_changed_restriction_is_enforced_within_a_second(cluster: &Cluster<'_>) {
    cluster.story.step("kubectl apply: paris-only becomes Lyon");
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    expect(&mut parisian, answers::PARIS).await;
    cluster.apply(&paris_only("City", "Lyon")).await;
    cluster.enforced("enforced after", &mut parisian, table(answers::LYON)).await;
    let waited = Instant::now();
    cluster.wait_for("Programmed", "restriction/paris-only").await;
    cluster.story.measured("kubectl wait returned after", waited.elapsed());
    cluster.expect_tables_but(&["parisian-user"]).await;
    cluster.apply_example().await;
    cluster.enforced("healed after", &mut parisian, table(answers::PARIS)).await;
}

pub(crate) async fn many_edits_fail_no_request(cluster: &Cluster<'_>) {
    cluster.story.step(&format!("{EDITS} edits in a row, without a failed request or a wrong answer"));
    let (mut parisian, mut global) =
        (cluster.connect(credentials("parisian-user")).await, cluster.connect(credentials("global-user")).await);
    let restrictions = cluster.api::<Restriction>();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let somebody_else = tokio::spawn(async move {
        let query = answers::quantity_by_city();
        let mut asked = 0_u32;
        while !*stopped.borrow() {
            let reply = global.query("Sales", &query).await.unwrap();
            answers::expect_cities(&reply, answers::EVERYWHERE).unwrap();
            asked += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        asked
    });
    let query = answers::quantity_by_city();
    let mut latencies = Vec::new();
    for edit in 0..EDITS {
        let (city, expected) = if edit % 2 == 0 { ("Lyon", answers::LYON) } else { ("Paris", answers::PARIS) };
        let patch = json!({"spec": {"where": [{"table": "Shops", "column": "City", "equals": city}]}});
        let started = Instant::now();
        restrictions.patch("paris-only", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        parisian.query_until("Sales", &query, ENFORCED_MAX, table(expected)).await.unwrap();
        latencies.push(started.elapsed());
    }
    stop.send_replace(true);
    let asked = somebody_else.await.unwrap();
    latencies.sort_unstable();
    cluster.story.measured("from before the write to enforced, median", latencies[latencies.len() / 2]);
    cluster.story.measured("worst", latencies[latencies.len() - 1]);
    cluster.story.say(format_args!("     {asked} answers to somebody else meanwhile, all right"));
    cluster.apply_example().await;
    cluster.wait_for("Programmed", "restriction/paris-only").await;
}

pub(crate) async fn a_deleted_restriction_refuses_its_holders_and_nobody_else(cluster: &Cluster<'_>) {
    cluster.story.step("kubectl delete restriction paris-only");
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    expect(&mut parisian, answers::PARIS).await;
    cluster.kubectl(&["delete", "restriction", "paris-only"]).await;
    cluster.enforced("refused after", &mut parisian, refused_with(403)).await;
    cluster.expect_tables_but(&["parisian-user"]).await;
    expect_status(cluster, "Role", "paris", "ResolvedRefs", "Unresolved", &["paris-only"]).await;
    expect_not_programmed(cluster, "Role", "paris").await;
    cluster.story.step("and put back");
    cluster.apply_example().await;
    cluster.enforced("healed after", &mut parisian, table(answers::PARIS)).await;
    cluster.wait_for("Programmed", "role.cubegate.dev/paris").await;
    cluster.wait_for("Programmed", "restriction/paris-only").await;
}

pub(crate) async fn an_unknown_column_refuses_its_holders_and_names_the_nearest(cluster: &Cluster<'_>) {
    cluster.story.step("a restriction on a column that does not exist");
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    expect(&mut parisian, answers::PARIS).await;
    cluster.apply(&paris_only("Citty", "Paris")).await;
    cluster.enforced("refused after", &mut parisian, refused_with(403)).await;
    cluster.expect_tables_but(&["parisian-user"]).await;
    let named = story::eventually("Programmed is False and names the nearest column", STATUS_MAX, || async {
        let condition = cluster.condition("Restriction", "paris-only", "Programmed").await?;
        ensure!(condition.status == "False", "{condition:?}");
        ensure!(condition.message.contains("Citty") && condition.message.contains("City"), "{condition:?}");
        Ok(condition.message)
    });
    let (message, _) = named.await.unwrap();
    cluster.story.say(format_args!("     status: {message}"));
    cluster.apply_example().await;
    cluster.enforced("healed after", &mut parisian, table(answers::PARIS)).await;
}

pub(crate) async fn a_missing_secret_key_refuses_its_user_and_names_the_nearest(cluster: &Cluster<'_>) {
    cluster.story.step("a TechnicalUser whose Secret key is missing");
    let mut french = cluster.connect(credentials("french-user")).await;
    expect(&mut french, answers::FRANCE).await;
    let reference = r#"{"spec":{"passwordSecretRef":{"name":"retail-passwords","key":"french-usr"}}}"#;
    cluster.kubectl(&["patch", "technicaluser", "french-user", "--type=merge", "-p", reference]).await;
    cluster.enforced("refused after", &mut french, Reply::expect_refused).await;
    cluster.expect_tables_but(&["french-user"]).await;
    expect_status(
        cluster,
        "TechnicalUser",
        "french-user",
        "ResolvedRefs",
        "Unresolved",
        &["french-usr", "french-user"],
    )
    .await;
    cluster.apply_example().await;
    cluster.enforced("healed after", &mut french, table(answers::FRANCE)).await;
}

pub(crate) async fn a_changed_password_counts_at_once(cluster: &Cluster<'_>) {
    cluster.story.step("a password is changed in its Secret");
    let mut technical = cluster.connect(credentials("technical-user")).await;
    expect(&mut technical, answers::EVERYWHERE).await;
    let changed = r#"{"stringData":{"technical-user":"another password"}}"#;
    cluster.kubectl(&["patch", "secret", "retail-passwords", "--type=merge", "-p", changed]).await;
    let query = answers::quantity_by_city();
    let refused = technical.query_until("Sales", &query, PASSWORD_ENFORCED_MAX, refused_with(401)).await.unwrap();
    cluster.story.measured("the old one is refused after", refused);
    let new = cubegate_tests::http::Credentials::basic("technical-user", "another password");
    answers::expect_cities(&cluster.ask(new).await, answers::EVERYWHERE).unwrap();
    cluster.apply_example().await;
    let healed =
        technical.query_until("Sales", &query, PASSWORD_ENFORCED_MAX, table(answers::EVERYWHERE)).await.unwrap();
    cluster.story.measured("healed after", healed);
}

pub(crate) async fn a_deleted_technical_user_is_refused(cluster: &Cluster<'_>) {
    cluster.story.step("kubectl delete technicaluser french-user");
    let mut french = cluster.connect(credentials("french-user")).await;
    expect(&mut french, answers::FRANCE).await;
    cluster.kubectl(&["delete", "technicaluser", "french-user"]).await;
    cluster.enforced("refused after", &mut french, refused_with(401)).await;
    cluster.expect_tables_but(&["french-user"]).await;
    cluster.apply_example().await;
    cluster.enforced("healed after", &mut french, table(answers::FRANCE)).await;
    cluster.wait_for("Programmed", "technicaluser/french-user").await;
}

/// The restriction of the story, on some column.
pub(crate) fn paris_only(column: &str, value: &str) -> String {
    format!(
        "apiVersion: cubegate.dev/v1alpha1\nkind: Restriction\nmetadata: {{name: paris-only}}\nspec:\n  \
         sessionRef: {{name: retail}}\n  where: [{{table: Shops, column: {column}, equals: {value}}}]\n"
    )
}

pub(crate) fn table(expected: &'static [CityRow]) -> impl Fn(&Reply) -> Result<()> {
    move |reply| answers::expect_cities(reply, expected)
}

fn refused_with(status: u16) -> impl Fn(&Reply) -> Result<()> {
    move |reply| reply.expect_status(status)
}

async fn expect(connection: &mut Connection, expected: &[CityRow]) {
    let reply = connection.query("Sales", &answers::quantity_by_city()).await.unwrap();
    answers::expect_cities(&reply, expected).unwrap();
}

/// A condition becomes False for this reason, and its message names these things.
async fn expect_status(cluster: &Cluster<'_>, kind: &str, name: &str, condition: &str, reason: &str, named: &[&str]) {
    let what = format!("{kind}/{name}: {condition} is False");
    let (found, _) = story::eventually(&what, STATUS_MAX, || async {
        let found = cluster.condition(kind, name, condition).await?;
        ensure!(found.status == "False" && found.reason == reason, "{found:?}");
        ensure!(named.iter().all(|thing| found.message.contains(thing)), "{found:?} should name {named:?}");
        Ok(found)
    })
    .await
    .unwrap();
    cluster.story.say(format_args!("     status: {}", found.message));
}

async fn expect_not_programmed(cluster: &Cluster<'_>, kind: &str, name: &str) {
    let what = format!("{kind}/{name} is not Programmed");
    let not_programmed = story::eventually(&what, STATUS_MAX, || async {
        let found = cluster.condition(kind, name, "Programmed").await?;
        ensure!(found.status == "False", "{found:?}");
        Ok(())
    });
    not_programmed.await.unwrap();
}
