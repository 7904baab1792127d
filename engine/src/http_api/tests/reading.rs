//! What is read beside plain queries: Arrow, rows, members, the schema, explanations; and what stops it.

use std::time::Duration;

use arrow_array::{
    Array,
    cast::AsArray,
    types::{Float64Type, Int32Type},
};
use arrow_ipc::reader::StreamReader;

use super::*;
use crate::{
    http_api::reading::{Work, answer},
    problem::Problem,
};

async fn read(router: &Router, method: Method, path: &str, roles: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, _, body) = send(router, request(method, path, roles, 1, body)).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn get(router: &Router, path: &str, roles: &str) -> (StatusCode, Value) {
    read(router, Method::GET, path, roles, Value::Null).await
}

async fn post(router: &Router, path: &str, roles: &str, body: Value) -> (StatusCode, Value) {
    read(router, Method::POST, path, roles, body).await
}

const SOME: &str = "ROLE_SOME,ROLE_USER";
const DRILL_THROUGH: &str = "/api/v1/cubes/Sales/drillthrough";

#[tokio::test]
async fn an_arrow_stream_is_an_answer_that_names_its_revision_and_nothing_hidden() {
    let mut asked = request(Method::POST, "/api/v1/cubes/Sales/query", SOME, 1, by_city().to_string());
    asked.headers_mut().insert("accept", "application/vnd.apache.arrow.stream".parse().unwrap());
    let response = router(loaded()).oneshot(asked).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.apache.arrow.stream");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!bytes.windows(4).any(|window| window == b"Lyon"));
    let mut stream = StreamReader::try_new(&bytes[..], None).unwrap();
    assert_eq!(stream.schema().metadata()["policyRevision"], "1");
    assert_eq!(stream.schema().field(0).metadata()["kind"], "level");
    let batch = stream.next().unwrap().unwrap();
    let cities = batch.column(0).as_dictionary::<Int32Type>();
    assert!(cities.is_null(0));
    assert_eq!(cities.values().as_string::<i32>().value(0), "Paris");
    assert_eq!(batch.column(1).as_primitive::<Float64Type>().values()[..], [8.0, 8.0]);
}

#[tokio::test]
async fn drill_through_shows_the_visible_facts_and_where_they_lead() {
    let router = router(loaded());
    let all = json!([[1, "a", 3.0, "a", "Paris"], [2, "b", 4.0, "b", "Lyon"], [3, "a", 5.0, "a", "Paris"]]);
    let (status, body) = post(&router, DRILL_THROUGH, "ROLE_USER", json!({})).await;
    assert_eq!((status, &body["rows"], &body["policyRevision"]), (StatusCode::OK, &all, &json!(1)));
    assert_eq!(body["columns"][3], json!({"name": "Shop ID", "kind": "column", "type": "string"}));
    let (_, body) = post(&router, DRILL_THROUGH, SOME, json!({"columns": ["Sale ID"], "offset": 1})).await;
    assert_eq!(body["rows"], json!([[3]]));
    let hidden = json!({"columns": ["Sale ID"], "filter": {"column": "City", "equals": "Lyon"}});
    let (status, body) = post(&router, DRILL_THROUGH, SOME, hidden).await;
    assert_eq!((status, &body["rows"]), (StatusCode::OK, &json!([])));
}

#[tokio::test]
async fn rows_of_a_table_are_restricted_by_whatever_it_reaches() {
    let router = router(loaded());
    let ids = json!({"columns": ["Sale ID"]});
    assert_eq!(post(&router, "/api/v1/tables/Sales/query", SOME, ids).await.1["rows"], json!([[1], [3]]));
    let (_, body) = post(&router, "/api/v1/tables/Shops/query", SOME, json!({})).await;
    assert_eq!(body["rows"], json!([["a", "Paris"]]));
    let (_, body) = post(&router, "/api/v1/tables/Shops/query", "ROLE_USER", json!({"limit": 1, "offset": 1})).await;
    assert_eq!(body["rows"], json!([["b", "Lyon"]]));
    let (status, body) = post(&router, "/api/v1/tables/Shop/query", SOME, json!({})).await;
    assert_eq!(
        (status, body["detail"].as_str()),
        (StatusCode::NOT_FOUND, Some("there is no table `Shop`; did you mean `Shops`?"))
    );
}

/// A policy that restricts a column of the fact table.
fn by_sale(shared: &Shared) {
    let mut publication = publication(1, "City", &["Paris"]);
    let some = restricted("Sales", "Shop", one_of(&["a"]), "some-sales");
    publication.access.roles.insert("ROLE_SOME".into(), some);
    shared.adopt_policy(publication);
}

#[tokio::test]
async fn a_table_from_which_no_join_leads_to_a_restricted_column_refuses_and_is_not_shown() {
    let shared = loaded();
    by_sale(&shared);
    assert_eq!(shared.report().problems, [], "a restriction need not be made for every table");
    let router = router(shared);
    let (status, body) = post(&router, "/api/v1/tables/Shops/query", SOME, json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!body.to_string().contains("some-sales"), "{body}");
    assert_eq!(post(&router, "/api/v1/tables/Shops/query", "ROLE_ADMIN,ROLE_SOME", json!({})).await.0, StatusCode::OK);
    let names = async |roles: &str| get(&router, "/api/v1/tables", roles).await.1["tables"].as_array().unwrap().len();
    assert_eq!((names("ROLE_USER").await, names(SOME).await), (2, 1));
    let (_, diagram) = get(&router, "/api/v1/schema", SOME).await;
    let diagram = diagram.as_str().unwrap().to_owned();
    assert!(diagram.starts_with("erDiagram\n") && diagram.contains("\"Sales\" {") && !diagram.contains("Shops"));
    let (_, diagram) = get(&router, "/api/v1/schema", "ROLE_USER").await;
    assert!(diagram.as_str().unwrap().contains("\"Sales\" }o--o| \"Shops\" : \"`Shop` == `Shop ID`\""));
}

#[tokio::test]
async fn tables_are_listed_with_columns_types_and_keys() {
    let (_, body) = get(&router(loaded()), "/api/v1/tables", "ROLE_USER").await;
    let shops = json!({
        "name": "Shops",
        "columns": [{"name": "Shop ID", "type": "string"}, {"name": "City", "type": "string"}],
        "keys": ["Shop ID"],
    });
    assert_eq!(body["tables"][1], shops);
}

#[tokio::test]
async fn members_are_those_that_have_a_visible_fact() {
    let router = router(loaded());
    let rows = async |path: &str, roles: &str| get(&router, path, roles).await.1["rows"].clone();
    assert_eq!(rows("/api/v1/cubes/Sales/members/City", "ROLE_USER").await, json!([["Lyon"], ["Paris"]]));
    assert_eq!(rows("/api/v1/cubes/Sales/members/City/City", SOME).await, json!([["Paris"]]));
    assert_eq!(rows("/api/v1/cubes/Sales/members/Shop%20ID?search=B", "ROLE_USER").await, json!([["b"]]));
    assert_eq!(rows("/api/v1/cubes/Sales/members/City?search=ly", SOME).await, json!([]));
    assert_eq!(rows("/api/v1/cubes/Sales/members?level=City%2FCity&offset=1", "ROLE_USER").await, json!([["Paris"]]));
    let (status, body) = get(&router, "/api/v1/cubes/Sales/members/Citi", SOME).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body.to_string().contains("did you mean"), "{body}");
    for wrong in [
        "/api/v1/cubes/Sales/members",
        "/api/v1/cubes/Sales/members/City?limit=x",
        "/api/v1/cubes/Sales/members/City?serch=x",
    ] {
        assert_eq!(get(&router, wrong, SOME).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn an_explanation_counts_what_the_caller_may_see_and_says_what_was_kept() {
    let router = router(loaded());
    let mut query = by_city();
    query["explain"] = json!(true);
    let explain = async |roles: &str, query: &Value| ask(&router, roles, 1, query).await.1["explain"].clone();
    let first = explain(SOME, &query).await;
    assert_eq!((&first["factsVisible"], &first["rows"]), (&json!(2), &json!(2)), "{first}");
    assert_eq!(first["cache"], json!({"mask": "miss", "result": "miss"}));
    assert_eq!(explain(SOME, &query).await["cache"], json!({"mask": "hit", "result": "hit"}));
    query["cache"] = json!(false);
    assert_eq!(explain(SOME, &query).await["cache"], json!({"mask": "hit", "result": "bypass"}));
    query["filter"] = json!({"level": "Shop", "equals": "b"});
    let all = explain("ROLE_USER", &query).await;
    let counts = ["factsVisible", "factsMatched", "cells", "rows"].map(|count| all[count].as_u64().unwrap());
    assert_eq!(counts, [3, 1, 1, 2]);
    let stages: Vec<&str> =
        all["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(stages, ["mask", "resolve", "scan", "finish"]);
    assert_eq!(explain(SOME, &query).await["factsMatched"], 0, "a hidden fact is counted");
}

#[tokio::test]
async fn an_answer_is_kept_for_everybody_who_may_see_the_same_and_for_nobody_else() {
    let shared = loaded();
    let router = router(Arc::clone(&shared));
    let outcomes = async || {
        let text = send(&router, Request::get("/internal/metrics").body(Body::empty()).unwrap()).await.2;
        let count = |outcome: &str| {
            let prefix = format!("cubegate_engine_result_cache_total{{outcome=\"{outcome}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&prefix)).map_or(0, |count| count.parse().unwrap())
        };
        (count("hit"), count("miss"))
    };
    let kept = ask(&router, SOME, 1, &by_city()).await.1;
    assert_eq!(ask(&router, SOME, 1, &by_city()).await.1, kept);
    assert_eq!(outcomes().await, (1, 1));
    assert_eq!(ask(&router, "ROLE_USER", 1, &by_city()).await.1["rows"][0], json!([null, 12.0]));
    assert_eq!(outcomes().await, (1, 2));
    shared.adopt_model(LoadedModel::load(&spec(), Inline).unwrap());
    assert_eq!(ask(&router, SOME, 1, &by_city()).await.1, kept);
    assert_eq!(outcomes().await, (1, 3), "another snapshot has other answers");
}

#[tokio::test]
async fn too_much_is_refused_and_never_cut() {
    let router = router(loaded());
    let limited = |context: Value| json!({"levels": ["City"], "context": context});
    for context in [json!({"resultLimit": {"intermediate": 1}}), json!({"resultLimit": {"total": 1}})] {
        let (status, body) = ask(&router, "ROLE_USER", 1, &limited(context)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(body["type"].as_str().unwrap().ends_with("/result-limit-exceeded"), "{body}");
    }
    let enough = limited(json!({"resultLimit": {"intermediate": 2, "total": 2}}));
    assert_eq!(ask(&router, "ROLE_USER", 1, &enough).await.1["rows"], json!([["Lyon"], ["Paris"]]));
    let (status, _) = post(&router, DRILL_THROUGH, "ROLE_USER", json!({"limit": 10_000_000})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn no_time_is_no_answer() {
    let hurried = json!({"levels": ["City"], "context": {"queryTimeLimit": "0ms"}});
    let (status, body) = ask(&router(loaded()), "ROLE_USER", 1, &hurried).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(body["type"].as_str().unwrap().ends_with("/query-timeout"), "{body}");
}

/// Work that goes on until it is told to stop, and then says so.
fn endless(time_limit: Duration) -> (Work, std::sync::mpsc::Receiver<()>) {
    let (sender, stopped) = std::sync::mpsc::channel();
    let compute = Box::new(move |budget: &cubegate_cube::Budget<'_>| {
        while !(budget.interrupted)() {
            std::thread::sleep(Duration::from_millis(1));
        }
        sender.send(()).unwrap();
        Err(Problem::Interrupted)
    });
    (Work { compute, time_limit }, stopped)
}

fn stamp() -> http::HeaderMap {
    request(Method::GET, "/", "ROLE_USER", 1, "").headers().clone()
}

#[tokio::test]
async fn what_takes_too_long_is_stopped_and_its_turn_is_given_back() {
    let shared = loaded();
    let (work, stopped) = endless(Duration::from_millis(10));
    let answered = answer(&shared, &stamp(), async { Ok(()) }, |_, ()| Ok(work)).await;
    assert_eq!(answered.unwrap_err(), Problem::QueryTimeout(Duration::from_millis(10)));
    stopped.recv_timeout(Duration::from_secs(10)).unwrap();
    let turns = tokio::time::timeout(Duration::from_secs(10), shared.turns.acquire_many(2)).await;
    assert!(turns.is_ok(), "a turn was lost");
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_the_work() {
    let (work, stopped) = endless(Duration::from_mins(1));
    let (shared, work) = (loaded(), Arc::new(std::sync::Mutex::new(Some(work))));
    let handler = async move || {
        let work = work.lock().unwrap().take().unwrap();
        answer(&shared, &stamp(), async { Ok(()) }, |_, ()| Ok(work)).await
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async { axum::serve(listener, Router::new().fallback(handler)).await });
    let mut caller = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut caller, b"GET / HTTP/1.1\r\nhost: engine\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(stopped.try_recv().is_err());
    drop(caller);
    let stopped = tokio::task::spawn_blocking(move || stopped.recv_timeout(Duration::from_secs(10)));
    stopped.await.unwrap().unwrap();
    served.abort();
}
