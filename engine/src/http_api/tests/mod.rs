//! The interface as the sidecar sees it, over real tables and a real policy.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, body::Body};
use cubegate_api::model::{FileLocation, Measure, Source};
use cubegate_policy::{
    publication::{AccessPublication, EngineReport, ModelState, PublicationId},
    snapshot::{Access, Checked, ClaimPath, Clause, ColumnName, Condition, RoleAccess, Subject, Values, Wanted},
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::router;
use crate::{
    limits::BODY_BYTES_MAX,
    model::{LoadedModel, ModelSource, ModelSpec, TableFile},
    state::Shared,
};

mod adopting;
mod contexts;
mod inspecting;
mod reading;
mod refreshing;

pub(super) const SALES: &str = "Sale ID,Shop,Quantity\n1,a,3.0\n2,b,4.0\n3,a,5.0\n";
pub(super) const SHOPS: &str = "Shop ID,City\na,Paris\nb,Lyon\n";

pub(super) struct Inline;

impl ModelSource for Inline {
    fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
        match location {
            FileLocation::Path(path) if path == "sales.csv" => Ok(TableFile::of_bytes(path.clone(), SALES.into())),
            FileLocation::Path(path) if path == "shops.csv" => Ok(TableFile::of_bytes(path.clone(), SHOPS.into())),
            other => Err(format!("{other:?} does not exist")),
        }
    }
}

pub(super) fn spec() -> ModelSpec {
    serde_json::from_value(json!({
        "tables": [
            {"name": "Sales", "source": {"csv": {"path": "sales.csv"}}, "keys": ["Sale ID"]},
            {"name": "Shops", "source": {"csv": {"path": "shops.csv"}}, "keys": ["Shop ID"]},
        ],
        "joins": [{"from": "Sales", "to": "Shops", "on": {"Shop": "Shop ID"}}],
        "cubes": [{"name": "Sales", "factTable": "Sales"}],
    }))
    .unwrap()
}

pub(super) fn restricted(table: &str, column: &str, wanted: Wanted, restriction: &str) -> Checked<RoleAccess> {
    let subject = Subject::Column(ColumnName { table: table.into(), column: column.into() });
    let condition = Condition::Line { subject, negated: false, wanted };
    let clause = Clause { condition, restriction: restriction.into() };
    Checked::Valid(RoleAccess { clauses: vec![clause], ..RoleAccess::default() })
}

pub(super) fn one_of(values: &[&str]) -> Wanted {
    Wanted::Values(Values::In(values.iter().map(|value| (*value).to_owned()).collect()))
}

pub(super) fn publication(revision: u64, column: &str, values: &[&str]) -> AccessPublication {
    let roles = BTreeMap::from([
        ("ROLE_USER".to_owned(), Checked::Valid(RoleAccess::default())),
        ("ROLE_ADMIN".to_owned(), Checked::Valid(RoleAccess::default())),
        ("ROLE_SOME".to_owned(), restricted("Shops", column, one_of(values), "some-cities")),
    ]);
    let id = PublicationId { revision, sha256: format!("{revision:064}") };
    AccessPublication { id, access: Access { roles, ..Access::default() } }
}

pub(super) fn loaded() -> Arc<Shared> {
    let shared = Arc::new(Shared::new("instance".into(), 2));
    shared.adopt_model(LoadedModel::load(&spec(), Inline).unwrap());
    shared.adopt_policy(publication(1, "City", &["Paris"]));
    shared
}

pub(super) fn request(method: Method, path: &str, roles: &str, revision: u64, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("x-cubegate-user", "someone")
        .header("x-cubegate-roles", roles)
        .header("x-cubegate-attributes", "[]")
        .header("x-cubegate-policy", revision)
        .body(body.into())
        .unwrap()
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> (StatusCode, http::HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

pub(super) async fn ask(router: &Router, roles: &str, revision: u64, query: &Value) -> (StatusCode, Value) {
    let (status, _, body) =
        send(router, request(Method::POST, "/api/v1/cubes/Sales/query", roles, revision, query.to_string())).await;
    (status, serde_json::from_str(&body).unwrap())
}

pub(super) fn by_city() -> Value {
    json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true})
}

#[tokio::test]
async fn an_answer_is_made_of_visible_facts_and_names_the_revision() {
    let router = router(loaded());
    let (status, body) = ask(&router, "ROLE_USER", 1, &by_city()).await;
    assert_eq!((status, &body["rows"]), (StatusCode::OK, &json!([[null, 12.0], ["Lyon", 4.0], ["Paris", 8.0]])));
    let (_, body) = ask(&router, "ROLE_SOME,ROLE_USER", 1, &by_city()).await;
    assert_eq!(body["rows"], json!([[null, 8.0], ["Paris", 8.0]]));
    assert_eq!(body["policyRevision"], 1);
    let (_, body) = ask(&router, "ROLE_ADMIN,ROLE_SOME", 1, &by_city()).await;
    assert_eq!(body["rows"][0], json!([null, 12.0]));
}

#[tokio::test]
async fn a_request_is_answered_by_the_revision_it_is_stamped_with() {
    let shared = loaded();
    let router = router(Arc::clone(&shared));
    shared.adopt_policy(publication(2, "City", &["Lyon"]));
    for (revision, expected) in [(1, "Paris"), (2, "Lyon")] {
        let (_, body) = ask(&router, "ROLE_SOME,ROLE_USER", revision, &by_city()).await;
        assert_eq!(body["rows"][1][0], expected);
    }
}

#[tokio::test]
async fn a_revision_that_is_not_here_is_named_so_that_it_can_be_handed_over() {
    let request = request(Method::POST, "/api/v1/cubes/Sales/query", "ROLE_USER", 7, by_city().to_string());
    let (status, headers, _) = send(&router(loaded()), request).await;
    assert_eq!(
        (status, headers["x-cubegate-policy-missing"].to_str().unwrap()),
        (StatusCode::SERVICE_UNAVAILABLE, "7")
    );
}

#[tokio::test]
async fn only_the_newest_few_revisions_are_kept() {
    let shared = loaded();
    for revision in 2..=5 {
        shared.adopt_policy(publication(revision, "City", &["Paris"]));
    }
    let router = router(shared);
    assert_eq!(ask(&router, "ROLE_USER", 1, &by_city()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&router, "ROLE_USER", 2, &by_city()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_restriction_on_a_column_that_does_not_exist_refuses_its_holders_only_and_is_reported() {
    let shared = loaded();
    shared.adopt_policy(publication(2, "Citty", &["Paris"]));
    let problem = shared.report().problems.remove(0);
    assert!(problem.message.contains("City"), "{}", problem.message);
    let router = router(shared);
    let (status, body) = ask(&router, "ROLE_SOME,ROLE_USER", 2, &by_city()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!body.to_string().contains("some-cities"), "the refusal names an object of the policy: {body}");
    assert_eq!(ask(&router, "ROLE_USER", 2, &by_city()).await.0, StatusCode::OK);
    let (_, _, cubes) = send(&router, request(Method::GET, "/api/v1/cubes", "ROLE_SOME,ROLE_USER", 2, "")).await;
    assert_eq!(serde_json::from_str::<Value>(&cubes).unwrap(), json!({"cubes": []}));
}

#[tokio::test]
async fn bad_requests_get_a_problem_that_says_what_to_do() {
    let router = router(loaded());
    let query_path = "/api/v1/cubes/Sales/query";
    let unknown_measure = json!({"measures": ["Quantity.SUMM"]}).to_string();
    let unknown_level = json!({"measures": ["Quantity.SUM"], "levels": ["Citi"]}).to_string();
    let cases = [
        (Method::POST, query_path, "not json".to_owned(), StatusCode::BAD_REQUEST, "line 1"),
        (
            Method::POST,
            query_path,
            json!({"mesures": []}).to_string(),
            StatusCode::BAD_REQUEST,
            "unknown field `mesures`",
        ),
        (Method::POST, query_path, unknown_measure, StatusCode::UNPROCESSABLE_ENTITY, "Quantity.SUM"),
        (Method::POST, query_path, unknown_level, StatusCode::UNPROCESSABLE_ENTITY, "City"),
        (Method::POST, query_path, " ".repeat(BODY_BYTES_MAX + 1), StatusCode::PAYLOAD_TOO_LARGE, "1048576"),
        (Method::GET, query_path, String::new(), StatusCode::METHOD_NOT_ALLOWED, "POST"),
        (
            Method::POST,
            "/api/v1/cubes/Sale/query",
            by_city().to_string(),
            StatusCode::NOT_FOUND,
            "did you mean `Sales`",
        ),
        (Method::GET, "/nowhere", String::new(), StatusCode::NOT_FOUND, "/api/v1/cubes"),
    ];
    for (method, path, body, expected, hint) in cases {
        let (status, headers, problem) = send(&router, request(method, path, "ROLE_USER", 1, body)).await;
        assert_eq!(status, expected, "{problem}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(problem.contains(hint), "{hint} is not in {problem}");
    }
}

#[tokio::test]
async fn a_request_without_a_stamp_gets_nothing() {
    for path in ["/", "/api/v1/cubes"] {
        let (status, _, _) = send(&router(loaded()), Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn csv_is_an_answer_too() {
    let mut csv = request(Method::POST, "/api/v1/cubes/Sales/query", "ROLE_USER", 1, by_city().to_string());
    csv.headers_mut().insert("accept", "text/csv".parse().unwrap());
    let (_, headers, body) = send(&router(loaded()), csv).await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert_eq!(body.lines().next(), Some("City,Quantity.SUM"));
    assert!(headers["server-timing"].to_str().unwrap().starts_with("query;dur="));
}

#[tokio::test]
async fn a_policy_is_handed_over_and_read_back() {
    let shared = Arc::new(Shared::new("instance".into(), 1));
    let router = router(Arc::clone(&shared));
    let body = serde_json::to_string(&publication(3, "City", &["Paris"])).unwrap();
    let (status, _, body) = send(&router, Request::put("/internal/policy").body(Body::from(body)).unwrap()).await;
    let report: EngineReport = serde_json::from_str(&body).unwrap();
    assert_eq!((status, report.policy.unwrap().revision, report.model), (StatusCode::OK, 3, ModelState::Loading));
    assert_eq!(ask(&router, "ROLE_USER", 3, &by_city()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    shared.adopt_model(LoadedModel::load(&spec(), Inline).unwrap());
    assert_eq!(ask(&router, "ROLE_SOME,ROLE_USER", 3, &by_city()).await.1["rows"][1][0], "Paris");
}

#[tokio::test]
async fn a_failed_reload_keeps_the_tables_that_were_loaded() {
    let shared = loaded();
    shared.report_load_failure(vec!["sales.csv is gone".into()]);
    assert_eq!(ask(&router(shared), "ROLE_USER", 1, &by_city()).await.0, StatusCode::OK);
}

#[test]
fn a_measure_that_says_two_things_or_nothing_is_an_error() {
    for (sum, mean) in [(None, None), (Some("Quantity"), Some("Quantity"))] {
        let mut spec = spec();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        spec.cubes[0].measures =
            vec![Measure { name: "M".into(), sum: owned(sum), mean: owned(mean), ..Measure::default() }];
        let errors = LoadedModel::load(&spec, Inline).err().unwrap().errors;
        assert!(errors[0].contains("write exactly one way"), "{errors:?}");
    }
}

#[test]
fn every_table_that_cannot_be_read_is_reported_at_once() {
    let mut spec = spec();
    for table in &mut spec.tables {
        table.source = Source::Csv(FileLocation::Path(format!("missing-{}.csv", table.name)));
    }
    let errors = LoadedModel::load(&spec, Inline).err().unwrap().errors;
    assert_eq!(errors.len(), 2);
}

#[tokio::test]
async fn a_body_that_ends_when_its_policy_is_no_longer_known_is_not_answered() {
    let shared = loaded();
    let router = router(Arc::clone(&shared));
    let (mut sender, body) = http_body_util::Channel::<bytes::Bytes, std::io::Error>::new(1);
    let slow = request(Method::POST, "/api/v1/cubes/Sales/query", "ROLE_USER", 1, Body::new(body));
    let answered = tokio::spawn(async move { send(&router, slow).await.0 });
    sender.send_data(bytes::Bytes::from_static(b"{")).await.unwrap();
    for revision in 2..=5 {
        shared.adopt_policy(publication(revision, "City", &["Paris"]));
    }
    sender.send_data(bytes::Bytes::from_static(b"\"measures\":[\"Quantity.SUM\"]}")).await.unwrap();
    drop(sender);
    assert_eq!(answered.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_callers_may_read_of_the_metrics_does_not_depend_on_the_data() {
    let metrics = async |sales: &'static str| {
        struct Other(&'static str);
        impl ModelSource for Other {
            fn open(&self, location: &FileLocation) -> Result<TableFile, String> {
                match location {
                    FileLocation::Path(path) if path == "sales.csv" => {
                        Ok(TableFile::of_bytes(path.clone(), self.0.into()))
                    }
                    other => Inline.open(other),
                }
            }
        }
        let shared = Arc::new(Shared::new("instance".into(), 1));
        shared.adopt_model(LoadedModel::load(&spec(), Other(sales)).unwrap());
        send(&router(shared), Request::get("/internal/metrics").body(Body::empty()).unwrap()).await.2
    };
    assert_eq!(metrics(SALES).await, metrics("Sale ID,Shop,Quantity\n1,a,3.0\n").await);
}

#[tokio::test]
async fn a_restriction_by_attribute_shows_each_caller_their_own_and_those_without_it_nothing() {
    let shared = loaded();
    let mut by_claim = publication(2, "City", &[]);
    let own = Wanted::Claim(ClaimPath(vec!["cities".into()]));
    by_claim.access.roles.insert("ROLE_SOME".into(), restricted("Shops", "City", own, "own-cities"));
    shared.adopt_policy(by_claim);
    let router = router(shared);
    for (attributes, expected) in [
        (r#"[[["cities"],["Paris"]]]"#, json!([[null, 8.0], ["Paris", 8.0]])),
        (r#"[[["cities"],["Lyon","Rome"]]]"#, json!([[null, 4.0], ["Lyon", 4.0]])),
        (r#"[[["towns"],["Paris"]]]"#, json!([])),
        ("[]", json!([])),
    ] {
        let path = "/api/v1/cubes/Sales/query";
        let mut request = request(Method::POST, path, "ROLE_SOME,ROLE_USER", 2, by_city().to_string());
        request.headers_mut().insert("x-cubegate-attributes", attributes.parse().unwrap());
        let (status, _, body) = send(&router, request).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["rows"]), (StatusCode::OK, &expected), "{attributes}");
    }
}

#[tokio::test]
async fn a_role_that_has_lapsed_goes_on_restricting_and_admits_nothing() {
    let router = router(loaded());
    for (roles, expected) in [
        ("ROLE_SOME,ROLE_USER", json!([[null, 8.0], ["Paris", 8.0]])),
        ("ROLE_USER,~ROLE_SOME", json!([])),
        ("ROLE_ADMIN,~ROLE_SOME", json!([[null, 12.0], ["Lyon", 4.0], ["Paris", 8.0]])),
    ] {
        let request = request(Method::POST, "/api/v1/cubes/Sales/query", roles, 1, by_city().to_string());
        let (status, _, body) = send(&router, request).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["rows"]), (StatusCode::OK, &expected), "{roles}");
    }
    let request = request(Method::POST, "/api/v1/cubes/Sales/query", "~ROLE_USER", 1, by_city().to_string());
    assert_eq!(send(&router, request).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_cube_that_a_caller_may_not_see_is_answered_as_one_that_does_not_exist() {
    let shared = loaded();
    let mut hiding = publication(2, "City", &["Paris"]);
    let denied = serde_json::from_value(json!({"allowed": [], "denied": ["Sal*"], "order": "Strict"})).unwrap();
    let access = RoleAccess { cubes: Some(denied), ..RoleAccess::default() };
    hiding.access.roles.insert("ROLE_SOME".into(), Checked::Valid(access));
    shared.adopt_policy(hiding);
    let router = router(shared);
    let answer = async |path: &str, roles: &str| {
        let method = if path.ends_with("cubes") || path.ends_with("City") { Method::GET } else { Method::POST };
        let query = if path.ends_with("cubes/Sales/query") { by_city() } else { json!({}) };
        let (status, _, body) = send(&router, request(method, path, roles, 2, query.to_string())).await;
        (status, body.replace("Stock", "Sales"))
    };
    for rest in ["query", "drillthrough", "members/City"] {
        let hidden = answer(&format!("/api/v1/cubes/Sales/{rest}"), "ROLE_SOME,ROLE_USER").await;
        let absent = answer(&format!("/api/v1/cubes/Stock/{rest}"), "ROLE_SOME,ROLE_USER").await;
        assert_eq!((hidden.0, &hidden), (StatusCode::NOT_FOUND, &absent), "{rest}");
    }
    for table in ["Sales", "Shops"] {
        let path = format!("/api/v1/tables/{table}/query");
        assert_eq!(answer(&path, "ROLE_SOME,ROLE_USER").await.0, StatusCode::NOT_FOUND, "its rows are of hidden cubes");
    }
    assert_eq!(answer("/api/v1/cubes", "ROLE_SOME,ROLE_USER").await.1, r#"{"cubes":[]}"#);
    assert_eq!(answer("/api/v1/cubes/Sales/query", "ROLE_USER").await.0, StatusCode::OK);
    assert_eq!(answer("/api/v1/cubes/Sales/query", "ROLE_ADMIN,ROLE_SOME").await.0, StatusCode::OK);
}
