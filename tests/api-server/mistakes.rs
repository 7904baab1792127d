//! Every way to break the policy that the table knows, made with kubectl: rejected with a sentence, or enforced against its
//! holders and said in status. Nobody else notices.

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use cubegate_tests::{
    answers::{self, CityRow},
    http::{Connection, Credentials, Reply},
    limits::{ENFORCED_MAX, PASSWORD_ENFORCED_MAX, STATUS_MAX},
    mistakes::{ASKED, InCluster, Made, Mistake, PARISIAN, Said, mistakes},
    process::RunDirectory,
    story, up,
};

use crate::cluster::{Cluster, NAMESPACE, credentials};

pub(crate) async fn each_is_rejected_or_refuses_its_holders_and_nobody_else(cluster: &Cluster<'_>) {
    cluster.story.step("every mistake of the table");
    let started = Instant::now();
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let mut asked = Asked::connect(cluster).await;
    asked.expect(&[], ENFORCED_MAX).await.unwrap();
    let mut wrong = Vec::new();
    for mistake in mistakes() {
        cluster.story.say(format_args!("     {}", mistake.name));
        if let Err(error) = make_and_mend(cluster, &mut asked, &directory, mistake).await {
            wrong.push(format!("{}: {error:#}", mistake.name));
        }
    }
    cluster.story.measured("all of them took", started.elapsed());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Users, each on a connection that lasts, and somebody without credentials.
struct Asked {
    users: Vec<(&'static str, &'static [CityRow], Connection)>,
    nobody: Connection,
}

async fn make_and_mend(cluster: &Cluster<'_>, asked: &mut Asked, directory: &Path, mistake: &Mistake) -> Result<()> {
    let limit = if mistake.is_about_passwords() { PASSWORD_ENFORCED_MAX } else { ENFORCED_MAX };
    let made = mistake.make(directory)?;
    let outcome = what_comes_of(cluster, asked, mistake, &made, limit).await;
    made.mend()?;
    apply(cluster, &made).await.context("mending it")?;
    asked.expect(&[], limit).await.context("once it is mended")?;
    if let InCluster::Applied(said) | InCluster::Commanded(_, said) = &mistake.in_cluster {
        expect_status(cluster, said, "True").await.context("once it is mended")?;
    }
    outcome
}

async fn what_comes_of(
    cluster: &Cluster<'_>,
    asked: &mut Asked,
    mistake: &Mistake,
    made: &Made,
    limit: Duration,
) -> Result<()> {
    match &mistake.in_cluster {
        InCluster::Rejected(sentences) => {
            let error = apply(cluster, made).await.err().context("it is accepted")?.to_string();
            ensure!(sentences.iter().all(|sentence| error.contains(sentence)), "{sentences:?} should be in: {error}");
            asked.expect(&[], limit).await.map(drop)
        }
        InCluster::Unchanged => {
            apply(cluster, made).await?;
            asked.expect(&[], limit).await.map(drop)
        }
        InCluster::ReadAs(table) => {
            apply(cluster, made).await?;
            asked.expect_of(PARISIAN, table, limit).await
        }
        InCluster::Applied(said) => {
            apply(cluster, made).await?;
            expect_refused(cluster, asked, mistake, limit).await?;
            expect_status(cluster, said, "False").await
        }
        InCluster::Commanded(commands, said) => {
            for command in *commands {
                cluster.kubectl(command).await;
            }
            expect_refused(cluster, asked, mistake, limit).await?;
            expect_status(cluster, said, "False").await
        }
    }
}

/// Those whom the mistake concerns are refused, and the audit log says why.
async fn expect_refused(cluster: &Cluster<'_>, asked: &mut Asked, mistake: &Mistake, limit: Duration) -> Result<()> {
    for decision_id in asked.expect(mistake.refused, limit).await? {
        mistake.expect_audited(&cluster.audit_record(&decision_id).await?)?;
    }
    Ok(())
}

/// Applies the files of a mistake as a user does; what kubectl says, if it fails.
async fn apply(cluster: &Cluster<'_>, made: &Made) -> Result<()> {
    let files: Vec<String> = made.files().map(|file| file.display().to_string()).collect();
    let mut arguments = vec!["-n", NAMESPACE, "apply", "--server-side", "--force-conflicts"];
    arguments.extend(files.iter().flat_map(|file| ["-f", file]));
    let output = cluster.control_plane.try_kubectl(&arguments).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Conditions become False as they are said to be, or True again.
async fn expect_status(cluster: &Cluster<'_>, said: &[Said], status: &str) -> Result<()> {
    let settled = story::eventually("status says so", STATUS_MAX, || async {
        let all = cluster.conditions().await?;
        for expected in said {
            let found = all.get(expected.object).with_context(|| format!("there is no {}", expected.object))?;
            let condition = found.conditions.iter().find(|condition| condition.type_ == expected.condition);
            let condition = condition.with_context(|| format!("{expected:?} is not there"))?;
            ensure!(condition.observed_generation == Some(found.generation), "of an older generation: {condition:?}");
            ensure!(condition.status == status, "{}: {condition:?}", expected.object);
            let is_said = condition.reason == expected.reason
                && expected.named.iter().all(|named| condition.message.contains(named));
            ensure!(status == "True" || is_said, "{expected:?}, but {condition:?}");
        }
        Ok(())
    });
    settled.await.map(drop)
}

impl Asked {
    async fn connect(cluster: &Cluster<'_>) -> Self {
        let mut users = Vec::new();
        for (user, table) in ASKED {
            users.push((user, table, cluster.connect(credentials(user)).await));
        }
        Self { users, nobody: cluster.connect(Credentials::None).await }
    }

    /// The refused ones are refused in time, and everybody else has their table. Whoever brings no credentials never gets in.
    /// The ids of the decisions that refused.
    async fn expect(&mut self, refused: &[&str], limit: Duration) -> Result<Vec<String>> {
        let decision_ids = RefCell::new(Vec::new());
        let query = answers::quantity_by_city();
        let (out, inside): (Vec<_>, Vec<_>) = self.users.iter_mut().partition(|(user, ..)| refused.contains(user));
        for (user, table, connection) in out.into_iter().chain(inside) {
            let is_refused = refused.contains(user);
            let accept = |reply: &Reply| {
                if is_refused {
                    reply.expect_refused()?;
                    decision_ids.borrow_mut().push(reply.decision_id()?);
                    Ok(())
                } else {
                    answers::expect_cities(reply, table)
                }
            };
            let enforced = connection.query_until("Sales", &query, limit, accept).await;
            enforced.with_context(|| format!("{user}, who should be refused: {is_refused}"))?;
        }
        self.nobody.query("Sales", &query).await?.expect_status(401)?;
        Ok(decision_ids.into_inner())
    }

    /// One of them has another table in time, and everybody else their own.
    async fn expect_of(&mut self, one: &str, other: &[CityRow], limit: Duration) -> Result<()> {
        for (user, table, connection) in &mut self.users {
            let table = if *user == one { other } else { *table };
            let accept = |reply: &Reply| answers::expect_cities(reply, table);
            connection.query_until("Sales", &answers::quantity_by_city(), limit, accept).await.context(*user)?;
        }
        Ok(())
    }
}
