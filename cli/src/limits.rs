//! Every limit of the command line, in one place.

use std::{num::NonZero, time::Duration};

/// A manifest file: three times what the API server stores of one object.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// Sessions among which the descriptors of the process are shared, because they come and go while it runs.
pub(crate) const SIDECARS: NonZero<usize> = NonZero::new(8).expect("8 is not 0");

/// How long a directory must be quiet before it is read again, so that a file is not read half-written.
pub(crate) const EDIT_QUIET: Duration = Duration::from_millis(40);

/// A directory that is written without pause is read at least this often.
pub(crate) const EDIT_DELAY_MAX: Duration = Duration::from_millis(300);

/// How long requests in flight may take after SIGTERM.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long to wait for the engine to take over a policy before saying what it makes of it.
pub(crate) const HAND_OVER_MAX: Duration = Duration::from_secs(2);

/// A token: more than a header could carry.
pub(crate) const TOKEN_BYTES_MAX: u64 = 64 << 10;

/// Objects of a cluster that are listed at once.
pub(crate) const OBJECTS_PER_PAGE: u32 = 500;

/// Members that a line lists for a person.
pub(crate) const MEMBERS_LISTED_MAX: usize = 20;
