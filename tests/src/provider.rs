//! A real identity provider: npm `oidc-provider` with the users of the first story.

use std::{fs, os::unix::fs::symlink};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{
    control_plane::free_ports,
    http::{self, Connection, Credentials},
    limits::START_MAX,
    process::{Process, RunDirectory},
    tools,
};

/// Our client at the provider.
pub const CLIENT_ID: &str = "cubegate";
/// Its secret.
pub const CLIENT_SECRET: &str = "a secret of a test";
/// A client that comes by itself, with the roles of the French user.
pub const REPORT_ID: &str = "report";
/// Its secret.
pub const REPORT_SECRET: &str = "a secret: of a report";
/// The literal claim of the older settings.
pub const LITERAL_CLAIM: &str = "https://retail.example.com/claims/roles";
/// Audience of the JWT access tokens that are meant for us.
pub const AUDIENCE: &str = "cubegate-retail";
/// The resource that a client names to get them.
pub const API: &str = "https://retail.example.com/api";
/// The resource of somebody else.
pub const FOREIGN_API: &str = "https://elsewhere.example.com/api";

/// Users and their provider roles. The last one is the negative user: nothing is mapped from `user`.
const USERS: [(&str, &[&str]); 4] = [
    ("parisian-user", &["paris", "atoti"]),
    ("french-user", &["france", "atoti"]),
    ("global-user", &["atoti"]),
    ("unmapped-user", &["user"]),
];

/// A provider that runs or can run again, always at the same address and with fresh keys.
#[derive(Debug)]
pub struct Provider<'a> {
    run: &'a RunDirectory,
    issuer: String,
    settings: Value,
    process: Option<Process>,
}

/// Key with which `/test/sign` signs.
#[derive(Clone, Copy, Debug)]
pub enum SigningKey {
    /// The provider's.
    Own,
    /// Somebody else's.
    Foreign,
    /// None: the signature is empty.
    None,
}

impl<'a> Provider<'a> {
    /// Says where the provider will be, without starting it. `application` is the URL of the Session that redirects come back to.
    pub fn new(run: &'a RunDirectory, application: &str) -> Result<Self> {
        let [port] = free_ports()?;
        let users: serde_json::Map<String, Value> = USERS
            .iter()
            .map(|&(name, roles)| {
                let user = json!({"password": password_of(name), "email": email_of(name), "roles": roles});
                (name.to_owned(), user)
            })
            .collect();
        let settings = json!({
            "port": port,
            "client": {
                "id": CLIENT_ID,
                "secret": CLIENT_SECRET,
                "redirectUris": [format!("{application}/login/oauth2/code/test")],
                "postLogoutRedirectUris": [application, format!("{application}/")],
                "backChannelLogoutUri": format!("{application}/logout/connect/back-channel/test"),
            },
            "report": {"id": REPORT_ID, "secret": REPORT_SECRET, "roles": ["france", "atoti"]},
            "users": users,
            "literal": LITERAL_CLAIM,
            "audience": AUDIENCE,
            "api": API,
            "foreignApi": FOREIGN_API,
        });
        Ok(Self { run, issuer: format!("http://127.0.0.1:{port}"), settings, process: None })
    }

    /// Makes opaque tokens resolvable by userinfo only.
    #[must_use]
    pub fn without_introspection(mut self) -> Self {
        if let Some(settings) = self.settings.as_object_mut() {
            settings.insert("introspection".into(), json!(false));
        }
        self
    }

    /// Gives access tokens that expire soon.
    #[must_use]
    pub fn with_short_access_tokens(mut self, seconds: u64) -> Self {
        if let Some(settings) = self.settings.as_object_mut() {
            settings.insert("accessTokenSeconds".into(), json!(seconds));
        }
        self
    }

    /// Gives a user these roles from now on.
    pub async fn give_roles(&self, user: &str, roles: &[&str]) -> Result<()> {
        let body = json!({"user": user, "roles": roles});
        Connection::to(&self.issuer, Credentials::None).await?.post_json("/test/roles", &body).await?.expect(200)?;
        Ok(())
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self) -> Result<()> {
        let directory = self.run.make("provider")?;
        fs::copy(tools::repository().join("tests/idp/provider.mjs"), directory.join("provider.mjs"))?;
        if !directory.join("node_modules").exists() {
            symlink(tools::oidc_provider_modules()?, directory.join("node_modules"))?;
        }
        let mut command = tools::mortal(&tools::system("node")?);
        command.current_dir(&directory).arg("provider.mjs").env("CUBEGATE_PROVIDER", self.settings.to_string());
        let mut process = self.run.start("provider", command)?;
        process.wait_for_output(START_MAX, |output| output.contains("ready ").then_some(())).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token by the password grant; a JWT when a resource is named.
    pub async fn token(&self, user: &str, scope: &str, resource: Option<&str>) -> Result<String> {
        let resource = resource.map(|resource| ("resource", resource));
        let answer = password_grant(&format!("{}/token", self.issuer), user, scope, resource).await?;
        token_of(&answer, "access_token")
    }

    /// A JWT with any header and claims.
    pub async fn sign(&self, header: Value, claims: Value, key: SigningKey) -> Result<String> {
        let key = match key {
            SigningKey::Own => "own",
            SigningKey::Foreign => "foreign",
            SigningKey::None => "none",
        };
        let body = json!({"header": header, "claims": claims, "key": key});
        let reply = Connection::to(&self.issuer, Credentials::None).await?.post_json("/test/sign", &body).await?;
        Ok(reply.expect(200)?.text())
    }
}

/// What a token endpoint answers to our client that sends the name and password of a user.
pub(crate) async fn password_grant(
    endpoint: &str,
    user: &str,
    scope: &str,
    further: Option<(&str, &str)>,
) -> Result<Value> {
    let password = password_of(user);
    let mut fields = vec![("grant_type", "password"), ("username", user), ("password", &password), ("scope", scope)];
    fields.extend(further);
    // The client's credentials are form-encoded first (RFC 6749 §2.3.1).
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let client = Credentials::basic(&encode(CLIENT_ID), &encode(CLIENT_SECRET));
    http::post_form(endpoint, client, &fields).await?.expect(200)?.json()
}

/// A token in the answer of a token endpoint.
pub(crate) fn token_of(answer: &Value, name: &str) -> Result<String> {
    let token = answer.get(name).and_then(Value::as_str);
    token.map(str::to_owned).with_context(|| format!("no {name} in {answer}"))
}

/// Password of a user at the provider.
pub fn password_of(user: &str) -> String {
    format!("{user} at the provider")
}

/// E-mail address of a user.
pub fn email_of(user: &str) -> String {
    format!("{user}@retail.example.com")
}
