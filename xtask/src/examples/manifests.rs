//! The manifests of `examples/` are what the four kinds accept, and what they name exists.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{Restriction, Role, Session, TechnicalUser, model::FileLocation};
use kube::ResourceExt;
use serde_json::Value;

use crate::workspace::Workspace;

#[derive(Default)]
struct Example {
    sessions: Vec<Session>,
    roles: Vec<Role>,
    restrictions: Vec<Restriction>,
    users: Vec<TechnicalUser>,
    secrets: BTreeMap<String, Value>,
}

fn read(name: &str) -> Example {
    let mut example = Example::default();
    for entry in std::fs::read_dir(Workspace::here().path("examples").join(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") || path.ends_with("kustomization.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let shown = format!("{}: {document}", path.display());
            match document["kind"].as_str().unwrap() {
                "Session" => example.sessions.push(serde_json::from_value(document).expect(&shown)),
                "Role" => example.roles.push(serde_json::from_value(document).expect(&shown)),
                "Restriction" => example.restrictions.push(serde_json::from_value(document).expect(&shown)),
                "TechnicalUser" => example.users.push(serde_json::from_value(document).expect(&shown)),
                "Secret" => {
                    example.secrets.insert(document["metadata"]["name"].as_str().unwrap().into(), document);
                }
                kind => panic!("{kind} is not a kind of the examples ({shown})"),
            }
        }
    }
    example
}

fn kustomization() -> Value {
    let path = Workspace::here().path("examples/retail/kustomization.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Directories of examples, and the Sessions that they declare.
const EXAMPLES: [(&str, &str); 6] = [
    ("cubes", "cubes"),
    ("entitlements", "trading"),
    ("restrictions", "world"),
    ("retail", "retail"),
    ("secure-a-session", "secured"),
    ("ten-thousand-shops", "shops"),
];

#[test]
fn every_name_that_an_example_uses_is_declared_in_it() {
    for (example, name) in EXAMPLES {
        let Example { sessions, roles, restrictions, users, secrets } = read(example);
        assert_eq!(sessions.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), [name]);
        let tables: BTreeSet<&str> = sessions[0].spec.tables.iter().map(|table| table.name.as_str()).collect();
        let restriction_names: BTreeSet<String> = restrictions.iter().map(ResourceExt::name_any).collect();
        let mut role_names: BTreeSet<&str> = roles.iter().map(Role::role_name).collect();
        role_names.extend([cubegate_api::ROLE_USER, cubegate_api::ROLE_ADMIN]);

        for role in &roles {
            assert_eq!(role.spec.session_ref.name, name);
            assert!(role.spec.restrictions.iter().all(|used| restriction_names.contains(used)), "{role:?}");
        }
        for restriction in &restrictions {
            assert_eq!(restriction.spec.session_ref.name, name);
            assert!(
                restriction
                    .spec
                    .r#where
                    .iter()
                    .flat_map(|line| &line.table)
                    .all(|table| tables.contains(table.as_str())),
                "{restriction:?}"
            );
        }
        for user in &users {
            assert_eq!(user.spec.session_ref.name, name);
            assert!(user.spec.roles.iter().all(|role| role_names.contains(role.as_str())), "{user:?}");
            let reference = &user.spec.password_secret_ref;
            let password = secrets[&reference.name]["stringData"][&reference.key].as_str().unwrap();
            assert_eq!(password, format!("{}-example", user.username()), "the READMEs say so");
        }
    }
}

#[test]
fn the_retail_session_reads_the_files_that_kustomize_puts_into_its_config_map() {
    let generator = &kustomization()["configMapGenerator"][0];
    let files: BTreeSet<&str> =
        generator["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    for table in &read("retail").sessions[0].spec.tables {
        let FileLocation::ConfigMap(reference) = table.source.location() else { panic!("{table:?}") };
        assert_eq!(generator["name"], reference.name.as_str());
        assert!(files.contains(reference.key.as_str()), "{reference:?}");
    }
}

#[test]
fn kustomize_takes_every_manifest_of_the_retail_example() {
    let listed = kustomization()["resources"].as_array().unwrap().clone();
    let listed: BTreeSet<String> = listed.iter().map(|file| file.as_str().unwrap().to_owned()).collect();
    let found = std::fs::read_dir(Workspace::here().path("examples/retail")).unwrap();
    let mut found: BTreeSet<String> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.retain(|file| file.rsplit_once('.').is_some_and(|(_, extension)| extension == "yaml"));
    found.remove("kustomization.yaml");
    assert_eq!(listed, found);
}
