//! Every limit of the operator, with its unit.

use std::time::Duration;

/// Sessions reconciled at the same time.
pub const RECONCILES_CONCURRENT_MAX: usize = 8;
/// How long one reconcile may take: a connection that hangs must not hold its Session for good.
pub const RECONCILE_MAX: Duration = Duration::from_mins(2);
/// Passwords hashed at the same time: each takes 19 MiB and a core.
pub const HASHES_CONCURRENT_MAX: usize = 2;
/// Requests that one reconcile has under way at the same time, to pods or to the API server.
pub const REQUESTS_CONCURRENT_MAX: usize = 32;
/// Quiet time after an event before its Session is reconciled, so that objects applied together are compiled together.
pub const EVENT_SETTLE: Duration = Duration::from_millis(10);

/// Delay before the first retry of a reconcile that failed or is not done.
pub const RETRY_MIN: Duration = Duration::from_millis(250);
/// Longest delay between retries of a reconcile.
pub const RETRY_MAX: Duration = Duration::from_secs(30);

/// Delay before a broken watch is tried again for the first time.
pub const WATCH_RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest delay between tries of a broken watch.
pub const WATCH_RETRY_MAX: Duration = Duration::from_secs(20);
/// A watch that has done nothing but fail for so long makes `/livez` fail.
pub const WATCH_FAILING_MAX: Duration = Duration::from_mins(3);

/// How long pods are asked for one acknowledgement before status says which of them are missing.
pub const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(3);
/// Pause between the first two questions to a pod.
pub const ACKNOWLEDGE_PAUSE_MIN: Duration = Duration::from_millis(10);
/// Longest pause between two questions to a pod.
pub const ACKNOWLEDGE_PAUSE_MAX: Duration = Duration::from_millis(250);
/// How long one question to one pod may take.
pub const POD_ANSWER_MAX: Duration = Duration::from_secs(1);
/// Largest answer that is read from a pod, in bytes.
pub const POD_ANSWER_BYTES_MAX: usize = 4 << 20;

/// How long status may be put off while newer changes keep arriving.
pub const STATUS_DELAY_MAX: Duration = Duration::from_secs(1);
/// Earlier publications of a Session that are remembered, to know what a pod that lags behind enforces.
pub const PUBLICATIONS_REMEMBERED_MAX: usize = 16;
/// Longest message of a condition, in bytes; the API server takes 32 768.
pub const MESSAGE_BYTES_MAX: usize = 8_192;

/// Connections to `/livez`, `/readyz` and `/metrics` at the same time.
pub const CONNECTIONS_MAX: usize = 64;
/// Time that a client has to send a request's head.
pub const REQUEST_HEAD_MAX: Duration = Duration::from_secs(5);
