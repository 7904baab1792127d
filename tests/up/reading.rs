//! Members, drill-through, rows of tables, the schema and Arrow, for a user with a restriction and one without.

use arrow_array::{
    Array,
    cast::AsArray,
    types::{Float64Type, Int32Type},
};
use arrow_ipc::reader::StreamReader;
use cubegate_tests::{
    answers,
    http::{Connection, Reply},
    process::RunDirectory,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{ANY_PORT, connect};

const ARROW: &str = "application/vnd.apache.arrow.stream";

async fn read(connection: &mut Connection, path: &str) -> Reply {
    connection.get(path).await.unwrap().expect(200).unwrap()
}

async fn rows(connection: &mut Connection, path: &str, body: Value) -> Value {
    let reply = connection.post_json(path, &body).await.unwrap().expect(200).unwrap();
    reply.json().unwrap()["rows"].clone()
}

#[tokio::test]
async fn everything_that_can_be_read_stops_at_what_the_reader_may_see() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut everywhere = connect(&up, "retail", "global-user").await;
    let mut paris = connect(&up, "retail", "parisian-user").await;

    let members = async |connection: &mut Connection, search: &str| {
        let path = format!("/api/v1/cubes/Sales/members/City/City?search={search}");
        read(connection, &path).await.json().unwrap()["rows"].clone()
    };
    let saints = json!([["San Antonio"], ["San Diego"], ["San Francisco"], ["San Jose"]]);
    assert_eq!(members(&mut everywhere, "san").await, saints);
    assert_eq!(members(&mut everywhere, "%C3%A9tienne").await, json!([["Saint-Étienne"]]));
    assert_eq!(members(&mut paris, "san").await, json!([]));
    assert_eq!(members(&mut paris, "").await, json!([["Paris"]]));

    let drill_through = "/api/v1/cubes/Sales/drillthrough";
    let three = json!({"columns": ["Sale ID", "City", "Quantity"], "limit": 2});
    let first = json!([["R000001", "Chicago", 1.0], ["R000002", "Chicago", 2.0]]);
    assert_eq!(rows(&mut everywhere, drill_through, three.clone()).await, first);
    let first = json!([["R000045", "Paris", 1.0], ["R000054", "Paris", 1.0]]);
    assert_eq!(rows(&mut paris, drill_through, three).await, first);
    let all = json!({"columns": ["City"], "limit": 10_000});
    let count = async |connection: &mut Connection| {
        rows(connection, drill_through, all.clone()).await.as_array().unwrap().len()
    };
    assert_eq!((count(&mut everywhere).await, count(&mut paris).await), (5850, 439));
    let elsewhere = json!({"filter": {"column": "City", "in": ["Chicago", "Lyon"]}});
    assert_eq!(rows(&mut paris, drill_through, elsewhere).await, json!([]));

    let shops = json!({"columns": ["Shop ID", "Shop size"], "filter": {"column": "Country", "equals": "France"}});
    let of_paris = json!([["FR-PAR-1", "small"], ["FR-PAR-2", "large"], ["FR-PAR-3", "medium"]]);
    assert_eq!(rows(&mut paris, "/api/v1/tables/Shops/query", shops).await, of_paris);
    assert_eq!(rows(&mut everywhere, "/api/v1/tables/Shops/query", json!({})).await.as_array().unwrap().len(), 40);
    let schema = read(&mut paris, "/api/v1/schema").await;
    assert!(schema.header("content-type").starts_with("text/plain"), "{schema:?}");
    let diagram = String::from_utf8(schema.body.to_vec()).unwrap();
    assert!(diagram.contains("    _ string PK \"Sale ID\"\n"), "{diagram}");
    assert!(diagram.contains("  \"Sales\" }o--o| \"Shops\" : \"`Shop` == `Shop ID`\"\n"), "{diagram}");
}

#[tokio::test]
async fn an_arrow_stream_has_the_published_numbers() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    for (user, total, cities) in [("global-user", 8077.0, 13), ("parisian-user", 603.0, 1)] {
        let mut connection = connect(&up, "retail", user).await;
        let headers = [("Content-Type", "application/json"), ("Accept", ARROW)];
        let query = answers::quantity_by_city().to_string();
        let reply = connection.post_with("/api/v1/cubes/Sales/query", &headers, query).await.unwrap();
        let reply = reply.expect(200).unwrap();
        assert_eq!(reply.header("content-type"), ARROW);
        let mut stream = StreamReader::try_new(&reply.body[..], None).unwrap();
        let batch = stream.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), cities + 1);
        let city = batch.column(0).as_dictionary::<Int32Type>();
        assert!(city.is_null(0));
        assert_eq!(city.values().len(), cities, "a stream names no city that is not in the answer");
        assert!((batch.column(1).as_primitive::<Float64Type>().value(0) - total).abs() < f64::EPSILON);
    }
}
