//! From nothing to the published tables.

use cubegate_tests::{
    control_plane::ControlPlane,
    http::{Connection, Credentials},
    kubelet::Kubelet,
    limits::{START_MAX, STATUS_MAX},
    story::{self, Story},
    tools,
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret, Service, ServiceAccount},
        rbac,
    },
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::json;

use crate::cluster::{Cluster, NAMESPACE, credentials};

pub(crate) async fn the_chart_installs_and_the_operator_runs<'a>(
    story: Story,
    control_plane: &'a ControlPlane,
    kubelet: &'a Kubelet<'a>,
) -> Cluster<'a> {
    story.step("helm install charts/cubegate");
    control_plane.create_namespace(NAMESPACE).await.unwrap();
    let chart = tools::repository().join("charts/cubegate").display().to_string();
    control_plane.helm(&["install", "cubegate", &chart, "--namespace", NAMESPACE]).await.unwrap();
    for plural in ["sessions", "roles", "restrictions", "technicalusers"] {
        let definition = format!("crd/{plural}.cubegate.dev");
        control_plane.kubectl(&["wait", "--for=condition=Established", &definition, "--timeout=20s"]).await.unwrap();
    }
    let deployments = Api::<Deployment>::namespaced(control_plane.client(), NAMESPACE);
    let [deployment] = &deployments.list(&ListParams::default()).await.unwrap().items[..] else {
        panic!("the chart has one Deployment, the operator's")
    };
    let operator_deployment = deployment.name_any();

    story.step("the operator's pod becomes Ready, with the chart's ServiceAccount and no other rights");
    let mut operator = kubelet.run_deployment(NAMESPACE, &operator_deployment).await.unwrap();
    operator.wait_ready().await.unwrap();
    Cluster { story, control_plane, kubelet, operator_deployment, operator: Some(operator), pods: Vec::new() }
}

pub(crate) async fn the_example_becomes_children_with_owners(cluster: &Cluster<'_>) {
    cluster.story.step("kubectl apply --server-side -k examples/retail");
    cluster.apply_example().await;
    let ((), waited) = story::eventually("the children exist", START_MAX, || async {
        expect_owned::<ServiceAccount>(cluster, "retail").await?;
        expect_owned::<rbac::v1::Role>(cluster, "retail").await?;
        expect_owned::<rbac::v1::RoleBinding>(cluster, "retail").await?;
        expect_owned::<Secret>(cluster, "retail-policy").await?;
        expect_owned::<ConfigMap>(cluster, "retail-model").await?;
        expect_owned::<Service>(cluster, "retail").await?;
        expect_owned::<Deployment>(cluster, "retail").await
    })
    .await
    .unwrap();
    cluster.story.measured("children after", waited);

    cluster.story.step("no pod yet: nothing is said to be enforced");
    let programmed = story::eventually("a condition is there", STATUS_MAX, || {
        cluster.condition("Restriction", "paris-only", "Programmed")
    });
    let (programmed, _) = programmed.await.unwrap();
    assert_eq!((programmed.status.as_str(), programmed.reason.as_str()), ("False", "NoReadyPods"), "{programmed:?}");
}

pub(crate) async fn its_pod_runs_from_its_own_spec_and_status_says_so(cluster: &mut Cluster<'_>) {
    cluster.story.step("a pod of the Deployment becomes Ready");
    let started = std::time::Instant::now();
    let mut pod = cluster.kubelet.run_deployment(NAMESPACE, "retail").await.unwrap();
    pod.wait_ready().await.unwrap();
    cluster.story.measured("pod Ready after", started.elapsed());
    cluster.pods.push(pod);
    cluster.wait_for("Ready", "session/retail").await;
    for object in [
        "session/retail",
        "role.cubegate.dev/paris",
        "role.cubegate.dev/user",
        "restriction/paris-only",
        "restriction/france-only",
        "technicaluser/prometheus",
    ] {
        cluster.wait_for("Programmed", object).await;
    }
}

pub(crate) async fn the_published_tables_hold_to_the_digit(cluster: &Cluster<'_>) {
    cluster.story.step("the published tables through Basic");
    cluster.expect_tables_but(&[]).await;
    let reply = cluster.connect(credentials("technical-user")).await.get("/whoami").await.unwrap().expect(200).unwrap();
    assert_eq!(reply.json().unwrap(), json!({"name": "technical-user", "roles": ["ROLE_USER"]}));
}

pub(crate) async fn who_may_not_come_in_is_refused(cluster: &Cluster<'_>) {
    cluster.story.step("refusals");
    cluster.ask(credentials("outsider")).await.expect(403).unwrap();
    cluster.ask(Credentials::basic("parisian-user", "wrong")).await.expect(401).unwrap();
    cluster.ask(Credentials::basic("nobody", "wrong")).await.expect(401).unwrap();
    cluster.ask(Credentials::None).await.expect(401).unwrap();

    cluster.story.step("nobody can claim to be somebody else, or reach what is internal");
    for header in ["X-Cubegate-User", "X-Cubegate-Roles", "x_cubegate_roles", "X.Cubegate.Policy"] {
        let mut parisian = cluster.connect(credentials("parisian-user")).await;
        parisian.get_with("/api/v1/cubes", &[(header, "ROLE_ADMIN")]).await.unwrap().expect(400).unwrap();
    }
    let mut parisian = cluster.connect(credentials("parisian-user")).await;
    for path in ["/internal/policy", "/internal/metrics", "/policy"] {
        parisian.get(path).await.unwrap().expect(404).unwrap();
    }
    cluster.story.step("the private listener serves probes and nothing of the engine");
    let private = format!("http://{}:8081", cluster.pods[0].ip);
    let mut node = Connection::to(&private, Credentials::None).await.unwrap();
    node.get("/readyz").await.unwrap().expect(200).unwrap();
    for path in ["/api/v1/cubes", "/whoami", "/internal/policy"] {
        node.get(path).await.unwrap().expect(404).unwrap();
    }
}

async fn expect_owned<K>(cluster: &Cluster<'_>, name: &str) -> anyhow::Result<()>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let object = cluster.api::<K>().get(name).await?;
    let owner = object.owner_references().first().cloned();
    let is_child =
        owner.is_some_and(|owner| owner.kind == "Session" && owner.name == "retail" && owner.controller == Some(true));
    anyhow::ensure!(is_child, "{}/{name} is not owned by the Session", K::kind(&()));
    Ok(())
}
