//! What the chart and the operator grant: as much as is needed.

use anyhow::Result;

use crate::cluster::{Cluster, NAMESPACE};

/// Who, the verb, the resource, the namespace, and whether they may.
const RIGHTS: &[(&str, &str, &str, &str, bool)] = &[
    // The sidecar: its one Secret.
    ("retail", "get", "secret/retail-policy", NAMESPACE, true),
    ("retail", "watch", "secret/retail-policy", NAMESPACE, true),
    ("retail", "get", "secret/retail-passwords", NAMESPACE, false),
    ("retail", "list", "secrets", NAMESPACE, false),
    ("retail", "update", "secret/retail-policy", NAMESPACE, false),
    ("retail", "get", "configmaps", NAMESPACE, false),
    ("retail", "get", "sessions.cubegate.dev", NAMESPACE, false),
    // The operator: its namespace.
    ("OPERATOR", "get", "secret/retail-passwords", NAMESPACE, true),
    ("OPERATOR", "get", "secrets", "kube-system", false),
    ("OPERATOR", "list", "secrets", "", false),
    ("OPERATOR", "delete", "sessions.cubegate.dev", NAMESPACE, false),
    ("OPERATOR", "patch", "restrictions.cubegate.dev", NAMESPACE, false),
    ("OPERATOR", "create", "pods", NAMESPACE, false),
    ("OPERATOR", "create", "pods/exec", NAMESPACE, false),
    ("OPERATOR", "create", "clusterrolebindings.rbac.authorization.k8s.io", "", false),
    ("OPERATOR", "*", "*", NAMESPACE, false),
];

pub(crate) async fn nobody_may_more_than_needed(cluster: &Cluster<'_>) {
    cluster.story.step("rights");
    let operator = cluster
        .kubectl(&[
            "get",
            "deployment",
            &cluster.operator_deployment,
            "-o",
            "jsonpath={.spec.template.spec.serviceAccountName}",
        ])
        .await;
    let mut wrong = Vec::new();
    for &(who, verb, resource, namespace, expected) in RIGHTS {
        let account = if who == "OPERATOR" { operator.as_str() } else { who };
        let may = may(cluster, account, verb, resource, namespace).await.unwrap();
        if may != expected {
            wrong.push(format!("{account} {verb} {resource} in {namespace:?}: {may}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn may(cluster: &Cluster<'_>, account: &str, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
    let user = format!("--as=system:serviceaccount:{NAMESPACE}:{account}");
    let place = if namespace.is_empty() { vec!["--all-namespaces"] } else { vec!["-n", namespace] };
    let arguments = [&["auth", "can-i", verb, resource, &user], &place[..]].concat();
    let output = cluster.control_plane.try_kubectl(&arguments).await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim() == "yes")
}
