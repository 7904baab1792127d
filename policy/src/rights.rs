//! What a caller may, and how it travels from sidecar to engine.

use std::collections::BTreeSet;

use cubegate_api::ROLE_ADMIN;
use serde::{Deserialize, Serialize};

use crate::{
    attributes::{Attributes, MalformedAttributes},
    day::Day,
};

/// Before the name of a role that has lapsed, where roles travel as text. No role name begins so.
const LAPSED: char = '~';

/// All that decides what a caller sees: who has the same rights sees the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rights {
    /// All roles that are valid now, inherited ones included.
    pub roles: BTreeSet<String>,
    /// All roles that have lapsed. They take away what they always do, and give nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lapsed: BTreeSet<String>,
    /// What restrictions may ask.
    pub attributes: Attributes,
    /// The day that dates in restrictions are relative to.
    pub today: Day,
}

impl Rights {
    /// Everything.
    pub fn of_administrator(today: Day) -> Self {
        let roles = [ROLE_ADMIN.to_owned()].into();
        Self { roles, lapsed: BTreeSet::new(), attributes: Attributes::default(), today }
    }

    /// The roles as text: names with commas between them.
    pub fn roles_to_header(&self) -> String {
        let lapsed = self.lapsed.iter().map(|role| format!("{LAPSED}{role}"));
        self.roles.iter().cloned().chain(lapsed).collect::<Vec<_>>().join(",")
    }

    /// Reads what [`roles_to_header`](Self::roles_to_header) and [`Attributes::to_header`] wrote. The day is not among it: whoever
    /// answers knows what day it is.
    pub fn from_headers(roles: &str, attributes: &str, today: Day) -> Result<Self, MalformedAttributes> {
        let (mut valid, mut lapsed) = (BTreeSet::new(), BTreeSet::new());
        for role in roles.split(',').filter(|role| !role.is_empty()) {
            match role.strip_prefix(LAPSED) {
                Some(role) => lapsed.insert(role.to_owned()),
                None => valid.insert(role.to_owned()),
            };
        }
        Ok(Self { roles: valid, lapsed, attributes: Attributes::from_header(attributes)?, today })
    }
}
