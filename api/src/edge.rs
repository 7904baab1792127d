//! How connections reach the pods of a Session.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::source_range::SourceRange;

/// TLS 1.2 and 1.3 for callers of the Session. Connections in the clear are refused. A certificate that is replaced is used
/// for new connections within seconds of the kubelet mounting it; nothing restarts and no request fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// Name of a Secret of type `kubernetes.io/tls`: certificate chain (`tls.crt`) and private key (`tls.key`), in PEM.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// Load balancers in front of the pods that speak the PROXY protocol, version 1 or 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Where they connect from. From there each connection must begin with the header, and comes from where it says; from
    /// anywhere else the header is refused like anything that is not HTTP. Name no range that callers are in: they could say
    /// anything.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.all(range, isCIDR(range) && cidr(range) == cidr(range).masked())").message("write each range as an address and the length of its prefix, with no bit set beyond it, for example 10.0.0.0/8, or 10.1.2.3/32 for one address"))]
    pub source_ranges: Vec<SourceRange>,
}

/// Pages of other origins whose scripts may read answers (CORS). They prove who they are with `Authorization`; cookies of people
/// who have logged in here are for pages of the Session's own `url` alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// Origins exactly as browsers write them, for example `https://app.example.com`.
    #[schemars(length(min = 1, max = 64), inner(length(max = 261)))]
    #[x_kube(validation = Rule::new("self.all(origin, origin.matches('^(https://[a-z0-9.-]+|http://(127[.]0[.]0[.]1|localhost))(:[0-9]{1,5})?$') && !origin.matches('^https:.*:443$|^http:.*:80$'))").message("write each origin as browsers do: https (http is for loopback only), the host in lower case, no path, no port that is the scheme's own; there is no `*`"))]
    pub allowed_origins: Vec<String>,
}

/// Key of the certificate chain in a Secret of type `kubernetes.io/tls`.
pub const TLS_CERTIFICATE: &str = "tls.crt";
/// Key of the private key in a Secret of type `kubernetes.io/tls`.
pub const TLS_KEY: &str = "tls.key";
