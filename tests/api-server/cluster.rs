//! The cluster of the story, and how it is asked.

use std::{collections::BTreeMap, process::Output};

use anyhow::{Context as _, Result, ensure};
use cubegate_api::{Restriction, Role, Session, TechnicalUser};
use cubegate_tests::{
    answers::{self, CityRow},
    control_plane::ControlPlane,
    http::{Connection, Credentials, Reply},
    kubelet::{Images, Kubelet, RunningPod},
    limits::{ENFORCED_MAX, REPORT_MAX},
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
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{Api, api::ListParams};

/// Where the chart and the example are.
pub(crate) const NAMESPACE: &str = "shop";
/// Pods' port for callers.
const PUBLIC_PORT: u16 = 8080;

/// The three users of the story and what they see.
pub(crate) const USERS: [(&str, &[CityRow]); 3] =
    [("parisian-user", answers::PARIS), ("french-user", answers::FRANCE), ("global-user", answers::EVERYWHERE)];

/// A control plane with the chart, and from the third step on with a pod of the example.
pub(crate) struct Cluster<'a> {
    pub(crate) story: Story,
    pub(crate) control_plane: &'a ControlPlane,
    pub(crate) kubelet: &'a Kubelet<'a>,
    pub(crate) operator_deployment: String,
    pub(crate) operator: Option<RunningPod>,
    pub(crate) pods: Vec<RunningPod>,
}

/// The images that the chart and the operator name.
pub(crate) fn images() -> Result<Images> {
    ["cubegate-operator", "cubegate-sidecar", "cubegate-engine"]
        .into_iter()
        .try_fold(Images::default(), |images, name| Ok(images.with(name, tools::cubegate(name)?)))
}

/// Credentials of a user of the example.
pub(crate) fn credentials(user: &str) -> Credentials {
    Credentials::basic(user, &format!("{user}-example"))
}

impl Cluster<'_> {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.control_plane.client(), NAMESPACE)
    }

    /// kubectl in the story's namespace, which must succeed.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> String {
        self.control_plane.kubectl(&[&["-n", NAMESPACE], arguments].concat()).await.unwrap()
    }

    /// Applies a manifest; whether that succeeds is for the caller to judge.
    pub(crate) async fn try_apply(&self, manifest: &str) -> Output {
        self.control_plane.apply(NAMESPACE, manifest).await.unwrap()
    }

    /// Applies a manifest, which must succeed.
    pub(crate) async fn apply(&self, manifest: &str) {
        let output = self.try_apply(manifest).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Applies the example as its README says. It also undoes whatever a step did to the example's objects.
    pub(crate) async fn apply_example(&self) {
        let example = tools::repository().join("examples/retail").display().to_string();
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-k", &example]).await;
    }

    /// The address of the first pod.
    pub(crate) fn url(&self) -> String {
        url_of(&self.pods[0])
    }

    pub(crate) async fn connect(&self, credentials: Credentials) -> Connection {
        Connection::to(&self.url(), credentials).await.unwrap()
    }

    /// The story's question, on a connection of its own.
    pub(crate) async fn ask(&self, credentials: Credentials) -> Reply {
        self.connect(credentials).await.query("Sales", &answers::quantity_by_city()).await.unwrap()
    }

    /// All users but these have their tables, now.
    pub(crate) async fn expect_tables_but(&self, others: &[&str]) {
        for (user, table) in USERS.iter().filter(|(user, _)| !others.contains(user)) {
            let reply = self.ask(credentials(user)).await;
            answers::expect_cities(&reply, table).unwrap_or_else(|error| panic!("{user}: {error:#}"));
        }
    }

    /// A user on a connection that is open already gets an acceptable answer within a second.
    pub(crate) async fn enforced(
        &self,
        what: &str,
        connection: &mut Connection,
        accept: impl Fn(&Reply) -> Result<()>,
    ) {
        let latency = connection.query_until("Sales", &answers::quantity_by_city(), ENFORCED_MAX, accept).await;
        self.story.measured(what, latency.unwrap_or_else(|error| panic!("{what}: {error:#}")));
    }

    /// The audit record of a decision of the first pod.
    pub(crate) async fn audit_record(&self, decision_id: &str) -> Result<String> {
        let found = story::eventually("the audit log has the decision", REPORT_MAX, || async {
            let log = self.pods[0].log("sidecar")?;
            let record = log.lines().find(|line| line.contains(decision_id)).map(str::to_owned);
            record.with_context(|| format!("there is no record of {decision_id}"))
        });
        Ok(found.await?.0)
    }

    /// `kubectl wait`, as users do.
    pub(crate) async fn wait_for(&self, condition: &str, object: &str) {
        let arguments = ["-n", NAMESPACE, "wait", &format!("--for=condition={condition}"), object, "--timeout=10s"];
        let output = self.control_plane.try_kubectl(&arguments).await.unwrap();
        if !output.status.success() {
            let shown = self.kubectl(&["get", object, "-o", "jsonpath={.status}"]).await;
            panic!("{object} is not {condition}: {}\n{shown}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// A condition of an object, when it speaks of the object's newest generation.
    pub(crate) async fn condition(&self, kind: &str, name: &str, condition: &str) -> Result<Condition> {
        let found = self.conditions().await?.remove(&format!("{kind}/{name}"));
        let Conditions { generation, conditions } = found.with_context(|| format!("there is no {kind} {name}"))?;
        let conditions = conditions.into_iter();
        let found = conditions.into_iter().find(|found| found.type_ == condition).context("it is not there")?;
        ensure!(found.observed_generation == Some(generation), "it speaks of an older generation: {found:?}");
        Ok(found)
    }

    /// Conditions of all objects of the four kinds, by `Kind/name`.
    pub(crate) async fn conditions(&self) -> Result<BTreeMap<String, Conditions>> {
        let mut all = BTreeMap::new();
        let mut add = |kind: &str, metadata: &kube::api::ObjectMeta, conditions: Option<Vec<Condition>>| {
            let name = metadata.name.clone().unwrap_or_default();
            let generation = metadata.generation.unwrap_or_default();
            all.insert(format!("{kind}/{name}"), Conditions { generation, conditions: conditions.unwrap_or_default() });
        };
        for object in self.api::<Session>().list(&ListParams::default()).await? {
            add("Session", &object.metadata, object.status.map(|status| status.conditions));
        }
        for object in self.api::<Role>().list(&ListParams::default()).await? {
            add("Role", &object.metadata, object.status.map(|status| status.conditions));
        }
        for object in self.api::<Restriction>().list(&ListParams::default()).await? {
            add("Restriction", &object.metadata, object.status.map(|status| status.conditions));
        }
        for object in self.api::<TechnicalUser>().list(&ListParams::default()).await? {
            add("TechnicalUser", &object.metadata, object.status.map(|status| status.conditions));
        }
        Ok(all)
    }

    /// Versions of the example's objects and of the operator's children: they change when anything writes.
    pub(crate) async fn versions(&self) -> BTreeMap<String, String> {
        let plane = self.control_plane;
        let mut versions = BTreeMap::new();
        versions.extend(plane.resource_versions::<Session>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<Role>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<Restriction>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<TechnicalUser>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<Deployment>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<Service>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<ServiceAccount>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<Secret>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<ConfigMap>(NAMESPACE).await.unwrap());
        versions.extend(plane.resource_versions::<rbac::v1::RoleBinding>(NAMESPACE).await.unwrap());
        let rbac_roles = plane.resource_versions::<rbac::v1::Role>(NAMESPACE).await.unwrap();
        versions.extend(rbac_roles.into_iter().map(|(name, version)| (format!("rbac/{name}"), version)));
        versions
    }

    /// Ends the pods in order, which is part of what they promise.
    pub(crate) async fn end(self) {
        for pod in self.pods.into_iter().chain(self.operator) {
            pod.delete().await.unwrap();
        }
    }
}

/// Where a pod answers callers.
pub(crate) fn url_of(pod: &RunningPod) -> String {
    format!("http://{}:{PUBLIC_PORT}", pod.ip)
}

/// What an object's status says, beside the generation that it should say it of.
#[derive(Debug)]
pub(crate) struct Conditions {
    pub(crate) generation: i64,
    pub(crate) conditions: Vec<Condition>,
}
