//! How callers of a Session prove who they are.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{model::Interval, reference::KeyReference};

/// Ways in. Basic is on as soon as anything is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.oidc) || has(self.basic) || has(self.serviceAccounts)").message("configure at least one of `oidc`, `basic` and `serviceAccounts`; leave `authentication` out for an open Session"),
    validation = Rule::new("!has(self.basic) || !has(self.basic.clientCredentials) || has(self.oidc)").message("`basic.clientCredentials` needs `oidc`: names and passwords are exchanged at its token endpoint"),
    validation = Rule::new("!has(self.additionalOidc) || has(self.oidc)").message("write the first provider as `oidc`; `additionalOidc` is for further ones"),
    validation = Rule::new("!has(self.additionalOidc) || !has(self.oidc) || self.additionalOidc.all(other, other.providerId != self.oidc.providerId && other.issuerUrl != self.oidc.issuerUrl)").message("give each provider a providerId and an issuerUrl of its own"),
    validation = Rule::new("!has(self.additionalOidc) || !has(self.oidc) || self.oidc.accessTokenFormat != 'opaque' || self.additionalOidc.all(other, other.accessTokenFormat != 'opaque')").message("only one provider may have accessTokenFormat opaque, because an opaque token does not say whose it is; write jwt and an `audience` for the others")
)]
pub struct Authentication {
    /// OpenID Connect: people in browsers, and bearer tokens of the same provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// Further providers. People choose theirs at `/login`; a bearer token goes to the provider that it names as issuer, or else to
    /// the one whose access tokens are opaque. Each says what its own users get: `defaultRoles` and `session` of another do not
    /// count for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    #[x_kube(
        validation = Rule::new("self.all(one, self.exists_one(other, one.providerId == other.providerId) && self.exists_one(other, one.issuerUrl == other.issuerUrl))").message("give each provider a providerId and an issuerUrl of its own"),
        validation = Rule::new("self.filter(one, one.accessTokenFormat == 'opaque').size() <= 1").message("only one provider may have accessTokenFormat opaque, because an opaque token does not say whose it is; write jwt and an `audience` for the others"),
        validation = Rule::new("self.all(one, has(one.prefix))").message("write a `prefix` for each further provider, for example `partners:`, or its alice is taken for yours; write \"\" if both know the same people")
    )]
    pub additional_oidc: Vec<Oidc>,
    /// Kubernetes ServiceAccounts, by tokens that the API server issues to pods: Prometheus, a job, another application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<ServiceAccounts>,
    /// HTTP Basic, for TechnicalUsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
    /// Names of the roles of guests: callers who bring no credentials at all. They are called `guest`, and come in if these
    /// roles bring `ROLE_USER` along; else they are asked for credentials, as they are without this field. Not `ROLE_ADMIN`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)))]
    #[x_kube(validation = Rule::new("!self.exists(role, role == 'ROLE_ADMIN')").message("guests are nobody in particular and cannot hold ROLE_ADMIN; leave `authentication` out for an open Session"))]
    pub guest_roles: Vec<String>,
}

/// Kubernetes ServiceAccounts. Each is called `system:serviceaccount:NAMESPACE:NAME`, and has the roles whose `users` name it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!self.audience.startsWith('https://kubernetes.default.svc')").message("`audience` is one of this Session's own: a token for the API server would let whoever sees it speak to the API server"),
    validation = Rule::new("!has(self.issuerUrl) || self.issuerUrl.matches('^https://[^/]|^http://(127[.]0[.]0[.]1|localhost)(:[0-9]+)?(/|$)')").message("issuerUrl must be https (http is accepted for loopback only)")
)]
pub struct ServiceAccounts {
    /// Audience that a token must name. Pods ask for it where they project the token (`serviceAccountToken.audience`).
    #[schemars(length(min = 1, max = 256))]
    pub audience: String,
    /// Issuer of the tokens, exactly as they spell it, when it publishes its keys at its own address. Default: the cluster that the
    /// pods run in, asked through its API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub issuer_url: Option<String>,
}

/// HTTP Basic (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basic {
    /// Realm that challenges name. Default: the Session's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[ !#-\\\\[\\\\]-~]+$')").message("a realm is printable ASCII without quotes and backslashes"))]
    pub realm: Option<String>,
    /// Lets in clients of an identity provider that can send nothing but a name and a password. Left out, Basic is for
    /// TechnicalUsers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_credentials: Option<ClientCredentials>,
}

/// How the client id and secret of a caller who is no TechnicalUser become an access token (RFC 6749 §4.4), by which they come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCredentials {
    /// The provider whose clients they are. Default: that of `oidc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub provider_id: Option<String>,
    /// Scopes to ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub scopes: Vec<String>,
    /// The resource that the token is asked for (RFC 8707), where the provider wants that said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub resource: Option<String>,
}

/// An OpenID Connect provider, and what its claims mean here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.accessTokenFormat == 'opaque' || has(self.audience)").message("`audience` is required when accessTokenFormat is jwt: without it a token issued for another application would be accepted"),
    validation = Rule::new("self.issuerUrl.matches('^https://[^/]|^http://(127[.]0[.]0[.]1|localhost)(:[0-9]+)?(/|$)')").message("issuerUrl must be https (http is accepted for loopback only)")
)]
pub struct Oidc {
    /// Name of the provider in the login and redirect paths.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')").message("providerId is a DNS label: lower-case letters, digits and dashes"))]
    pub provider_id: String,
    /// What the provider is called where people choose one. Default: the providerId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub display_name: Option<String>,
    /// What is put before the names and roles that this provider gives, for example `partners:`, so that they are told from those
    /// of other providers wherever Roles speak of them. Default: nothing; further providers must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([a-z0-9-]*[a-z0-9])?:)?$') && self != 'system:'").message("prefix is empty, or lower-case letters, digits and dashes with a colon at the end, for example `partners:`; `system:` is taken"))]
    pub prefix: Option<String>,
    /// Issuer, exactly as its discovery document and tokens spell it.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer_url: String,
    /// Our client identifier at the provider.
    #[schemars(length(min = 1, max = 256))]
    pub client_id: String,
    /// The Secret key that holds our client secret. Left out for a public client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<KeyReference>,
    /// Scopes to ask for. `openid` is added when it is missing.
    #[serde(default = "default_scopes")]
    #[schemars(length(max = 64))]
    pub scopes: Vec<String>,
    /// The claim that is the user's name.
    #[serde(default = "default_name_claim")]
    pub name_claim: String,
    /// Where the provider's roles are; the union of all that are found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub roles_claims: Vec<RolesClaim>,
    /// What the provider's access tokens are.
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// Audience that an access token must name. Required when accessTokenFormat is jwt. When it is set for opaque tokens,
    /// introspection must name it as `aud` or `client_id`; userinfo, which does not say whom a token is for, is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Names of the roles of a user who got no role any other way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub default_roles: Vec<String>,
    /// When sessions of people in browsers end at the latest. They end earlier when the provider ends them, of which a session
    /// learns at once by a back-channel logout, and else when its access token expires (`expires_in` of the token answer).
    #[serde(default)]
    pub session: SessionTimeouts,
}

/// When the session of a person in a browser ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("duration(self.idleTimeout) >= duration('1m') && duration(self.idleTimeout) <= duration('24h')").message("idleTimeout is from 1m to 24h"),
    validation = Rule::new("duration(self.absoluteTimeout) >= duration('5m') && duration(self.absoluteTimeout) <= duration('168h')").message("absoluteTimeout is from 5m to 168h"),
    validation = Rule::new("duration(self.idleTimeout) <= duration(self.absoluteTimeout)").message("idleTimeout is at most absoluteTimeout")
)]
pub struct SessionTimeouts {
    /// Time without requests after which a session ends, for example `30m`.
    #[serde(default = "default_idle_timeout")]
    pub idle_timeout: Interval,
    /// Time after the login at which a session ends however busy it is, for example `12h`.
    #[serde(default = "default_absolute_timeout")]
    pub absolute_timeout: Interval,
}

/// Where roles are in a token: exactly one of `path` and `name`. A string is one role, an array of strings many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.path) != has(self.name)").message("write exactly one of `path` (nested keys) and `name` (one literal claim)"))]
pub struct RolesClaim {
    /// Nested keys, outermost first, for example `[resource_access, cubegate, roles]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub path: Option<Vec<String>>,
    /// One literal top-level claim, dots and slashes and all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a provider's access tokens are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessTokenFormat {
    /// Signed JWTs, verified here.
    #[default]
    Jwt,
    /// Opaque strings: introspection (RFC 7662) when the provider offers it, else userinfo.
    Opaque,
}

impl Default for SessionTimeouts {
    fn default() -> Self {
        Self { idle_timeout: default_idle_timeout(), absolute_timeout: default_absolute_timeout() }
    }
}

fn default_idle_timeout() -> Interval {
    Interval::from_minutes(30)
}

fn default_absolute_timeout() -> Interval {
    Interval::from_minutes(12 * 60)
}

fn default_scopes() -> Vec<String> {
    vec!["openid".into()]
}

fn default_name_claim() -> String {
    "sub".into()
}
