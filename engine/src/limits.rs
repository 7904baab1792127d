//! Every limit of the engine, in one place.

use std::time::Duration;

use cubegate_policy::limits::ACCESS_PUBLICATION_BYTES_MAX;

/// A request's body.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// A policy handed over by the sidecar: any that can be published.
pub(crate) const POLICY_BYTES_MAX: usize = ACCESS_PUBLICATION_BYTES_MAX;

/// Newest policies kept, so that a request stamped just before an edit is still answered by the policy it was decided by.
pub(crate) const POLICIES_KEPT: usize = 4;

/// How long a superseded policy still answers requests that were decided by it. An edit is enforced within a second, on a
/// request that sends its body slowly too.
pub(crate) const SUPERSEDED_AGE_MAX: Duration = Duration::from_secs(1);

/// Selection masks kept for all cubes together, with the visibilities that they are of.
pub(crate) const MASK_CACHE_BYTES_MAX: u64 = 64 << 20;

/// Selection masks of the largest table that there is room for however large they are.
pub(crate) const MASKS_MIN: u64 = 16;

/// Queries that run at once per core; others wait.
pub(crate) const QUERIES_PER_CORE: usize = 2;

/// How long a query may wait for its turn.
pub(crate) const QUERY_WAIT_MAX: Duration = Duration::from_secs(10);

/// One table's file.
pub(crate) const TABLE_BYTES_MAX: u64 = 4 << 30;

/// Bytes of one answer. Every query that runs may hold as many.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 << 20;

/// How often the source of a table is looked at, at most.
pub(crate) const REFRESH_MIN: Duration = Duration::from_secs(1);

/// How long an answer may take where nobody says.
pub(crate) const QUERY_TIME_DEFAULT: Duration = Duration::from_secs(30);

/// How long an answer may take whoever says so: with the wait for its turn, less than the sidecar waits.
pub(crate) const QUERY_TIME_MAX: Duration = Duration::from_secs(100);

/// Answers kept for all cubes together.
pub(crate) const RESULT_CACHE_BYTES_MAX: u64 = 64 << 20;

/// An answer larger than this is not kept: it would push out too many others.
pub(crate) const RESULT_CACHE_ANSWER_BYTES_MAX: usize = 8 << 20;

/// Values of Restrictions that advice looks up in the tables.
pub(crate) const VALUES_ADVISED_MAX: usize = 10_000;

/// Pairs of roles of which advice looks at what they show together.
pub(crate) const PAIRS_ADVISED_MAX: usize = 1_000;

/// Characters of the reason of one refusal, as the sidecar's log keeps it.
pub(crate) const REFUSAL_CHARACTERS_MAX: usize = 2_048;
