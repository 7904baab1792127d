//! What administrators ask about others: why somebody sees what they see, and who sees a member.
//!
//! ```text
//! ?user=…            ──policy──▶ rights, and why ──engine──▶ facts
//! ?cube=…&member=…   ──policy──▶ everybody      ──engine──▶ facts of the member
//! ```
//!
//! The policy is the one that decides on requests, and so is the code. To callers who are no administrators these paths do not
//! exist: the engine answers them as any path that it does not have, so that nobody learns who may ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use cubegate_api::Moment;
use cubegate_policy::{
    attributes::Attributes,
    explain::{self, Explanation, Member, WhoSees, viewers},
    publication::{CountMember, ExplainCubes, MemberCounts},
    resolve::{Caller, resolve},
    rights::Rights,
};
use http::StatusCode;

use crate::{
    answer::{Answer, Refusal, json_answer},
    engine::{Engine, EngineError, chain},
    pipeline::only_get,
    screen::Screened,
    standing::Policy,
};

/// `GET /api/v1/access/explain?user=NAME[&providerRole=ROLE…][&cube=CUBE]`
pub(crate) async fn explain<B>(request: &Screened<B>, policy: &Policy, engine: &Engine) -> Result<Answer, Refusal> {
    only_get(request)?;
    let mut parameters = Parameters::read(request, &["user", "providerRole", "cube"])?;
    let (user, cube) = (parameters.one("user")?, parameters.optional("cube")?);
    let provider_roles: BTreeSet<String> = parameters.all("providerRole").into_iter().collect();
    let snapshot = policy.snapshot();
    let caller = Caller::named(&snapshot.door, &user, &provider_roles, Attributes::none());
    let now = Moment::of(SystemTime::now());
    let cubes = match resolve(&snapshot.door, &caller, now) {
        Err(_) => Vec::new(),
        Ok(resolved) => {
            let asked = ExplainCubes { revision: policy.id().revision, rights: resolved.rights, cube };
            engine.explain(&asked).await.map_err(|error| failed(&error))?
        }
    };
    let session = snapshot.session.clone();
    Ok(json_answer(&Explanation { session, caller: explain::caller(snapshot, &caller, now, &[]), cubes }))
}

/// `GET /api/v1/access/who-sees?cube=CUBE&level=LEVEL&member=MEMBER`
pub(crate) async fn who_sees<B>(request: &Screened<B>, policy: &Policy, engine: &Engine) -> Result<Answer, Refusal> {
    only_get(request)?;
    let mut parameters = Parameters::read(request, &["cube", "level", "member"])?;
    let member =
        Member { cube: parameters.one("cube")?, level: parameters.one("level")?, member: parameters.one("member")? };
    let snapshot = policy.snapshot();
    let viewers = viewers(&snapshot.door, Moment::of(SystemTime::now()));
    // Who has the same rights sees the same, and is not counted again.
    let rights: BTreeSet<Rights> = viewers.iter().filter_map(|viewer| viewer.rights.clone().ok()).collect();
    let asked = CountMember {
        revision: policy.id().revision,
        member: member.clone(),
        rights: rights.iter().cloned().collect(),
    };
    let MemberCounts { facts, visible } = engine.count_member(&asked).await.map_err(|error| failed(&error))?;
    let counted: BTreeMap<Rights, u64> = rights.into_iter().zip(visible).collect();
    Ok(json_answer(&WhoSees::new(snapshot, member, facts, viewers, &counted)))
}

/// The parameters of a query, by name.
struct Parameters(BTreeMap<String, Vec<String>>);

impl Parameters {
    /// An unknown parameter is an error: whoever misspells `providerRole` would be told of somebody else.
    fn read<B>(request: &Screened<B>, known: &[&str]) -> Result<Self, Refusal> {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(request.target.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(malformed());
            }
            parameters.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(Self(parameters))
    }

    fn all(&mut self, name: &str) -> Vec<String> {
        self.0.remove(name).unwrap_or_default()
    }

    fn optional(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let mut values = self.all(name);
        match (values.pop(), values.is_empty()) {
            (value, true) => Ok(value),
            (_, false) => Err(malformed()),
        }
    }

    fn one(&mut self, name: &str) -> Result<String, Refusal> {
        self.optional(name)?.ok_or_else(malformed)
    }
}

fn malformed() -> Refusal {
    let detail = "explain takes user, providerRole (any number) and cube; who-sees takes cube, level and member";
    Refusal::new(StatusCode::BAD_REQUEST, "malformed-parameters", "The parameters are not understood", detail)
}

fn failed(error: &EngineError) -> Refusal {
    let reason = chain(error);
    let refusal = match error {
        EngineError::Status(StatusCode::UNPROCESSABLE_ENTITY) => Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-query",
            "The question cannot be answered",
            "there is no such cube or level; GET /api/v1/cubes names them",
        ),
        EngineError::Timeout => Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            "engine-timeout",
            "The engine has not answered in time",
            "ask `cubegate who-sees`, which may take its time",
        ),
        _ => Refusal::unavailable("engine-unavailable", "The engine does not answer"),
    };
    refusal.because(reason)
}
