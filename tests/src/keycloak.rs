//! Keycloak, with the same users and client as [`crate::provider`], and its administrator.

use std::{fs, os::unix::fs::symlink};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Page},
    control_plane::free_ports,
    http::{self as client, Connection, Credentials, Reply},
    limits::KEYCLOAK_START_MAX,
    process::{Process, RunDirectory},
    provider::{CLIENT_ID, password_grant, password_of, token_of},
    story, tools,
};

const REALM: &str = "retail";
/// As `cargo xtask tools keycloak` makes it.
const ADMINISTRATOR: (&str, &str) = ("admin", "admin of a test");
/// Seconds that the administrator stays logged in: longer than any test, because each login costs a hash that is slow on purpose.
const ADMINISTRATOR_S: u32 = 3600;
/// A test needs little of either, and the machine has other things to do.
const JAVA_OPTIONS: [&str; 4] = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A running Keycloak on a copy of the seeded database.
#[derive(Debug)]
pub struct Keycloak {
    base: String,
    /// Access token of its administrator.
    administrator: String,
    /// Ends it when dropped.
    _process: Process,
}

/// What the password grant gives.
#[derive(Debug)]
pub struct Tokens {
    /// A JWT, which introspection knows as well.
    pub access: String,
    /// No access token, although the same keys have signed it.
    pub id: String,
}

impl Keycloak {
    /// Starts it and waits until it answers.
    pub async fn start(run: &RunDirectory) -> Result<Self> {
        let home = run.make("keycloak")?;
        let prepared = tools::keycloak()?;
        for part in ["conf", "lib", "providers", "themes"] {
            symlink(prepared.join(part), home.join(part))?;
        }
        let database = "data/h2/keycloakdb.mv.db";
        run.make("keycloak/data/h2")?;
        fs::copy(prepared.join(database), home.join(database)).context("failed to copy the seeded database")?;

        let [port, management] = free_ports()?;
        let mut command = tools::mortal(&tools::system("java")?);
        command.args(JAVA_OPTIONS);
        command.arg(format!("-Dkc.home.dir={}", home.display()));
        command.arg(format!("-Djava.io.tmpdir={}", run.make("keycloak-tmp")?.display()));
        command.arg("-Djava.util.logging.manager=org.jboss.logmanager.LogManager");
        command.arg("-cp").arg(home.join("lib/quarkus-run.jar")).arg("io.quarkus.bootstrap.runner.QuarkusEntryPoint");
        command.args(["start", "--optimized", "--cache=local", "--http-enabled=true", "--hostname-strict=false"]);
        command.args(["--http-host=127.0.0.1", "--http-management-host=127.0.0.1"]);
        command.args([format!("--http-port={port}"), format!("--http-management-port={management}")]);
        let process = run.start("keycloak", command)?;
        let base = format!("http://127.0.0.1:{port}");
        let discovery = format!("{base}/realms/{REALM}/.well-known/openid-configuration");
        story::eventually("Keycloak answers", KEYCLOAK_START_MAX, || async {
            client::get(&discovery, Credentials::None).await?.expect(200)
        })
        .await?;
        let mut keycloak = Self { administrator: log_in_as_administrator(&base).await?, base, _process: process };
        let realm = json!({"accessTokenLifespan": ADMINISTRATOR_S});
        keycloak.administer(Method::PUT, "/admin/realms/master", &realm).await?.expect_status(204)?;
        keycloak.administrator = log_in_as_administrator(&keycloak.base).await?;
        Ok(keycloak)
    }

    /// The issuer of the realm.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{REALM}", self.base)
    }

    /// Tokens by the password grant.
    pub async fn tokens(&self, user: &str, scope: &str) -> Result<Tokens> {
        let endpoint = format!("{}/protocol/openid-connect/token", self.issuer());
        let answer = password_grant(&endpoint, user, scope, None).await?;
        Ok(Tokens { access: token_of(&answer, "access_token")?, id: token_of(&answer, "id_token")? })
    }

    /// Opens a page that leads to the login form, and fills it in. Whoever is known to Keycloak already sees no form.
    pub async fn log_in(&self, browser: &mut Browser, address: &str, user: &str) -> Result<Page> {
        let page = browser.open(address).await?;
        ensure!(page.url.as_str().starts_with(&self.base), "not asked to log in, but at {}", page.url);
        browser.submit(&page, &[("username", user), ("password", &password_of(user))]).await
    }

    /// Ends the session at Keycloak from a page of Keycloak's own, without a word to us.
    pub async fn log_out(&self, browser: &mut Browser) -> Result<Page> {
        let page = browser.open(&format!("{}/protocol/openid-connect/logout", self.issuer())).await?;
        let html = page.reply.text();
        let code = html.split_once("name=\"session_code\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (code, _) = code.with_context(|| format!("no form asks whether to log out at {}", page.url))?;
        browser.submit(&page, &[("session_code", code), ("confirmLogout", "Logout")]).await
    }

    /// Changes attributes of our client.
    pub async fn set_client(&self, attributes: &[(&str, &str)]) -> Result<()> {
        let mut client = self.find("clients", &[("clientId", CLIENT_ID)]).await?;
        let known = client.get_mut("attributes").and_then(Value::as_object_mut).context("a client has attributes")?;
        known.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        let path = format!("clients/{}", id_of(&client)?);
        self.administer_realm(Method::PUT, &path, &client).await?.expect_status(204)
    }

    /// Gives a user exactly this one role of our client more, or takes it.
    pub async fn set_role(&self, user: &str, role: &str, is_held: bool) -> Result<()> {
        let client = id_of(&self.find("clients", &[("clientId", CLIENT_ID)]).await?)?;
        let user = id_of(&self.find("users", &[("username", user), ("exact", "true")]).await?)?;
        let role = self.administer_realm(Method::GET, &format!("clients/{client}/roles/{role}"), &Value::Null).await?;
        let role = json!([role.expect(200)?.json()?]);
        let method = if is_held { Method::POST } else { Method::DELETE };
        let path = format!("users/{user}/role-mappings/clients/{client}");
        self.administer_realm(method, &path, &role).await?.expect_status(204)
    }

    /// Ends all sessions of a user, as an administrator does.
    pub async fn end_sessions(&self, user: &str) -> Result<()> {
        let user = id_of(&self.find("users", &[("username", user), ("exact", "true")]).await?)?;
        self.administer_realm(Method::POST, &format!("users/{user}/logout"), &Value::Null).await?.expect_status(204)
    }

    /// The one object of a collection that a search finds.
    async fn find(&self, collection: &str, search: &[(&str, &str)]) -> Result<Value> {
        let search = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(search).finish();
        let found = self.administer_realm(Method::GET, &format!("{collection}?{search}"), &Value::Null).await?;
        match found.expect(200)?.json()? {
            Value::Array(mut found) if found.len() == 1 => Ok(found.remove(0)),
            found => anyhow::bail!("expected one of {collection} by {search}, found {found}"),
        }
    }

    /// A request of the administrator about our realm.
    async fn administer_realm(&self, method: Method, path: &str, body: &Value) -> Result<Reply> {
        self.administer(method, &format!("/admin/realms/{REALM}/{path}"), body).await
    }

    async fn administer(&self, method: Method, path: &str, body: &Value) -> Result<Reply> {
        let administrator = Credentials::Bearer(self.administrator.clone());
        Connection::to(&self.base, administrator).await?.send_json(method, path, body).await
    }
}

async fn log_in_as_administrator(base: &str) -> Result<String> {
    let (user, password) = ADMINISTRATOR;
    let fields = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", user), ("password", password)];
    let endpoint = format!("{base}/realms/master/protocol/openid-connect/token");
    let granted = client::post_form(&endpoint, Credentials::None, &fields).await?.expect(200)?;
    token_of(&granted.json()?, "access_token")
}

fn id_of(object: &Value) -> Result<String> {
    let id = object.get("id").and_then(Value::as_str);
    id.map(str::to_owned).with_context(|| format!("no id in {object}"))
}
