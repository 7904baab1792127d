//! From when until when something is valid.

use cubegate_api::Moment;
use serde::{Deserialize, Serialize};

/// From one moment, inclusive, until another, exclusive. An end that is not there is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validity {
    /// The first moment in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// The first moment after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
}

/// Why something is not valid at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// It is valid from this moment on.
    NotYet(Moment),
    /// It was valid until this moment.
    NoMore(Moment),
}

impl Validity {
    /// Why a moment does not lie in it; none when it does.
    pub fn lapse(self, now: Moment) -> Option<Lapse> {
        match self {
            Self { not_after: Some(end), .. } if end <= now => Some(Lapse::NoMore(end)),
            Self { not_before: Some(first), .. } if now < first => Some(Lapse::NotYet(first)),
            _ => None,
        }
    }

    /// Whether a moment lies in it.
    pub fn includes(self, now: Moment) -> bool {
        self.lapse(now).is_none()
    }

    /// Whether no moment lies in it.
    pub fn is_empty(self) -> bool {
        matches!(self, Self { not_before: Some(first), not_after: Some(end) } if end <= first)
    }

    /// Whether every moment lies in it.
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Lapse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotYet(first) => write!(f, "not valid before {first}"),
            Self::NoMore(end) => write!(f, "not valid since {end}"),
        }
    }
}
