//! What a directory of manifests reads as, the broken ones above all.

use std::{fs, path::Path};

use cubegate_api::reference::KeyReference;
use cubegate_policy::compile::Parsed;

use super::{Manifests, Object};

const ROLE: &str = "apiVersion: cubegate.dev/v1alpha1\nkind: Role\nmetadata: {name: paris}\nspec: {sessionRef: {name: retail}, mappedFrom: [paris]}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: passwords}\nstringData: {analyst: secret}\ndata: {robot: cm9ib3Q=}\n";

struct Directory(tempfile::TempDir);

impl Directory {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            directory.write(name, text);
        }
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn load(&self) -> Manifests {
        Manifests::load(self.path(), None).unwrap()
    }
}

fn messages(manifests: &Manifests) -> Vec<String> {
    let shown = |diagnostic: &super::Diagnostic| {
        let column = diagnostic.column.map(|column| format!(":{column}")).unwrap_or_default();
        let file = diagnostic.file.file_name().unwrap().to_string_lossy().into_owned();
        format!("{file}:{}{column}: {}", diagnostic.line, diagnostic.message)
    };
    manifests.diagnostics.iter().map(shown).collect()
}

fn only_message(manifests: &Manifests) -> String {
    let messages = messages(manifests);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages[0].clone()
}

fn roles(manifests: &Manifests) -> Vec<&Parsed<cubegate_api::Role>> {
    let roles = manifests.entries.iter().filter_map(|entry| match &entry.object {
        Object::Role(role) => Some(role),
        _ => None,
    });
    roles.collect()
}

#[test]
fn yaml_and_json_one_or_many_documents_with_bom_and_crlf_are_read() {
    let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"data"},"data":{"a.csv":"x\n"}}"#;
    let many = format!("\u{feff}---\n{ROLE}---\n# nothing\n---\n{SECRET}...\n").replace('\n', "\r\n");
    let directory = Directory::new(&[
        ("many.yaml", &many),
        ("data.json", json),
        ("notes.txt", "not a manifest"),
        (".hidden.yaml", "{"),
    ]);
    let manifests = directory.load();
    assert_eq!(messages(&manifests), Vec::<String>::new());
    assert_eq!(roles(&manifests).len(), 1);
    let key = |name: &str, key: &str| KeyReference { name: name.into(), key: key.into() };
    assert_eq!(manifests.secret_value(&key("passwords", "analyst")), Ok(&b"secret"[..]));
    assert_eq!(manifests.secret_value(&key("passwords", "robot")), Ok(&b"robot"[..]));
    assert_eq!(manifests.config_map_value(&key("data", "a.csv")), Ok(&b"x\n"[..]));
}

#[test]
fn a_missing_secret_or_key_is_answered_with_the_nearest_one() {
    let manifests = Directory::new(&[("secret.yaml", SECRET)]).load();
    let ask = |name: &str, key: &str| {
        manifests.secret_value(&KeyReference { name: name.into(), key: key.into() }).unwrap_err()
    };
    assert_eq!(ask("password", "x"), "there is no Secret `password`; did you mean `passwords`?");
    assert_eq!(ask("passwords", "analist"), "Secret `passwords` has no key `analist`; did you mean `analyst`?");
}

#[test]
fn an_unknown_field_is_an_error_at_its_line_and_the_object_stays_as_invalid() {
    let text = format!("---\n{}", ROLE.replace("mappedFrom", "mapedFrom"));
    let manifests = Directory::new(&[("role.yaml", &text)]).load();
    let message = only_message(&manifests);
    assert!(
        message.starts_with("role.yaml:5:") && message.contains("Role/paris") && message.contains("`mapedFrom`"),
        "{message}"
    );
    assert!(message.contains("did you mean `mappedFrom`?"), "the nearest field is not named: {message}");
    assert!(
        matches!(roles(&manifests)[..], [Parsed::Invalid(invalid)] if invalid.manifest["spec"]["mapedFrom"][0] == "paris")
    );
}

#[test]
fn a_wrong_type_is_an_error_at_its_line() {
    let manifests = Directory::new(&[("role.yaml", &ROLE.replace("[paris]", "7"))]).load();
    let message = only_message(&manifests);
    assert!(message.starts_with("role.yaml:4:") && message.contains("Role/paris"), "{message}");
}

#[test]
fn a_broken_validation_rule_says_its_sentence() {
    let text = ROLE.replace("mappedFrom: [paris]", "roleName: ROLE_USER, restrictions: [x]");
    let message = only_message(&Directory::new(&[("role.yaml", &text)]).load());
    assert!(message.contains("ROLE_USER and ROLE_ADMIN cannot be restricted"), "{message}");
}

#[test]
fn a_kind_that_does_not_exist_is_answered_with_the_nearest_one() {
    let manifests = Directory::new(&[("role.yaml", &ROLE.replace("kind: Role", "kind: Rolle"))]).load();
    assert!(only_message(&manifests).contains("did you mean cubegate.dev/v1alpha1 `Role`?"));
    assert_eq!(manifests.unreadable.len(), 1);
}

#[test]
fn documents_without_kind_or_name_are_unreadable() {
    for (text, hint) in [
        ("a: 1\n", "no `kind`"),
        ("kind: Role\n", "no `apiVersion`"),
        ("apiVersion: v1\nkind: Secret\n", "no `metadata.name`"),
    ] {
        let manifests = Directory::new(&[("x.yaml", text)]).load();
        assert!(only_message(&manifests).contains(hint));
        assert_eq!(manifests.unreadable.len(), 1);
    }
}

#[test]
fn of_two_objects_with_one_name_neither_counts_and_both_places_are_named() {
    let manifests = Directory::new(&[("a.yaml", ROLE), ("b.yaml", ROLE)]).load();
    let messages = messages(&manifests);
    assert_eq!(messages.len(), 2);
    assert!(messages[0].contains("Role/paris is declared 2 times") && messages[0].contains("b.yaml:1"), "{messages:?}");
    assert!(roles(&manifests).iter().all(|role| matches!(role, Parsed::Invalid(_))));
}

#[test]
fn what_a_file_declared_stays_as_invalid_while_the_file_cannot_be_read() {
    let directory = Directory::new(&[("role.yaml", ROLE)]);
    let before = directory.load();
    directory.write("role.yaml", "kind: [");
    let during = Manifests::load(directory.path(), Some(&before)).unwrap();
    assert!(
        matches!(roles(&during)[..], [Parsed::Invalid(invalid)] if invalid.manifest["spec"]["mappedFrom"][0] == "paris")
    );
    let still = Manifests::load(directory.path(), Some(&during)).unwrap();
    assert_eq!(roles(&still).len(), 1);
    directory.write("role.yaml", ROLE);
    let after = Manifests::load(directory.path(), Some(&still)).unwrap();
    assert!(matches!(roles(&after)[..], [Parsed::Valid(_)]));
    assert_eq!(messages(&after), Vec::<String>::new());
}

#[test]
fn a_file_that_is_renamed_and_broken_at_once_loses_nothing() {
    let directory = Directory::new(&[("role.yaml", ROLE)]);
    let before = directory.load();
    fs::remove_file(directory.path().join("role.yaml")).unwrap();
    directory.write("renamed.yaml", "kind: [");
    let during = Manifests::load(directory.path(), Some(&before)).unwrap();
    assert!(matches!(roles(&during)[..], [Parsed::Invalid(_)]));
}

#[test]
fn an_object_whose_document_is_gone_is_gone() {
    let directory = Directory::new(&[("role.yaml", ROLE)]);
    let before = directory.load();
    fs::remove_file(directory.path().join("role.yaml")).unwrap();
    assert!(Manifests::load(directory.path(), Some(&before)).unwrap().entries.is_empty());
}

#[test]
fn text_that_is_not_utf8_is_an_error_that_says_where() {
    let directory = Directory::new(&[]);
    fs::write(directory.path().join("x.yaml"), b"kind: \xff").unwrap();
    assert!(only_message(&directory.load()).contains("is not UTF-8 from byte 6"));
}
