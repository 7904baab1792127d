//! A sidecar with an engine, and policies to give it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use cubegate_policy::{
    password,
    publication::{CookieKeys, Publication},
    snapshot::{
        Access, AccessTokenFormat, Authentication, Checked, ClaimPath, Door, DoorRole, Edge, Oidc, SessionTimeouts,
        Snapshot, TechnicalUser, Ways,
    },
    validity::Validity,
};
use cubegate_sidecar::{Config, PolicyUpdate, RunError, run};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{client, engine::Engine};

/// Password of every technical user here, hashed once: hashing is slow on purpose.
pub(crate) const PASSWORD: &str = "correct horse: battery staple";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD.as_bytes(), [3; 16]));

/// A sidecar that runs.
pub(crate) struct Sidecar {
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    pub(crate) engine: Engine,
    policies: watch::Sender<Option<Arc<PolicyUpdate>>>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<Result<(), RunError>>,
    _directory: TempDir,
}

impl Sidecar {
    /// Without a policy yet.
    pub(crate) async fn bare() -> Self {
        Self::configured(|socket| Config::new(socket)).await
    }

    /// Without a policy yet, and started with this before the engine on a socket.
    pub(crate) async fn configured(config: impl FnOnce(&Path) -> Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::start(&directory.path().join("engine.sock"));
        let (public, private) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (policies, receiver) = watch::channel(None);
        let (stop, stopped) = oneshot::channel::<()>();
        let addresses = (public.local_addr().unwrap(), private.local_addr().unwrap());
        let told = async move { drop(stopped.await) };
        let task = tokio::spawn(run(config(&engine.socket), public, Some(private), receiver, told));
        Self {
            public: addresses.0,
            private: addresses.1,
            engine,
            policies,
            stop: Some(stop),
            task,
            _directory: directory,
        }
    }

    /// Deciding by this policy.
    pub(crate) async fn with(door: Door) -> Self {
        let sidecar = Self::bare().await;
        sidecar.enforce(1, door).await;
        sidecar
    }

    pub(crate) fn offer(&self, revision: u64, door: Door) {
        self.policies.send_replace(Some(update(revision, door)));
    }

    /// Offers the same policy with other keys for cookies.
    pub(crate) fn offer_keys(&self, keys: &[u8], revision: u64, door: Door) {
        let bytes: Vec<u8> = keys.iter().flat_map(|key| [*key; 32]).collect();
        let keys = CookieKeys::from_bytes(&bytes).unwrap();
        self.policies.send_replace(Some(sealed_by(keys, revision, door)));
    }

    pub(crate) fn withdraw(&self) {
        self.policies.send_replace(None);
    }

    /// Offers a policy and waits until it is the one that decides.
    pub(crate) async fn enforce(&self, revision: u64, door: Door) {
        self.offer(revision, door);
        self.until(|report| report["policy"]["revision"] == revision).await;
    }

    /// Waits until the sidecar says this of itself.
    pub(crate) async fn until(&self, is_so: impl Fn(&serde_json::Value) -> bool) {
        for _ in 0..1000 {
            if is_so(&self.report().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not within 5 s: {}", self.report().await);
    }

    pub(crate) async fn report(&self) -> serde_json::Value {
        client::get(self.private, "/policy", &[]).await.json()
    }

    pub(crate) fn tell_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn update(revision: u64, door: Door) -> Arc<PolicyUpdate> {
    sealed_by(CookieKeys::one([9; 32]), revision, door)
}

/// With cookies that are sealed by these keys.
pub(crate) fn sealed_by(cookie_keys: CookieKeys, revision: u64, door: Door) -> Arc<PolicyUpdate> {
    let snapshot = Snapshot { session: "retail".into(), sources: Vec::new(), door, access: Access::default() };
    Arc::new(PolicyUpdate { publication: Publication::new(revision, snapshot), cookie_keys })
}

pub(crate) fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Roles of the story: atoti → `ROLE_USER`, paris → `ROLE_PARIS`, and one that is broken.
fn door(url: Option<&str>, authentication: Authentication) -> Door {
    let role = |name: &str, inherits: &[&str], broken: &[&str]| {
        let broken = broken.iter().map(|reason| (*reason).to_owned()).collect();
        (name.to_owned(), DoorRole { inherits: set(inherits), broken, ..DoorRole::default() })
    };
    let mapped =
        [("atoti", "ROLE_USER"), ("paris", "ROLE_PARIS"), ("broken", "ROLE_BROKEN"), ("partners:atoti", "ROLE_USER")];
    Door {
        url: url.map(str::to_owned),
        edge: Edge::default(),
        authentication,
        mapped: mapped.map(|(from, role)| (from.to_owned(), set(&[role]))).into(),
        granted: BTreeMap::new(),
        roles: BTreeMap::from([
            role("ROLE_USER", &[], &[]),
            role("ROLE_ADMIN", &["ROLE_USER"], &[]),
            role("ROLE_ANONYMOUS", &[], &[]),
            role("ROLE_PARIS", &[], &[]),
            role("ROLE_BROKEN", &[], &["its Restriction `secret-name` is missing"]),
        ]),
    }
}

fn technical_user(roles: &[&str]) -> Checked<TechnicalUser> {
    Checked::Valid(TechnicalUser {
        declared_by: "technical-user".into(),
        password_hash: HASH.clone(),
        previous_password_hash: None,
        roles: set(roles),
        attributes: vec![(ClaimPath(vec!["shops".into()]), set(&["S1", "S2"]))].into(),
        validity: Validity::default(),
    })
}

/// Technical users only.
pub(crate) fn closed() -> Door {
    closed_with(None)
}

/// Technical users, and the users of this provider.
pub(crate) fn closed_with(oidc: Option<Checked<Oidc>>) -> Door {
    let technical_users = BTreeMap::from([
        ("technical-user".to_owned(), technical_user(&["ROLE_USER"])),
        ("zoë".to_owned(), technical_user(&["ROLE_USER", "ROLE_PARIS"])),
        ("outsider".to_owned(), technical_user(&["ROLE_PARIS"])),
        ("holder".to_owned(), technical_user(&["ROLE_USER", "ROLE_BROKEN"])),
        ("broken".to_owned(), Checked::Broken(vec!["the Secret `secret-name` is missing".to_owned()])),
    ]);
    let ways = Ways {
        realm: "retail".into(),
        technical_users,
        oidc,
        additional_oidc: BTreeMap::new(),
        service_accounts: None,
        client_credentials: None,
        guest_roles: None,
    };
    door(Some("http://127.0.0.1:8080"), Authentication::Closed(ways))
}

/// Technical users, and the users of several providers.
pub(crate) fn closed_with_providers(first: Oidc, others: impl IntoIterator<Item = Oidc>) -> Door {
    let mut door = closed_with(Some(Checked::Valid(first)));
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("it is closed") };
    ways.additional_oidc = others.into_iter().map(|oidc| (oidc.provider_id.clone(), Checked::Valid(oidc))).collect();
    door
}

/// Whoever comes without credentials has these roles, beside those whom a closed Session knows.
pub(crate) fn with_guests(mut door: Door, roles: Checked<BTreeSet<String>>) -> Door {
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("an open Session has no guests") };
    ways.guest_roles = Some(roles);
    door
}

/// Whoever comes.
pub(crate) fn open() -> Door {
    door(None, Authentication::Open)
}

/// The story's provider, at this issuer.
pub(crate) fn oidc(issuer: &str) -> Oidc {
    Oidc {
        provider_id: "keycloak".into(),
        display_name: None,
        prefix: String::new(),
        foreign_prefixes: BTreeSet::new(),
        issuer_url: issuer.to_owned(),
        client_id: "cubegate".into(),
        client_secret: Some("client secret".into()),
        scopes: vec!["openid".into(), "profile".into(), "roles".into()],
        name_claim: "preferred_username".into(),
        roles_claims: vec![ClaimPath(vec!["resource_access".into(), "cubegate".into(), "roles".into()])],
        attribute_claims: BTreeSet::new(),
        access_token_format: AccessTokenFormat::Opaque,
        audience: None,
        default_roles: Checked::Valid(BTreeSet::new()),
        session: SessionTimeouts::default(),
    }
}

/// The story's provider with JWT access tokens.
pub(crate) fn oidc_jwt(issuer: &str) -> Oidc {
    Oidc { access_token_format: AccessTokenFormat::Jwt, audience: Some("api".into()), ..oidc(issuer) }
}

/// The provider of the story's partners, at this issuer.
pub(crate) fn partners(issuer: &str) -> Oidc {
    Oidc {
        provider_id: "partners".into(),
        display_name: Some("Friends & <partners>".into()),
        prefix: "partners:".into(),
        ..oidc_jwt(issuer)
    }
}

/// `Authorization` of a technical user.
pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
