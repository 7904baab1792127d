//! From objects to a [`Snapshot`].

mod objects;
mod problem;

use std::collections::BTreeMap;

use cubegate_api::{ROLE_ADMIN, ROLE_USER};

pub use self::{
    objects::{InvalidObject, Objects, Parsed},
    problem::{Problem, ProblemKind},
};
use crate::snapshot::{Access, Authentication, Checked, Door, RoleHolders, Snapshot};

/// A policy, and what is wrong with the objects that it was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The policy. What could not be compiled is in it as broken.
    pub snapshot: Snapshot,
    /// Everything that is wrong, ordered.
    pub problems: Vec<Problem>,
}

/// Compiles the objects of a Session. Until the parts are in place every caller is refused.
pub fn compile(objects: &Objects) -> Compiled {
    let reasons = || vec!["this policy has not been compiled".to_owned()];
    let holders = || RoleHolders { broken: reasons(), ..RoleHolders::default() };
    let door = Door {
        url: objects.session.spec.url.clone(),
        authentication: Authentication::Open,
        roles: [ROLE_ADMIN, ROLE_USER].map(|role| (role.to_owned(), holders())).into(),
    };
    let access = Access {
        combine: objects.session.spec.access.combine,
        roles: BTreeMap::from([(ROLE_USER.into(), Checked::Broken(reasons()))]),
    };
    let session = objects.session.metadata.name.clone().unwrap_or_default();
    Compiled { snapshot: Snapshot { session, sources: Vec::new(), door, access }, problems: Vec::new() }
}
