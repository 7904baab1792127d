//! Requests that are wrong: each is answered with the status that it deserves, as a problem, on a connection that goes on.

use cubegate_tests::{
    answers,
    http::{Connection, Credentials, Reply},
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};
use serde_json::json;

use super::{ANY_PORT, ask_retail, connect};

const QUERY_PATH: &str = "/api/v1/cubes/Sales/query";

/// What is wrong, the body of a query, the status, and what the problem says.
const BAD_QUERIES: &[(&str, &str, u16, &[&str])] = &[
    ("not JSON", "Quantity.SUM", 400, &[]),
    ("cut short", "{\"measures\": [", 400, &[]),
    ("empty", "", 400, &[]),
    ("an unknown field", r#"{"measures": ["Quantity.SUM"], "levls": ["City"]}"#, 400, &["levls"]),
    ("a wrong type", r#"{"measures": "Quantity.SUM"}"#, 400, &[]),
    ("an unknown measure", r#"{"measures": ["Quantity.SUMM"]}"#, 422, &["Quantity.SUMM", "Quantity.SUM"]),
    ("an unknown level", r#"{"measures": ["Quantity.SUM"], "levels": ["Citty"]}"#, 422, &["Citty", "City"]),
    (
        "an unknown level in a filter",
        r#"{"measures": ["Quantity.SUM"], "filter": {"level": "Contry", "equals": "France"}}"#,
        422,
        &["Contry", "Country"],
    ),
];

#[tokio::test]
async fn a_bad_query_is_a_problem_that_says_what_to_mend() {
    let story = Story::begin("bad queries");
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    for (name, body, status, said) in BAD_QUERIES {
        story.step(name);
        let reply = parisian.post(QUERY_PATH, "application/json", (*body).to_owned()).await.unwrap();
        expect_problem(&reply, *status);
        let text = reply.text();
        assert!(said.iter().all(|word| text.contains(word)), "{reply:?} should say {said:?}");
    }
    answers::expect_cities(&ask_retail(&mut parisian).await, answers::PARIS).unwrap();
}

#[tokio::test]
async fn a_hidden_member_behaves_as_one_that_does_not_exist() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let mut ask_for = async |city: &str| {
        let filter = json!({"level": "City", "equals": city});
        let query = json!({"measures": ["Quantity.SUM"], "levels": ["City"], "totals": true, "filter": filter});
        parisian.query("Sales", &query).await.unwrap().expect(200).unwrap().text()
    };
    assert_eq!(ask_for("Lyon").await, ask_for("Atlantis").await);
    assert_ne!(ask_for("Lyon").await, ask_for("Paris").await);
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_refused_and_one_below_is_read() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let padded = |bytes: usize| {
        let query = answers::quantity_by_city().to_string();
        format!("{}{query}", " ".repeat(bytes - query.len()))
    };
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let reply = parisian.post(QUERY_PATH, "application/json", padded(1 << 20)).await.unwrap();
    answers::expect_cities(&reply, answers::PARIS).unwrap();
    let reply = parisian.post(QUERY_PATH, "application/json", padded((1 << 20) + 1)).await.unwrap();
    expect_problem(&reply, 413);
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems_too() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    expect_problem(&parisian.get("/api/v1/nothing").await.unwrap(), 404);
    expect_problem(&parisian.query("Sale", &answers::quantity_by_city()).await.unwrap(), 404);
    let reply = parisian.get(QUERY_PATH).await.unwrap();
    expect_problem(&reply, 405);
    assert_eq!(reply.header("allow"), "POST");
    expect_problem(&parisian.post_json("/api/v1/cubes", &json!({})).await.unwrap(), 405);
    // What is internal does not exist, however it is spelt.
    for path in
        ["/internal/policy", "/internal/metrics", "//internal/policy", "/%69nternal/policy", "/x/../internal/policy"]
    {
        let status = parisian.get(path).await.unwrap().status.as_u16();
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_wrong_authorization_is_401_whatever_its_scheme() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut nobody = Connection::to(up.url("retail").unwrap(), Credentials::None).await.unwrap();
    for wrong in [
        "Basic",
        "Basic not-base64!",
        "Basic bm8tY29sb24=",
        "Basic /////w==",
        "Basic OmVtcHR5LXVzZXI=",
        "Bearer",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJwYXJpc2lhbi11c2VyIn0.",
        "Digest username=parisian-user",
        "Negotiate abc",
        "",
    ] {
        let reply = nobody.get_with("/whoami", &[("Authorization", wrong)]).await.unwrap();
        assert_eq!(reply.status, 401, "{wrong:?}: {reply:?}");
        assert!(!reply.header("www-authenticate").is_empty(), "{wrong:?}: no challenge");
    }
    // The scheme's case does not matter (RFC 7617 §2).
    let good = "bAsIc cGFyaXNpYW4tdXNlcjpwYXJpc2lhbi11c2VyLWV4YW1wbGU=";
    nobody.get_with("/whoami", &[("Authorization", good)]).await.unwrap().expect(200).unwrap();
    let two = [("Authorization", good), ("Authorization", "Basic bm9ib2R5Ondyb25n")];
    let reply = nobody.get_with("/whoami", &two).await.unwrap();
    assert!(matches!(reply.status.as_u16(), 400 | 401), "two credentials are none: {reply:?}");
}

#[tokio::test]
async fn nobody_names_their_own_user_roles_or_policy_however_it_is_spelt() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    for header in [
        "X-Cubegate-User",
        "x-cubegate-roles",
        "X_Cubegate_Roles",
        "X.Cubegate.Roles",
        "XCubegateRoles",
        "X-Cubegate--Roles",
        "X-CUBEGATE-POLICY",
        "X-Cubegate-Attributes",
    ] {
        let mut parisian = connect(&up, "retail", "parisian-user").await;
        let reply = parisian.get_with("/api/v1/cubes", &[(header, "ROLE_ADMIN")]).await.unwrap();
        assert_eq!(reply.status, 400, "{header}: {reply:?}");
    }
    // Nor can a client have ours removed on the way, by calling it hop-by-hop.
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let listed =
        [("Connection", "keep-alive, X-Cubegate-Roles, X-Cubegate-User"), ("Content-Type", "application/json")];
    let reply = parisian.post_with(QUERY_PATH, &listed, answers::quantity_by_city().to_string()).await.unwrap();
    if reply.status == 200 {
        answers::expect_cities(&reply, answers::PARIS).unwrap();
    } else {
        assert_eq!(reply.status, 400, "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_is_json_or_csv_as_asked_for() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let query = answers::quantity_by_city().to_string();
    let csv = [("Accept", "text/csv"), ("Content-Type", "application/json")];
    let reply = parisian.post_with(QUERY_PATH, &csv, query.clone()).await.unwrap().expect(200).unwrap();
    assert!(reply.header("content-type").starts_with("text/csv"), "{:?}", reply.headers);
    let lines: Vec<String> = reply.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "City,Quantity.SUM");
    assert!(lines[1].starts_with(",603") && lines[2].starts_with("Paris,603"), "{lines:?}");
    let image = [("Accept", "image/png"), ("Content-Type", "application/json")];
    expect_problem(&parisian.post_with(QUERY_PATH, &image, query).await.unwrap(), 406);
}

/// An RFC 9457 problem that agrees with its status.
fn expect_problem(reply: &Reply, status: u16) {
    reply.expect_status(status).unwrap();
    assert_eq!(reply.header("content-type"), "application/problem+json", "{reply:?}");
    let problem = reply.json().unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
}
