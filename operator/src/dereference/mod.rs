//! Everything that one Session depends on, looked up: the first step of a reconcile.
//!
//! ```text
//! caches ───────────────▶ Session, Roles, Restrictions, TechnicalUsers ┐
//! Secrets ──hash once───▶ password hashes, client secrets              ├──▶ Found
//! ConfigMaps ──digest───▶ data                                         │
//! Secret ───────────────▶ whether there is a certificate               │
//! policy Secret ──read──▶ what was published last                      ┘
//! ```

mod certificate;
mod data;
mod passwords;

use std::{collections::BTreeMap, sync::Arc};

use cubegate_api::{Restriction, Role, Session, TechnicalUser, reference::KeyReference};
use cubegate_policy::{
    compile::{Objects, Parsed, Problem},
    nearest::nearest,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

pub use self::{data::DataDigests, passwords::PasswordHashes};
use crate::{
    names::{SessionKey, policy_secret},
    publish::Previous,
    watch::{namespace::Namespace, seen::Seen},
};

/// What belongs to a name of a Session.
pub struct Found {
    /// The Session, or why there is none to work with.
    pub session: FoundSession,
    /// The objects that name it.
    pub members: Members,
}

/// A Session by name.
pub enum FoundSession {
    /// It is there and everything about it is known.
    Readable(Box<Subject>),
    /// It is there and cannot be read.
    Unreadable(Arc<Seen<Session>>),
    /// It is not there; and the name that resembles it most.
    Missing(Option<String>),
}

/// A Session and everything that it depends on.
pub struct Subject {
    /// The Session as it was seen.
    pub seen: Arc<Seen<Session>>,
    /// What `compile` is given.
    pub objects: Objects,
    /// What is wrong with the references that only a cluster can follow.
    pub problems: Vec<Problem>,
    /// SHA-256 of the data that the pods load.
    pub data_sha256: String,
    /// What was published last.
    pub previous: Previous,
}

/// The objects that name one Session.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Members {
    pub roles: Vec<Arc<Seen<Role>>>,
    pub restrictions: Vec<Arc<Seen<Restriction>>>,
    pub technical_users: Vec<Arc<Seen<TechnicalUser>>>,
}

/// Why something that a Session depends on could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Secret could not be read.
    #[error("read Secret `{name}`")]
    Secret {
        /// Its name.
        name: String,
        /// What the API server or the network said.
        source: Box<kube::Error>,
    },
    /// A ConfigMap could not be read.
    #[error("read ConfigMap `{name}`")]
    ConfigMap {
        /// Its name.
        name: String,
        /// What the API server or the network said.
        source: Box<kube::Error>,
    },
    /// No random bytes were to be had.
    #[error("draw random bytes")]
    Random,
}

/// Looks up what belongs to a name of a Session.
pub struct Dereferencer {
    client: Client,
    passwords: PasswordHashes,
    data: DataDigests,
}

impl Dereferencer {
    /// With nothing remembered yet.
    pub fn new(client: Client) -> Self {
        Self { client, passwords: PasswordHashes::default(), data: DataDigests::default() }
    }

    /// Looks up everything that belongs to a name of a Session.
    pub async fn dereference(&self, namespace: &Namespace, key: &SessionKey) -> Result<Found, Error> {
        let members = Members::of(namespace, &key.name);
        let session = match namespace.sessions.get(&key.name) {
            None => FoundSession::Missing(nearest_session(namespace, &key.name)),
            Some(seen) => match seen.readable().cloned() {
                None => FoundSession::Unreadable(seen),
                Some(session) => {
                    FoundSession::Readable(Box::new(self.subject(namespace, seen, &session, &members).await?))
                }
            },
        };
        Ok(Found { session, members })
    }

    async fn subject(
        &self,
        namespace: &Namespace,
        seen: Arc<Seen<Session>>,
        session: &Session,
        members: &Members,
    ) -> Result<Subject, Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &namespace.name);
        let policy = get_secret(&secrets, &policy_secret(seen.session_name())).await?;
        let previous = Previous::read(policy);
        let unplaced = Members::unplaced(namespace);
        let technical_users = members.technical_users.iter().chain(&unplaced.technical_users);
        let technical_users: Vec<_> = technical_users.map(|seen| seen.parsed()).collect();
        let password_hashes = self.passwords.hashes(&secrets, namespace, &technical_users, &previous).await?;
        let mut client_secrets = BTreeMap::new();
        for reference in session.client_secret_refs() {
            let secret = passwords::client_secret(&secrets, namespace, reference).await?;
            client_secrets.insert(reference.clone(), secret);
        }
        let mut data = self.data.digest(&self.client, namespace, session).await?;
        data.problems.extend(certificate::problem(&secrets, namespace, session).await?);
        let objects = Objects {
            session: session.clone(),
            roles: members.roles.iter().chain(&unplaced.roles).map(|seen| seen.parsed()).collect(),
            restrictions: members.restrictions.iter().chain(&unplaced.restrictions).map(|seen| seen.parsed()).collect(),
            technical_users,
            password_hashes,
            client_secrets,
        };
        Ok(Subject { seen, objects, problems: data.problems, data_sha256: data.sha256, previous })
    }
}

impl Members {
    /// Those that do not say readably which Session they belong to. The policy counts them for every one, because one of
    /// them may restrict somebody there; their status is not any Session's to write.
    fn unplaced(namespace: &Namespace) -> Self {
        Self::of(namespace, "")
    }

    fn of(namespace: &Namespace, session: &str) -> Self {
        Self {
            roles: namespace.roles.all(|object| object.session_name() == session),
            restrictions: namespace.restrictions.all(|object| object.session_name() == session),
            technical_users: namespace.technical_users.all(|object| object.session_name() == session),
        }
    }
}

/// A Secret, live.
async fn get_secret(secrets: &Api<Secret>, name: &str) -> Result<Option<Secret>, Error> {
    secrets.get_opt(name).await.map_err(|source| Error::Secret { name: name.to_owned(), source: Box::new(source) })
}

fn nearest_session(namespace: &Namespace, name: &str) -> Option<String> {
    let sessions = namespace.sessions.all(|_| true);
    nearest(name, sessions.iter().map(|session| session.session_name())).map(ToOwned::to_owned)
}

/// "There is no X; did you mean Y?"
fn missing(what: &str, name: &str, place: &str, nearest: Option<&str>) -> String {
    let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    format!("there is no {what} `{name}`{place}{hint}")
}

/// Password references of the users that could be read, each once.
fn references(users: &[Parsed<TechnicalUser>]) -> BTreeMap<KeyReference, Vec<String>> {
    let mut references: BTreeMap<KeyReference, Vec<String>> = BTreeMap::new();
    for user in users {
        if let Parsed::Valid(user) = user {
            for reference in user.password_secret_refs() {
                references.entry(reference.clone()).or_default().push(user.username().to_owned());
            }
        }
    }
    references
}
