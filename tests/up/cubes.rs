//! The rights of a slicer, imported and served: what each identity sees, and where the original would show more.

use cubegate_tests::{
    http::{Connection, Credentials},
    process::RunDirectory,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{
    ANY_PORT,
    answering::{cubegate, shown},
    connect,
};

async fn served() -> (RunDirectory, Up) {
    let run = RunDirectory::new().unwrap();
    up::copy_examples(&run).unwrap();
    let up = Up::start(&run, &run.path().join("examples/cubes"), ANY_PORT).await.unwrap();
    (run, up)
}

/// The rows of an answer with status 200.
async fn rows(connection: &mut Connection, query: &Value) -> Value {
    let reply = connection.query("sales", query).await.unwrap().expect(200).unwrap();
    reply.json().unwrap()["rows"].clone()
}

async fn quantity(user: &str) -> Value {
    let (_run, up) = served().await;
    rows(&mut connect(&up, "cubes", user).await, &json!({"measures": ["Quantity.SUM"]})).await
}

#[tokio::test]
async fn without_a_cut_everything_is_seen() {
    assert_eq!(quantity("anna").await, json!([[8077.0]]));
}

#[tokio::test]
async fn a_point_cuts_to_a_member() {
    assert_eq!(quantity("camille").await, json!([[3027.0]]));
}

#[tokio::test]
async fn a_set_cuts_to_several_members() {
    assert_eq!(quantity("paul").await, json!([[1212.0]]));
}

#[tokio::test]
async fn an_inverted_cut_leaves_the_rest() {
    assert_eq!(quantity("olivia").await, json!([[5050.0]]));
}

#[tokio::test]
async fn two_points_on_one_dimension_leave_nothing_with_status_200() {
    assert_eq!(quantity("henri").await, json!([]));
}

#[tokio::test]
async fn single_facts_reports_and_tables_are_cut_as_totals_are() {
    let (_run, up) = served().await;
    let mut camille = connect(&up, "cubes", "camille").await;
    let countries =
        rows(&mut camille, &json!({"levels": ["Country"], "totals": true, "measures": ["Quantity.SUM"]})).await;
    assert_eq!(countries, json!([[null, 3027.0], ["France", 3027.0]]));
    let only_country = json!({"columns": ["Country"], "limit": 10_000});
    let french = |reply: Value| {
        let rows = reply["rows"].as_array().unwrap().clone();
        assert!(!rows.is_empty() && rows.iter().all(|row| *row == json!(["France"])), "{rows:?}");
    };
    let facts =
        camille.post_json("/api/v1/cubes/sales/drillthrough", &only_country).await.unwrap().expect(200).unwrap();
    french(facts.json().unwrap());
    let shops = camille.post_json("/api/v1/tables/Shops/query", &only_country).await.unwrap().expect(200).unwrap();
    french(shops.json().unwrap());
    let sales = json!({"columns": ["Sale ID"], "limit": 10_000});
    let count = async |user: &str| {
        let mut connection = connect(&up, "cubes", user).await;
        let reply = connection.post_json("/api/v1/tables/Sales/query", &sales).await.unwrap().expect(200).unwrap();
        reply.json().unwrap()["rows"].as_array().unwrap().len()
    };
    let (all, french, foreign) = (count("anna").await, count("camille").await, count("olivia").await);
    assert_eq!(french + foreign, all);
    assert_eq!(count("henri").await, 0);
}

#[tokio::test]
async fn without_credentials_the_answer_is_401() {
    let (_run, up) = served().await;
    let mut nobody = Connection::to(up.url("cubes").unwrap(), Credentials::None).await.unwrap();
    nobody.query("sales", &json!({"measures": ["Quantity.SUM"]})).await.unwrap().expect(401).unwrap();
}

#[tokio::test]
async fn a_cut_of_an_unknown_dimension_is_reported_and_refuses_its_holders() {
    let run = RunDirectory::new().unwrap();
    up::copy_examples(&run).unwrap();
    let directory = run.path().join("examples/cubes");
    let restrictions = directory.join("restrictions.yaml");
    up::edit(&restrictions, "\"!geography:France\"", "\"!geografy:France\"").unwrap();
    let (_, found) = cubegate(&["check", shown(&directory)]).await;
    assert!(found.contains("restrictions.yaml:") && found.contains("did you mean `geography`?"), "{found}");
    let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let query = json!({"measures": ["Quantity.SUM"]});
    connect(&up, "cubes", "olivia").await.query("sales", &query).await.unwrap().expect(403).unwrap();
    connect(&up, "cubes", "camille").await.query("sales", &query).await.unwrap().expect(200).unwrap();
}

#[tokio::test]
async fn a_path_that_no_fact_has_is_a_warning() {
    let run = RunDirectory::new().unwrap();
    up::copy_examples(&run).unwrap();
    let directory = run.path().join("examples/cubes");
    up::edit(&directory.join("restrictions.yaml"), "geography:USA", "geography:UAS").unwrap();
    let (_, report) = cubegate(&["check", shown(&directory)]).await;
    assert!(
        report.contains("warning: Restriction/user-henri-cube-sales: no row has the value `UAS` of geography"),
        "{report}"
    );
    assert_eq!(report.matches("warning:").count(), 1, "{report}");
}
