//! Context values of a caller's roles, from the policy to the answer.

use axum::Router;
use cubegate_policy::{context::RoleContext, snapshot::Checked};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Inline, RoleAccess, ask, publication, request, router, send, spec};
use crate::{model::LoadedModel, state::Shared};

/// An engine whose cube has a discount of a half and a limit of two results, and whose role `ROLE_DESK` gives this.
#[expect(clippy::needless_pass_by_value, reason = "contexts are written in place with json!")]
fn engine(context: Value) -> Router {
    let mut spec = spec();
    spec.cubes[0].context = serde_json::from_value(json!({"values": {"discount": "0.5"}})).unwrap();
    let net = json!({"name": "Net", "expression": "[Quantity.SUM] * (1 - {discount})"});
    spec.cubes[0].measures.push(serde_json::from_value(net).unwrap());
    let shared = Shared::new("instance".into(), 2);
    shared.adopt_model(LoadedModel::load(&spec, Inline).unwrap());
    let mut publication = publication(1, "City", &["Paris"]);
    let mut whole = json!({"declaredBy": "desk", "priority": 0, "values": {}, "hide": {}, "grantMeasures": [],
        "grantMembers": {}});
    whole.as_object_mut().unwrap().extend(context.as_object().unwrap().clone());
    let context: RoleContext = serde_json::from_value(whole).unwrap();
    let desk = RoleAccess { context: Some(context), ..RoleAccess::default() };
    publication.access.roles.insert("ROLE_DESK".into(), Checked::Valid(desk));
    shared.adopt_policy(publication);
    assert_eq!(shared.report().problems, []);
    router(shared.into())
}

async fn get(router: &Router, path: &str, roles: &str) -> Value {
    let (status, _, body) = send(router, request(Method::GET, path, roles, 1, "")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap_or(Value::String(body))
}

const DESK: &str = "ROLE_DESK,ROLE_USER";

#[tokio::test]
async fn a_limit_of_a_role_can_only_be_tightened_by_a_query() {
    let router = engine(json!({"values": {"resultLimit": {"intermediate": 2}}}));
    let query = |levels: Value, limit: Value| json!({"measures": ["Quantity.SUM"], "levels": levels, "context": {"resultLimit": limit}});
    let status = async |roles: &str, levels: Value, limit: Value| ask(&router, roles, 1, &query(levels, limit)).await.0;
    let (cities, sales) = (json!(["City"]), json!(["Sale ID"]));
    assert_eq!(status(DESK, cities.clone(), json!({})).await, StatusCode::OK);
    assert_eq!(status(DESK, sales.clone(), json!({})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status(DESK, sales.clone(), json!({"intermediate": 100})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status(DESK, cities, json!({"intermediate": 1})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status("ROLE_USER", sales, json!({})).await, StatusCode::OK);
    let (_, body) = ask(&router, DESK, 1, &query(json!(["Sale ID"]), json!({}))).await;
    assert!(body["type"].as_str().unwrap().contains("result-limit-exceeded"), "{body}");
    assert!(body.get("rows").is_none(), "no part of an answer: {body}");
}

#[tokio::test]
async fn a_time_limit_of_a_role_holds_whatever_the_query_asks_for() {
    let router = engine(json!({"values": {"queryTimeLimit": "0ms"}}));
    for asked in [json!({}), json!({"queryTimeLimit": "1m"})] {
        let query = json!({"measures": ["Quantity.SUM"], "context": asked});
        let (status, body) = ask(&router, DESK, 1, &query).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{body}");
        assert_eq!(ask(&router, "ROLE_USER", 1, &query).await.0, StatusCode::OK);
    }
    let rows = request(Method::POST, "/api/v1/tables/Sales/query", DESK, 1, "{}");
    assert_eq!(send(&router, rows).await.0, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn expressions_read_the_numbers_that_a_role_gives() {
    let router = engine(json!({"values": {"values": {"discount": "0.25"}}}));
    let query = json!({"measures": ["Net"]});
    assert_eq!(ask(&router, "ROLE_USER", 1, &query).await.1["rows"], json!([[6.0]]));
    assert_eq!(ask(&router, DESK, 1, &query).await.1["rows"], json!([[9.0]]));
    assert_eq!(ask(&router, "ROLE_USER", 1, &query).await.1["rows"], json!([[6.0]]), "nothing kept is mixed up");
    let own = json!({"measures": ["Net"], "context": {"values": {"discount": 1}}});
    assert_eq!(ask(&router, DESK, 1, &own).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_default_member_of_a_role_holds_until_the_query_says_otherwise() {
    let router = engine(json!({"values": {"defaultMembers": {"City": ["Lyon"]}}}));
    let rows = async |query: Value| ask(&router, DESK, 1, &query).await.1["rows"].clone();
    assert_eq!(rows(json!({"measures": ["Quantity.SUM"]})).await, json!([[4.0]]));
    assert_eq!(rows(json!({"measures": ["Quantity.SUM"], "context": {"defaultMembers": {}}})).await, json!([[12.0]]));
    let by_city = json!({"measures": ["Quantity.SUM"], "levels": ["City"]});
    assert_eq!(rows(by_city).await, json!([["Lyon", 4.0], ["Paris", 8.0]]));
}

#[tokio::test]
async fn measures_that_are_not_granted_are_nowhere() {
    let router = engine(json!({"grantMeasures": ["contributors.COUNT"]}));
    let count = json!({"measures": ["contributors.COUNT"]});
    assert_eq!(ask(&router, DESK, 1, &count).await.1["rows"], json!([[3]]));
    let hidden = ask(&router, DESK, 1, &json!({"measures": ["Quantity.SUM"]})).await;
    let absent = ask(&router, DESK, 1, &json!({"measures": ["Quantity.SUN"]})).await;
    assert_eq!(hidden.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(hidden.1.to_string().replace("Quantity.SUM", "Quantity.SUN"), absent.1.to_string());
    // Asked by somebody else before, and kept.
    let query = json!({"measures": ["Quantity.SUM"], "levels": ["City"]});
    assert_eq!(ask(&router, "ROLE_USER", 1, &query).await.0, StatusCode::OK);
    assert_eq!(ask(&router, DESK, 1, &query).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    for (path, body) in [
        ("/api/v1/cubes/Sales/drillthrough", json!({"columns": ["Quantity"]})),
        ("/api/v1/tables/Sales/query", json!({"columns": ["Quantity"]})),
        ("/api/v1/tables/Sales/query", json!({"filter": {"column": "Quantity", "greaterThan": 3}})),
    ] {
        let (status, _, problem) = send(&router, request(Method::POST, path, DESK, 1, body.to_string())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {problem}");
        let (status, _, _) = send(&router, request(Method::POST, path, "ROLE_USER", 1, body.to_string())).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    for path in ["/api/v1/cubes", "/api/v1/tables", "/api/v1/schema"] {
        let told = get(&router, path, DESK).await.to_string();
        assert!(told.contains("Sale ID") && !told.contains("Quantity") && !told.contains("Net"), "{path}: {told}");
        assert!(get(&router, path, "ROLE_USER").await.to_string().contains("Quantity"), "{path}");
    }
}

#[tokio::test]
async fn what_is_hidden_is_not_shown_but_can_be_asked_for() {
    let hide = json!({"dimensions": ["Shops"], "hierarchies": ["Shop"], "measures": ["Quantity.MEAN"]});
    let router = engine(json!({"hide": hide}));
    let told = get(&router, "/api/v1/cubes", DESK).await;
    let names = |of: &str| -> Vec<String> {
        let things = told["cubes"][0][of].as_array().unwrap().iter();
        things.map(|thing| thing["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("hierarchies"), ["Sale ID"]);
    assert_eq!(names("measures"), ["Quantity.SUM", "Net", "contributors.COUNT"]);
    let query = json!({"measures": ["Quantity.MEAN"], "levels": ["City"]});
    assert_eq!(ask(&router, DESK, 1, &query).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_caller_is_told_how_things_are_meant_to_be_shown() {
    let router = engine(json!({"values": {
        "locale": "fr-FR",
        "referenceCurrency": "EUR",
        "aliases": {"City": "Ville", "Quantity.SUM": "Quantité"},
        "formatters": {"Quantity.SUM": "# ##0"},
        "defaultMembers": {"City": ["Paris"]},
    }}));
    let told = get(&router, "/api/v1/cubes", DESK).await;
    let cube = &told["cubes"][0];
    assert_eq!(cube["context"], json!({"locale": "fr-FR", "referenceCurrency": "EUR", "values": {"discount": "0.5"}}));
    let find =
        |of: &str, name: &str| cube[of].as_array().unwrap().iter().find(|thing| thing["name"] == name).unwrap().clone();
    let measure = find("measures", "Quantity.SUM");
    assert_eq!((&measure["caption"], &measure["format"]), (&json!("Quantité"), &json!("# ##0")));
    let city = find("hierarchies", "City");
    assert_eq!((&city["caption"], &city["defaultMember"]), (&json!("Ville"), &json!(["Paris"])));
    assert_eq!(city["levels"][0]["caption"], "Ville");
    assert!(get(&router, "/api/v1/cubes", "ROLE_USER").await.to_string().find("Ville").is_none());
}

#[tokio::test]
async fn a_default_member_that_is_hidden_from_a_caller_is_not_told() {
    let mut spec = spec();
    spec.cubes[0].context = serde_json::from_value(json!({"defaultMembers": {"City": ["Lyon"]}})).unwrap();
    let shared = Shared::new("instance".into(), 2);
    shared.adopt_model(LoadedModel::load(&spec, Inline).unwrap());
    shared.adopt_policy(publication(1, "City", &["Paris"]));
    let router = router(shared.into());
    assert!(get(&router, "/api/v1/cubes", "ROLE_USER").await.to_string().contains("Lyon"));
    assert!(!get(&router, "/api/v1/cubes", "ROLE_SOME,ROLE_USER").await.to_string().contains("Lyon"));
}

#[test]
fn a_cube_that_gives_what_it_does_not_have_is_a_mistake_that_names_the_nearest() {
    let mut spec = spec();
    spec.cubes[0].context =
        serde_json::from_value(json!({"defaultMembers": {"Citi": ["Lyon"]}, "aliases": {"Quantity.SUMM": "q"}}))
            .unwrap();
    let errors = LoadedModel::load(&spec, Inline).err().unwrap().errors;
    assert!(errors.len() == 2 && errors.iter().all(|error| error.contains("did you mean")), "{errors:?}");
}
