//! Nothing leaks: what a restricted caller gets is, byte for byte, what anybody gets over the same tables without the rows
//! that the restriction hides.
//!
//! Two processes serve the same Session. One has all rows, and the caller is restricted to two cities; the other has the rows of
//! these cities only, and the caller is not restricted. Whatever differs between their answers would tell of hidden rows.

use std::{fmt::Write as _, fs, path::Path};

use cubegate_tests::{
    http::{Connection, Credentials, Reply},
    process::RunDirectory,
    up::Up,
};
use serde_json::{Value, json};

use super::ANY_PORT;

const CUBE: &str = "/api/v1/cubes/Sales";
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Shop, city, country. The hidden ones are near to the visible ones in name and order, and fill up a country.
const SHOPS: [(&str, &str, &str); 6] = [
    ("s1", "Lyon", "France"),
    ("s2", "Paris", "France"),
    ("s3", "Pariss", "France"),
    ("s4", "Aachen", "Germany"),
    ("s5", "Zürich", "Switzerland"),
    ("s6", "Parma", "Italy"),
];
const VISIBLE: [&str; 2] = ["Lyon", "Paris"];

const SESSION: &str = r#"
apiVersion: cubegate.dev/v1alpha1
kind: Session
metadata: {name: shop}
spec:
  tables:
    - {name: Sales, source: {csv: {path: sales.csv}}, keys: [Sale ID]}
    - {name: Shops, source: {csv: {path: shops.csv}}, keys: [Shop ID]}
  joins: [{from: Sales, to: Shops, on: {Shop: Shop ID}}]
  cubes:
    - name: Sales
      factTable: Sales
      hierarchies: [{name: Geography, levels: [Shops/Country, Shops/City]}]
      removeHierarchies: [Country, City]
      measures:
        - {name: Products, distinctCount: Product}
        - {name: Least, min: Quantity}
        - {name: Most, max: Quantity}
        - {name: Middle, median: Quantity}
        - {name: Spread, stddev: Quantity}
        - {name: Share, shareOfParent: {measure: Quantity.SUM, hierarchy: Geography}}
        - {name: Part, shareOfTotal: {measure: Quantity.SUM}}
        - {name: Running, runningTotal: {measure: Quantity.SUM, level: City}}
        - {name: Before, previousMember: {measure: Quantity.SUM, level: City}}
        - {name: Basket, expression: "[Quantity.SUM] / [contributors.COUNT]"}
  authentication: {basic: {}}
---
apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: narrow}
spec: {sessionRef: {name: shop}, RESTRICTIONS}
---
apiVersion: cubegate.dev/v1alpha1
kind: Restriction
metadata: {name: two-cities}
spec: {sessionRef: {name: shop}, where: [{table: Shops, column: City, in: [Lyon, Paris]}]}
---
apiVersion: cubegate.dev/v1alpha1
kind: TechnicalUser
metadata: {name: narrow}
spec: {sessionRef: {name: shop}, passwordSecretRef: {name: passwords, key: all}, roles: [ROLE_USER, narrow]}
---
apiVersion: cubegate.dev/v1alpha1
kind: TechnicalUser
metadata: {name: wide}
spec: {sessionRef: {name: shop}, passwordSecretRef: {name: passwords, key: all}, roles: [ROLE_USER]}
---
apiVersion: v1
kind: Secret
metadata: {name: passwords}
stringData: {all: secret}
"#;

/// A caller who is restricted, and one who cannot be told from them unless something leaks.
struct Twins {
    restricted: Connection,
    filtered: Connection,
    /// Sees everything of the tables that hold everything.
    wide: Connection,
    _processes: (Up, Up, RunDirectory),
}

impl Twins {
    async fn start() -> Self {
        let run = RunDirectory::new().unwrap();
        let (whole, part) = (run.make("whole").unwrap(), run.make("part").unwrap());
        write(&whole, "restrictions: [two-cities]", |_| true);
        write(&part, "restrictions: []", |city| VISIBLE.contains(&city));
        let (whole, part) =
            (Up::start(&run, &whole, ANY_PORT).await.unwrap(), Up::start(&run, &part, ANY_PORT).await.unwrap());
        let connect = async |up: &Up, user: &str| {
            Connection::to(up.url("shop").unwrap(), Credentials::basic(user, "secret")).await.unwrap()
        };
        Self {
            restricted: connect(&whole, "narrow").await,
            filtered: connect(&part, "narrow").await,
            wide: connect(&whole, "wide").await,
            _processes: (whole, part, run),
        }
    }

    /// Sends the same request to both; fails unless the answers are the same, and tells which it is.
    async fn same(&mut self, method: &str, path: &str, accept: &str, body: &Value) -> Reply {
        let headers = [("Accept", accept), ("Content-Type", "application/json")];
        let send = async |connection: &mut Connection| match method {
            "GET" => connection.get_with(path, &headers).await.unwrap(),
            _ => connection.post_with(path, &headers, body.to_string()).await.unwrap(),
        };
        let (restricted, filtered) = (send(&mut self.restricted).await, send(&mut self.filtered).await);
        assert_eq!(without_decision(&restricted), without_decision(&filtered), "{method} {path} {body}");
        assert_eq!(restricted.status, filtered.status);
        assert_eq!(restricted.header("content-type"), filtered.header("content-type"));
        restricted
    }

    /// A query in every format; the JSON answer, which is of some fact.
    async fn query(&mut self, query: Value) -> Value {
        let path = format!("{CUBE}/query");
        for accept in ["text/csv", ARROW] {
            assert_eq!(self.same("POST", &path, accept, &query).await.status, 200, "{query}");
        }
        let answer = self.same("POST", &path, "application/json", &query).await.json().unwrap();
        assert!(!answer["rows"].as_array().unwrap().is_empty(), "nothing was compared: {query}");
        answer
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.same("GET", path, "application/json", &Value::Null).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.same("POST", path, "application/json", &body).await
    }
}

/// Each problem has an id of its own, by which the log is searched.
fn without_decision(reply: &Reply) -> Vec<u8> {
    let Ok(Value::Object(mut problem)) = reply.json() else { return reply.body.to_vec() };
    let is_problem = problem.remove("decisionId").is_some();
    if is_problem { serde_json::to_vec(&problem).unwrap() } else { reply.body.to_vec() }
}

pub(super) fn write(directory: &Path, restrictions: &str, has_city: impl Fn(&str) -> bool) {
    let (mut shops, mut sales) = ("Shop ID,City,Country\n".to_owned(), "Sale ID,Shop,Product,Quantity\n".to_owned());
    for (number, (shop, city, country)) in (1_u32..).zip(SHOPS) {
        if !has_city(city) {
            continue;
        }
        writeln!(shops, "{shop},{city},{country}").unwrap();
        for sale in 0..9 {
            // Products and quantities that only hidden shops have; a hundredth that sums must not lose; missing ones.
            let product = if sale % 3 == 0 { format!("only in {shop}") } else { format!("product {sale}") };
            let hidden = if VISIBLE.contains(&city) { 0.0 } else { 1e15 };
            let quantity =
                if sale == 5 { String::new() } else { (f64::from(sale * number) + 0.01 + hidden).to_string() };
            writeln!(sales, "{},{shop},{product},{quantity}", sale * 10 + number).unwrap();
        }
    }
    let manifests = SESSION.replace("RESTRICTIONS", restrictions);
    for (file, text) in [("shops.csv", shops), ("sales.csv", sales), ("shop.yaml", manifests)] {
        fs::write(directory.join(file), text).unwrap();
    }
}

fn by_city(measures: &[&str]) -> Value {
    json!({"measures": measures, "levels": ["City"], "totals": true})
}

#[tokio::test]
async fn totals_are_of_visible_facts() {
    let mut twins = Twins::start().await;
    twins.query(json!({"measures": ["Quantity.SUM", "contributors.COUNT"]})).await;
    twins.query(json!({"measures": ["Quantity.SUM"], "levels": ["Product"], "totals": true})).await;
}

#[tokio::test]
async fn ancestors_are_of_visible_descendants() {
    let mut twins = Twins::start().await;
    let answer = twins.query(by_city(&["Quantity.SUM", "contributors.COUNT"])).await;
    let countries: Vec<&Value> = answer["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect();
    assert!(countries.contains(&&json!("France")) && !countries.contains(&&json!("Germany")), "{answer}");
    twins.query(json!({"measures": ["Quantity.SUM"], "levels": ["Country"]})).await;
}

#[tokio::test]
async fn means_and_spreads_are_of_visible_facts() {
    Twins::start().await.query(by_city(&["Quantity.MEAN", "Middle", "Spread", "Basket"])).await;
}

#[tokio::test]
async fn distinct_counts_are_of_visible_facts() {
    Twins::start().await.query(by_city(&["Products"])).await;
}

#[tokio::test]
async fn smallest_and_largest_are_of_visible_facts() {
    Twins::start().await.query(by_city(&["Least", "Most"])).await;
}

#[tokio::test]
async fn ratios_to_parent_and_total_are_of_visible_facts() {
    Twins::start().await.query(by_city(&["Share", "Part"])).await;
}

#[tokio::test]
async fn ranks_and_neighbours_are_among_visible_members() {
    let mut twins = Twins::start().await;
    twins.query(by_city(&["Running", "Before"])).await;
    let order = json!([{"by": "Quantity.SUM", "direction": "desc"}]);
    twins
        .query(json!({"measures": ["Quantity.SUM"], "levels": ["City"], "order": order, "offset": 1, "limit": 1}))
        .await;
}

#[tokio::test]
async fn member_lists_name_members_of_visible_facts() {
    let mut twins = Twins::start().await;
    for level in ["City", "Geography/City", "Country", "Product", "Shop", "Sale%20ID"] {
        let reply = twins.get(&format!("{CUBE}/members/{level}")).await.expect(200).unwrap();
        assert!(!reply.json().unwrap()["rows"].as_array().unwrap().is_empty(), "{level}");
    }
    twins.get(&format!("{CUBE}/members/City?offset=1&limit=1")).await.expect(200).unwrap();
}

#[tokio::test]
async fn a_search_finds_members_of_visible_facts() {
    let mut twins = Twins::start().await;
    for sought in ["par", "aac", "only%20in%20s", "z%C3%BC", "a"] {
        twins.get(&format!("{CUBE}/members/City?search={sought}")).await.expect(200).unwrap();
        twins.get(&format!("{CUBE}/members/Product?search={sought}")).await.expect(200).unwrap();
    }
}

#[tokio::test]
async fn drill_through_shows_visible_facts() {
    let mut twins = Twins::start().await;
    let path = format!("{CUBE}/drillthrough");
    twins.post(&path, json!({})).await.expect(200).unwrap();
    twins.post(&path, json!({"columns": ["Sale ID", "City"], "offset": 7, "limit": 5})).await.expect(200).unwrap();
    for city in ["Paris", "Pariss", "Atlantis"] {
        let filter = json!({"column": "City", "equals": city});
        twins.post(&path, json!({"columns": ["Sale ID"], "filter": filter})).await.expect(200).unwrap();
    }
}

#[tokio::test]
async fn raw_rows_are_of_visible_facts_and_of_what_they_lead_to() {
    let mut twins = Twins::start().await;
    for table in ["Sales", "Shops"] {
        let path = format!("/api/v1/tables/{table}/query");
        let all = twins.post(&path, json!({})).await.expect(200).unwrap().json().unwrap();
        assert!(!all["rows"].as_array().unwrap().is_empty());
        twins.post(&path, json!({"offset": 1, "limit": 2})).await.expect(200).unwrap();
        twins.same("POST", &path, ARROW, &json!({})).await.expect(200).unwrap();
    }
}

#[tokio::test]
async fn the_schema_does_not_depend_on_hidden_rows() {
    let mut twins = Twins::start().await;
    for path in ["/api/v1/cubes", "/api/v1/tables", "/api/v1/schema", "/"] {
        twins.get(path).await.expect(200).unwrap();
    }
}

#[tokio::test]
async fn error_texts_do_not_depend_on_hidden_rows() {
    let mut twins = Twins::start().await;
    let path = format!("{CUBE}/query");
    for query in [
        json!({"measures": ["Quantity.SUMM"]}),
        json!({"levels": ["Citty"]}),
        json!({"levels": ["City"], "filter": {"level": "Sale ID", "equals": "Pariss"}}),
        json!({"levels": ["Sale ID"], "context": {"resultLimit": {"intermediate": 3}}}),
        json!({"levels": ["Sale ID"], "context": {"resultLimit": {"total": 18}}}),
        json!({"levels": ["Sale ID"], "context": {"resultLimit": {"total": 17}}}),
        json!({"levels": ["Sale ID"], "order": [{"by": "Pariss"}]}),
    ] {
        twins.post(&path, query).await;
    }
    twins.post("/api/v1/tables/Shop/query", json!({})).await.expect(404).unwrap();
    twins.post("/api/v1/cubes/Sale/query", json!({})).await.expect(404).unwrap();
}

#[tokio::test]
async fn did_you_mean_suggests_nothing_hidden() {
    let mut twins = Twins::start().await;
    for city in ["Pari", "Pariss", "Aache", "Parm"] {
        for test in [json!({"level": "City", "equals": city}), json!({"level": "City", "in": [city, "Lyon"]})] {
            let query = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true, "filter": test});
            let reply = twins.post(&format!("{CUBE}/query"), query).await.expect(200).unwrap();
            assert!(!reply.text().contains("Aachen") && !reply.text().contains("Parma"));
        }
        let reply = twins.get(&format!("{CUBE}/members/{city}")).await.expect(422).unwrap();
        assert!(!reply.text().contains("Aachen"));
    }
}

#[tokio::test]
async fn explanations_count_what_is_visible() {
    let mut twins = Twins::start().await;
    for filter in [json!({"level": "City", "equals": "Pariss"}), json!({"level": "Product", "equals": "product 1"})] {
        let query = json!({"levels": ["City"], "filter": filter, "explain": true});
        let mut explained = Vec::new();
        for connection in [&mut twins.restricted, &mut twins.filtered] {
            let mut explanation = connection.query("Sales", &query).await.unwrap().json().unwrap()["explain"].take();
            // How long each stage took is never the same twice.
            explanation["stages"] =
                explanation["stages"].as_array().unwrap().iter().map(|stage| stage["name"].clone()).collect();
            explained.push(explanation);
        }
        assert_eq!(explained[0], explained[1]);
        assert_eq!(explained[0]["factsVisible"], 18);
    }
}

#[tokio::test]
async fn kept_answers_tell_nothing_of_what_others_asked() {
    let mut twins = Twins::start().await;
    let mut query = by_city(&["Quantity.SUM", "Products"]);
    query["explain"] = json!(true);
    twins.wide.query("Sales", &query).await.unwrap().expect(200).unwrap();
    for expected in ["miss", "hit"] {
        for connection in [&mut twins.restricted, &mut twins.filtered] {
            let answer = connection.query("Sales", &query).await.unwrap().json().unwrap();
            assert_eq!(answer["explain"]["cache"]["result"], expected);
        }
    }
    query.as_object_mut().unwrap().remove("explain");
    let whole = twins.wide.query("Sales", &query).await.unwrap().text();
    let kept = twins.query(query).await;
    assert!(whole.contains("Aachen") && !kept.to_string().contains("Aachen"));
}
