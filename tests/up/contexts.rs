//! Context values of roles, through the door: limits, authority, grants of measures; and that an edit of them is enforced.

use cubegate_tests::{
    answers,
    http::{Connection, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{ANY_PORT, connect};

/// A role of everybody in the retail example, beside the roles that they have.
const DESK: &str = "
---
apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: desk}
spec:
  sessionRef: {name: retail}
  roleName: ROLE_DESK
  users: [global-user]
  priority: 5
  ";

/// The retail example with a desk, and what becomes of it.
struct Desk {
    run: RunDirectory,
    up: Up,
    roles: std::path::PathBuf,
}

impl Desk {
    async fn that_says(said: &str) -> Self {
        let run = RunDirectory::new().unwrap();
        let directory = up::copy_example(&run, "retail").unwrap();
        let roles = directory.join("roles.yaml");
        let text = std::fs::read_to_string(&roles).unwrap();
        up::replace(&roles, format!("{text}{DESK}{said}\n").as_bytes()).unwrap();
        let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
        Self { run, up, roles }
    }

    async fn member(&self) -> Connection {
        assert!(self.run.path().exists());
        connect(&self.up, "retail", "global-user").await
    }
}

fn by_city(context: &Value) -> Value {
    json!({"measures": ["Quantity.SUM"], "levels": ["City"], "context": context})
}

async fn status(connection: &mut Connection, query: &Value) -> u16 {
    connection.query("Sales", query).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn a_limit_of_13_takes_13_cities_and_one_of_12_is_enforced_within_a_second_of_its_edit() {
    let desk = Desk::that_says("context: {resultLimit: {intermediate: 13}}").await;
    let mut member = desk.member().await;
    let mut technical = connect(&desk.up, "retail", "technical-user").await;
    assert_eq!(status(&mut member, &by_city(&json!({}))).await, 200);
    up::edit(&desk.roles, "intermediate: 13", "intermediate: 12").unwrap();
    let refused = |reply: &Reply| {
        reply.expect_status(422)?;
        assert!(reply.text().contains("result-limit-exceeded") && !reply.text().contains("Paris"), "{reply:?}");
        Ok(())
    };
    member.query_until("Sales", &by_city(&json!({})), ENFORCED_MAX, refused).await.unwrap();
    let looser = by_city(&json!({"resultLimit": {"intermediate": 100}}));
    assert_eq!(status(&mut member, &looser).await, 422, "a query cannot loosen a limit");
    assert_eq!(status(&mut technical, &looser).await, 200, "nobody else is limited");
}

#[tokio::test]
async fn a_query_asks_for_less_time_and_never_gets_more() {
    let desk = Desk::that_says("context: {queryTimeLimit: 0ms}").await;
    let mut member = desk.member().await;
    let reply = member.query("Sales", &by_city(&json!({"queryTimeLimit": "60s"}))).await.unwrap();
    assert!(reply.status == 504 && reply.text().contains("query-timeout"), "{reply:?}");
    let mut technical = connect(&desk.up, "retail", "technical-user").await;
    assert_eq!(status(&mut technical, &by_city(&json!({"queryTimeLimit": "60s"}))).await, 200);
    assert_eq!(status(&mut technical, &by_city(&json!({"queryTimeLimit": "0ms"}))).await, 504);
}

#[tokio::test]
async fn a_measure_that_is_not_granted_is_as_unknown_as_one_that_never_existed() {
    let desk = Desk::that_says("grantMeasures: [Quantity.SUM]").await;
    let mut member = desk.member().await;
    answers::expect_cities(&member.query("Sales", &answers::quantity_by_city()).await.unwrap(), answers::EVERYWHERE)
        .unwrap();
    let mut unknown = async |measure: &str| {
        let reply = member.query("Sales", &json!({"measures": [measure]})).await.unwrap();
        assert_eq!(reply.status, 422, "{reply:?}");
        let mut problem = reply.json().unwrap();
        problem.as_object_mut().unwrap().remove("decisionId");
        problem.to_string().replace(measure, "it")
    };
    assert_eq!(unknown("Quantity.MEAN").await, unknown("Quantity.LEAN").await);
    for path in ["/api/v1/cubes", "/api/v1/schema", "/api/v1/tables"] {
        let told = desk.member().await.get(path).await.unwrap().expect(200).unwrap().text();
        assert!(told.contains("Quantity") && !told.contains("Unit price"), "{path}: {told}");
    }
}
