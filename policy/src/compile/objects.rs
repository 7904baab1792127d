//! What `compile` is given: the objects of one Session, with everything that they refer to outside of the four
//! kinds looked up.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{Restriction, Role, Session, TechnicalUser, reference::KeyReference};
use serde_json::Value;

use super::problem::{ProblemKind, Problems};
use crate::snapshot::{Kind, ObjectName, Source};

/// The objects of one Session. Those whose `sessionRef` names another Session are ignored.
#[derive(Clone)]
pub struct Objects {
    /// The Session.
    pub session: Session,
    /// Its Roles.
    pub roles: Vec<Parsed<Role>>,
    /// Its Restrictions.
    pub restrictions: Vec<Parsed<Restriction>>,
    /// Its TechnicalUsers.
    pub technical_users: Vec<Parsed<TechnicalUser>>,
    /// The hash of each password that a TechnicalUser refers to; or a sentence that says why there is none, such as
    /// a missing Secret or a missing key with the nearest one.
    pub password_hashes: BTreeMap<KeyReference, Result<String, String>>,
    /// What each `clientSecretRef` of the Session refers to; or a sentence that says why that is nothing.
    pub client_secrets: BTreeMap<KeyReference, Result<String, String>>,
}

/// An object as read at the edge.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed<K> {
    /// It could be read.
    Valid(K),
    /// It could not. It is never dropped: whoever may hold or use it is refused.
    Invalid(InvalidObject),
}

/// An object that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct InvalidObject {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`; empty without a cluster.
    pub uid: String,
    /// `metadata.generation`; 0 without a cluster.
    pub generation: i64,
    /// The whole object as it was written, to find out whom it concerns.
    pub manifest: Value,
    /// Why it could not be read.
    pub error: String,
}

// The hashes and the client secrets stay out of logs.
impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { session, roles, restrictions, technical_users, password_hashes: _, client_secrets: _ } = self;
        f.debug_struct("Objects")
            .field("session", session)
            .field("roles", roles)
            .field("restrictions", restrictions)
            .field("technical_users", technical_users)
            .finish_non_exhaustive()
    }
}

/// An object of the Session that is compiled.
#[derive(Debug)]
pub(super) struct Own<'a, K> {
    pub(super) object: ObjectName,
    pub(super) parsed: &'a Parsed<K>,
    source: Source,
}

/// The objects of one kind that belong to a Session.
///
/// An object that cannot even be asked which Session it belongs to belongs to every one: were it ignored, whoever
/// it restricts would see more.
pub(super) fn own<'a, K: Member>(session: &str, objects: &'a [Parsed<K>], problems: &mut Problems) -> Vec<Own<'a, K>> {
    let own: Vec<Own<'a, K>> = objects
        .iter()
        .filter(|parsed| match parsed {
            Parsed::Valid(object) => object.session() == session,
            Parsed::Invalid(object) => session_of(object).is_none_or(|name| name == session),
        })
        .map(|parsed| {
            let (name, uid, generation) = match parsed {
                Parsed::Valid(object) => object.identity(),
                Parsed::Invalid(object) => (object.name.clone(), object.uid.clone(), object.generation),
            };
            let object = ObjectName { kind: K::KIND, name };
            Own { source: Source { object: object.clone(), uid, generation }, object, parsed }
        })
        .collect();
    report_unreadable(&own, problems);
    report_duplicates(&own, problems);
    own
}

/// What a policy was compiled from, ordered by kind and name.
pub(super) fn sources(
    session: &Session,
    roles: &[Own<'_, Role>],
    restrictions: &[Own<'_, Restriction>],
    technical_users: &[Own<'_, TechnicalUser>],
) -> Vec<Source> {
    let metadata = &session.metadata;
    let mut sources = vec![Source {
        object: session_name(session),
        uid: metadata.uid.clone().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
    }];
    sources.extend(roles.iter().map(|own| own.source.clone()));
    sources.extend(restrictions.iter().map(|own| own.source.clone()));
    sources.extend(technical_users.iter().map(|own| own.source.clone()));
    sources.sort();
    sources
}

pub(super) fn session_name(session: &Session) -> ObjectName {
    ObjectName { kind: Kind::Session, name: session.metadata.name.clone().unwrap_or_default() }
}

/// A kind whose objects belong to a Session.
pub(super) trait Member {
    const KIND: Kind;

    /// Name of the Session that the object belongs to.
    fn session(&self) -> &str;

    /// Name, uid and generation.
    fn identity(&self) -> (String, String, i64);
}

macro_rules! member {
    ($kind:ident) => {
        impl Member for $kind {
            const KIND: Kind = Kind::$kind;

            fn session(&self) -> &str {
                &self.spec.session_ref.name
            }

            fn identity(&self) -> (String, String, i64) {
                let metadata = &self.metadata;
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                (text(&metadata.name), text(&metadata.uid), metadata.generation.unwrap_or_default())
            }
        }
    };
}

member!(Role);
member!(Restriction);
member!(TechnicalUser);

fn session_of(object: &InvalidObject) -> Option<&str> {
    object.manifest.pointer("/spec/sessionRef/name")?.as_str()
}

fn report_unreadable<K>(own: &[Own<'_, K>], problems: &mut Problems) {
    for Own { object, parsed, .. } in own {
        if let Parsed::Invalid(invalid) = parsed {
            problems.report(object, ProblemKind::Invalid, "spec", &invalid.error);
        }
    }
}

/// A cluster cannot hold two objects of one kind and name, but a directory can.
fn report_duplicates<K>(own: &[Own<'_, K>], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for Own { object, .. } in own {
        if !seen.insert(object) {
            let message = format!("there are several objects {object}; keep one of them");
            problems.report(object, ProblemKind::Conflict, "metadata.name", message);
        }
    }
}
