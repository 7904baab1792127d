//! A person's browser: follows to the provider's door and comes back with what a test lets it have.

use serde_json::{Value, json};
use url::Url;

use crate::{
    client::{Jar, Reply, get},
    fixture::Sidecar,
    provider::{Grant, Provider},
};

/// A browser that has been sent to the provider.
pub(crate) struct Browser {
    pub(crate) jar: Jar,
    pub(crate) url: Url,
    /// Id of the provider.
    at: &'static str,
}

impl Browser {
    /// Opens a page and follows to the provider's door.
    pub(crate) async fn open(sidecar: &Sidecar, page: &str) -> Self {
        let mut jar = Jar::default();
        let reply = get(sidecar.public, page, &[("accept", "text/html")]).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/oauth2/authorization/keycloak"));
        jar.take(&reply);
        Self::choose(sidecar, jar, "keycloak").await
    }

    /// Follows to the door of one of several providers.
    pub(crate) async fn choose(sidecar: &Sidecar, mut jar: Jar, at: &'static str) -> Self {
        let path = format!("/oauth2/authorization/{at}");
        let reply = get(sidecar.public, &path, &[("cookie", &jar.header())]).await;
        assert_eq!(reply.status, 302);
        jar.take(&reply);
        Self { jar, url: reply.header("location").parse().unwrap(), at }
    }

    /// Logs the story's Parisian in.
    pub(crate) async fn logged_in(provider: &Provider, sidecar: &Sidecar) -> Self {
        let mut browser = Self::open(sidecar, "/").await;
        browser.granted(provider, "c", json!({}));
        let reply = browser.finish(sidecar).await;
        assert_eq!(reply.status, 302, "{reply:?}");
        browser
    }

    pub(crate) fn parameter(&self, name: &str) -> String {
        let found: Vec<String> =
            self.url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect();
        assert_eq!(found.len(), 1, "{name} in {}", self.url);
        found[0].clone()
    }

    /// Claims of an ID token for this login, changed as a test needs; `null` leaves one out.
    pub(crate) fn claims(&self, provider: &Provider, changes: Value) -> Value {
        let mut all = json!({
            "nonce": self.parameter("nonce"),
            "preferred_username": "parisian-user",
            "resource_access": {"cubegate": {"roles": ["atoti", "paris"]}},
        });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        provider.claims("cubegate", all)
    }

    /// The provider lets the user in: a code is ready, behind it an ID token with these claims.
    pub(crate) fn granted(&self, provider: &Provider, code: &str, changes: Value) {
        let claims = self.claims(provider, changes);
        self.granted_token(provider, code, provider.signer.sign("JWT", &claims), "access");
    }

    pub(crate) fn granted_token(&self, provider: &Provider, code: &str, id_token: String, access_token: &str) {
        let challenge = self.parameter("code_challenge");
        let (id_token, access_token) = (Some(id_token), access_token.to_owned());
        provider.grant(code, Grant { challenge, id_token, access_token, ..Grant::default() });
    }

    pub(crate) async fn back(&self, sidecar: &Sidecar, query: &str) -> Reply {
        self.asks(sidecar, &format!("/login/oauth2/code/{}?{query}", self.at)).await
    }

    /// Comes back with the code `c` and the right state, and keeps the cookies that it gets.
    pub(crate) async fn finish(&mut self, sidecar: &Sidecar) -> Reply {
        let reply = self.back(sidecar, &format!("code=c&state={}", self.parameter("state"))).await;
        self.jar.take(&reply);
        reply
    }

    pub(crate) async fn asks(&self, sidecar: &Sidecar, target: &str) -> Reply {
        get(sidecar.public, target, &[("cookie", &self.jar.header())]).await
    }
}
