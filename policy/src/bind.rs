//! Binds the access part of a policy to a loaded model: which of its columns exist, which hierarchies
//! they restrict in which cube, and thus which rows a caller with given roles may see.

use serde::{Deserialize, Serialize};

use crate::snapshot::ObjectName;

/// Something in a policy that cannot be applied to the loaded model. Its holders are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindProblem {
    /// The object that says it.
    pub object: ObjectName,
    /// The cube that refuses the holders; all of them when absent.
    pub cube: Option<String>,
    /// A sentence that names the nearest valid thing.
    pub message: String,
}
