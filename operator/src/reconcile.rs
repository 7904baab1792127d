//! One reconcile per Session: `dereference → compile → build → apply → acknowledge → update_status`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use cubegate_api::{Session, condition::Reason};
use cubegate_policy::{
    compile::{Compiled, Problem, ProblemKind, compile},
    snapshot::Kind,
};
use kube::{Client, Resource, ResourceExt};

use crate::{
    acknowledge::{Acknowledger, Ended, PodAnswer},
    apply::{self, Applier},
    build::{Applied, Content, Images, Resources, build},
    dereference::{self, Dereferencer, Found, FoundSession, Members, Subject},
    limits::STATUS_DELAY_MAX,
    metrics::Metrics,
    names::{INSTANCE, SessionKey, content_of},
    publish::Published,
    queue::{Interrupt, Outcome},
    random,
    status::{self, Facts, SessionFacts, conditions::Verdict, history::History},
    update_status::{self, StatusWriter, now, published_policy, told},
    watch::{namespace::Namespace, seen::Seen},
};

/// Why a reconcile failed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that the Session depends on could not be looked up.
    #[error("failed to dereference")]
    Dereference(#[source] dereference::Error),
    /// No random bytes were to be had.
    #[error("failed to draw a cookie key")]
    Random,
    /// A child could not be applied.
    #[error("failed to apply")]
    Apply(#[source] apply::Error),
    /// A status could not be written.
    #[error("failed to update status")]
    UpdateStatus(#[source] update_status::Error),
}

/// Reconciles Sessions.
pub struct Reconciler {
    client: Client,
    namespaces: HashMap<String, Arc<Namespace>>,
    images: Images,
    dereferencer: Dereferencer,
    acknowledger: Acknowledger,
    metrics: Arc<Metrics>,
    memories: Mutex<HashMap<SessionKey, Memory>>,
}

/// What is remembered of a Session from one reconcile to the next. Losing it costs a few questions, nothing else.
#[derive(Debug, Default)]
struct Memory {
    history: History,
    /// When the reconcile began that published the newest policy, until every Ready pod enforces it.
    published_at: Option<Instant>,
    status_put_off_since: Option<Instant>,
}

impl Memory {
    /// Status is being told now.
    fn told(&mut self) -> History {
        self.status_put_off_since = None;
        self.history.clone()
    }
}

impl Reconciler {
    /// Over these namespaces.
    pub fn new(client: Client, namespaces: Vec<Arc<Namespace>>, images: Images, metrics: Arc<Metrics>) -> Self {
        Self {
            dereferencer: Dereferencer::new(client.clone()),
            client,
            namespaces: namespaces.into_iter().map(|namespace| (namespace.name.clone(), namespace)).collect(),
            images,
            acknowledger: Acknowledger::default(),
            metrics,
            memories: Mutex::default(),
        }
    }

    /// Brings about what belongs to a name of a Session, and tells.
    pub async fn reconcile(&self, key: &SessionKey, interrupt: &mut Interrupt) -> Result<Outcome, Error> {
        let Some(namespace) = self.namespaces.get(&key.namespace) else { return Ok(Outcome::Settled) };
        let found = self.dereferencer.dereference(namespace, key).await.map_err(Error::Dereference)?;
        let Found { session, members } = found;
        match session {
            FoundSession::Readable(subject) if subject.seen.meta().deletion_timestamp.is_some() => Ok(Outcome::Settled),
            FoundSession::Readable(subject) => {
                Box::pin(self.session(namespace, key, &subject, &members, interrupt)).await
            }
            FoundSession::Unreadable(session) => self.unreadable(namespace, &session, &members).await,
            FoundSession::Missing(nearest) => self.missing(namespace, key, nearest.as_deref(), &members).await,
        }
    }

    async fn session(
        &self,
        namespace: &Namespace,
        key: &SessionKey,
        subject: &Subject,
        members: &Members,
        interrupt: &mut Interrupt,
    ) -> Result<Outcome, Error> {
        let start = Instant::now();
        let Compiled { snapshot, mut problems } = compile(&subject.objects);
        problems.extend(subject.problems.iter().cloned());
        let fresh_cookie_key = random::bytes().map_err(|_| Error::Random)?;
        let revision = status_revision(subject).unwrap_or_default();
        let published = match subject.previous.publish(revision, snapshot, fresh_cookie_key) {
            Ok(published) => published,
            Err(too_large) => {
                let too_large = Verdict::no(Reason::Invalid, too_large.to_string());
                return self.unusable(namespace, subject, too_large, "the pods keep the policy that they have").await;
            }
        };
        self.with_memory(key, |memory| memory.history.remember(&published.publication));

        let content = Content { published: &published, data_sha256: &subject.data_sha256 };
        let prepared = build(&subject.objects.session, content, workload_is_sound(subject, &problems), &self.images);
        let applied = match self.applier(namespace).apply(prepared, &subject.previous).await {
            Ok(applied) => applied,
            Err(error) => return self.unapplied(namespace, subject, error).await,
        };
        if subject.previous.id() != Some(published.publication.id()) {
            self.observe_stage("published", start);
            self.with_memory(key, |memory| memory.published_at = Some(start));
        }

        let wanted = published.publication.id();
        let pods = || namespace.pods.all(|pod| pod.labels().get(INSTANCE) == Some(&key.name));
        let (ended, answers) = self.acknowledger.acknowledge(pods, wanted, interrupt).await;
        if ended == Ended::Interrupted && self.may_put_off_status(key) {
            return Ok(Outcome::Settled);
        }
        if ended == Ended::Complete
            && answers.iter().any(|pod| pod.ready)
            && let Some(start) = self.with_memory(key, |memory| memory.published_at.take())
        {
            self.observe_stage("enforced", start);
        }

        self.update_status(
            namespace,
            key,
            subject,
            members,
            &Outcomes { problems, published, applied, answers: &answers },
        )
        .await?;
        let waiting = answers.iter().any(|pod| !pod.ready);
        Ok(if ended == Ended::Incomplete || waiting { Outcome::Again } else { Outcome::Settled })
    }

    async fn update_status(
        &self,
        namespace: &Namespace,
        key: &SessionKey,
        subject: &Subject,
        members: &Members,
        outcomes: &Outcomes<'_>,
    ) -> Result<(), Error> {
        let Outcomes { problems, published, applied, answers } = outcomes;
        let (history, now) = (self.with_memory(key, Memory::told), now());
        let facts = Facts { problems, pods: answers, history: &history, now: &now };
        let session = &subject.objects.session;
        let content = applied.pod_annotations().and_then(content_of);
        let hindrance = hindrance(namespace, &key.name);
        let session_facts = SessionFacts {
            policy: published.publication.id(),
            content: content.as_deref(),
            replicas: session.spec.replicas,
            open: session.spec.authentication.is_none(),
            hindrance: hindrance.as_deref(),
        };
        let writer = self.status_writer(namespace);
        let session_status = status::of_session(&told(&subject.seen), &facts, &session_facts);
        let told_session = writer.session(&subject.seen, &session_status).await;
        let told_members = writer.members(members, &|object, _| status::of_member(object, &facts)).await;
        told_session.and(told_members).map_err(Error::UpdateStatus)
    }

    /// Objects that name a Session which does not exist.
    async fn missing(
        &self,
        namespace: &Namespace,
        key: &SessionKey,
        nearest: Option<&str>,
        members: &Members,
    ) -> Result<Outcome, Error> {
        self.memories().remove(key);
        let now = now();
        let tell = update_status::orphans(&key.name, nearest, &now);
        self.status_writer(namespace).members(members, &tell).await.map_err(Error::UpdateStatus)?;
        Ok(Outcome::Settled)
    }

    /// A Session that cannot be read: what it has keeps running.
    async fn unreadable(
        &self,
        namespace: &Namespace,
        session: &Seen<Session>,
        members: &Members,
    ) -> Result<Outcome, Error> {
        let now = now();
        let accepted = Verdict::no(Reason::Invalid, session.error().unwrap_or_default());
        let programmed =
            Verdict::no(Reason::Invalid, "the pods keep the model and the policy that they have; see Accepted");
        let status = status::of_unusable_session(&told(session), accepted, programmed, published_policy(session), &now);
        let writer = self.status_writer(namespace);
        let told_session = writer.session(session, &status).await;
        let name = session.session_name();
        let tell = |object: &_, unreadable: Option<&str>| status::of_stranded(object, unreadable, name, &now);
        let told_members = writer.members(members, &tell).await;
        told_session.and(told_members).map_err(Error::UpdateStatus)?;
        Ok(Outcome::Settled)
    }

    async fn unusable(
        &self,
        namespace: &Namespace,
        subject: &Subject,
        accepted: Verdict,
        programmed: &str,
    ) -> Result<Outcome, Error> {
        let programmed = Verdict::no(Reason::Pending, programmed);
        let policy = published_policy(&subject.seen);
        let status = status::of_unusable_session(&told(&subject.seen), accepted, programmed, policy, &now());
        self.status_writer(namespace).session(&subject.seen, &status).await.map_err(Error::UpdateStatus)?;
        Ok(Outcome::Again)
    }

    async fn unapplied(&self, namespace: &Namespace, subject: &Subject, error: apply::Error) -> Result<Outcome, Error> {
        if apply::is_conflict(&error) {
            return Ok(Outcome::Again);
        }
        tracing::warn!(session = %subject.seen.name_any(), error = %chain(&error), "failed to apply");
        let (accepted, programmed) = match &error {
            apply::Error::Taken { .. } => (
                Verdict::no(Reason::Conflict, error.to_string()),
                "not everything could be applied; see Accepted".into(),
            ),
            apply::Error::Api { .. } => (
                Verdict::yes(Reason::Valid, "the Session is valid"),
                format!("failed to {}; trying again", chain(&error)),
            ),
        };
        self.unusable(namespace, subject, accepted, &programmed).await
    }

    /// Newer changes go first, but status is never put off for long.
    fn may_put_off_status(&self, key: &SessionKey) -> bool {
        self.with_memory(key, |memory| {
            memory.status_put_off_since.get_or_insert_with(Instant::now).elapsed() < STATUS_DELAY_MAX
        })
    }

    fn observe_stage(&self, stage: &str, start: Instant) {
        self.metrics.propagation_seconds.with_label_values(&[stage]).observe(start.elapsed().as_secs_f64());
    }

    fn applier<'a>(&'a self, namespace: &'a Namespace) -> Applier<'a> {
        Applier {
            client: &self.client,
            children: &namespace.children,
            secrets: &namespace.secrets,
            namespace: &namespace.name,
            metrics: &self.metrics,
        }
    }

    fn status_writer<'a>(&'a self, namespace: &'a Namespace) -> StatusWriter<'a> {
        StatusWriter { client: &self.client, namespace, metrics: &self.metrics }
    }

    fn with_memory<T>(&self, key: &SessionKey, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(self.memories().entry(key.clone()).or_default())
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<SessionKey, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the steps before `update_status` came to.
struct Outcomes<'a> {
    problems: Vec<Problem>,
    published: Published,
    applied: Resources<Applied>,
    answers: &'a [PodAnswer],
}

fn status_revision(subject: &Subject) -> Option<u64> {
    published_policy(&subject.seen).and_then(|policy| u64::try_from(policy.revision).ok())
}

/// A Session that is not valid, or whose data is not there, keeps the pods that it has as they are.
fn workload_is_sound(subject: &Subject, problems: &[Problem]) -> bool {
    let invalid = |problem: &Problem| problem.object.kind == Kind::Session && problem.kind == ProblemKind::Invalid;
    subject.problems.is_empty() && !problems.iter().any(invalid)
}

/// Why the API server lets no pods be made: a quota, an admission policy.
fn hindrance(namespace: &Namespace, session: &str) -> Option<String> {
    let deployment = namespace.children.deployments.get(session)?;
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True")?.message.clone()
}

/// An error and its causes as one sentence.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
