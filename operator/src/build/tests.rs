use std::collections::BTreeMap;

use cubegate_policy::{
    publication::{CookieKeys, Publication},
    snapshot::{Access, Authentication, Door, Edge, Snapshot},
};
use serde::Serialize;
use serde_json::json;

use super::*;
use crate::names::{DATA, MODEL};

fn session(change: impl FnOnce(&mut serde_json::Value)) -> Session {
    let mut session = json!({
        "apiVersion": "cubegate.dev/v1alpha1", "kind": "Session",
        "metadata": {"name": "retail", "namespace": "shops", "uid": "11111111-2222-3333-4444-555555555555"},
        "spec": {
            "tables": [
                {"name": "Sales", "source": {"csv": {"configMap": {"name": "retail-data", "key": "sales.csv"}}}, "keys": ["Sale ID"]},
                {"name": "Shops", "source": {"csv": {"configMap": {"name": "retail-data", "key": "shops.csv"}}}},
                {"name": "Rates", "source": {"csv": {"configMap": {"name": "rates", "key": "rates.csv"}}}},
            ],
            "joins": [{"from": "Sales", "to": "Shops", "on": {"Shop": "Shop ID"}}],
            "cubes": [{"name": "Sales", "factTable": "Sales"}],
            "replicas": 2,
        },
    });
    change(&mut session);
    serde_json::from_value(session).unwrap()
}

fn published(revision: u64) -> Published {
    let door = Door {
        url: None,
        edge: Edge::default(),
        authentication: Authentication::Open,
        mapped: BTreeMap::new(),
        granted: BTreeMap::new(),
        roles: BTreeMap::new(),
    };
    let snapshot = Snapshot { session: "retail".into(), sources: Vec::new(), door, access: Access::default() };
    Published { publication: Publication::new(revision, snapshot), cookie_keys: CookieKeys::one([b'k'; 32]) }
}

fn built(session: &Session, revision: u64) -> Resources<Prepared> {
    let images = Images { sidecar: "registry/sidecar:1".into(), engine: "registry/engine:1".into() };
    build(session, Content { published: &published(revision), data_sha256: "d1" }, true, &images)
}

fn yaml(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn what_runs_is_a_sidecar_and_an_engine_under_restricted_security() {
    insta::assert_yaml_snapshot!(yaml(&built(&session(|_| ()), 7).workload.unwrap().deployment));
}

#[test]
fn the_sidecar_may_read_its_own_secret_and_nothing_else() {
    let resources = built(&session(|_| ()), 7);
    insta::assert_yaml_snapshot!(yaml(&(resources.service_account, resources.role, resources.role_binding)));
}

#[test]
fn policy_model_and_service_are_what_the_pods_expect() {
    let resources = built(&session(|_| ()), 7);
    let mut policy = yaml(&resources.policy);
    let data: BTreeMap<_, _> = resources.policy.data.unwrap().into_iter().map(|(k, v)| (k, v.0.len())).collect();
    let sha256 = published(7).publication.id().sha256.len();
    assert_eq!((data["revision"], data["cookie-key"], data["sha256"]), (1, 32, sha256));
    policy["data"] = yaml(&data.keys().collect::<Vec<_>>());
    insta::assert_yaml_snapshot!(yaml(&(policy, resources.workload.unwrap().model, resources.service)));
}

fn pod_template(resources: &Resources<Prepared>) -> serde_json::Value {
    yaml(&resources.workload.as_ref().unwrap().deployment)["spec"]["template"].clone()
}

#[test]
fn a_change_of_policy_never_restarts_anything() {
    let before = pod_template(&built(&session(|_| ()), 7));
    let changed = session(|session| {
        session["spec"]["authentication"] = json!({"basic": {}});
        session["spec"]["url"] = json!("https://retail.example.com");
        session["spec"]["replicas"] = json!(5);
    });
    assert_eq!(before, pod_template(&built(&changed, 8)));
}

#[test]
fn with_tls_the_sidecar_alone_has_certificate_and_key_and_the_service_is_for_https() {
    let session = session(|session| session["spec"]["tls"] = json!({"secretName": "retail-tls"}));
    let resources = built(&session, 7);
    let pod = pod_template(&resources)["spec"].clone();
    let volumes = pod["volumes"].as_array().unwrap();
    let certificate = volumes.iter().find(|volume| volume["name"] == "tls").unwrap();
    assert_eq!(certificate["secret"]["secretName"], "retail-tls");
    assert_eq!(
        certificate["secret"]["items"],
        json!([{"key": "tls.crt", "path": "tls.crt"}, {"key": "tls.key", "path": "tls.key"}])
    );
    let sidecar = &pod["initContainers"][0];
    assert!(sidecar["args"].as_array().unwrap().contains(&json!("--tls-dir=/etc/cubegate/tls")));
    assert!(sidecar["volumeMounts"].to_string().contains("/etc/cubegate/tls"));
    assert!(!pod["containers"].to_string().contains("/etc/cubegate/tls"), "the engine has no part in it");
    let port = yaml(&resources.service)["spec"]["ports"][0].clone();
    assert_eq!((&port["name"], &port["port"], &port["targetPort"]), (&json!("https"), &json!(443), &json!("public")));
}

#[test]
fn a_change_of_the_model_or_of_the_data_rolls_the_pods() {
    let annotation = |resources: &Resources<Prepared>, name: &str| {
        pod_template(resources)["metadata"]["annotations"][name].as_str().unwrap().to_owned()
    };
    let before = built(&session(|_| ()), 7);
    for field in ["tables", "joins", "cubes"] {
        let changed = session(|session| {
            let spec = session["spec"][field].as_array_mut().unwrap();
            spec.remove(0);
        });
        assert_ne!(annotation(&before, MODEL), annotation(&built(&changed, 7), MODEL), "{field}");
    }
    assert_eq!(annotation(&before, DATA), "d1");
}

#[test]
fn a_session_that_is_not_sound_gets_its_policy_and_keeps_what_runs() {
    let images = Images { sidecar: "s".into(), engine: "e".into() };
    let content = Content { published: &published(7), data_sha256: "" };
    let resources = build(&session(|_| ()), content, false, &images);
    assert!(resources.workload.is_none());
    assert!(resources.policy.data.is_some());
}

#[test]
fn every_child_is_owned_by_its_session_and_carries_its_name() {
    let resources = built(&session(|_| ()), 7);
    let Resources { service_account, role, role_binding, policy, service, workload, state: _ } = resources;
    let Workload { model, deployment } = workload.unwrap();
    let children = [
        service_account.metadata,
        role.metadata,
        role_binding.metadata,
        policy.metadata,
        service.metadata,
        model.metadata,
        deployment.metadata,
    ];
    for child in children {
        assert_eq!(child.labels.unwrap()["app.kubernetes.io/instance"], "retail");
        assert_eq!(child.owner_references.unwrap()[0].uid, "11111111-2222-3333-4444-555555555555");
        assert_eq!(child.namespace.as_deref(), Some("shops"));
    }
}
