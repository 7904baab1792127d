//! Why a caller is refused.

use crate::{limits::ATTRIBUTES_BYTES_MAX, validity::Lapse};

/// Why a caller is refused. The text is for logs; callers see only the status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller is known but has neither `ROLE_USER` nor `ROLE_ADMIN`. (403)
    #[error("neither ROLE_USER nor ROLE_ADMIN among the caller's roles")]
    NoAccess,
    /// The caller holds a role that cannot be enforced. (403)
    #[error("role `{role}` is broken: {}", reasons.join("; "))]
    BrokenRole {
        /// Name of the role.
        role: String,
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The caller holds a role that restricts columns which no join leads to from the table that is to be read. (403)
    #[error("role `{role}` restricts what is beyond reach: {}", reasons.join("; "))]
    BeyondReach {
        /// Name of the role.
        role: String,
        /// What cannot be reached.
        reasons: Vec<String>,
    },
    /// The caller has more attributes than can travel to the engine. (403)
    #[error("the caller's attributes take more than {ATTRIBUTES_BYTES_MAX} bytes")]
    TooManyAttributes,
    /// The caller's TechnicalUser cannot be used; who it is cannot be proven. (401)
    #[error("TechnicalUser `{username}` is broken: {}", reasons.join("; "))]
    BrokenUser {
        /// The user name.
        username: String,
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The caller's TechnicalUser may not come in at this moment. (401)
    #[error("TechnicalUser `{username}` is {lapse}")]
    LapsedUser {
        /// The user name.
        username: String,
        /// Why not.
        lapse: Lapse,
    },
    /// The caller comes from a provider whose configuration cannot be used, or would get default roles that do not exist. (403)
    #[error("OpenID Connect is broken: {}", reasons.join("; "))]
    BrokenProvider {
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The Session has no such TechnicalUser or no provider (any more). (401)
    #[error("the Session does not know a user `{user}` by this way in")]
    UnknownUser {
        /// The name that the caller claims.
        user: String,
    },
    /// Guests would get roles that they cannot have. (401)
    #[error("guests cannot come in: {}", reasons.join("; "))]
    BrokenGuest {
        /// What is wrong with the roles.
        reasons: Vec<String>,
    },
    /// Nobody comes in without credentials, because the Session is not open and admits no guests. (401)
    #[error("no credentials")]
    NoCredentials,
    /// The engine has no such cube. (404, as for a name that never existed)
    #[error("there is no cube `{cube}`")]
    UnknownCube {
        /// The name that was asked for.
        cube: String,
    },
    /// The engine has no such table. (404, as for a name that never existed)
    #[error("there is no table `{table}`")]
    UnknownTable {
        /// The name that was asked for.
        table: String,
    },
}
