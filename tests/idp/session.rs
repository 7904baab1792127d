//! The retail example with an identity provider, written anew for each way of using one.

use std::path::PathBuf;

use cubegate_tests::{
    answers::{self, CityRow},
    control_plane::free_ports,
    http::{Connection, Credentials, Reply},
    process::RunDirectory,
    provider::{API, AUDIENCE, CLIENT_ID, CLIENT_SECRET, LITERAL_CLAIM, Provider},
    up::{self, Up},
};
use serde_json::{Value, json};

/// Users whose provider roles are mapped, and what they see.
pub(crate) const MAPPED: [(&str, &[CityRow]); 3] =
    [("parisian-user", answers::PARIS), ("french-user", answers::FRANCE), ("global-user", answers::EVERYWHERE)];
/// The negative user: its provider role `user` is mapped to nothing.
pub(crate) const UNMAPPED: &str = "unmapped-user";

/// How the Session reads what the provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    /// Opaque tokens, roles by path, `preferred_username`.
    Story,
    /// Opaque tokens, roles by one literal claim, `email`; `openid` is not asked for, and added by the product.
    Older,
    /// JWT access tokens with an audience, roles by path.
    Jwt,
}

/// Where a Session of the example will be, and its files.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) directory: PathBuf,
    port: u16,
}

impl Place {
    /// Copies the example and picks a port, because redirects must know it before anything runs.
    pub(crate) fn prepare(run: &RunDirectory) -> Self {
        let [port] = free_ports().unwrap();
        let directory = up::copy_example(run, "retail").unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), directory, port }
    }

    /// A Session with these settings that runs beside npm's provider, after `adjust` has had its say about the provider.
    pub(crate) async fn beside<'a>(
        run: &'a RunDirectory,
        settings: Settings,
        adjust: impl FnOnce(Provider<'a>) -> Provider<'a>,
    ) -> (Self, Provider<'a>, Up) {
        let place = Self::prepare(run);
        let mut provider = adjust(Provider::new(run, &place.url).unwrap());
        provider.start().await.unwrap();
        place.write(settings, provider.issuer());
        let up = place.up(run).await;
        (place, provider, up)
    }

    /// Writes the Session with these settings of the provider of this issuer, and its client secret.
    pub(crate) fn write(&self, settings: Settings, issuer: &str) {
        let file = self.directory.join("session.yaml");
        let mut oidc = json!({"oidc": settings.oidc(issuer)});
        if settings == Settings::Jwt {
            oidc["basic"] = json!({"clientCredentials": {"scopes": ["roles"], "resource": API}});
        }
        let url = json!(self.url);
        // JSON is YAML: the rest of the manifest stays as the example has it.
        let authentication = format!("  url: {url}\n  authentication: {oidc}\n");
        up::edit(&file, "  authentication:\n    basic: {realm: retail}\n", &authentication).unwrap();
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "retail-oidc"},
            "stringData": {"clientSecret": CLIENT_SECRET},
        });
        std::fs::write(self.directory.join("oidc.json"), secret.to_string()).unwrap();
    }

    pub(crate) async fn up(&self, run: &RunDirectory) -> Up {
        let up = Up::start(run, &self.directory, &format!("127.0.0.1:{}", self.port)).await.unwrap();
        assert_eq!(up.url("retail").unwrap(), self.url);
        up
    }

    pub(crate) async fn connect(&self, credentials: Credentials) -> Connection {
        Connection::to(&self.url, credentials).await.unwrap()
    }

    /// The first story's question, on a connection of its own.
    pub(crate) async fn ask(&self, credentials: Credentials) -> Reply {
        self.connect(credentials).await.query("Sales", &answers::quantity_by_city()).await.unwrap()
    }
}

impl Settings {
    /// Scopes of a token for a Session with these settings.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Story | Self::Jwt => "openid profile roles",
            Self::Older => "openid email",
        }
    }

    fn oidc(self, issuer: &str) -> Value {
        let mut oidc = json!({
            "providerId": "test",
            "issuerUrl": issuer,
            "clientId": CLIENT_ID,
            "clientSecretRef": {"name": "retail-oidc", "key": "clientSecret"},
            "scopes": ["openid", "profile", "roles"],
            "nameClaim": "preferred_username",
            "rolesClaims": [{"path": ["resource_access", CLIENT_ID, "roles"]}],
            "accessTokenFormat": "opaque",
        });
        match self {
            Self::Story => {}
            Self::Older => {
                oidc["scopes"] = json!(["email"]);
                oidc["nameClaim"] = json!("email");
                oidc["rolesClaims"] = json!([{"name": LITERAL_CLAIM}]);
            }
            Self::Jwt => {
                oidc["accessTokenFormat"] = json!("jwt");
                oidc["audience"] = json!(AUDIENCE);
            }
        }
        oidc
    }
}
