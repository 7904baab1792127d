//! The environment of a container.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Container as ContainerSpec, EnvVarSource, Secret};
use kube::Api;

use super::Context;
use crate::room;

/// What a container sees: the image's `PATH`, where the API server is, and what its spec says.
pub(super) async fn of(context: &Context<'_>, spec: &ContainerSpec) -> Result<BTreeMap<String, String>> {
    if spec.env_from.as_ref().is_some_and(|sources| !sources.is_empty()) {
        bail!("the double does not know envFrom");
    }
    let mut environment = BTreeMap::from([
        ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOSTNAME".to_owned(), context.pod.metadata.name.clone().unwrap_or_default()),
        ("KUBERNETES_SERVICE_HOST".to_owned(), room::ADDRESS.to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), context.api_server_port.to_string()),
        ("KUBERNETES_SERVICE_PORT_HTTPS".to_owned(), context.api_server_port.to_string()),
    ]);
    for variable in spec.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) => expand(text, &environment),
            (None, Some(source)) => {
                from_source(context, source).await.with_context(|| format!("variable {}", variable.name))?
            }
            (None, None) => String::new(),
        };
        environment.insert(variable.name.clone(), value);
    }
    Ok(environment)
}

/// Replaces `$(NAME)` by the variable of that name; an unknown one stays as it is.
pub(super) fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    environment.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

/// The value of a downward API path.
pub(super) fn field(context: &Context<'_>, path: &str) -> Result<String> {
    let metadata = &context.pod.metadata;
    let account = || context.spec.service_account_name.clone().unwrap_or_default();
    Ok(match path {
        "metadata.name" => metadata.name.clone().unwrap_or_default(),
        "metadata.namespace" => context.namespace.to_owned(),
        "metadata.uid" => metadata.uid.clone().unwrap_or_default(),
        "spec.nodeName" => context.spec.node_name.clone().unwrap_or_default(),
        "spec.serviceAccountName" => account(),
        "status.podIP" | "status.podIPs" => context.ip.to_string(),
        "status.hostIP" | "status.hostIPs" => room::ADDRESS.to_owned(),
        other => bail!("the double does not know the field {other}"),
    })
}

async fn from_source(context: &Context<'_>, source: &EnvVarSource) -> Result<String> {
    if let Some(reference) = &source.field_ref {
        return field(context, &reference.field_path);
    }
    if let Some(reference) = &source.secret_key_ref {
        let secret: Secret = Api::namespaced(context.client.clone(), context.namespace).get(&reference.name).await?;
        let value = secret.data.unwrap_or_default().remove(&reference.key);
        let value = value.with_context(|| format!("Secret {} has no key {}", reference.name, reference.key))?;
        return String::from_utf8(value.0).context("not UTF-8");
    }
    if let Some(reference) = &source.config_map_key_ref {
        let map: ConfigMap = Api::namespaced(context.client.clone(), context.namespace).get(&reference.name).await?;
        let value = map.data.unwrap_or_default().remove(&reference.key);
        return value.with_context(|| format!("ConfigMap {} has no key {}", reference.name, reference.key));
    }
    bail!("the double does not know this source: {source:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_variables_are_expanded_and_others_left_alone() {
        let environment = BTreeMap::from([("POD".to_owned(), "a".to_owned())]);
        assert_eq!(expand("--name=$(POD) --other=$(NONE)", &environment), "--name=a --other=$(NONE)");
    }
}
