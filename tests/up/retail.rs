//! The first story.

use cubegate_tests::{
    answers,
    http::{Connection, Credentials, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};
use serde_json::json;

use super::{ANY_PORT, ask_retail, connect};

#[tokio::test]
async fn the_published_tables_hold_to_the_digit() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    for (user, table) in [
        ("global-user", answers::EVERYWHERE),
        ("french-user", answers::FRANCE),
        ("parisian-user", answers::PARIS),
        ("technical-user", answers::EVERYWHERE),
    ] {
        let mut connection = connect(&up, "retail", user).await;
        answers::expect_cities(&ask_retail(&mut connection).await, table).unwrap();
    }
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so_and_nothing_else() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let url = up.url("retail").unwrap();

    ask_retail(&mut connect(&up, "retail", "outsider").await).await.expect(403).unwrap();
    let wrong = ["parisian-user", "nobody"].map(|user| Credentials::basic(user, "wrong"));
    let mut answers: Vec<(u16, String, serde_json::Value)> = Vec::new();
    for credentials in wrong {
        let mut connection = Connection::to(url, credentials).await.unwrap();
        let reply = ask_retail(&mut connection).await;
        let mut problem = reply.json().unwrap();
        if let Some(problem) = problem.as_object_mut() {
            problem.remove("decisionId");
        }
        answers.push((reply.status.as_u16(), reply.header("www-authenticate").to_owned(), problem));
    }
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0], answers[1], "a wrong password and an unknown user look the same");

    let mut nobody = Connection::to(url, Credentials::None).await.unwrap();
    let challenged = ask_retail(&mut nobody).await.expect(401).unwrap();
    assert!(challenged.header("www-authenticate").starts_with("Basic realm=\"retail\""), "{challenged:?}");
}

#[tokio::test]
async fn a_technical_user_is_told_its_name_and_roles() {
    let run = RunDirectory::new().unwrap();
    let up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let reply = connect(&up, "retail", "technical-user").await.get("/whoami").await.unwrap().expect(200).unwrap();
    assert_eq!(reply.json().unwrap(), json!({"name": "technical-user", "roles": ["ROLE_USER"]}));
}

#[tokio::test]
async fn an_edit_of_a_restriction_reaches_open_connections_within_a_second() {
    let story = Story::begin("retail: paris-only becomes Lyon");
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let mut french = connect(&up, "retail", "french-user").await;
    answers::expect_cities(&ask_retail(&mut parisian).await, answers::PARIS).unwrap();

    up::edit(&directory.join("restrictions.yaml"), "equals: Paris", "equals: Lyon").unwrap();
    let lyon = |reply: &Reply| answers::expect_cities(reply, answers::LYON);
    let latency = parisian.query_until("Sales", &answers::quantity_by_city(), ENFORCED_MAX, lyon).await.unwrap();
    story.measured("enforced after", latency);
    answers::expect_cities(&ask_retail(&mut french).await, answers::FRANCE).unwrap();
}
