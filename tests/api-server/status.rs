//! Mistakes that the API server cannot see: status says what is wrong, and nobody else is touched.

use anyhow::ensure;
use cubegate_tests::{limits::STATUS_MAX, story};

use crate::cluster::Cluster;

/// Objects with mistakes. Nobody holds these roles, so nobody of the example may notice.
const MISTAKEN: &str = "
{apiVersion: cubegate.dev/v1alpha1, kind: Restriction, metadata: {name: odd-orphan}, spec: {sessionRef: {name: retial}, where: [{table: Shops, column: City, equals: Paris}]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Restriction, metadata: {name: odd-table}, spec: {sessionRef: {name: retail}, where: [{table: Shop, column: City, equals: Paris}]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Role, metadata: {name: odd-dangling}, spec: {sessionRef: {name: retail}, roleName: ODD_DANGLING, restrictions: [paris-onli]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Role, metadata: {name: odd-circle-one}, spec: {sessionRef: {name: retail}, roleName: ODD_ONE, inherits: [ODD_TWO]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Role, metadata: {name: odd-circle-two}, spec: {sessionRef: {name: retail}, roleName: ODD_TWO, inherits: [ODD_ONE]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Role, metadata: {name: odd-twin-one}, spec: {sessionRef: {name: retail}, roleName: ODD_TWIN}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Role, metadata: {name: odd-twin-two}, spec: {sessionRef: {name: retail}, roleName: ODD_TWIN}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: TechnicalUser, metadata: {name: odd-user}, spec: {sessionRef: {name: retail}, passwordSecretRef: {name: retail-passwords, key: outsider}, roles: [ROLE_UZER]}}
---
{apiVersion: cubegate.dev/v1alpha1, kind: Session, metadata: {name: odd-open}, spec: {tables: [{name: Sales, source: {csv: {configMap: {name: retail-dat, key: sales.csv}}}}], cubes: [{name: Sales, factTable: Sales}]}}
";

/// Kind and name, the condition, its status and reason, and what its message names.
type Said = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const SAID: &[Said] = &[
    ("Restriction", "odd-orphan", "ResolvedRefs", "False", "Unresolved", &["retial", "`retail`"]),
    ("Restriction", "odd-table", "ResolvedRefs", "False", "Unresolved", &["Shop", "`Shops`"]),
    ("Role", "odd-dangling", "ResolvedRefs", "False", "Unresolved", &["paris-onli", "`paris-only`"]),
    ("Role", "odd-circle-one", "ResolvedRefs", "False", "Unresolved", &["ODD_TWO"]),
    ("Role", "odd-circle-two", "ResolvedRefs", "False", "Unresolved", &["ODD_ONE"]),
    ("Role", "odd-twin-one", "Accepted", "False", "Conflict", &["ODD_TWIN"]),
    ("Role", "odd-twin-two", "Accepted", "False", "Conflict", &["ODD_TWIN"]),
    ("TechnicalUser", "odd-user", "ResolvedRefs", "False", "Unresolved", &["ROLE_UZER", "`ROLE_USER`"]),
    ("Session", "odd-open", "Open", "True", "NoAuthentication", &["administrator"]),
    ("Session", "odd-open", "ResolvedRefs", "False", "Unresolved", &["retail-dat", "`retail-data`"]),
];

pub(crate) async fn what_is_wrong_is_said_and_nobody_else_is_touched(cluster: &Cluster<'_>) {
    cluster.story.step("mistakes that only the operator can see");
    cluster.apply(MISTAKEN).await;
    let mut wrong = Vec::new();
    for (kind, name, condition, status, reason, named) in SAID {
        let what = format!("{kind}/{name} {condition}");
        let said = story::eventually(&what, STATUS_MAX, || async {
            let found = cluster.condition(kind, name, condition).await?;
            ensure!(found.status == *status && found.reason == *reason, "{found:?}");
            ensure!(named.iter().all(|thing| found.message.contains(thing)), "{found:?} should name {named:?}");
            Ok(found.message)
        });
        match said.await {
            Ok((message, _)) => cluster.story.say(format_args!("     {kind}/{name}: {message}")),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (kind, name, ..) in SAID.iter().filter(|(kind, ..)| *kind != "Session") {
        let programmed = cluster.condition(kind, name, "Programmed").await.unwrap();
        assert_eq!(programmed.status, "False", "{kind}/{name} is broken and yet Programmed: {programmed:?}");
    }
    cluster.expect_tables_but(&[]).await;
    let mut objects: Vec<String> =
        SAID.iter().map(|(kind, name, ..)| format!("{kind}.cubegate.dev/{name}").to_lowercase()).collect();
    objects.dedup();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    cluster.kubectl(&[&["delete"], &objects[..]].concat()).await;
    // There is no garbage collector here: what the open Session owned is swept by hand.
    cluster
        .kubectl(&[
            "delete",
            "deployment,service,serviceaccount,role.rbac,rolebinding,secret,configmap",
            "-l",
            "app.kubernetes.io/instance=odd-open",
        ])
        .await;
}
