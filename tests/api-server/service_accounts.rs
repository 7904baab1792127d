//! A pod of somebody else comes in by the token that the API server issues to it.

use cubegate_tests::{
    answers,
    http::{Credentials, get},
};

use crate::{
    cluster::{Cluster, NAMESPACE},
    edits::table,
};

pub(crate) async fn a_service_account_comes_in_by_a_token_for_the_session_and_by_no_other(cluster: &Cluster<'_>) {
    cluster.story.step("a ServiceAccount");
    cluster.kubectl(&["create", "serviceaccount", "scraper"]).await;
    cluster.kubectl(&["create", "serviceaccount", "other"]).await;
    let name = format!("system:serviceaccount:{NAMESPACE}:scraper");
    cluster
        .apply(&format!(
            "apiVersion: cubegate.dev/v1alpha1\nkind: Role\nmetadata: {{name: scraper}}\nspec:\n  \
             sessionRef: {{name: retail}}\n  users: [\"{name}\"]\n  inherits: [ROLE_USER]\n"
        ))
        .await;
    let accounts = r#"{"spec":{"authentication":{"serviceAccounts":{"audience":"retail"}}}}"#;
    cluster.kubectl(&["patch", "session.cubegate.dev", "retail", "--type=merge", "-p", accounts]).await;

    let token = cluster.kubectl(&["create", "token", "scraper", "--audience=retail"]).await;
    let token = Credentials::Bearer(token.trim().to_owned());
    let mut scraper = cluster.connect(token.clone()).await;
    cluster.enforced("let in after", &mut scraper, table(answers::EVERYWHERE)).await;
    let own = get(&format!("{}/whoami", cluster.url()), token).await.unwrap();
    assert_eq!(own.json().unwrap()["name"], name.as_str());
    for (what, arguments) in [
        ("for the API server", &["create", "token", "scraper"][..]),
        ("of an account that no role names", &["create", "token", "other", "--audience=retail"]),
    ] {
        let token = Credentials::Bearer(cluster.kubectl(arguments).await.trim().to_owned());
        let refused = cluster.ask(token).await;
        refused.expect_refused().unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }
    let none = r#"{"spec":{"authentication":{"serviceAccounts":null}}}"#;
    cluster.kubectl(&["patch", "session.cubegate.dev", "retail", "--type=merge", "-p", none]).await;
    cluster.enforced("refused after", &mut scraper, |reply| reply.expect_status(401)).await;
    cluster.kubectl(&["delete", "role.cubegate.dev/scraper", "serviceaccount/scraper", "serviceaccount/other"]).await;
    cluster.wait_for("Programmed", "session/retail").await;
}
