//! What the node says of a pod: its `status` subresource.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{Context, container::Container};
use crate::room;

/// Writes the status, when it differs from what was last written.
pub(super) async fn report(context: &Context<'_>, containers: &[Container], last: &mut Value) -> Result<bool> {
    let ready = containers.iter().all(Container::is_ready);
    let truth =
        |condition: &str, holds: bool| json!({"type": condition, "status": if holds { "True" } else { "False" }});
    let statuses = |sidecars: bool| -> Vec<Value> {
        containers.iter().filter(|container| container.is_sidecar() == sidecars).map(Container::status).collect()
    };
    let status = json!({
        "phase": "Running",
        "hostIP": room::ADDRESS,
        "podIP": context.ip.to_string(),
        "podIPs": [{"ip": context.ip.to_string()}],
        "conditions": [
            truth("PodScheduled", true), truth("Initialized", true), truth("ContainersReady", ready), truth("Ready", ready),
        ],
        "initContainerStatuses": statuses(true),
        "containerStatuses": statuses(false),
    });
    if status != *last {
        let api = Api::<Pod>::namespaced(context.client.clone(), context.namespace);
        let name = context.pod.metadata.name.as_deref().unwrap_or_default();
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await?;
        *last = status;
    }
    Ok(ready)
}
