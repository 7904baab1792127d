//! Our sidecar as a process, and the policies that it is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cubegate_policy::{
    attributes::Attributes,
    password,
    publication::{Publication, secret_key},
    snapshot::{
        Access, AccessTokenFormat, Authentication, Checked, ClaimPath, Door, DoorRole, Edge, Oidc, SessionTimeouts,
        Snapshot, TechnicalUser, Ways,
    },
    validity::Validity,
};

use super::{
    DoorOptions, exchange,
    provider::{AUDIENCE, CLIENT, CLIENT_SECRET},
    proxies::{Running, free_address},
};

/// Time to become ready, or to give up.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);
const PASSWORD: &str = "a password of a bench";

/// Whoever comes is let in.
pub(crate) fn open() -> Publication {
    publication(None, Authentication::Open)
}

/// A technical user, and the users of a provider.
pub(crate) fn closed(address: SocketAddr, issuer: &str) -> Publication {
    let user = TechnicalUser {
        declared_by: "u".into(),
        password_hash: password::hash(PASSWORD.as_bytes(), [7; 16]),
        previous_password_hash: None,
        roles: set("ROLE_USER"),
        attributes: Attributes::default(),
        validity: Validity::default(),
    };
    let oidc = Oidc {
        provider_id: "idp".into(),
        display_name: None,
        prefix: String::new(),
        foreign_prefixes: BTreeSet::new(),
        issuer_url: issuer.to_owned(),
        client_id: CLIENT.into(),
        client_secret: Some(CLIENT_SECRET.into()),
        scopes: vec!["openid".into()],
        name_claim: "sub".into(),
        roles_claims: vec![ClaimPath(vec!["roles".into()])],
        attribute_claims: BTreeSet::new(),
        access_token_format: AccessTokenFormat::Jwt,
        audience: Some(AUDIENCE.into()),
        default_roles: Checked::Valid(BTreeSet::new()),
        session: SessionTimeouts::default(),
    };
    let ways = Ways {
        realm: "bench".into(),
        technical_users: BTreeMap::from([("u".to_owned(), Checked::Valid(user))]),
        oidc: Some(Checked::Valid(oidc)),
        additional_oidc: BTreeMap::new(),
        service_accounts: None,
        client_credentials: None,
        guest_roles: None,
    };
    publication(Some(format!("http://{address}")), Authentication::Closed(ways))
}

/// `Authorization` of the technical user.
pub(crate) fn basic() -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("u:{PASSWORD}")))
}

/// Starts a sidecar and waits until it is ready; how long that took.
pub(crate) fn start(
    options: &DoorOptions,
    directory: &Path,
    address: SocketAddr,
    socket: &Path,
    policy: &Publication,
) -> Result<(Running, Duration)> {
    let mount = directory.join(format!("policy-{}", address.port()));
    fs::create_dir_all(&mount)?;
    for (key, value) in policy.to_secret().into_iter().chain([(secret_key::COOKIE_KEY, vec![9; 32])]) {
        fs::write(mount.join(key), value)?;
    }
    let private = free_address()?;
    let mut command = Command::new(&options.sidecar);
    command.args(["--listen", &address.to_string(), "--private-listen", &private.to_string()]);
    command.arg("--engine-socket").arg(socket).arg("--policy-dir").arg(mount);
    let started = Instant::now();
    let running =
        Running::start("the sidecar", command, address, &directory.join(format!("sidecar-{}.log", address.port())))?;
    loop {
        if exchange::get(private, "/readyz", "").is_ok_and(|answer| answer.status() == 200) {
            return Ok((running, started.elapsed()));
        }
        ensure!(started.elapsed() < PATIENCE, "the sidecar is not ready");
        thread::sleep(POLL);
    }
}

/// Logs in as a browser would, and tells the session's cookie. `begin` leads to the provider; `callback` is where it leads back to.
pub(crate) fn log_in(address: SocketAddr, begin: &str, callback: &str) -> Result<String> {
    let sent = exchange::get(address, begin, "Accept: text/html\r\n")?;
    let location = sent.header("location").with_context(|| format!("no way to the provider: {}", sent.0))?;
    let parameter = |name: &str| {
        let query = location.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let (state, nonce) = parameter("state").zip(parameter("nonce")).context("the provider was told no state")?;
    let cookies = sent.cookies().join("; ");
    let finished = exchange::get(
        address,
        &format!("{callback}?code={nonce}&state={state}"),
        &format!("Accept: text/html\r\nCookie: {cookies}\r\n"),
    )?;
    let session = finished.cookies().into_iter().find(|pair| pair.contains("session="));
    Ok(format!("Cookie: {}", session.with_context(|| format!("no session: {}", finished.0))?))
}

fn publication(url: Option<String>, authentication: Authentication) -> Publication {
    let role = |name: &str| (name.to_owned(), DoorRole::default());
    let door = Door {
        url,
        edge: Edge::default(),
        authentication,
        mapped: BTreeMap::from([("users".to_owned(), set("ROLE_USER"))]),
        granted: BTreeMap::new(),
        roles: BTreeMap::from(["ROLE_USER", "ROLE_ADMIN", "ROLE_ANONYMOUS"].map(role)),
    };
    let snapshot = Snapshot { session: "bench".into(), sources: Vec::new(), door, access: Access::default() };
    Publication::new(1, snapshot)
}

fn set(role: &str) -> BTreeSet<String> {
    BTreeSet::from([role.to_owned()])
}
