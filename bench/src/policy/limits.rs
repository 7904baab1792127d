//! The bounds that a large policy is held to.

/// From objects to a snapshot.
pub(super) const COMPILE_MS_MAX: f64 = 1_000.0;
/// Roles and visible rows of a caller of whom nothing is known yet.
pub(super) const COLD_MS_MAX: f64 = 1.0;
/// Roles and visible rows of a caller who has been there before.
pub(super) const AGAIN_MS_MAX: f64 = 0.005;
