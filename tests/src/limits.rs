//! How long anything may take before a test gives up on it.

use std::time::Duration;

/// A server, from its start until it answers.
pub const START_MAX: Duration = Duration::from_mins(1);
/// Keycloak, from its start until it answers, on a machine that has other things to do.
pub const KEYCLOAK_START_MAX: Duration = Duration::from_mins(3);
/// A visit with a real browser, from its start to its end.
pub const VISIT_MAX: Duration = Duration::from_mins(1);
/// A pod, from its creation until it is Ready.
pub const POD_READY_MAX: Duration = Duration::from_mins(1);
/// An edit, from the moment it is stored until every request is decided by it. A promise of the product.
pub const ENFORCED_MAX: Duration = Duration::from_secs(1);
/// How long to look on for what is late already, to tell late from never.
pub const LATE_MAX: Duration = Duration::from_secs(5);
/// A changed password: as an edit, and six hashes that are slow on purpose, by a build that is not optimised.
pub const PASSWORD_ENFORCED_MAX: Duration = Duration::from_secs(3);
/// A mistake in a manifest or a table, from the edit until it is reported.
pub const REPORT_MAX: Duration = Duration::from_secs(3);
/// Status, which follows enforcement.
pub const STATUS_MAX: Duration = Duration::from_secs(10);
/// One request.
pub const REQUEST_MAX: Duration = Duration::from_secs(20);
/// A process, from SIGTERM until it is gone.
pub const STOP_MAX: Duration = Duration::from_secs(10);
/// A command that does its work and exits: kubectl, helm, ip.
pub const COMMAND_MAX: Duration = Duration::from_mins(1);
/// How often to look again.
pub const POLL: Duration = Duration::from_millis(20);
/// How often the double refreshes mounted Secrets: slow, as a kubelet is, so that what is enforced within a second was not learnt from a mount.
pub const MOUNT_REFRESH: Duration = Duration::from_secs(10);
/// How many lines of each log are shown when a test fails.
pub const LOG_TAIL_LINES: usize = 60;
/// How often one test may start processes of one name.
pub const STARTS_MAX: u32 = 100;
/// Redirects that the scripted browser follows in one visit.
pub const REDIRECTS_MAX: usize = 20;
