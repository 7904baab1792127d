//! Second step: who is calling?
//!
//! `Authorization` counts before the session cookie, and a wrong one is never made good by a cookie. Whoever brings neither is a
//! guest, where the policy admits guests; a cookie that does not count any more makes nobody one in the middle of their work.

mod basic;
pub(crate) mod ended;
pub(crate) mod session;
mod throttle;

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::SystemTime};

use cubegate_api::Moment;
use cubegate_policy::{
    attributes::Attributes,
    resolve::{Caller, resolve},
    snapshot::{Authentication, Checked, Oidc, Ways},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{
    answer::Refusal,
    authorization::{self, Credentials, UserPassword},
    challenge, cookie,
    kept::Unavailable,
    oidc::{
        BearerError, ClientError, TrustedProvider,
        renewal::{self, LoggedIn},
        trusted::{self, Judge},
    },
    screen::Screened,
    standing::Policy,
    target::Route,
    transport::Peer,
};

use basic::PasswordError;
pub(crate) use basic::{PasswordCheck, keyed_tag, process_key};
pub(crate) use ended::Ended;
use session::Session;
pub(crate) use throttle::Throttle;

/// Someone whose identity is proven; or nobody in particular, where the Session admits them.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per request, and most are of people")]
pub(crate) enum Identity {
    Anonymous,
    /// Without credentials, where others need some.
    Guest,
    TechnicalUser(String),
    /// By a bearer token of this provider.
    TokenBearer(ProviderUser, Arc<TrustedProvider>),
    /// By the id and secret of a client of this provider.
    Client(ProviderUser, Arc<TrustedProvider>),
    /// By a token of the cluster: `system:serviceaccount:NAMESPACE:NAME`.
    ServiceAccount(String),
    /// By a session cookie; this provider vouches for the user.
    LoggedIn(LoggedIn, Arc<TrustedProvider>),
}

/// A user as the identity provider describes them.
/// Field names are short where it is written because browsers send it along with each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderUser {
    #[serde(rename = "n")]
    pub(crate) name: String,
    #[serde(rename = "r")]
    pub(crate) provider_roles: BTreeSet<String>,
    #[serde(rename = "a", default, skip_serializing_if = "Attributes::is_empty")]
    pub(crate) attributes: Attributes,
}

/// What comes of the question who is calling.
#[expect(clippy::large_enum_variant, reason = "there is one per request, and it is hardly ever the small one")]
pub(crate) enum Authenticated {
    As(Identity),
    /// Nobody yet: to the login page.
    ToLogin,
}

/// Finds out who is calling.
pub(crate) async fn authenticate<B>(
    request: &Screened<B>,
    policy: &Arc<Policy>,
    passwords: &PasswordCheck,
    ended: &Ended,
    peer: Peer,
) -> Result<Authenticated, Refusal> {
    let ways = match &policy.door().authentication {
        Authentication::Open => return Ok(Authenticated::As(Identity::Anonymous)),
        Authentication::Closed(ways) => ways,
    };
    let manners = request.manners;
    match authorization::credentials(&request.headers) {
        Err(error) => Err(challenge::wrong(ways, manners, error)),
        Ok(Some(Credentials::Basic(presented))) if is_of_client(ways, &presented) => {
            // An exchange with a provider has a large state, which nobody else should carry along.
            Box::pin(by_client(policy, ways, &presented, peer.source))
                .await
                .map_err(|error| refused_client(&error, ways, request))
        }
        Ok(Some(Credentials::Basic(presented))) => {
            let now = Moment::of(SystemTime::now());
            match passwords.verify(&ways.technical_users, presented, peer.source, now).await {
                Ok(user) => Ok(Authenticated::As(Identity::TechnicalUser(user))),
                Err(error) => Err(refused_password(error, ways, request)),
            }
        }
        Ok(Some(Credentials::Bearer(token))) => match by_token(policy, ways, &token).await {
            Ok(identity) => Ok(Authenticated::As(identity)),
            Err(error) => Err(refused_token(&error, ways, request)),
        },
        Ok(None) => match by_cookie(request, policy, ended).await {
            Some((logged_in, provider)) => Ok(Authenticated::As(Identity::LoggedIn(logged_in, provider))),
            None => without_credentials(request, policy, ways),
        },
    }
}

/// Whether a name and a password are those of a client of a provider.
fn is_of_client(ways: &Ways, presented: &UserPassword) -> bool {
    ways.client_credentials.is_some() && !ways.technical_users.contains_key(&presented.user)
}

async fn by_client(
    policy: &Policy,
    ways: &Ways,
    presented: &UserPassword,
    source: IpAddr,
) -> Result<Authenticated, ClientError> {
    let wanted = ways.client_credentials.as_ref().and_then(Checked::valid);
    let provider = wanted.and_then(|wanted| {
        policy.providers().iter().find(|provider| provider.config().provider_id == wanted.provider_id)
    });
    let (wanted, provider) = wanted.zip(provider).ok_or(Unavailable)?;
    let user = provider.provider().user_of_client(wanted, presented, source).await?;
    Ok(Authenticated::As(Identity::Client(user, Arc::clone(provider))))
}

fn without_credentials<B>(request: &Screened<B>, policy: &Policy, ways: &Ways) -> Result<Authenticated, Refusal> {
    let reason = if request.target.route() == Route::Metrics {
        // What is counted tells of everybody.
        "no credentials".to_owned()
    } else if brings_session(request, policy, ways) {
        "the session has ended".to_owned()
    } else {
        match resolve(policy.door(), &Caller::Guest, Moment::of(SystemTime::now())) {
            Ok(_) => return Ok(Authenticated::As(Identity::Guest)),
            Err(refusal) => refusal.to_string(),
        }
    };
    if ways.have_provider() && request.manners.may_be_redirected {
        return Ok(Authenticated::ToLogin);
    }
    Err(challenge::missing(ways, request.manners, reason))
}

/// Whether there is a session cookie, whatever it is worth. Without a provider nobody has got one from us.
fn brings_session<B>(request: &Screened<B>, policy: &Policy, ways: &Ways) -> bool {
    ways.have_provider() && cookie::values(&request.headers, &policy.cookies().session()).next().is_some()
}

async fn by_token(policy: &Policy, ways: &Ways, token: &str) -> Result<Identity, BearerError> {
    match trusted::judge(ways, policy.providers(), policy.service_accounts(), token)? {
        Judge::Provider(trusted) => {
            Ok(Identity::TokenBearer(trusted.provider().user_of_token(token).await?, Arc::clone(trusted)))
        }
        Judge::ServiceAccounts(accounts) => Ok(Identity::ServiceAccount(accounts.name_of_bearer(token).await?)),
    }
}

async fn by_cookie<B>(
    request: &Screened<B>,
    policy: &Arc<Policy>,
    ended: &Ended,
) -> Option<(LoggedIn, Arc<TrustedProvider>)> {
    let (provider, session) = trusted::session(&request.headers, policy.providers())?;
    // A cookie keeps names from before the policy gave their prefix to somebody else.
    let has_ended = |session: &Session| {
        ended.has_ended(session, &provider.config().issuer_url) || session.vouched.user.is_foreign_to(provider.config())
    };
    if has_ended(&session) {
        return None;
    }
    let logged_in = renewal::current(session.clone(), &request.headers, policy, provider).await?;
    // While the provider was being asked it may have said that one of them is over, and they may differ in their `sid`.
    (!has_ended(&session) && !has_ended(&logged_in.session)).then(|| (logged_in, Arc::clone(provider)))
}

fn refused_password<B>(error: PasswordError, ways: &Ways, request: &Screened<B>) -> Refusal {
    match error {
        PasswordError::Wrong
        | PasswordError::UnknownUser
        | PasswordError::BrokenUser(_)
        | PasswordError::LapsedUser(_) => challenge::wrong(ways, request.manners, error),
        PasswordError::Throttled { seconds, .. } => too_many_failures(seconds).because(error),
        PasswordError::Busy => busy().because(error),
    }
}

fn refused_client<B>(error: &ClientError, ways: &Ways, request: &Screened<B>) -> Refusal {
    let refusal = match error.cause() {
        ClientError::Throttled(seconds) => too_many_failures(*seconds),
        ClientError::Busy => busy(),
        error if error.is_ours_to_solve() => provider_unavailable(),
        error => return challenge::wrong(ways, request.manners, crate::engine::chain(error)),
    };
    refusal.because(crate::engine::chain(error))
}

fn busy() -> Refusal {
    Refusal::unavailable("busy", "Too many callers at once")
}

fn too_many_failures(seconds: u64) -> Refusal {
    let (title, detail) = ("Too many failures", "wait, then try again");
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", title, detail).retry_after(seconds)
}

fn provider_unavailable() -> Refusal {
    Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
}

fn refused_token<B>(error: &BearerError, ways: &Ways, request: &Screened<B>) -> Refusal {
    if error.is_ours_to_solve() {
        provider_unavailable().because(crate::engine::chain(error))
    } else {
        challenge::wrong(ways, request.manners, crate::engine::chain(error))
    }
}

// === impl ProviderUser ===

impl ProviderUser {
    /// Whether the name or a role is another provider's to give.
    fn is_foreign_to(&self, provider: &Oidc) -> bool {
        [&self.name].into_iter().chain(&self.provider_roles).any(|name| provider.is_foreign(name))
    }

    fn caller<'a>(&'a self, by: &'a TrustedProvider) -> Caller<'a> {
        let Self { name, provider_roles, attributes } = self;
        Caller::ProviderUser { provider: by.further_id(), name, provider_roles, attributes }
    }
}

// === impl Identity ===

impl Identity {
    /// As the policy knows it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        match self {
            Self::Anonymous => Caller::Anonymous,
            Self::Guest => Caller::Guest,
            Self::TechnicalUser(username) => Caller::TechnicalUser { username },
            Self::TokenBearer(user, provider) | Self::Client(user, provider) => user.caller(provider),
            Self::ServiceAccount(name) => Caller::ServiceAccount { name },
            Self::LoggedIn(logged_in, provider) => logged_in.session.vouched.user.caller(provider),
        }
    }

    /// The name, of somebody in particular.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.caller() {
            Caller::Anonymous => None,
            caller => Some(caller.name()),
        }
    }

    /// How the identity was proven, for the log.
    pub(crate) fn way(&self) -> &'static str {
        match self {
            Self::Anonymous => "open",
            Self::Guest => "guest",
            Self::TechnicalUser(_) => "basic",
            Self::TokenBearer(..) => "bearer",
            Self::Client(..) => "client-credentials",
            Self::ServiceAccount(_) => "service-account",
            Self::LoggedIn(..) => "cookie",
        }
    }
}
