//! What `compile` is given: the objects of one Session, with everything that they refer to outside of the four
//! kinds looked up.

use std::collections::BTreeMap;

use cubegate_api::{Restriction, Role, Session, TechnicalUser, reference::KeyReference};
use serde_json::Value;

/// The objects of one Session. Those whose `sessionRef` names another Session are ignored.
#[derive(Clone, Debug)]
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
    /// What `spec.authentication.oidc.clientSecretRef` of the Session refers to, when it refers to anything.
    pub client_secret: Option<Result<String, String>>,
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
