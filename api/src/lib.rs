//! The four kinds of Cubegate (`cubegate.dev/v1alpha1`), as users write them.
//!
//! ```text
//! TechnicalUser ──roles──▶ Role ──restrictions──▶ Restriction
//!        └──sessionRef──┐   │  └──inherits──▶ Role   │
//!                       ▼   ▼                        ▼
//!                      Session ◀─────sessionRef──────┘
//! ```
//!
//! The types here are the single source of the CRDs (`crds/`), of `kubectl explain` and of what
//! `cubegate up` accepts: what a schema or a CEL rule can reject, both the API server and
//! `cubegate up` reject with the same sentence.
//!
//! This crate has no client and does no IO.

#![expect(unreachable_pub, reason = "KubeSchema derives a public twin of each struct in a scope of its own")]

pub mod authentication;
pub mod condition;
pub mod context;
pub mod crds;
pub mod edge;
pub mod model;
pub mod moment;
pub mod reference;
pub mod restriction;
pub mod role;
pub mod rules;
pub mod session;
pub mod source_range;
pub mod technical_user;

pub use moment::Moment;
pub use restriction::{Restriction, RestrictionSpec};
pub use role::{Role, RoleSpec};
pub use session::{Session, SessionSpec};
pub use source_range::SourceRange;
pub use technical_user::{TechnicalUser, TechnicalUserSpec};

/// The API group of the four kinds.
pub const GROUP: &str = "cubegate.dev";
/// The API version of the four kinds.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` as manifests write it.
pub const API_VERSION: &str = "cubegate.dev/v1alpha1";

/// May use the application. Exists without being declared; can be granted but not restricted.
pub const ROLE_USER: &str = "ROLE_USER";
/// Sees everything: restrictions do not apply. Exists without being declared; implies [`ROLE_USER`].
pub const ROLE_ADMIN: &str = "ROLE_ADMIN";
/// Held by callers without identity, where a Session admits them.
pub const ROLE_ANONYMOUS: &str = "ROLE_ANONYMOUS";
