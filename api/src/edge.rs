//! How connections reach the pods of a Session.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// TLS 1.2 and 1.3 for callers of the Session. Connections in the clear are refused. A certificate that is replaced is used
/// for new connections within seconds of the kubelet mounting it; nothing restarts and no request fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// Name of a Secret of type `kubernetes.io/tls`: certificate chain (`tls.crt`) and private key (`tls.key`), in PEM.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// Key of the certificate chain in a Secret of type `kubernetes.io/tls`.
pub const TLS_CERTIFICATE: &str = "tls.crt";
/// Key of the private key in a Secret of type `kubernetes.io/tls`.
pub const TLS_KEY: &str = "tls.key";
