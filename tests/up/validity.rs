//! Roles and users that begin and end by themselves: one edit, and nothing more until both have come and gone.

use std::time::{Duration, SystemTime};

use cubegate_api::Moment;
use cubegate_tests::{
    answers,
    http::{Connection, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};

use super::{ANY_PORT, connect};

/// From the edit until the window opens: long enough to see that it is closed.
const OPENS_AFTER: Duration = Duration::from_secs(3);
/// How long it stays open.
const OPEN_FOR: Duration = Duration::from_secs(3);

/// Asks until the answer is accepted, which may take until a moment has come and been noticed.
async fn until(moment: SystemTime, connection: &mut Connection, accept: impl Fn(&Reply) -> anyhow::Result<()>) {
    let limit = moment.duration_since(SystemTime::now()).unwrap_or_default() + ENFORCED_MAX;
    connection.query_until("Sales", &answers::quantity_by_city(), limit, accept).await.unwrap();
}

#[tokio::test]
async fn a_role_and_a_user_begin_and_end_when_their_moments_come_on_connections_that_stay_open() {
    let story = Story::begin("retail: validity");
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let (mut parisian, mut french) =
        (connect(&up, "retail", "parisian-user").await, connect(&up, "retail", "french-user").await);
    let paris = |reply: &Reply| answers::expect_cities(reply, answers::PARIS);
    let france = |reply: &Reply| answers::expect_cities(reply, answers::FRANCE);
    let nothing = |reply: &Reply| answers::expect_cities(reply, &[]);
    let edited = SystemTime::now();
    until(edited, &mut parisian, paris).await;
    until(edited, &mut french, france).await;

    story.step("a role and a user get a window that opens soon");
    let edited = SystemTime::now();
    let (opens, closes) = (edited + OPENS_AFTER, edited + OPENS_AFTER + OPEN_FOR);
    let window = format!("  notBefore: {}\n  notAfter: {}\n", Moment::of(opens), Moment::of(closes));
    let role = "  roleName: ROLE_PARIS\n";
    up::edit(&directory.join("roles.yaml"), role, &format!("{role}{window}")).unwrap();
    let user = "name: french-user\nspec:\n";
    up::edit(&directory.join("users.yaml"), user, &format!("{user}{window}")).unwrap();
    until(edited, &mut parisian, nothing).await;
    until(edited, &mut french, Reply::expect_refused).await;
    assert!(SystemTime::now() < opens, "too slow to see the window closed");

    story.step("it opens");
    until(opens, &mut parisian, paris).await;
    assert!(SystemTime::now() >= opens);
    until(opens, &mut french, france).await;
    assert!(SystemTime::now() < closes, "too slow to see the window open");

    story.step("it closes");
    until(closes, &mut parisian, nothing).await;
    assert!(SystemTime::now() >= closes);
    until(closes, &mut french, Reply::expect_refused).await;
}
