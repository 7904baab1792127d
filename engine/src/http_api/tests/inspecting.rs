//! What the sidecar asks on behalf of administrators.

use std::time::Instant;

use cubegate_policy::{bind::BoundAccess, explain::Member, rights::Rights};

use super::*;
use crate::{
    caller::today,
    inspection::{Inspection, InspectionError},
};

async fn ask_internal(path: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string()));
    let (status, _, body) = send(&router(loaded()), request.unwrap()).await;
    (status, serde_json::from_str(&body).unwrap())
}

fn rights(roles: &[&str]) -> Value {
    json!({"roles": roles, "attributes": [], "today": "2027-01-31"})
}

#[tokio::test]
async fn what_rights_show_of_a_cube_is_counted_and_put_into_words() {
    let asked = json!({"revision": 1, "rights": rights(&["ROLE_SOME", "ROLE_USER"]), "cube": null});
    let (status, cubes) = ask_internal("/internal/explain", asked).await;
    let facts = json!({"visible": 2, "all": 3});
    assert_eq!(status, StatusCode::OK);
    assert_eq!(cubes, json!([{"cube": "Sales", "allOf": ["Shops/City is Paris"], "facts": facts}]));
    let refused = json!({"revision": 1, "rights": rights(&["ROLE_SOME"]), "cube": "Sales"});
    let (_, cubes) = ask_internal("/internal/explain", refused).await;
    assert!(cubes[0]["refused"].as_str().unwrap().contains("ROLE_USER") && cubes[0]["facts"].is_null(), "{cubes}");
}

#[tokio::test]
async fn facts_of_a_member_are_counted_for_each_of_several_rights() {
    let member = json!({"cube": "Sales", "level": "City", "member": "Lyon"});
    let everybody = [rights(&["ROLE_SOME", "ROLE_USER"]), rights(&["ROLE_USER"]), rights(&[])];
    let (status, counts) =
        ask_internal("/internal/who-sees", json!({"revision": 1, "member": member, "rights": everybody})).await;
    assert_eq!((status, counts), (StatusCode::OK, json!({"facts": 1, "visible": [0, 1, 0]})));
}

#[tokio::test]
async fn a_question_of_another_revision_or_an_unknown_name_is_a_problem() {
    for (revision, cube, expected) in
        [(7, "Sales", StatusCode::SERVICE_UNAVAILABLE), (1, "Sale", StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let asked = json!({"revision": revision, "rights": rights(&["ROLE_USER"]), "cube": cube});
        assert_eq!(ask_internal("/internal/explain", asked).await.0, expected);
    }
}

#[test]
fn what_has_taken_long_enough_is_given_up() {
    let model = Arc::new(LoadedModel::load(&spec(), Inline).unwrap());
    let bound = Arc::new(BoundAccess::bind(&publication(1, "City", &["Paris"]).access, model.shape()));
    let late = Inspection::of(model, bound, Instant::now());
    let member = Member { cube: "Sales".into(), level: "City".into(), member: "Paris".into() };
    let counted = late.facts_of_member(&member, &Rights::of_administrator(today()));
    assert!(matches!(counted, Err(InspectionError::Failed(_))) && late.is_late());
}
