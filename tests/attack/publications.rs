//! Policies that are missing, broken or replaced.

use cubegate_policy::publication::secret_key;
use cubegate_tests::limits::REPORT_MAX;

use crate::{
    door::{Door, mounted},
    policies::{self, PASSWORD, analyst, basic},
};

/// What the log says of a mounted policy that is none.
const REJECTED: [&str; 2] = ["what arrived is not a policy", "failed to read the mounted policy"];

#[tokio::test]
async fn while_there_is_no_policy_nobody_is_served() {
    let mut door = Door::bare().await.unwrap();
    let whole = mounted(1, policies::closed());
    for (name, broken) in [
        ("nothing", Vec::new()),
        ("no key for cookies", whole.iter().filter(|(key, _)| *key != secret_key::COOKIE_KEY).cloned().collect()),
        ("no digest", whole.iter().filter(|(key, _)| *key != secret_key::SHA256).cloned().collect()),
        ("half of the text", changed(&whole, secret_key::SNAPSHOT, |text| text.truncate(text.len() / 2))),
        (
            "another text",
            changed(&whole, secret_key::SNAPSHOT, |text| {
                text.clone_from(&mounted(1, policies::without(policies::closed(), "a"))[1].1);
            }),
        ),
        ("another format", changed(&whole, secret_key::FORMAT, |text| *text = b"2".to_vec())),
        ("no revision", changed(&whole, secret_key::REVISION, Vec::clear)),
    ] {
        // First one that is whole and wrong in its own way, because the log tells once of several in a row with parts missing.
        let wrong = changed(&whole, secret_key::FORMAT, |text| *text = name.as_bytes().to_vec());
        for (directory, parts) in [(format!("before {name}"), &wrong), (name.to_owned(), &broken)] {
            rejected(&mut door, &directory, parts).await;
        }
        let answers = [door.get("/api", &analyst()).await, door.get("/whoami", "").await, door.get("/login", "").await];
        assert!(answers.iter().all(|answer| answer.status == 503), "{name}: {answers:?}");
    }
    assert_eq!(door.recorder.count(), 0);
    door.enforce(2, policies::closed()).await.unwrap();
    assert_eq!(door.get("/api", &analyst()).await.status, 200);
}

#[tokio::test]
async fn what_was_remembered_of_a_caller_is_decided_anew_by_each_policy() {
    let door = Door::with(policies::closed()).await.unwrap();
    let admin = basic("admin", PASSWORD);
    for headers in [&analyst(), &admin] {
        assert_eq!(door.get("/api", headers).await.status, 200, "and the password is remembered");
    }
    door.enforce(2, policies::without(policies::closed(), "analyst")).await.unwrap();
    assert_eq!(door.get("/api", &analyst()).await.status, 401, "at the first request after the change");
    assert_eq!(door.get("/api", &admin).await.status, 200);
    door.mount("older", &mounted(1, policies::closed())).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(door.get("/api", &analyst()).await.status, 401, "an older policy gives nothing back");
    assert_eq!(door.report().await.unwrap()["state"], "Rejected");
}

/// Mounts what is no policy, and waits until the sidecar has looked at it, as it does about once a second.
async fn rejected(door: &mut Door, name: &str, parts: &[(&str, Vec<u8>)]) {
    let count = |log: &str| REJECTED.iter().map(|message| log.matches(message).count()).sum::<usize>();
    let before = count(&door.process.stdout());
    door.mount(name, parts).unwrap();
    let is_rejected = |log: &str| (count(log) > before).then_some(());
    door.process.wait_for_output(REPORT_MAX, is_rejected).await.unwrap();
}

fn changed(
    whole: &[(&'static str, Vec<u8>)],
    key: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> Vec<(&'static str, Vec<u8>)> {
    let mut parts = whole.to_vec();
    let part = parts.iter_mut().find(|(found, _)| *found == key).expect("there is such a key");
    change(&mut part.1);
    parts
}
