//! From the providers that a Session names to those whose users are let in.
//!
//! Several providers must not be taken for each other: each has an id and an issuer of its own, tokens that say whose they are
//! (but for one), and names of users and roles that are told from those of the others by a prefix.

use std::collections::BTreeMap;

use cubegate_api::{
    Session,
    authentication::{
        AccessTokenFormat, Authentication, ClientCredentials as ClientCredentialsSpec, Oidc as OidcSpec, RolesClaim,
    },
};

use super::{
    authentication::{Roles, session_roles},
    objects::{Objects, session_name},
    problem::{ProblemKind, Problems},
    roles::attribute_claims,
};
use crate::{
    nearest::suggestion,
    snapshot::{Checked, ClaimPath, ClientCredentials, ObjectName, Oidc, SERVICE_ACCOUNT_PREFIX},
};

const OIDC: &str = "spec.authentication.oidc";
const ADDITIONAL_OIDC: &str = "spec.authentication.additionalOidc";

/// The scope that makes an authorization request an `OpenID` Connect one.
const OPENID: &str = "openid";

/// A provider among others.
struct Place<'a> {
    /// The field that says it.
    field: String,
    oidc: &'a OidcSpec,
    /// Those whose users are not its own.
    others: Vec<&'a OidcSpec>,
}

pub(super) fn first(
    objects: &Objects,
    oidc: &OidcSpec,
    additional: &[OidcSpec],
    roles: &Roles,
    problems: &mut Problems,
) -> Checked<Oidc> {
    let place = Place { field: OIDC.to_owned(), oidc, others: additional.iter().collect() };
    provider(objects, &place, roles, problems)
}

pub(super) fn additional(
    objects: &Objects,
    first: Option<&OidcSpec>,
    additional: &[OidcSpec],
    roles: &Roles,
    problems: &mut Problems,
) -> BTreeMap<String, Checked<Oidc>> {
    let mut providers = BTreeMap::new();
    for (position, oidc) in additional.iter().enumerate() {
        let (earlier, later) = additional.split_at(position);
        let earlier: Vec<&OidcSpec> = first.into_iter().chain(earlier).collect();
        let field = format!("{ADDITIONAL_OIDC}[{position}]");
        let mut reasons = check_beside(&session_name(&objects.session), &field, oidc, &earlier, problems);
        let others = earlier.into_iter().chain(later.iter().skip(1)).collect();
        let checked = match provider(objects, &Place { field, oidc, others }, roles, problems) {
            Checked::Valid(oidc) if reasons.is_empty() => Checked::Valid(oidc),
            Checked::Valid(_) => Checked::Broken(reasons),
            Checked::Broken(more) => {
                reasons.extend(more);
                Checked::Broken(reasons)
            }
        };
        // Of two of one id the first stays: its users must not suffer from the mistake.
        providers.entry(oidc.provider_id.clone()).or_insert(checked);
    }
    providers
}

/// How clients of a provider come in by Basic.
pub(super) fn clients(
    session: &ObjectName,
    ways: &Authentication,
    problems: &mut Problems,
) -> Option<Checked<ClientCredentials>> {
    let ClientCredentialsSpec { provider_id, scopes, resource } = ways.basic.as_ref()?.client_credentials.as_ref()?;
    let ids: Vec<&str> = ways.oidc.iter().chain(&ways.additional_oidc).map(|oidc| oidc.provider_id.as_str()).collect();
    let wanted = provider_id.as_deref().or(ids.first().copied()).unwrap_or_default();
    if ids.contains(&wanted) {
        let provider_id = wanted.to_owned();
        return Some(Checked::Valid(ClientCredentials {
            provider_id,
            scopes: scopes.clone(),
            resource: resource.clone(),
        }));
    }
    let suggestion = suggestion(wanted, "providers", ids);
    let message = format!("this Session has no provider `{wanted}`; {suggestion}");
    let field = "spec.authentication.basic.clientCredentials.providerId";
    Some(Checked::Broken(vec![problems.report(session, ProblemKind::Unresolved, field, message)]))
}

/// What would let one provider be taken for another.
fn check_beside(
    session: &ObjectName,
    field: &str,
    oidc: &OidcSpec,
    earlier: &[&OidcSpec],
    problems: &mut Problems,
) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut report = |kind, part: &str, message: &str| {
        reasons.push(problems.report(session, kind, format!("{field}.{part}"), message));
    };
    if earlier.iter().any(|other| other.provider_id == oidc.provider_id) {
        report(ProblemKind::Conflict, "providerId", "another provider has this id; give each one of its own");
    }
    if earlier.iter().any(|other| other.issuer_url == oidc.issuer_url) {
        report(ProblemKind::Conflict, "issuerUrl", "another provider has this issuer; name each issuer once");
    }
    let is_opaque = |oidc: &OidcSpec| oidc.access_token_format == AccessTokenFormat::Opaque;
    if is_opaque(oidc) && earlier.iter().any(|other| is_opaque(other)) {
        let message = "only one provider may have opaque access tokens, which do not say whose they are; write `jwt` and an `audience`";
        report(ProblemKind::Conflict, "accessTokenFormat", message);
    }
    if oidc.prefix.is_none() {
        let message = "write a prefix, for example `partners:`, or its alice is taken for yours; \"\" if both know the same people";
        report(ProblemKind::Invalid, "prefix", message);
    }
    reasons
}

fn provider(objects: &Objects, place: &Place<'_>, roles: &Roles, problems: &mut Problems) -> Checked<Oidc> {
    let Place { field, oidc, others } = place;
    let OidcSpec {
        provider_id,
        display_name,
        prefix,
        issuer_url,
        client_id,
        client_secret_ref: _,
        scopes,
        name_claim,
        roles_claims,
        access_token_format,
        audience,
        default_roles,
        session: timeouts,
    } = *oidc;
    let session = session_name(&objects.session);
    let mut reasons = check_provider(&objects.session, place, problems);
    let client_secret = client_secret(objects, place, problems).unwrap_or_else(|reason| {
        reasons.push(reason);
        None
    });
    let roles_claims = claim_paths(&session, field, roles_claims, problems).unwrap_or_else(|reason| {
        reasons.extend(reason);
        Vec::new()
    });
    let default_roles = session_roles(&session, &format!("{field}.defaultRoles"), default_roles, roles, problems);
    if !reasons.is_empty() {
        return Checked::Broken(reasons);
    }
    let prefix = prefix.clone().unwrap_or_default();
    let has_accounts = objects.session.spec.authentication.iter().any(|ways| ways.service_accounts.is_some());
    let accounts = has_accounts.then(|| SERVICE_ACCOUNT_PREFIX.to_owned());
    let foreign = others.iter().filter_map(|other| other.prefix.clone()).chain(accounts);
    Checked::Valid(Oidc {
        provider_id: provider_id.clone(),
        display_name: display_name.clone(),
        foreign_prefixes: foreign.filter(|other| !other.is_empty() && *other != prefix).collect(),
        prefix,
        issuer_url: issuer_url.clone(),
        client_id: client_id.clone(),
        client_secret,
        scopes: with_openid(scopes),
        name_claim: name_claim.clone(),
        roles_claims,
        attribute_claims: attribute_claims(roles),
        access_token_format: *access_token_format,
        audience: audience.clone(),
        default_roles,
        session: (*timeouts).into(),
    })
}

fn check_provider(session: &Session, Place { field, oidc, .. }: &Place<'_>, problems: &mut Problems) -> Vec<String> {
    let object = session_name(session);
    let mut reasons = Vec::new();
    if session.spec.url.is_none() {
        let message = "`url` is required with `authentication.oidc`: redirect URIs and cookies are made from it";
        reasons.push(problems.report(&object, ProblemKind::Invalid, "spec.url", message));
    }
    if oidc.access_token_format == AccessTokenFormat::Jwt && oidc.audience.is_none() {
        let message = "`audience` is required when accessTokenFormat is jwt: without it a token issued for another application would be accepted";
        reasons.push(problems.report(&object, ProblemKind::Invalid, format!("{field}.audience"), message));
    }
    reasons
}

fn client_secret(
    objects: &Objects,
    Place { field, oidc, .. }: &Place<'_>,
    problems: &mut Problems,
) -> Result<Option<String>, String> {
    let Some(reference) = &oidc.client_secret_ref else { return Ok(None) };
    let message = match objects.client_secrets.get(reference) {
        Some(Ok(secret)) => return Ok(Some(secret.clone())),
        Some(Err(reason)) => reason.clone(),
        None => format!("Secret `{}` has not been read", reference.name),
    };
    let field = format!("{field}.clientSecretRef");
    Err(problems.report(&session_name(&objects.session), ProblemKind::Unresolved, field, message))
}

/// A claim that cannot be located may be the one that holds the role which restricts its bearer.
fn claim_paths(
    session: &ObjectName,
    provider: &str,
    claims: &[RolesClaim],
    problems: &mut Problems,
) -> Result<Vec<ClaimPath>, Vec<String>> {
    let mut paths = Vec::new();
    let mut reasons = Vec::new();
    for (position, RolesClaim { path, name }) in claims.iter().enumerate() {
        match (path, name) {
            (Some(keys), None) if !keys.is_empty() => paths.push(ClaimPath(keys.clone())),
            (None, Some(name)) => paths.push(ClaimPath(vec![name.clone()])),
            _ => {
                let message = "write exactly one of `path` (nested keys) and `name` (one literal claim)";
                let field = format!("{provider}.rolesClaims[{position}]");
                reasons.push(problems.report(session, ProblemKind::Invalid, field, message));
            }
        }
    }
    if reasons.is_empty() { Ok(paths) } else { Err(reasons) }
}

fn with_openid(scopes: &[String]) -> Vec<String> {
    let missing = !scopes.iter().any(|scope| scope == OPENID);
    missing.then(|| OPENID.to_owned()).into_iter().chain(scopes.iter().cloned()).collect()
}
