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
    let port = ServicePort {
        name: Some("http".into()),
        port: 80,
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
