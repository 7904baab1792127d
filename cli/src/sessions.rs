//! The Sessions that a directory declares, each with everything that its policy is compiled from.

use std::{collections::BTreeMap, net::SocketAddr, time::SystemTime};

use cubegate_api::{Moment, Session, reference::KeyReference};
use cubegate_policy::{
    compile::{Advice, Compiled, Objects, Parsed, advice, compile},
    nearest::suggestion,
    snapshot::{Kind, ObjectName},
};
use cubegate_sidecar::TlsFiles;

use crate::{
    certificate::certificate,
    manifests::{Diagnostic, Manifests, Object},
    passwords::Passwords,
};

/// A Session and its compiled policy.
pub(crate) struct Declared {
    pub(crate) session: Session,
    pub(crate) compiled: Compiled,
    /// What it shows to callers, if it has TLS; or why it cannot.
    pub(crate) certificate: Option<Result<TlsFiles, String>>,
    /// Where each problem of the policy stands.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What is valid but hardly meant.
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Declared {
    /// Name of the Session.
    pub(crate) fn name(&self) -> &str {
        self.session.metadata.name.as_deref().unwrap_or_default()
    }

    /// The Session among other objects.
    pub(crate) fn object(&self) -> ObjectName {
        ObjectName { kind: Kind::Session, name: self.name().to_owned() }
    }
}

/// Compiles every valid Session of a directory.
pub(crate) fn declared(manifests: &Manifests, passwords: &mut Passwords) -> Vec<Declared> {
    declared_at(manifests, passwords, &BTreeMap::new())
}

/// Compiles every valid Session of a directory. Where a Session is served on this machine, that is its `url`: a
/// redirect to the one in the manifest would lead to the cluster.
pub(crate) fn declared_at(
    manifests: &Manifests,
    passwords: &mut Passwords,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Vec<Declared> {
    let sessions = manifests.entries.iter().filter_map(|entry| match &entry.object {
        Object::Session(Parsed::Valid(session)) => Some(session),
        _ => None,
    });
    sessions
        .map(|session| {
            let mut session = session.clone();
            if let Some(address) = session.metadata.name.as_ref().and_then(|name| addresses.get(name)) {
                let scheme = if session.spec.tls.is_some() { "https" } else { "http" };
                session.spec.url = Some(format!("{scheme}://{address}"));
            }
            let objects = dereference(&session, manifests, passwords);
            let compiled = compile(&objects);
            let certificate = certificate(&session, manifests, passwords);
            let mut diagnostics = locate(&compiled, manifests);
            diagnostics.extend(of_certificate(&objects.session, certificate.as_ref(), manifests));
            let warnings = warnings(&advice(&objects, &compiled.snapshot, Moment::of(SystemTime::now())), manifests);
            Declared { session, compiled, certificate, diagnostics, warnings }
        })
        .collect()
}

fn dereference(session: &Session, manifests: &Manifests, passwords: &mut Passwords) -> Objects {
    let mut objects = Objects {
        session: session.clone(),
        roles: Vec::new(),
        restrictions: Vec::new(),
        technical_users: Vec::new(),
        password_hashes: BTreeMap::new(),
        client_secrets: session
            .client_secret_refs()
            .map(|reference| (reference.clone(), client_secret(reference, manifests, passwords)))
            .collect(),
    };
    for entry in &manifests.entries {
        match &entry.object {
            Object::Role(role) => objects.roles.push(role.clone()),
            Object::Restriction(restriction) => objects.restrictions.push(restriction.clone()),
            Object::TechnicalUser(user) => {
                let references = match user {
                    Parsed::Valid(user) => user.password_secret_refs().collect(),
                    Parsed::Invalid(_) => Vec::new(),
                };
                for reference in references {
                    // Many users may have one key.
                    if !objects.password_hashes.contains_key(reference) {
                        let value = passwords.look_up(|| manifests.secret_value(reference));
                        let hash = value.and_then(|value| passwords.hash(reference, value));
                        objects.password_hashes.insert(reference.clone(), hash);
                    }
                }
                objects.technical_users.push(user.clone());
            }
            Object::Session(_)
            | Object::Secret { .. }
            | Object::ConfigMap { .. }
            | Object::Kustomization(_)
            | Object::Foreign => {}
        }
    }
    objects
}

fn client_secret(reference: &KeyReference, manifests: &Manifests, passwords: &Passwords) -> Result<String, String> {
    let value = passwords.look_up(|| manifests.secret_value(reference))?;
    String::from_utf8(value.to_owned())
        .map_err(|_| format!("key `{}` of Secret `{}` is not UTF-8", reference.key, reference.name))
}

/// Problems with their places; those of objects that are invalid by themselves have been reported already.
fn locate(compiled: &Compiled, manifests: &Manifests) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for problem in &compiled.problems {
        let Some(entry) = manifests.find(&problem.object) else { continue };
        if entry.object.is_invalid() {
            continue;
        }
        let message = format!("{}: {}: {}", problem.object, problem.field, problem.message);
        diagnostics.push(entry.diagnostic_at(&problem.field, message));
    }
    diagnostics
}

fn of_certificate(
    session: &Session,
    certificate: Option<&Result<TlsFiles, String>>,
    manifests: &Manifests,
) -> Option<Diagnostic> {
    const FIELD: &str = "spec.tls.secretName";
    let defect = certificate?.as_ref().err()?;
    let object = ObjectName { kind: Kind::Session, name: session.metadata.name.clone().unwrap_or_default() };
    Some(manifests.find(&object)?.diagnostic_at(FIELD, format!("{object}: {FIELD}: {defect}")))
}

fn warnings(advice: &[Advice], manifests: &Manifests) -> Vec<Diagnostic> {
    let located = advice.iter().filter_map(|Advice { object, field, message }| {
        let entry = manifests.find(object)?;
        Some(entry.diagnostic_at(field, format!("warning: {object}: {message}")))
    });
    located.collect()
}

/// Objects that name a Session which does not exist: they restrict and admit nobody, which is hardly what was meant.
pub(crate) fn strays(manifests: &Manifests) -> Vec<Diagnostic> {
    let sessions: Vec<String> = manifests.session_names().collect();
    let mut diagnostics = Vec::new();
    for entry in &manifests.entries {
        let wanted = match &entry.object {
            Object::Role(Parsed::Valid(role)) => &role.spec.session_ref.name,
            Object::Restriction(Parsed::Valid(restriction)) => &restriction.spec.session_ref.name,
            Object::TechnicalUser(Parsed::Valid(user)) => &user.spec.session_ref.name,
            _ => continue,
        };
        if !sessions.contains(wanted)
            && let Some(object) = entry.object.name()
        {
            let hint = suggestion(wanted, "Sessions", sessions.iter().map(String::as_str));
            let message = format!("{object}: spec.sessionRef.name: there is no Session `{wanted}`; {hint}");
            diagnostics.push(entry.diagnostic_at("spec.sessionRef.name", message));
        }
    }
    diagnostics
}
