//! How connections reach a Session.

use cubegate_api::SessionSpec;

use crate::snapshot::Edge;

pub(super) fn compile(spec: &SessionSpec) -> Edge {
    let proxy_protocol = spec.proxy_protocol.as_ref().map(|proxies| proxies.source_ranges.clone());
    let origins = spec.cors.iter().flat_map(|cors| cors.allowed_origins.iter().cloned());
    Edge { proxy_protocol: proxy_protocol.unwrap_or_default(), allowed_origins: origins.collect() }
}
