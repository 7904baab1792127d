//! What the tests that span processes stand on: real programs, started, fed, watched and ended.
//!
//! ```text
//! test ─┬─ room            its own mounts, network and processes; nothing outlives it
//!       ├─ control_plane   etcd + kube-apiserver, kubectl, a client       (tests/api-server)
//!       ├─ kubelet         runs the pods of a Deployment as a node would  (tests/api-server)
//!       ├─ prometheus      scrapes what it is told to                     (tests/api-server)
//!       ├─ provider        npm oidc-provider, and a scripted `browser`    (tests/idp)
//!       ├─ keycloak        Keycloak, with the same users                  (tests/idp)
//!       ├─ up              `cubegate up` on a copy of an example          (tests/up, tests/idp)
//!       ├─ readme          the commands of a README, run and compared     (tests/up)
//!       ├─ mistakes        ways to break the example's policy             (tests/up, tests/api-server)
//!       └─ recorder        an engine that keeps what it is sent, read by `wire` (tests/attack)
//! ```
//!
//! Where the programs lie comes from the environment, see [`tools`]. Nothing here is skipped: what is
//! missing is an error that names the command which gets it.

pub mod answers;
pub mod browser;
pub mod control_plane;
pub mod http;
pub mod keycloak;
pub mod kubelet;
pub mod limits;
pub mod mistakes;
pub mod pki;
pub mod process;
pub mod prometheus;
pub mod provider;
pub mod readme;
pub mod recorder;
pub mod room;
pub mod story;
pub mod tools;
pub mod up;
pub mod wire;
