//! The private listener: probes, the policy that is enforced, process metrics. Not for callers of the Session.

use bytes::Bytes;
use cubegate_policy::publication::ModelState;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::{
    answer::{Answer, Refusal, json_answer, typed},
    pipeline::Pipeline,
};

/// Answers a request of the kubelet, the operator or Prometheus.
pub(crate) fn answer(pipeline: &Pipeline, request: &Request<Incoming>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong-method",
            "The method does not fit the path",
            "use GET",
        )
        .into_answer("");
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "ok\n".into()),
        "/readyz" if pipeline.is_ready() => text(StatusCode::OK, "ok\n".into()),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, unready(pipeline)),
        "/policy" => json_answer(&pipeline.standing.report()),
        "/metrics" => typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", pipeline.own_metrics()),
        _ => Refusal::not_found().into_answer(""),
    }
}

/// States only: the kubelet copies this text into events, and why tables cannot be loaded quotes them. `/policy` tells.
fn unready(pipeline: &Pipeline) -> String {
    let report = pipeline.standing.report();
    let engine = match report.engine.map(|engine| engine.model) {
        None => "not reached",
        Some(ModelState::Loading) => "Loading",
        Some(ModelState::Loaded) => "Loaded",
        Some(ModelState::Failed(_)) => "Failed",
    };
    let certificate = if pipeline.tls.is_ready() { "" } else { ", no certificate" };
    format!("policy {:?}, engine {engine}{certificate}\n", report.state)
}

fn text(status: StatusCode, body: String) -> Answer {
    typed(status, "text/plain; charset=utf-8", Bytes::from(body))
}
