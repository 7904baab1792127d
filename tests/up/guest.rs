//! Guests: callers without credentials, on a Session that admits them.

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

const GUEST: &str = "apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: guest}
spec: {sessionRef: {name: retail}, roleName: ROLE_GUEST, inherits: [ROLE_USER], restrictions: [france-only]}
";

#[tokio::test]
async fn guests_see_what_their_roles_show_and_are_asked_who_they_are_when_there_are_none() {
    let story = Story::begin("retail: guests");
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let mut guest = Connection::to(up.url("retail").unwrap(), Credentials::None).await.unwrap();
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    ask_retail(&mut guest).await.expect(401).unwrap();

    story.step("the Session admits guests, on a connection that is open");
    std::fs::write(directory.join("guest.yaml"), GUEST).unwrap();
    let session = directory.join("session.yaml");
    up::edit(&session, "  authentication:\n", "  authentication:\n    guestRoles: [ROLE_GUEST]\n").unwrap();
    let france = |reply: &Reply| answers::expect_cities(reply, answers::FRANCE);
    guest.query_until("Sales", &answers::quantity_by_city(), ENFORCED_MAX, france).await.unwrap();
    let who = guest.get("/whoami").await.unwrap().expect(200).unwrap().json().unwrap();
    assert_eq!(who, json!({"name": "guest", "roles": ["ROLE_GUEST", "ROLE_USER"]}));
    answers::expect_cities(&ask_retail(&mut parisian).await, answers::PARIS).unwrap();

    story.step("wrong credentials make nobody a guest");
    let wrong = Credentials::basic("parisian-user", "wrong");
    let mut wrong = Connection::to(up.url("retail").unwrap(), wrong).await.unwrap();
    ask_retail(&mut wrong).await.expect(401).unwrap();

    story.step("guests who would have a role that there is not are asked for credentials, and nobody else notices");
    up::edit(&session, "guestRoles: [ROLE_GUEST]", "guestRoles: [ROLE_GUEST, ROLE_GUESTS]").unwrap();
    let query = answers::quantity_by_city();
    guest.query_until("Sales", &query, ENFORCED_MAX, |reply| reply.expect_status(401)).await.unwrap();
    answers::expect_cities(&ask_retail(&mut parisian).await, answers::PARIS).unwrap();
}
