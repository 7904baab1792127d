//! What the operator says of the four kinds. Pure.
//!
//! ```text
//! problems ──▶ Accepted, ResolvedRefs ─┐
//! pods' answers ──▶ enforced by all? ──┴──▶ Programmed        (and Ready, Open of a Session)
//! ```
//!
//! Messages of objects that are in order do not count pods or name revisions: a change of one object must not
//! rewrite the status of all the others.

pub mod conditions;
pub mod history;

use cubegate_api::condition::{ConditionType, ObjectStatus, PublishedPolicy, Reason, SessionStatus};
use cubegate_policy::{
    compile::{Problem, ProblemKind},
    publication::{ModelState, PolicyState, PublicationId},
    snapshot::{ObjectName, Source},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use self::{
    conditions::{Verdict, conditions},
    history::History,
};
use crate::acknowledge::PodAnswer;

/// Problems that a message lists before it only counts.
const PROBLEMS_LISTED_MAX: usize = 16;
/// Pods that a message names before it only counts.
const PODS_NAMED_MAX: usize = 3;

/// An object whose status is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Kind, name, uid and generation.
    pub source: Source,
    /// The conditions that it carries.
    pub carried: Vec<Condition>,
}

/// What is known of a Session.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Everything that is wrong.
    pub problems: &'a [Problem],
    /// What each pod said.
    pub pods: &'a [PodAnswer],
    /// What publications were made of.
    pub history: &'a History,
    /// The clock.
    pub now: &'a Time,
}

/// What is known only of the Session itself.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts<'a> {
    /// The policy that was published last.
    pub policy: &'a PublicationId,
    /// The model and the data that pods must run; nothing when they keep what they run.
    pub content: Option<&'a str>,
    /// Number of pods that are wanted.
    pub replicas: i32,
    /// Whether callers need not prove who they are.
    pub open: bool,
    /// Why the API server lets no pods be made, if it does not.
    pub hindrance: Option<&'a str>,
}

/// Status of a Role, Restriction or TechnicalUser.
pub fn of_member(object: &Told, facts: &Facts<'_>) -> ObjectStatus {
    let verdicts = [
        (ConditionType::Accepted, accepted(object, facts.problems)),
        (ConditionType::ResolvedRefs, resolved(object, facts.problems)),
        (ConditionType::Programmed, programmed(object, facts)),
    ];
    object_status(object, verdicts, facts.now)
}

/// Status of a Session.
pub fn of_session(object: &Told, facts: &Facts<'_>, session: &SessionFacts<'_>) -> SessionStatus {
    let mut verdicts = vec![
        (ConditionType::Accepted, accepted(object, facts.problems)),
        (ConditionType::ResolvedRefs, resolved(object, facts.problems)),
        (ConditionType::Programmed, session_programmed(object, facts, session)),
        (ConditionType::Ready, ready(facts.pods, session)),
    ];
    verdicts.extend(session.open.then(|| (ConditionType::Open, open())));
    let generation = object.source.generation;
    SessionStatus {
        observed_generation: Some(generation),
        conditions: conditions(verdicts, generation, &object.carried, facts.now),
        policy: Some(PublishedPolicy {
            revision: i64::try_from(session.policy.revision).unwrap_or(i64::MAX),
            sha256: session.policy.sha256.clone(),
        }),
    }
}

/// Status of a Session that could not be brought about: what was published before still stands.
pub fn of_unusable_session(
    object: &Told,
    accepted: Verdict,
    programmed: Verdict,
    policy: Option<PublishedPolicy>,
    now: &Time,
) -> SessionStatus {
    let generation = object.source.generation;
    let verdicts = [(ConditionType::Accepted, accepted), (ConditionType::Programmed, programmed)];
    SessionStatus {
        observed_generation: Some(generation),
        conditions: conditions(verdicts, generation, &object.carried, now),
        policy,
    }
}

/// Status of an object whose Session is not there or cannot be read.
pub fn of_orphan(
    object: &Told,
    unreadable: Option<&str>,
    session: &str,
    nearest: Option<&str>,
    now: &Time,
) -> ObjectStatus {
    let accepted = match unreadable {
        Some(error) => Verdict::no(Reason::Invalid, error),
        None => valid(object),
    };
    let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    let missing = format!("spec.sessionRef.name: there is no Session `{session}` in this namespace{hint}");
    let verdicts = [
        (ConditionType::Accepted, accepted),
        (ConditionType::ResolvedRefs, Verdict::no(Reason::Unresolved, missing)),
        (ConditionType::Programmed, Verdict::no(Reason::NoReadyPods, "no Session enforces this; see ResolvedRefs")),
    ];
    object_status(object, verdicts, now)
}

/// Status of an object whose Session is there and cannot be used.
pub fn of_stranded(object: &Told, unreadable: Option<&str>, session: &str, now: &Time) -> ObjectStatus {
    let accepted = match unreadable {
        Some(error) => Verdict::no(Reason::Invalid, error),
        None => valid(object),
    };
    let reason = format!("spec.sessionRef.name: the Session `{session}` is not usable; see its conditions");
    let kept = "the pods of the Session keep the policy that they have until the Session is repaired";
    let verdicts = [
        (ConditionType::Accepted, accepted),
        (ConditionType::ResolvedRefs, Verdict::no(Reason::Unresolved, reason)),
        (ConditionType::Programmed, Verdict::no(Reason::Pending, kept)),
    ];
    object_status(object, verdicts, now)
}

fn object_status<const N: usize>(object: &Told, verdicts: [(ConditionType, Verdict); N], now: &Time) -> ObjectStatus {
    let generation = object.source.generation;
    ObjectStatus {
        observed_generation: Some(generation),
        conditions: conditions(verdicts, generation, &object.carried, now),
    }
}

fn accepted(object: &Told, problems: &[Problem]) -> Verdict {
    let problems: Vec<_> = of(object, problems).filter(|problem| problem.kind != ProblemKind::Unresolved).collect();
    if problems.is_empty() {
        return valid(object);
    }
    let invalid = problems.iter().any(|problem| problem.kind == ProblemKind::Invalid);
    Verdict::no(if invalid { Reason::Invalid } else { Reason::Conflict }, listed(&problems))
}

fn valid(object: &Told) -> Verdict {
    Verdict::yes(Reason::Valid, format!("the {} is valid", object.source.object.kind))
}

fn resolved(object: &Told, problems: &[Problem]) -> Verdict {
    let problems: Vec<_> = of(object, problems).filter(|problem| problem.kind == ProblemKind::Unresolved).collect();
    if problems.is_empty() {
        return Verdict::yes(Reason::Resolved, "everything that it refers to exists");
    }
    Verdict::no(Reason::Unresolved, listed(&problems))
}

fn programmed(object: &Told, facts: &Facts<'_>) -> Verdict {
    match enforcement(object, facts) {
        Enforcement::NoReadyPods => {
            Verdict::no(Reason::NoReadyPods, "the Session has no Ready pod; see its condition Ready")
        }
        Enforcement::Lagging(message) => Verdict::no(Reason::Pending, message),
        Enforcement::Everywhere if of(object, facts.problems).next().is_some() => {
            Verdict::no(Reason::Refused, refusal(object))
        }
        Enforcement::Everywhere => match unbound(object, facts.pods) {
            Some(message) => Verdict::no(Reason::Unbound, message),
            None => Verdict::yes(Reason::Enforced, "every Ready pod enforces this generation"),
        },
    }
}

fn session_programmed(object: &Told, facts: &Facts<'_>, session: &SessionFacts<'_>) -> Verdict {
    let verdict = programmed(object, facts);
    let earlier: Vec<_> = facts.pods.iter().filter(|pod| pod.ready && runs_something_earlier(pod, session)).collect();
    match verdict.reason {
        Reason::NoReadyPods => Verdict::no(Reason::NoReadyPods, "no pod is Ready; see Ready"),
        Reason::Refused | Reason::Enforced if session.content.is_none() => kept(object, facts.problems),
        Reason::Enforced if !earlier.is_empty() => {
            let why = facts.pods.iter().filter(|pod| !pod.ready).find_map(why_not_ready);
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            Verdict::no(
                Reason::Pending,
                format!("an earlier model or earlier data still runs in {}{why}", named(&earlier)),
            )
        }
        _ => verdict,
    }
}

/// The model or the data is not usable, so that nothing was rolled.
fn kept(object: &Told, problems: &[Problem]) -> Verdict {
    let (reason, see) = if accepted(object, problems).holds {
        (Reason::Unresolved, "its data is not there; see ResolvedRefs")
    } else {
        (Reason::Invalid, "this one is not valid; see Accepted")
    };
    Verdict::no(reason, format!("the pods keep the model that they run, because {see}"))
}

/// A pod that does not say what it runs proves nothing.
fn runs_something_earlier(pod: &PodAnswer, session: &SessionFacts<'_>) -> bool {
    session.content.is_some_and(|wanted| pod.content.as_deref() != Some(wanted))
}

fn refusal(object: &Told) -> String {
    use cubegate_policy::snapshot::Kind;
    let whom = match object.source.object.kind {
        Kind::Session => "callers whom this concerns",
        Kind::Role => "the holders of this role",
        Kind::Restriction => "the holders of the roles that name this restriction",
        Kind::TechnicalUser => "this user",
    };
    format!("every Ready pod refuses {whom}; see Accepted and ResolvedRefs for what to repair")
}

/// How far an object has come.
enum Enforcement {
    NoReadyPods,
    Lagging(String),
    Everywhere,
}

fn enforcement(object: &Told, facts: &Facts<'_>) -> Enforcement {
    let ready: Vec<_> = facts.pods.iter().filter(|pod| pod.ready).collect();
    if ready.is_empty() {
        return Enforcement::NoReadyPods;
    }
    let enforces = |pod: &PodAnswer| pod.policy().is_some_and(|policy| facts.history.contains(policy, &object.source));
    let lagging: Vec<_> = ready.iter().copied().filter(|pod| !enforces(pod)).collect();
    if lagging.is_empty() {
        return Enforcement::Everywhere;
    }
    let done = ready.len() - lagging.len();
    let first = lagging.first().map(|pod| format!("; {}", what_it_said(pod))).unwrap_or_default();
    let waiting = named(&lagging);
    Enforcement::Lagging(format!(
        "{done} of {} Ready pods enforce this generation; waiting for {waiting}{first}",
        ready.len()
    ))
}

/// What the engines cannot apply of an object.
fn unbound(object: &Told, pods: &[PodAnswer]) -> Option<String> {
    let reports = pods.iter().filter(|pod| pod.ready).filter_map(|pod| pod.report.as_ref().ok()?.engine.as_ref());
    let problems = reports.flat_map(|engine| &engine.problems).filter(|problem| problem.object == object.source.object);
    let mut messages: Vec<_> = problems
        .map(|problem| match &problem.cube {
            Some(cube) => format!("cube `{cube}`: {}", problem.message),
            None => problem.message.clone(),
        })
        .collect();
    messages.sort();
    messages.dedup();
    (!messages.is_empty()).then(|| format!("the engine refuses whom this concerns: {}", messages.join("; ")))
}

fn ready(pods: &[PodAnswer], session: &SessionFacts<'_>) -> Verdict {
    let ready = pods.iter().filter(|pod| pod.ready).count();
    let wanted = session.replicas;
    if ready > 0 {
        return Verdict::yes(Reason::Serving, format!("{ready} of {wanted} pods are Ready"));
    }
    if wanted == 0 {
        return Verdict::no(Reason::Starting, "spec.replicas is 0: no pod is wanted");
    }
    let why = session.hindrance.map(ToOwned::to_owned).or_else(|| pods.iter().find_map(why_not_ready));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Verdict::no(Reason::Starting, format!("0 of {wanted} pods are Ready{why}"))
}

/// The deepest cause that a pod which is not Ready gives.
fn why_not_ready(pod: &PodAnswer) -> Option<String> {
    if let Some(trouble) = &pod.trouble {
        return Some(format!("pod {}: {trouble}", pod.name));
    }
    match &pod.report.as_ref().ok()?.engine {
        Some(engine) => match &engine.model {
            ModelState::Failed(reasons) => {
                Some(format!("pod {}: the tables cannot be loaded: {}", pod.name, reasons.join("; ")))
            }
            ModelState::Loading => Some(format!("pod {}: tables are being read", pod.name)),
            ModelState::Loaded => None,
        },
        None => Some(format!("pod {}: the engine has not been reached", pod.name)),
    }
}

fn open() -> Verdict {
    let message =
        "no authentication is configured: whoever reaches the Session is an administrator; set spec.authentication";
    Verdict::yes(Reason::NoAuthentication, message)
}

fn of<'a>(object: &'a Told, problems: &'a [Problem]) -> impl Iterator<Item = &'a Problem> {
    let name: &ObjectName = &object.source.object;
    problems.iter().filter(move |problem| problem.object == *name)
}

fn listed(problems: &[&Problem]) -> String {
    let mut lines: Vec<_> = problems
        .iter()
        .take(PROBLEMS_LISTED_MAX)
        .map(
            |Problem { object: _, field, kind: _, message }| {
                if field.is_empty() { message.clone() } else { format!("{field}: {message}") }
            },
        )
        .collect();
    if problems.len() > PROBLEMS_LISTED_MAX {
        lines.push(format!("and {} more", problems.len() - PROBLEMS_LISTED_MAX));
    }
    lines.join("; ")
}

fn named(pods: &[&PodAnswer]) -> String {
    let mut names: Vec<_> = pods.iter().take(PODS_NAMED_MAX).map(|pod| pod.name.clone()).collect();
    if pods.len() > PODS_NAMED_MAX {
        names.push(format!("{} more", pods.len() - PODS_NAMED_MAX));
    }
    names.join(", ")
}

fn what_it_said(pod: &PodAnswer) -> String {
    match &pod.report {
        Err(reason) => format!("{}: {reason}", pod.name),
        Ok(report) => match (&report.policy, report.state) {
            (Some(policy), PolicyState::Current) => format!("{} enforces revision {}", pod.name, policy.revision),
            (Some(policy), state) => format!("{} is {state:?} with revision {}", pod.name, policy.revision),
            (None, state) => format!("{} is {state:?}", pod.name),
        },
    }
}

#[cfg(test)]
mod tests;
