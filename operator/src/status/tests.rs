use std::fmt::Write;

use cubegate_policy::{
    bind::BindProblem,
    publication::{EngineReport, Publication, SidecarReport},
    snapshot::{Access, Authentication, Door, Edge, Kind, Snapshot},
};

use super::*;

const UID: &str = "u";

fn object(kind: Kind, generation: i64) -> Told {
    let name = if kind == Kind::Session { "retail" } else { "paris" };
    let source = Source { object: ObjectName { kind, name: name.into() }, uid: UID.into(), generation };
    Told { source, carried: Vec::new() }
}

/// A publication of the Session and the object at these generations.
fn publication(revision: u64, kind: Kind, generation: i64) -> Publication {
    let door = Door {
        url: None,
        edge: Edge::default(),
        authentication: Authentication::Open,
        mapped: [].into(),
        granted: [].into(),
        roles: [].into(),
    };
    let sources = vec![object(kind, generation).source];
    Publication::new(revision, Snapshot { session: "retail".into(), sources, door, access: Access::default() })
}

fn pod(name: &str, publication: &Publication) -> PodAnswer {
    let engine = EngineReport {
        instance: "i".into(),
        policy: Some(publication.id().clone()),
        model: ModelState::Loaded,
        problems: Vec::new(),
        stale: Vec::new(),
    };
    let report =
        SidecarReport { state: PolicyState::Current, policy: Some(publication.id().clone()), engine: Some(engine) };
    PodAnswer { name: name.into(), ready: true, content: Some("m1".into()), trouble: None, report: Ok(report) }
}

fn problem(kind: Kind, problem: ProblemKind, field: &str, message: &str) -> Problem {
    Problem { object: object(kind, 0).source.object, field: field.into(), kind: problem, message: message.into() }
}

struct Case {
    kind: Kind,
    problems: Vec<Problem>,
    pods: Vec<PodAnswer>,
    content: Option<&'static str>,
}

/// Generation 2 is wanted; revision 2 carries it and revision 1 does not.
fn case(kind: Kind) -> (Case, Publication, Publication) {
    let (older, newer) = (publication(1, kind, 1), publication(2, kind, 2));
    let pods = vec![pod("retail-a", &newer), pod("retail-b", &newer)];
    (Case { kind, problems: Vec::new(), pods, content: Some("m1") }, older, newer)
}

impl Case {
    fn told(&self) -> String {
        let mut history = History::default();
        history.remember(&publication(1, self.kind, 1));
        history.remember(&publication(2, self.kind, 2));
        let now = Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
        let facts = Facts { problems: &self.problems, pods: &self.pods, history: &history, now: &now };
        let object = object(self.kind, 2);
        let conditions = if self.kind == Kind::Session {
            let policy = publication(2, self.kind, 2);
            let session =
                SessionFacts { policy: policy.id(), content: self.content, replicas: 2, open: false, hindrance: None };
            of_session(&object, &facts, &session).conditions
        } else {
            of_member(&object, &facts).conditions
        };
        readable(&conditions)
    }
}

fn readable(conditions: &[Condition]) -> String {
    conditions.iter().fold(String::new(), |mut text, c| {
        writeln!(text, "{:<13}{:<6}{:<12}{}", c.type_, c.status, c.reason, c.message).unwrap();
        text
    })
}

#[test]
fn an_object_that_every_ready_pod_enforces_is_programmed() {
    let (case, ..) = case(Kind::Restriction);
    insta::assert_snapshot!(case.told());
}

#[test]
fn an_object_is_pending_while_a_ready_pod_lags_behind_or_is_silent() {
    let (mut case, older, _) = case(Kind::Restriction);
    case.pods[1] = pod("retail-b", &older);
    let lagging = case.told();
    case.pods[1].report = Err("10.0.0.2:8081 did not answer within 1 s".into());
    insta::assert_snapshot!(format!("{lagging}\n{}", case.told()));
}

#[test]
fn a_pod_that_is_not_ready_is_not_waited_for() {
    let (mut case, older, _) = case(Kind::Restriction);
    case.pods[1] = PodAnswer { ready: false, ..pod("retail-b", &older) };
    assert!(case.told().contains("Programmed   True"));
    case.pods[0].ready = false;
    assert!(case.told().contains("Programmed   False NoReadyPods"));
}

#[test]
fn a_publication_that_nobody_remembers_proves_nothing() {
    let (mut case, ..) = case(Kind::Restriction);
    case.pods[0] = pod("retail-a", &publication(9, Kind::Restriction, 2));
    assert!(case.told().contains("Programmed   False Pending"));
}

#[test]
fn a_pod_whose_policy_has_expired_enforces_nothing() {
    let (mut case, ..) = case(Kind::Restriction);
    case.pods[0].report.as_mut().unwrap().state = PolicyState::Expired;
    assert!(case.told().contains("Programmed   False Pending"));
}

#[test]
fn a_broken_object_is_refused_and_says_everything_that_is_wrong() {
    let (mut case, ..) = case(Kind::Role);
    case.problems = vec![
        problem(
            Kind::Role,
            ProblemKind::Unresolved,
            "spec.restrictions[0]",
            "there is no Restriction `pari-only`; did you mean `paris-only`?",
        ),
        problem(Kind::Role, ProblemKind::Conflict, "spec.roleName", "Role `lyon` has the same roleName"),
        problem(Kind::Role, ProblemKind::Unresolved, "spec.inherits[0]", "there is no role `ROLE_X`"),
        problem(Kind::TechnicalUser, ProblemKind::Invalid, "", "of somebody else"),
    ];
    insta::assert_snapshot!(case.told());
}

#[test]
fn what_the_engine_cannot_apply_is_unbound() {
    let (mut case, ..) = case(Kind::Restriction);
    let unbound = BindProblem {
        object: object(Kind::Restriction, 0).source.object,
        cube: Some("Sales".into()),
        message: "the joins do not reach Shops/City".into(),
    };
    for pod in &mut case.pods {
        pod.report.as_mut().unwrap().engine.as_mut().unwrap().problems = vec![unbound.clone()];
    }
    insta::assert_snapshot!(case.told());
}

#[test]
fn a_session_in_order_says_how_many_pods_serve() {
    let (case, ..) = case(Kind::Session);
    insta::assert_snapshot!(case.told());
}

#[test]
fn a_session_whose_model_is_not_valid_says_that_its_pods_keep_the_earlier_one() {
    let (mut case, ..) = case(Kind::Session);
    case.problems = vec![problem(
        Kind::Session,
        ProblemKind::Invalid,
        "spec.joins[0].to",
        "there is no table `Shop`; did you mean `Shops`?",
    )];
    case.content = None;
    insta::assert_snapshot!(case.told());
}

#[test]
fn a_session_whose_data_is_missing_says_that_its_pods_keep_what_they_run() {
    let (mut case, ..) = case(Kind::Session);
    case.problems = vec![problem(
        Kind::Session,
        ProblemKind::Unresolved,
        "spec.tables[0].source.csv.configMap.key",
        "there is no key `sale.csv` in ConfigMap `retail-data`; did you mean `sales.csv`?",
    )];
    case.content = None;
    insta::assert_snapshot!(case.told());
}

#[test]
fn a_session_is_pending_while_a_pod_runs_an_earlier_model_and_says_why_the_new_one_does_not_come() {
    let (mut case, _, newer) = case(Kind::Session);
    let mut fresh = pod("retail-c", &newer);
    fresh.ready = false;
    let reasons = vec!["sales.csv, line 7, column Quantity: `many` is not an int64".to_owned()];
    fresh.report.as_mut().unwrap().engine.as_mut().unwrap().model = ModelState::Failed(reasons);
    case.pods[0].content = Some("m0".into());
    case.pods.push(fresh);
    insta::assert_snapshot!(case.told());
}

#[test]
fn a_pod_that_does_not_say_what_it_runs_proves_nothing() {
    let (mut case, ..) = case(Kind::Session);
    case.pods[0].content = Some("m0".into());
    let earlier = case.told();
    case.pods[0].content = None;
    assert_eq!(case.told(), earlier);
}

#[test]
fn a_session_without_a_ready_pod_says_what_hinders_it() {
    let (mut case, ..) = case(Kind::Session);
    case.pods = vec![PodAnswer {
        ready: false,
        trouble: Some("sidecar ImagePullBackOff: no such image".into()),
        report: Err("it has no address yet".into()),
        ..case.pods[0].clone()
    }];
    insta::assert_snapshot!(case.told());
}

#[test]
fn an_object_without_its_session_names_the_nearest_one() {
    let now = Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
    let orphan = of_orphan(&object(Kind::Role, 2), None, "retial", Some("retail"), &now);
    insta::assert_snapshot!(readable(&orphan.conditions));
}

#[test]
fn status_of_an_object_in_order_does_not_change_with_the_revision_or_the_number_of_pods() {
    let (mut case, _, newer) = case(Kind::Role);
    let two = case.told();
    case.pods.push(pod("retail-c", &newer));
    assert_eq!(two, case.told());
    case.pods.truncate(1);
    assert_eq!(two, case.told());
}
