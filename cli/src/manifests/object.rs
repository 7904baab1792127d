//! One document, read as the object that it declares.

use std::{collections::BTreeMap, path::Path};

use cubegate_api::{API_VERSION, GROUP, Restriction, Role, Session, TechnicalUser, rules::Rules};
use cubegate_policy::{
    compile::{InvalidObject, Parsed},
    nearest::nearest,
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{diagnostic::Diagnostic, document::Document, kustomization::Kustomization};

/// What a document declares.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Session(Parsed<Session>),
    Role(Parsed<Role>),
    Restriction(Parsed<Restriction>),
    TechnicalUser(Parsed<TechnicalUser>),
    Secret {
        name: String,
        data: BTreeMap<String, Vec<u8>>,
        is_example: bool,
    },
    ConfigMap {
        name: String,
        data: BTreeMap<String, Vec<u8>>,
    },
    Kustomization(Kustomization),
    /// A kind of somebody else's; nothing to do with it here.
    Foreign,
}

/// Annotation of a Secret whose passwords are examples, so that `up` may print them.
pub(crate) const EXAMPLE_ANNOTATION: &str = "cubegate.dev/example";

/// The kinds that a laptop understands, to suggest from.
const KINDS: [&str; 6] = ["Session", "Role", "Restriction", "TechnicalUser", "Secret", "ConfigMap"];

/// What the API server would hold against each kind.
mod rules {
    use std::sync::LazyLock;

    use super::{Restriction, Role, Rules, Session, TechnicalUser};

    pub(super) static SESSION: LazyLock<Rules> = LazyLock::new(Rules::of::<Session>);
    pub(super) static ROLE: LazyLock<Rules> = LazyLock::new(Rules::of::<Role>);
    pub(super) static RESTRICTION: LazyLock<Rules> = LazyLock::new(Rules::of::<Restriction>);
    pub(super) static TECHNICAL_USER: LazyLock<Rules> = LazyLock::new(Rules::of::<TechnicalUser>);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<HeaderMetadata>,
}

#[derive(Deserialize)]
struct HeaderMetadata {
    name: Option<String>,
}

/// Reads a document.
///
/// An object of ours that is known by kind and name but not valid is `Ok` with the findings beside it; a
/// document of which not even that is known is `Err`.
pub(crate) fn read(file: &Path, document: &Document) -> Result<(Object, Vec<Diagnostic>), Diagnostic> {
    let at_start = |message: String| Diagnostic { file: file.to_owned(), line: document.line, column: None, message };
    let header: Header = parse(file, document)?;
    let kind = header.kind.ok_or_else(|| at_start("the document has no `kind`".into()))?;
    let api_version = header.api_version.ok_or_else(|| at_start(format!("{kind} has no `apiVersion`")))?;
    if kind == "Kustomization" {
        return Ok((Object::Kustomization(parse(file, document)?), Vec::new()));
    }
    let name = header
        .metadata
        .and_then(|metadata| metadata.name)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| at_start(format!("{kind} has no `metadata.name`")))?;

    let read = match (api_version.as_str(), kind.as_str()) {
        (API_VERSION, "Session") => {
            let (parsed, found) = ours(file, document, &kind, &name, &rules::SESSION);
            (Object::Session(parsed), found)
        }
        (API_VERSION, "Role") => {
            let (parsed, found) = ours(file, document, &kind, &name, &rules::ROLE);
            (Object::Role(parsed), found)
        }
        (API_VERSION, "Restriction") => {
            let (parsed, found) = ours(file, document, &kind, &name, &rules::RESTRICTION);
            (Object::Restriction(parsed), found)
        }
        (API_VERSION, "TechnicalUser") => {
            let (parsed, found) = ours(file, document, &kind, &name, &rules::TECHNICAL_USER);
            (Object::TechnicalUser(parsed), found)
        }
        ("v1", "Secret") => (secret(name, parse(file, document)?), Vec::new()),
        ("v1", "ConfigMap") => (config_map(name, parse(file, document)?), Vec::new()),
        (version, _) if version == GROUP || version.starts_with("cubegate.dev/") => {
            let hint = nearest(&kind, KINDS).unwrap_or("Session");
            return Err(at_start(format!("{version} has no kind `{kind}`; did you mean {API_VERSION} `{hint}`?")));
        }
        _ => (Object::Foreign, Vec::new()),
    };
    Ok(read)
}

fn ours<K: DeserializeOwned + Serialize>(
    file: &Path,
    document: &Document,
    kind: &str,
    name: &str,
    rules: &Rules,
) -> (Parsed<K>, Vec<Diagnostic>) {
    let findings = match parse::<K>(file, document) {
        Ok(object) => {
            let Err(errors) = rules.check(&object) else { return (Parsed::Valid(object), Vec::new()) };
            [errors.to_string()]
                .into_iter()
                .map(|message| Diagnostic { file: file.to_owned(), line: document.line, column: None, message })
                .collect()
        }
        Err(diagnostic) => vec![diagnostic],
    };
    let error = findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join("; ");
    let manifest = parse::<Value>(file, document).unwrap_or(Value::Null);
    let invalid = InvalidObject { name: name.to_owned(), uid: String::new(), generation: 0, manifest, error };
    let named = |finding: Diagnostic| Diagnostic { message: format!("{kind}/{name}: {}", finding.message), ..finding };
    (Parsed::Invalid(invalid), findings.into_iter().map(named).collect())
}

fn parse<T: DeserializeOwned>(file: &Path, document: &Document) -> Result<T, Diagnostic> {
    serde_saphyr::from_str(&document.text).map_err(|error| {
        let error = error.without_snippet();
        let location = error.location();
        Diagnostic {
            file: file.to_owned(),
            line: document.line_of_file(location.map_or(1, |location| location.line())),
            column: location.map(|location| location.column()),
            message: sentence(error),
        }
    })
}

/// An error without its place, which stands in front already, and with the nearest valid name.
fn sentence(error: &serde_saphyr::Error) -> String {
    if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        let hint = nearest(field, expected.iter().copied())
            .map(|name| format!(", did you mean `{name}`?"))
            .unwrap_or_default();
        return format!("unknown field `{field}`{hint} (valid: {})", expected.join(", "));
    }
    let text = error.to_string();
    let place =
        error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column())).unwrap_or_default();
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

fn secret(name: String, secret: Secret) -> Object {
    let is_example = secret
        .metadata
        .annotations
        .is_some_and(|annotations| annotations.get(EXAMPLE_ANNOTATION).is_some_and(|value| value == "true"));
    let encoded = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
    let plain = secret.string_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    Object::Secret { name, data: encoded.chain(plain).collect(), is_example }
}

fn config_map(name: String, map: ConfigMap) -> Object {
    let text = map.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    let binary = map.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
    Object::ConfigMap { name, data: text.chain(binary).collect() }
}
