//! `cubegate explain`: which roles a user has and which facts they see, and which objects say so.

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode, time::SystemTime};

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_api::Moment;
use cubegate_policy::{
    attributes::Attributes,
    claims::{elsewhere, provider_roles_by_claim, user_name},
    explain::{
        AppliedRestriction, Attribute, Because, CubeExplanation, Explanation, HeldRole, HoldingValue, Line, Share,
        caller,
    },
    resolve::{Caller, resolve},
    snapshot::{Authentication, Checked, ClaimPath, Door, Oidc},
};
use serde_json::Value;

use crate::{
    args::{ExplainOptions, Output},
    limits::TOKEN_BYTES_MAX,
    manifests::Manifests,
    subject::{Subject, placed, subject},
    terminal::say,
};

/// Prints why a user may see what they may see.
pub(crate) fn explain(options: &ExplainOptions) -> anyhow::Result<ExitCode> {
    let manifests = options.location.manifests()?;
    let subject = subject(&options.location, &manifests, options.asking.session.as_deref())?;
    let explanation = match (&options.token, &options.user) {
        (Some(file), _) => of_token(&subject, options, &claims(file)?)?,
        (None, Some(user)) => of_user(&subject, options, user)?,
        (None, None) if options.guest => of_caller(&subject, options, &Caller::Guest, &[])?,
        (None, None) => bail!("name a user, or a file with --token, or say --guest"),
    };
    match options.asking.output {
        Output::Json => say!("{}", serde_json::to_string_pretty(&explanation)?),
        Output::Text => print(&explanation, &manifests),
    }
    Ok(ExitCode::SUCCESS)
}

fn of_user(subject: &Subject, options: &ExplainOptions, user: &str) -> anyhow::Result<Explanation> {
    let provider_roles = options.provider_roles();
    let who = Caller::named(&subject.snapshot().door, user, &provider_roles, Attributes::none());
    of_caller(subject, options, &who, &[])
}

fn of_token(subject: &Subject, options: &ExplainOptions, claims: &Value) -> anyhow::Result<Explanation> {
    let (provider, oidc) = provider(&subject.snapshot().door, claims)?;
    if let Some(claim) = elsewhere(claims, oidc.roles_claims.iter().chain(&oidc.attribute_claims)) {
        bail!(
            "the token says that its claim {claim} is elsewhere; it may not be whole here, and its bearer is refused"
        );
    }
    let name = user_name(claims, &oidc.name_claim);
    let name = name.with_context(|| format!("the token has no claim `{}` that names its user", oidc.name_claim))?;
    let qualified = |name: &str| {
        oidc.qualified(name).with_context(|| format!("`{name}` begins with another provider's prefix, and is refused"))
    };
    let mut found: Vec<(&ClaimPath, BTreeSet<String>)> = Vec::new();
    for (claim, roles) in provider_roles_by_claim(claims, &oidc.roles_claims) {
        found.push((claim, roles.iter().map(|role| qualified(role)).collect::<anyhow::Result<_>>()?));
    }
    let name = qualified(&name)?;
    let provider_roles = found.iter().flat_map(|(_, roles)| roles.clone()).collect();
    let attributes = Attributes::of_claims(claims, &oidc.attribute_claims);
    let who = Caller::ProviderUser { provider, name: &name, provider_roles: &provider_roles, attributes: &attributes };
    of_caller(subject, options, &who, &found)
}

fn of_caller(
    subject: &Subject,
    options: &ExplainOptions,
    who: &Caller<'_>,
    found: &[(&ClaimPath, BTreeSet<String>)],
) -> anyhow::Result<Explanation> {
    let (snapshot, now) = (subject.snapshot(), Moment::of(SystemTime::now()));
    let mut cubes = Vec::new();
    if let Ok(resolved) = resolve(&snapshot.door, who, now)
        && let Some(inspection) = &subject.inspection
    {
        cubes = inspection.explain(options.cube.as_deref(), &resolved.rights)?;
    }
    Ok(Explanation { session: snapshot.session.clone(), caller: caller(snapshot, who, now, found), cubes })
}

/// The provider that a token names, and its id if it is a further one; or the first provider.
fn provider<'a>(door: &'a Door, claims: &Value) -> anyhow::Result<(Option<&'a str>, &'a Oidc)> {
    let Authentication::Closed(ways) = &door.authentication else { bail!("the Session is open, and reads no token") };
    let issuer = claims.get("iss").and_then(Value::as_str);
    let named = ways.additional_oidc.iter().find_map(|(id, checked)| match checked {
        Checked::Valid(oidc) if issuer == Some(&oidc.issuer_url) => Some((Some(id.as_str()), oidc)),
        Checked::Valid(_) | Checked::Broken(_) => None,
    });
    if let Some(named) = named {
        return Ok(named);
    }
    match &ways.oidc {
        Some(Checked::Valid(oidc)) => Ok((None, oidc)),
        Some(Checked::Broken(reasons)) => bail!("the provider is not configured soundly: {}", reasons.join("; ")),
        None => bail!("the Session has no `authentication.oidc`, and reads no token"),
    }
}

/// The claims of a token, whose signature only the pods can verify; or claims as they are.
fn claims(file: &Path) -> anyhow::Result<Value> {
    let failed = || format!("failed to read {}", file.display());
    let size = fs::metadata(file).with_context(failed)?.len();
    if size > TOKEN_BYTES_MAX {
        bail!("{} has {size} bytes; a token has at most {TOKEN_BYTES_MAX}", file.display());
    }
    let text = fs::read_to_string(file).with_context(failed)?;
    parse_claims(text.trim()).with_context(|| format!("{} is neither a JWT nor a JSON object", file.display()))
}

fn parse_claims(text: &str) -> Option<Value> {
    let claims: Value = match text.split('.').collect::<Vec<_>>().as_slice() {
        [_, payload, _] if !text.starts_with('{') => {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?
        }
        _ => serde_json::from_str(text).ok()?,
    };
    claims.is_object().then_some(claims)
}

fn print(explanation: &Explanation, manifests: &Manifests) {
    let Explanation { session, caller, cubes } = explanation;
    say!("{} in Session {session}", caller.user);
    for found in &caller.provider_roles {
        let claims: Vec<String> = found.claims.iter().map(ToString::to_string).collect();
        let place = if claims.is_empty() { "assumed".to_owned() } else { format!("claim {}", claims.join(", ")) };
        say!("  provider role {}: {place}", found.name);
    }
    for Attribute { claim, values } in &caller.attributes {
        say!("  attribute {claim}: {}", values.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    for role in &caller.roles {
        print_role(role, manifests);
    }
    if let Some(reason) = &caller.refused {
        say!("  REFUSED: {reason}");
    }
    for cube in cubes {
        print_cube(cube, session);
    }
}

fn print_role(HeldRole { role, because, lapsed, restrictions, broken }: &HeldRole, manifests: &Manifests) {
    let said = |Because { way, origin }: &Because| {
        let origin = origin.as_ref().map(|origin| format!(": {}", placed(origin, manifests)));
        format!("{way}{}", origin.unwrap_or_default())
    };
    say!("  role {role}");
    for because in because {
        say!("    {}", said(because));
    }
    if let Some(because) = lapsed {
        say!("    LAPSED: {}", said(because));
    }
    for AppliedRestriction { name, named_by, lines } in restrictions {
        let named_by = named_by.as_ref().map(|origin| format!(": {}", placed(origin, manifests)));
        say!("    restricted by {name}{}", named_by.unwrap_or_default());
        for Line { condition, origin } in lines {
            say!("      {condition}: {}", placed(origin, manifests));
        }
    }
    for reason in broken {
        say!("    BROKEN: {reason}");
    }
}

fn print_cube(CubeExplanation { cube, refused, all_of, facts, context }: &CubeExplanation, session: &str) {
    say!("  cube {cube}");
    if let Some(reason) = refused {
        say!("    REFUSED: {reason}");
    }
    for condition in all_of {
        say!("    where {condition}");
    }
    if let Some(Share { visible, all }) = facts {
        say!("    sees {visible} of {all} facts ({})", percent(*visible, *all));
    }
    for HoldingValue { value, field, role } in context {
        let field = field.strip_prefix("context.").unwrap_or(field);
        let giver =
            role.as_ref().map_or_else(|| format!("Session/{session}, for everybody"), |role| format!("Role/{role}"));
        say!("    {field} {value}: {giver}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage with two digits")]
fn percent(part: usize, all: usize) -> String {
    if all == 0 { "of none".to_owned() } else { format!("{:.2} %", part as f64 * 100.0 / all as f64) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_read_from_a_token_and_as_they_are() {
        let claims = json!({"sub": "alice", "a.b": [1.5]});
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        assert_eq!(parse_claims(&token), Some(claims.clone()));
        assert_eq!(parse_claims(&claims.to_string()), Some(claims));
    }

    #[test]
    fn what_has_no_claims_is_refused() {
        for text in ["", "a.b.c", "e30", "[]", "e30.W10.sig", "{"] {
            assert_eq!(parse_claims(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}", payload in "[A-Za-z0-9_=-]{0,16}") {
            parse_claims(&text);
            parse_claims(&format!("h.{payload}.s"));
        }
    }
}
