//! Where callers find the pods.

use cubegate_api::Session;
use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;

use super::child;
use crate::names::{PUBLIC_PORT, selector};

pub(super) fn service(session: &Session) -> Service {
    let (name, number) = if session.spec.tls.is_some() { ("https", 443) } else { ("http", 80) };
    let port = ServicePort {
        name: Some(name.into()),
        app_protocol: Some(name.into()),
        port: number,
        target_port: Some(IntOrString::String(PUBLIC_PORT.into())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    };
    Service {
        metadata: child(session, session.name_any()),
        spec: Some(ServiceSpec {
            selector: Some(selector(&session.name_any())),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
