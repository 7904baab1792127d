//! How someone who has not proven who they are is answered, and is no guest.
//!
//! | caller                                         | with OpenID Connect          | without              |
//! |------------------------------------------------|------------------------------|----------------------|
//! | navigates (GET or HEAD, also `Accept: */*`)    | 302 to the login             | 401, Basic           |
//! | program (other methods, Upgrade, only JSON, …) | 401, Bearer and Basic        | 401, Basic           |
//! | script in a page                               | 401, no dialog, `login_url`  | 401, no dialog       |
//! | gRPC                                           | `grpc-status: 16`            | `grpc-status: 16`    |
//! | presented something wrong                      | 401, Bearer error and Basic  | 401, Basic           |

use cubegate_policy::snapshot::Ways;
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use crate::{answer::Refusal, manners::Manners};

/// Path that starts a login with the provider that there is, or asks with which.
pub(crate) const LOGIN_PATH: &str = "/login";
/// Path that ends the session of a browser.
pub(crate) const LOGOUT_PATH: &str = "/logout";

/// The 401 for a caller without credentials who is not sent to the login page.
pub(crate) fn missing(ways: &Ways, manners: Manners, reason: impl std::fmt::Display) -> Refusal {
    challenged(ways, manners, "", "authenticate and try again").because(reason)
}

/// The 401 for credentials that are wrong, for a reason that only the log may know.
pub(crate) fn wrong(ways: &Ways, manners: Manners, reason: impl std::fmt::Display) -> Refusal {
    let error = r#", error="invalid_token", error_description="the credentials are not valid here""#;
    challenged(ways, manners, error, "the credentials are not valid here").because(reason)
}

fn challenged(ways: &Ways, manners: Manners, bearer_error: &str, detail: &'static str) -> Refusal {
    let realm = &ways.realm;
    let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Who are you?", detail);
    refusal.is_grpc = manners.is_grpc;
    if manners.is_script {
        refusal = refusal.header(WWW_AUTHENTICATE, challenge(&format!(r#"Cubegate realm="{realm}""#)));
        return if ways.have_provider() { refusal.login_url(LOGIN_PATH) } else { refusal };
    }
    if ways.have_provider() || ways.service_accounts.is_some() {
        refusal = refusal.header(WWW_AUTHENTICATE, challenge(&format!(r#"Bearer realm="{realm}"{bearer_error}"#)));
    }
    refusal.header(WWW_AUTHENTICATE, challenge(&format!(r#"Basic realm="{realm}", charset="UTF-8""#)))
}

/// The realm is printable ASCII by the schema; a policy made elsewhere might differ, and must not break the header.
fn challenge(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(r#"Basic realm="cubegate", charset="UTF-8""#))
}
