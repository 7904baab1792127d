//! The only way to the engine: a request that carries a permit.
//!
//! [`Permitted`] can be made by [`Permit::stamp`] alone, and a [`Permit`] by [`decide`] alone.

use std::collections::BTreeSet;

use cubegate_api::{Moment, ROLE_ADMIN};
use cubegate_policy::{
    resolve::{self, Caller, Resolved},
    snapshot::Door,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri,
    header::{AUTHORIZATION, COOKIE},
    uri::PathAndQuery,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    answer::Refusal,
    screen::{Screened, folds_beginning_with, folds_to},
    trace::{REQUEST_ID, TRACEPARENT, TRACESTATE, Trace},
};

const USER: HeaderName = HeaderName::from_static("x-cubegate-user");
const ROLES: HeaderName = HeaderName::from_static("x-cubegate-roles");
const ATTRIBUTES: HeaderName = HeaderName::from_static("x-cubegate-attributes");
const POLICY: HeaderName = HeaderName::from_static("x-cubegate-policy");
/// What proves an identity to us proves nothing behind us.
const CREDENTIALS: [HeaderName; 2] = [AUTHORIZATION, COOKIE];
/// What tells, folded, where a request came from or where it went before somebody changed it, or makes it another one. We
/// cannot vouch for any of it, and programs have decided by it. A list of the names that are known, so never complete.
const HEARSAY: [&str; 11] = [
    "forwarded",
    "via",
    "xrealip",
    "trueclientip",
    "clientip",
    "xclientip",
    "xclusterclientip",
    "cfconnectingip",
    "xhttpmethodoverride",
    "xmethodoverride",
    "proxy",
];
/// Beginnings of further such names.
const HEARSAY_BEGINNINGS: [&str; 4] = ["xforwarded", "xoriginal", "xrewrite", "xenvoy"];
/// Characters of a user name that travel as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A caller who may pass, by the policy of one revision.
#[derive(Debug)]
pub(crate) struct Permit {
    resolved: Resolved,
    revision: u64,
}

/// A request that may go to the engine.
#[derive(Debug)]
pub(crate) struct Permitted<B>(Request<B>);

/// Why a caller whose identity is proven may not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecideError {
    /// The policy does not know this identity.
    #[error(transparent)]
    Unknown(resolve::Refusal),
    /// The policy knows it and refuses it.
    #[error(transparent)]
    Refused(resolve::Refusal),
}

/// Decides whether a caller may pass at a moment, and as whom.
pub(crate) fn decide(door: &Door, revision: u64, caller: &Caller<'_>, now: Moment) -> Result<Permit, DecideError> {
    use resolve::Refusal::{BrokenGuest, LapsedUser, NoCredentials, UnknownUser};
    match resolve::resolve(door, caller, now) {
        Ok(resolved) => Ok(Permit { resolved, revision }),
        Err(refusal @ (UnknownUser { .. } | LapsedUser { .. } | NoCredentials | BrokenGuest { .. })) => {
            Err(DecideError::Unknown(refusal))
        }
        Err(refusal) => Err(DecideError::Refused(refusal)),
    }
}

// === impl Permit ===

impl Permit {
    pub(crate) fn user(&self) -> &str {
        &self.resolved.user
    }

    pub(crate) fn roles(&self) -> &BTreeSet<String> {
        &self.resolved.rights.roles
    }

    /// Whether the caller may ask about others.
    pub(crate) fn is_admin(&self) -> bool {
        self.roles().contains(ROLE_ADMIN)
    }

    /// Puts our headers on a screened request, last.
    pub(crate) fn stamp<B>(&self, request: Screened<B>, trace: &Trace) -> Result<Permitted<B>, Refusal> {
        let Screened { method, target, mut headers, manners: _, body } = request;
        let Resolved { user, rights } = &self.resolved;
        remove_what_is_not_forwarded(&mut headers);
        headers.insert(USER, value(&utf8_percent_encode(user, PLAIN).to_string())?);
        headers.insert(ROLES, value(&rights.roles_to_header())?);
        let attributes = rights.attributes.to_header().ok_or(resolve::Refusal::TooManyAttributes)?;
        headers.insert(ATTRIBUTES, value(&attributes)?);
        headers.insert(POLICY, HeaderValue::from(self.revision));
        headers.insert(REQUEST_ID, trace.request_id.clone());
        headers.insert(TRACEPARENT, trace.traceparent.clone());
        if !trace.continues {
            headers.remove(TRACESTATE);
        }
        let target: PathAndQuery = target.as_str().parse().expect("a screened target was read from one");
        let uri = Uri::builder().scheme("http").authority("engine").path_and_query(target).build();
        let mut permitted = Request::new(body);
        *permitted.method_mut() = method;
        *permitted.uri_mut() = uri.expect("scheme, authority and a path make a URI");
        *permitted.headers_mut() = headers;
        Ok(Permitted(permitted))
    }
}

impl<B> Permitted<B> {
    /// The request, for the one who forwards it.
    pub(crate) fn into_request(self) -> Request<B> {
        self.0
    }
}

impl From<resolve::Refusal> for Refusal {
    fn from(refusal: resolve::Refusal) -> Self {
        refused(refusal)
    }
}

/// What callers get to see of a refusal by the policy, whoever decided it; why is for the log.
pub(crate) fn refused(reason: impl std::fmt::Display) -> Refusal {
    let detail = "ask whoever maintains the access policy of this Session";
    Refusal::new(StatusCode::FORBIDDEN, "refused", "The access policy refuses this request", detail).because(reason)
}

fn remove_what_is_not_forwarded(headers: &mut HeaderMap) {
    for name in &CREDENTIALS {
        headers.remove(name);
    }
    let is_hearsay = |name: &&HeaderName| {
        HEARSAY.iter().any(|whole| folds_to(name, whole))
            || HEARSAY_BEGINNINGS.iter().any(|beginning| folds_beginning_with(name, beginning))
    };
    let hearsay: Vec<HeaderName> = headers.keys().filter(is_hearsay).cloned().collect();
    for name in hearsay {
        headers.remove(name);
    }
}

/// Role names are header-safe by the schema; a policy made elsewhere might differ, and must not be cut short.
fn value(text: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(text).map_err(|_| refused("a role name or attribute cannot travel in a header"))
}
