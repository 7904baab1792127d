//! What happens to a request, in order.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use cubegate_api::Moment;
use cubegate_policy::snapshot::Authentication;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, SET_COOKIE},
};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::{
    access,
    answer::{Answer, Refusal, json_answer, typed},
    authenticate::{Authenticated, Ended, Identity, PasswordCheck, authenticate},
    challenge,
    cors::{self, Reader},
    engine::{Engine, Forwarded, chain},
    limits::AUTHENTICATIONS_MAX,
    linger::Lingering,
    metrics::Metrics,
    oidc::{self, Logins, LogoutTokens},
    page,
    permit::{DecideError, Permit, decide, refused},
    screen::{Screened, screen},
    standing::{Policy, Standing},
    target::Route,
    trace::{REQUEST_ID, Trace},
    transport::{Peer, Tls},
};

/// Everything that answering a request takes. A clone shares all of it.
#[derive(Clone)]
pub(crate) struct Pipeline {
    pub(crate) standing: Arc<Standing>,
    pub(crate) engine: Engine,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) passwords: Arc<PasswordCheck>,
    pub(crate) logins: Arc<Logins>,
    pub(crate) logout_tokens: Arc<LogoutTokens>,
    /// Sessions that have ended before their cookies have.
    pub(crate) ended: Arc<Ended>,
    /// Rung when the engine says that it lacks the policy.
    pub(crate) policy_missing: Arc<Notify>,
    pub(crate) tls: Tls,
}

/// What the log says of a request, as far as it got.
#[derive(Default)]
struct Record {
    method: Method,
    path: String,
    route: Option<Route>,
    revision: Option<u64>,
    user: Option<String>,
    way: Option<&'static str>,
    wants_page: bool,
    reader: Reader,
}

// === impl Pipeline ===

impl Pipeline {
    /// Answers a request from outside.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        let started = Instant::now();
        let trace = Trace::read(request.headers());
        let mut record = Record { method: request.method().clone(), ..Record::default() };
        let (request, ending) = Lingering::wrap(request);
        let outcome = self.serve(request, peer, &trace, &mut record).await;
        let refusal = outcome.as_ref().err().map(|refusal| (refusal.slug, refusal.log.clone()));
        let mut answer = outcome.unwrap_or_else(|refusal| {
            if record.wants_page {
                page::refused(refusal, &trace.decision_id)
            } else {
                refusal.into_answer(&trace.decision_id)
            }
        });
        answer.headers_mut().insert(REQUEST_ID, trace.request_id.clone());
        record.reader.tell(answer.headers_mut());
        if !ending.is_known() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.note(&record, peer, &trace, answer.status(), started.elapsed(), refusal);
        answer
    }

    /// The specification: screen, authenticate, decide, serve.
    async fn serve(
        &self,
        request: Request<Lingering>,
        peer: Peer,
        trace: &Trace,
        record: &mut Record,
    ) -> Result<Answer, Refusal> {
        let mut request = screen(request)?;
        let route = request.target.route();
        record.target(&request, &route);
        if route == Route::Internal {
            return Err(Refusal::not_found());
        }
        let policy = self.standing.policy()?;
        record.revision = Some(policy.id().revision);
        record.reader = Reader::of(&request.headers, &policy.door().edge);
        if let Some(answer) = record.reader.preflight(&request) {
            return Ok(answer);
        }
        cors::drop_foreign_cookies(&mut request.headers, policy.door().url.as_deref());
        if let Some(answered) = self.log_in_or_out(&request, &route, &policy, record).await {
            return answered;
        }
        if let Route::BackChannelLogout(provider) = &route {
            return self.logout_tokens.end(request, &policy, provider, &self.ended).await;
        }
        let (policy, authenticated) = self.identify(&request, policy, peer).await?;
        record.revision = Some(policy.id().revision);
        let identity = match authenticated {
            Authenticated::As(identity) => identity,
            Authenticated::ToLogin => return Ok(oidc::login::to_login(&request, &policy)),
        };
        record.identity(&identity);
        let mut outcome = match permit(&request, &policy, &identity) {
            Ok(permit) => self.serve_permitted(request, &route, &policy, &permit, trace).await,
            Err(refusal) => Err(refusal),
        };
        keep_private(&mut outcome, &identity);
        keep_session(&mut outcome, &identity);
        outcome
    }

    async fn serve_permitted(
        &self,
        request: Screened<Lingering>,
        route: &Route,
        policy: &Policy,
        permit: &Permit,
        trace: &Trace,
    ) -> Result<Answer, Refusal> {
        match route {
            Route::WhoAmI => who_am_i(&request, permit),
            Route::Metrics => self.all_metrics(&request).await,
            // To anybody else these are paths like any that the engine does not have.
            Route::Explain if permit.is_admin() => access::explain(&request, policy, &self.engine).await,
            Route::WhoSees if permit.is_admin() => access::who_sees(&request, policy, &self.engine).await,
            _ => self.forward(request, permit, trace).await,
        }
    }

    /// Who is calling, and the policy by which that is so. To find out may take seconds; who was let in by a policy that has
    /// been replaced meanwhile must prove themselves to the new one too.
    async fn identify(
        &self,
        request: &Screened<Lingering>,
        mut policy: Arc<Policy>,
        peer: Peer,
    ) -> Result<(Arc<Policy>, Authenticated), Refusal> {
        for _ in 0..AUTHENTICATIONS_MAX {
            let authenticated = authenticate(request, &policy, &self.passwords, &self.ended, peer).await?;
            let current = self.standing.policy()?;
            if Arc::ptr_eq(&current, &policy) {
                return Ok((policy, authenticated));
            }
            policy = current;
        }
        Err(Refusal::unavailable("policy-changing", "The access policy is changing")
            .because("the policy changed each time that the caller was authenticated"))
    }

    /// The paths by which people come and go; they are open to whoever is not known yet.
    async fn log_in_or_out(
        &self,
        request: &Screened<Lingering>,
        route: &Route,
        policy: &Policy,
        record: &mut Record,
    ) -> Option<Result<Answer, Refusal>> {
        match route {
            Route::Login => Some(oidc::login::start(request, policy)),
            Route::Authorize(provider) => Some(oidc::login::begin(request, policy, provider).await),
            Route::Callback(provider) => {
                let finished = self.logins.finish(request, policy, provider).await;
                Some(finished.map(|(answer, user)| {
                    (record.user, record.way) = (Some(user), Some("login"));
                    answer
                }))
            }
            Route::Logout => Some(oidc::log_out(request, policy, &self.ended)),
            Route::FrontChannelLogout(provider) => Some(oidc::log_out_in_frame(request, policy, provider, &self.ended)),
            Route::BackChannelLogout(_)
            | Route::Internal
            | Route::WhoAmI
            | Route::Metrics
            | Route::Explain
            | Route::WhoSees
            | Route::Engine => None,
        }
    }

    async fn forward(&self, request: Screened<Lingering>, permit: &Permit, trace: &Trace) -> Result<Answer, Refusal> {
        match self.engine.forward(permit.stamp(request, trace)?).await? {
            Forwarded::Answer(mut answer) => {
                cors::drop_words_of_others(answer.headers_mut());
                Ok(answer)
            }
            Forwarded::Refused(reason) => Err(refused(reason)),
            Forwarded::PolicyMissing => {
                self.policy_missing.notify_one();
                Err(Refusal::unavailable("policy-missing", "The engine is being told the policy")
                    .because("the engine lacks the policy"))
            }
        }
    }

    /// What the sidecar and the engine count. Without the engine, the sidecar's numbers matter all the more.
    async fn all_metrics(&self, request: &Screened<Lingering>) -> Result<Answer, Refusal> {
        only_get(request)?;
        let mut text = self.own_metrics().into_bytes();
        match self.engine.metrics().await {
            Ok(engine) => text.extend_from_slice(&engine),
            Err(error) => warn!(error = chain(&error), "failed to read the engine's metrics"),
        }
        Ok(typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
    }

    /// Whether requests can come in, and be served.
    pub(crate) fn is_ready(&self) -> bool {
        self.tls.is_ready() && self.standing.is_ready()
    }

    /// What the sidecar counts, as Prometheus text.
    pub(crate) fn own_metrics(&self) -> String {
        let report = self.standing.report();
        self.metrics.text(report.state, report.policy.map(|policy| policy.revision))
    }

    /// Neither query nor headers are logged: they may hold codes, tokens and passwords.
    fn note(
        &self,
        record: &Record,
        peer: Peer,
        trace: &Trace,
        status: StatusCode,
        elapsed: Duration,
        refusal: Option<(&'static str, String)>,
    ) {
        self.metrics.answered(record.route.as_ref(), status.as_u16(), elapsed);
        let Record { method, path, route: _, revision, user, way, wants_page: _, reader: _ } = record;
        let (reason, log) = refusal.unzip();
        if let Some(reason) = reason {
            self.metrics.refused(reason);
        }
        info!(
            target: "cubegate::audit",
            decision_id = trace.decision_id,
            request_id = trace.request_id.to_str().unwrap_or_default(),
            source = %peer.source,
            method = method.as_str(),
            path,
            status = status.as_u16(),
            revision,
            user,
            way,
            reason,
            log,
            elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        );
    }
}

// === impl Record ===

impl Record {
    fn target<B>(&mut self, request: &Screened<B>, route: &Route) {
        request.target.path().clone_into(&mut self.path);
        self.route = Some(route.clone());
        self.wants_page = request.manners.wants_page;
    }

    fn identity(&mut self, identity: &Identity) {
        (self.user, self.way) = (identity.name().map(str::to_owned), Some(identity.way()));
    }
}

/// Identity first, then what the policy makes of it now: nobody is let in by what was decided of an earlier request.
fn permit<B>(request: &Screened<B>, policy: &Policy, identity: &Identity) -> Result<Permit, Refusal> {
    let door = policy.door();
    let now = Moment::of(SystemTime::now());
    decide(door, policy.id().revision, &identity.caller(), now).map_err(|error| match (error, &door.authentication) {
        (DecideError::Unknown(refusal), Authentication::Closed(ways)) => {
            challenge::wrong(ways, request.manners, refusal)
        }
        (DecideError::Unknown(refusal) | DecideError::Refused(refusal), _) => refusal.into(),
    })
}

fn who_am_i<B>(request: &Screened<B>, permit: &Permit) -> Result<Answer, Refusal> {
    only_get(request)?;
    Ok(json_answer(&json!({"name": permit.user(), "roles": permit.roles()})))
}

pub(crate) fn only_get<B>(request: &Screened<B>) -> Result<(), Refusal> {
    if request.method == Method::GET || request.method == Method::HEAD {
        Ok(())
    } else {
        Err(oidc::login::wrong_method())
    }
}

/// Caches know not to share what came with `Authorization`. Of a cookie, and of what guests see where others see more, they
/// must be told.
fn keep_private(outcome: &mut Result<Answer, Refusal>, identity: &Identity) {
    let Ok(answer) = outcome else { return };
    let headers = answer.headers_mut();
    if matches!(identity, Identity::LoggedIn(..) | Identity::Guest) && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}

/// Keeps an active session from ending early, whatever came of the request.
fn keep_session(outcome: &mut Result<Answer, Refusal>, identity: &Identity) {
    let Identity::LoggedIn(logged_in, provider) = identity else { return };
    let cookies = logged_in.set_cookies(provider.session_cookies());
    match outcome {
        Ok(_) if cookies.is_empty() => {}
        Ok(answer) => {
            let headers = answer.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            headers.extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
        }
        Err(refusal) => {
            refusal.may_sign_out = refusal.status == StatusCode::FORBIDDEN;
            refusal.headers.extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
        }
    }
}
