//! Every limit of the sidecar, in one place.

use std::time::Duration;

// --- Listeners ---

/// Connections of callers at once. A further one takes the place of one on which nothing has been asked for longest; while all
/// are busy, it waits.
pub(crate) const CONNECTIONS_MAX: usize = 10_000;
/// Connections of callers that are accepted however few descriptors there are.
pub(crate) const CONNECTIONS_MIN: usize = 16;
/// Connections of callers of which fewer are worth a warning.
pub(crate) const CONNECTIONS_FEW: usize = 1000;
/// Descriptors that are not for callers: listeners, the private listener, the provider, files.
pub(crate) const DESCRIPTORS_RESERVED: usize = 256;
/// Connections to the private listener served at once, however many callers there are.
pub(crate) const PRIVATE_CONNECTIONS_MAX: usize = 64;
/// Time for which a caller may take nothing of an answer, before the connection makes way for others when there is no room.
pub(crate) const SENDING_STALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between looks, while somebody has no room, at who takes nothing of an answer.
pub(crate) const SENDING_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Size of a header of the PROXY protocol, after its fixed part: addresses and extensions.
pub(crate) const PROXY_HEADER_BYTES_MAX: usize = 4 * 1024;
/// Time for what comes before a request: the header of the PROXY protocol, the TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between looks at the mounted certificate.
pub(crate) const CERTIFICATE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before looking again at a connection that has sent one or two bytes.
pub(crate) const PEEK_INTERVAL: Duration = Duration::from_millis(5);
/// Time for a request head to arrive, from the first byte or from the end of the request before.
pub(crate) const HEAD_READ_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between looks at whether a connection may rest.
pub(crate) const REST_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// What is read of a connection before others on its thread have their turn.
pub(crate) const TURN_BYTES_MAX: usize = 16 * 1024;
/// Tasks of a thread that have their turn before it looks at who has said something.
pub(crate) const TURNS_BETWEEN_LOOKS: u32 = 16;
/// Size of a request head.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Streams of one HTTP/2 connection.
pub(crate) const STREAMS_MAX: u32 = 100;
/// Time between pings that find out whether an HTTP/2 peer is still there.
pub(crate) const PING_INTERVAL: Duration = Duration::from_mins(1);
/// Threads that serve callers, on a machine with as many cores.
pub(crate) const WORKERS_MAX: usize = 8;
/// Lines of the log that a thread gathers before it writes them in the middle of its work.
pub(crate) const GATHERED_BYTES_MAX: usize = 32 * 1024;
/// Time for open requests to end once the process is told to stop.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

// --- Requests ---

/// Size of a request body: the engine's own limit. What an engine refuses while it is still being sent may look like an
/// engine that broke off, so it is refused here.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What is read of a body that is refused, so that its sender gets to see why.
pub(crate) const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Time to read a body that is refused.
pub(crate) const LINGER_TIMEOUT: Duration = Duration::from_secs(5);
/// Length of a path with its query.
pub(crate) const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Length of an `Authorization` value.
pub(crate) const AUTHORIZATION_BYTES_MAX: usize = 16 * 1024;
/// Length of a request id that is taken over from the caller.
pub(crate) const REQUEST_ID_BYTES_MAX: usize = 128;
/// Same-named cookies that are tried.
pub(crate) const COOKIE_CANDIDATES_MAX: usize = 4;
/// Times that the caller of one request is authenticated, because the policy changed meanwhile.
pub(crate) const AUTHENTICATIONS_MAX: usize = 3;

/// Time for which browsers may remember what a script may ask.
pub(crate) const PREFLIGHT_AGE_MAX: Duration = Duration::from_mins(10);

// --- Engine ---

/// Time for the engine to begin an answer: more than any query of its own takes, with the wait for its turn.
pub(crate) const ENGINE_ANSWER_TIMEOUT: Duration = Duration::from_mins(2);
/// Time for the engine to answer on its internal paths.
pub(crate) const ENGINE_INTERNAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for the engine to take a policy, the largest that can be published too.
pub(crate) const ENGINE_HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the engine to look at what many roles see.
pub(crate) const ENGINE_INSPECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Size of an answer of the engine on its internal paths.
pub(crate) const ENGINE_INTERNAL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time that an idle connection to the engine is kept.
pub(crate) const ENGINE_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between looks at the engine, to notice its restart.
pub(crate) const ENGINE_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Time before a hand-over of the policy that failed is tried again.
pub(crate) const HAND_OVER_RETRY_INTERVAL: Duration = Duration::from_millis(50);

// --- Basic ---

/// Passwords hashed at once. Each takes about 19 MiB and 20 ms of a core.
pub(crate) const HASHES_AT_ONCE_MAX: usize = 2;
/// Passwords waiting to be hashed; further ones are answered with 503.
pub(crate) const HASHES_WAITING_MAX: usize = 64;
/// Verified credentials remembered.
pub(crate) const VERIFIED_MAX: u64 = 10_000;
/// Time that a verified credential is remembered.
pub(crate) const VERIFIED_TTL: Duration = Duration::from_mins(10);
/// Failures of one (source, user) before it has to wait.
pub(crate) const FAILURES_FREE_MAX: u32 = 5;
/// First wait; it doubles with each further failure.
pub(crate) const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Longest wait.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);
/// Pairs of (source, user) watched.
pub(crate) const THROTTLED_MAX: u64 = 20_000;
/// Time without failures after which a (source, user) is forgotten.
pub(crate) const THROTTLE_TTL: Duration = Duration::from_mins(15);

/// Time that a client's access token is remembered under its name and password.
pub(crate) const CLIENT_TTL_MAX: Duration = Duration::from_mins(1);
/// Clients of one provider whose id and secret are exchanged at once; further ones are answered with 503. A part of
/// `PROVIDER_EXCHANGES_MAX`, so that guesses leave room for whoever logs in.
pub(crate) const CLIENT_EXCHANGES_MAX: usize = 16;
/// Clients remembered.
pub(crate) const CLIENTS_MAX: u64 = 10_000;

// --- Identity provider ---

/// Time for one exchange with the identity provider.
pub(crate) const PROVIDER_TIMEOUT: Duration = Duration::from_secs(5);
/// Exchanges with one identity provider at once; further ones wait, within their time.
pub(crate) const PROVIDER_EXCHANGES_MAX: usize = 64;
/// Size of an answer of the identity provider.
pub(crate) const PROVIDER_BYTES_MAX: usize = 1024 * 1024;
/// Time that a request waits for the first discovery, or for new keys.
pub(crate) const PROVIDER_WAIT: Duration = Duration::from_secs(3);
/// Time between looks at the provider's metadata and keys.
pub(crate) const PROVIDER_REFRESH_INTERVAL: Duration = Duration::from_mins(10);
/// First wait after a failed discovery; it doubles with each further failure.
pub(crate) const PROVIDER_RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest wait after a failed discovery.
pub(crate) const PROVIDER_RETRY_MAX: Duration = Duration::from_secs(30);
/// Shortest time between two fetches of keys that callers make us do, however many of their tokens name unknown ones.
pub(crate) const KEYS_REFETCH_INTERVAL_MIN: Duration = Duration::from_secs(5);
/// Shortest time between two attempts to find a provider that has not been found yet, however many callers ask.
pub(crate) const DISCOVERY_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Age at which keys are no longer believed.
pub(crate) const KEYS_AGE_MAX: Duration = Duration::from_hours(24);

// --- Tokens, sessions ---

/// Difference of clocks that is forgiven.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// Length of a bearer token.
pub(crate) const TOKEN_BYTES_MAX: usize = 12 * 1024;
/// Time that a verified token is remembered.
pub(crate) const VERIFIED_TOKEN_TTL_MAX: Duration = Duration::from_mins(5);
/// Verified tokens remembered.
pub(crate) const VERIFIED_TOKENS_MAX: u64 = 10_000;
/// Time that the provider's word on an opaque token is remembered.
pub(crate) const OPAQUE_TTL_MAX: Duration = Duration::from_mins(1);
/// Opaque tokens remembered.
pub(crate) const OPAQUE_MAX: u64 = 10_000;
/// Length of a sealed session cookie: name and value.
pub(crate) const SESSION_COOKIE_BYTES_MAX: usize = 1536;
/// Age at which a cookie is issued anew at the latest, so that only idle sessions end early.
pub(crate) const SESSION_RENEW_AGE_MAX: Duration = Duration::from_mins(5);
/// Length of a sealed tokens cookie, name and value: what every browser keeps.
pub(crate) const TOKENS_COOKIE_BYTES_MAX: usize = 4096;
/// Shortest time between two exchanges about one session, however short-lived its access tokens are.
pub(crate) const RENEWAL_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Time that what came of a refresh token is remembered, for requests that bring the old one.
pub(crate) const RENEWAL_MEMORY: Duration = Duration::from_mins(1);
/// Time before a provider that could not be asked about a session is asked again.
pub(crate) const RENEWAL_RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// Time that a session lives on while the provider cannot be asked about it.
pub(crate) const RENEWAL_GRACE: Duration = Duration::from_mins(5);
/// Outcomes of refresh tokens remembered.
pub(crate) const RENEWALS_MAX: u64 = 10_000;
/// Endings of sessions remembered.
pub(crate) const ENDED_MAX: usize = 50_000;
/// Time that an ending is remembered: as long as a session can last.
pub(crate) const ENDED_AGE_MAX: Duration = Duration::from_hours(168);
/// Age at which a logout token does not count any more.
pub(crate) const LOGOUT_TOKEN_AGE_MAX: Duration = Duration::from_mins(2);
/// Logout tokens remembered, so that none is used twice.
pub(crate) const LOGOUT_TOKENS_MAX: u64 = 50_000;
/// Size of a form with a logout token.
pub(crate) const LOGOUT_BODY_BYTES_MAX: usize = 16 * 1024;
/// Time for a form with a logout token to arrive.
pub(crate) const LOGOUT_BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to log in at the provider.
pub(crate) const LOGIN_TTL: Duration = Duration::from_mins(10);
/// Logins of one browser that can be under way at once.
pub(crate) const LOGIN_SLOTS: u8 = 4;
/// States of finished logins remembered, so that none is used twice.
pub(crate) const USED_STATES_MAX: u64 = 50_000;
/// Length of a path that a login returns to.
pub(crate) const RETURN_BYTES_MAX: usize = 1024;
/// Length of a user name.
pub(crate) const NAME_BYTES_MAX: usize = 255;

// --- Policy ---

/// Silence of the source of policies after which its last word is called stale.
pub(crate) const STALE_AGE: Duration = Duration::from_secs(150);
/// Silence of the source of policies after which its last word no longer counts.
pub(crate) const STALENESS_MAX: Duration = Duration::from_hours(24);
/// Time between looks at the mounted policy.
pub(crate) const DIRECTORY_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Time that one watch of the policy Secret lasts.
pub(crate) const WATCH_SECONDS: u32 = 60;
/// First wait after a failed watch; it doubles with each further failure.
pub(crate) const WATCH_RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest wait after a failed watch.
pub(crate) const WATCH_RETRY_MAX: Duration = Duration::from_secs(10);
