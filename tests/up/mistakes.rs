//! Mistakes in manifests while Sessions are served: reported with their place, their holders refused, nobody else.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use cubegate_tests::{
    answers::{self, CityRow},
    http::{Connection, Credentials, Reply},
    limits::ENFORCED_MAX,
    mistakes::{ASKED, Mistake, mistakes},
    process::{self, RunDirectory},
    story::Story,
    tools,
    up::{self, Up},
};

use super::{ANY_PORT, ask_retail, connect};

struct Served {
    directory: PathBuf,
    connections: Vec<(&'static str, &'static [CityRow], Connection)>,
    nobody: Connection,
    up: Up,
    reported: usize,
    _run: RunDirectory,
}

#[tokio::test]
async fn a_mistake_is_reported_with_its_place_and_refuses_its_holders_and_nobody_else_until_it_is_mended() {
    let story = Story::begin("retail: mistakes");
    let mut served = Served::start().await;
    served.expect(None).await;
    for mistake in mistakes() {
        story.step(mistake.name);
        let made = mistake.make(&served.directory).unwrap();
        served.expect(Some(mistake)).await;
        served.reported = served.up.wait_for_report(served.reported, mistake.report).await.unwrap();
        made.mend().unwrap();
        served.expect(None).await;
        let mended: &[&str] = if mistake.report.is_empty() { &[] } else { &["mended"] };
        served.reported = served.up.wait_for_report(served.reported, mended).await.unwrap();
    }
}

#[tokio::test]
async fn a_mistake_is_found_before_it_is_applied() {
    let story = Story::begin("retail: mistakes, checked");
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    assert_eq!(check(&directory).await.0, Some(0));
    for mistake in mistakes() {
        story.step(mistake.name);
        let made = mistake.make(&directory).unwrap();
        let (status, report) = check(&directory).await;
        let expected = if mistake.report.is_empty() { Some(0) } else { Some(1) };
        assert_eq!(status, expected, "{}: {report}", mistake.name);
        assert!(mistake.report.iter().all(|said| report.contains(said)), "{:?} in\n{report}", mistake.report);
        made.mend().unwrap();
    }
}

/// `cubegate check`: exit status, and what it found.
async fn check(directory: &Path) -> (Option<i32>, String) {
    let mut command = tools::mortal(&tools::cubegate("cubegate").unwrap());
    command.arg("check").arg(directory);
    let output = process::output(command).await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

impl Served {
    async fn start() -> Self {
        let run = RunDirectory::new().unwrap();
        let directory = up::copy_example(&run, "retail").unwrap();
        let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
        let mut connections = Vec::new();
        for (user, table) in ASKED {
            connections.push((user, table, connect(&up, "retail", user).await));
        }
        let nobody = Connection::to(up.url("retail").unwrap(), Credentials::None).await.unwrap();
        Self { directory, connections, nobody, up, reported: 0, _run: run }
    }

    /// The refused ones are refused within a second, and the audit log says why; everybody else has their table, all on their first connection. Whoever
    /// brings no credentials never gets in.
    async fn expect(&mut self, mistake: Option<&Mistake>) {
        let refused = mistake.map(|mistake| mistake.refused).unwrap_or_default();
        let (out, inside): (Vec<_>, Vec<_>) =
            self.connections.iter_mut().partition(|(user, ..)| refused.contains(user));
        for (user, table, connection) in out.into_iter().chain(inside) {
            let is_refused = refused.contains(user);
            let decision_id = Cell::new(String::new());
            let accept = |reply: &Reply| {
                if is_refused {
                    reply.expect_refused()?;
                    decision_id.set(reply.decision_id()?);
                    Ok(())
                } else {
                    answers::expect_cities(reply, table)
                }
            };
            let enforced = connection.query_until("Sales", &answers::quantity_by_city(), ENFORCED_MAX, accept).await;
            enforced.unwrap_or_else(|error| panic!("{user}, who should be refused: {is_refused}: {error:#}"));
            if let Some(mistake) = mistake.filter(|_| is_refused) {
                let record = self.up.wait_for_audit(&decision_id.take()).await.unwrap();
                mistake.expect_audited(&record).unwrap();
            }
        }
        ask_retail(&mut self.nobody).await.expect(401).unwrap();
    }
}
