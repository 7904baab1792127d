//! What becomes of rights and roles; and, where the original's code differs from its documentation, what we do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::SystemTime,
};

use cubegate_api::{Moment, Session, role::CubeOrder};
use cubegate_policy::{
    bind::{BoundAccess, CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, TableShape},
    compile::{Compiled, Objects, Parsed, compile},
    resolve::{Caller, Refusal, Resolved, resolve},
    snapshot::ColumnName,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::output::Imported,
    convert::{Mistakes, Settings, convert},
    read::read,
};

const SETTINGS: Settings<'_> =
    Settings { session: "retail", order: CubeOrder::DenyAllow, identity_dimension: None, password_secret: None };

fn converted(rights: &Value, roles: &Value, settings: &Settings<'_>) -> Result<Imported, Mistakes> {
    let read = |value: &Value| read(Path::new("x.json"), &value.to_string()).unwrap();
    convert(&read(rights), &read(roles), settings)
}

fn mistake(text: &str) -> String {
    read(Path::new("rights.json"), text).unwrap_err().to_string()
}

/// A Session with the cubes sales and stock, each with a geography and a product, and these objects beside it.
fn compiled(imported: &Imported) -> Compiled {
    let session: Session = serde_json::from_value(json!({
        "apiVersion": "cubegate.dev/v1alpha1", "kind": "Session", "metadata": {"name": "retail"},
        "spec": {
            "tables": [{"name": "Sales", "source": {"csv": {"path": "sales.csv"}}}],
            "cubes": [{"name": "sales", "factTable": "Sales"}, {"name": "stock", "factTable": "Sales"}],
            "authentication": {"oidc": {
                "providerId": "p", "issuerUrl": "https://id.example.com", "clientId": "c", "accessTokenFormat": "opaque",
                "rolesClaims": [{"name": "roles"}],
            }},
            "access": {"combine": "All"},
            "url": "https://retail.example.com",
        },
    }))
    .unwrap();
    compile(&Objects {
        session,
        roles: imported.roles.iter().cloned().map(Parsed::Valid).collect(),
        restrictions: imported.restrictions.iter().cloned().map(Parsed::Valid).collect(),
        technical_users: imported.technical_users.iter().cloned().map(Parsed::Valid).collect(),
        password_hashes: BTreeMap::new(),
        client_secrets: BTreeMap::new(),
    })
}

fn model() -> ModelShape {
    let column = |name: &str| ColumnName { table: "Sales".into(), column: name.into() };
    let hierarchy = |name: &str| HierarchyShape {
        name: name.into(),
        dimension: "Sales".into(),
        levels: vec![LevelShape { name: name.into(), column: column(name), members: MemberKind::Other }],
    };
    let names = ["geography", "product", "seller"];
    let reachable: BTreeSet<ColumnName> = names.iter().map(|name| column(name)).collect();
    let cube = || CubeShape {
        hierarchies: names.iter().map(|name| hierarchy(name)).collect(),
        reachable: reachable.clone(),
        ..CubeShape::default()
    };
    let table = TableShape { columns: names.map(str::to_owned).into(), reachable: reachable.clone() };
    ModelShape {
        tables: [("Sales".to_owned(), table)].into(),
        cubes: [("sales".to_owned(), cube()), ("stock".to_owned(), cube())].into(),
    }
}

/// What holds in a cube for an identity, as sentences.
fn seen(imported: &Imported, identity: &str, cube: &str) -> Result<Vec<String>, Refusal> {
    let Compiled { snapshot, .. } = compiled(imported);
    let (none, attributes) = (BTreeSet::new(), cubegate_policy::attributes::Attributes::default());
    let caller =
        Caller::ProviderUser { provider: None, name: identity, provider_roles: &none, attributes: &attributes };
    let Resolved { rights, .. } = resolve(&snapshot.door, &caller, Moment::of(SystemTime::UNIX_EPOCH))?;
    let bound = BoundAccess::bind(&snapshot.access, &model());
    let visibility = bound.visibility(cube, &rights)?;
    Ok(visibility.all_of.iter().map(ToString::to_string).collect())
}

#[test]
fn the_objects_read_as_recorded() {
    let rights = json!({
        "guest": {"roles": ["france"]},
        "martin": {"roles": ["france"], "denied_cubes": ["hr*"], "cube_restrictions": {"*": ["!product:tea"]}},
        "anna": {},
    });
    let roles = json!({
        "france": {"roles": ["staff"], "cell_restrictions": {"sales": ["geography:France", r"product:a\-b;c"]}},
        "staff": {"allowed_cubes": ["sales"]},
    });
    let settings = Settings { password_secret: Some("retail-passwords"), ..SETTINGS };
    let imported = converted(&rights, &roles, &settings).unwrap();
    let mut recorded = imported.session_lines.join("\n");
    for (name, text) in imported.documents().unwrap() {
        recorded.extend(["\n# ", name, "\n", &text]);
    }
    insta::assert_snapshot!(recorded);
    assert_eq!(compiled(&converted(&rights, &roles, &SETTINGS).unwrap()).problems, []);
}

#[test]
fn both_keys_of_restrictions_are_accepted_and_unknown_ones_are_errors_with_the_nearest() {
    for key in ["cube_restrictions", "cell_restrictions"] {
        let rights = json!({"martin": {key: {"sales": ["geography:France"]}}});
        let imported = converted(&rights, &json!({}), &SETTINGS).unwrap();
        assert_eq!(seen(&imported, "martin", "sales"), Ok(vec!["Sales/geography is France".to_owned()]));
        assert_eq!(seen(&imported, "martin", "stock"), Ok(Vec::new()));
    }
    assert_eq!(
        mistake("{\"martin\": {\n  \"cube_restriction\": {}}}"),
        "rights.json:2:20: there is no key `cube_restriction`; did you mean `cube_restrictions`?"
    );
    let both = r#"{"martin": {"cube_restrictions": {"sales": ["a:b"]}, "cell_restrictions": {"sales": ["a:b"]}}}"#;
    assert!(mistake(both).contains("both restrict `sales`; write it in one"), "{}", mistake(both));
    let different = r#"{"martin": {"cube_restrictions": {"sales": ["a:b"]}, "cell_restrictions": {"stock": ["a:b"]}}}"#;
    assert_eq!(read(Path::new("x"), different).unwrap()["martin"].restrictions.len(), 2);
}

#[test]
fn the_order_of_cubes_is_theirs_unless_another_is_chosen() {
    let rights = json!({"martin": {"allowed_cubes": ["sales"]}, "anna": {}});
    let shown = |order: CubeOrder, identity: &str| {
        let imported = converted(&rights, &json!({}), &Settings { order, ..SETTINGS }).unwrap();
        let cubes = ["sales", "stock"].into_iter().filter(|cube| seen(&imported, identity, cube).is_ok());
        cubes.collect::<Vec<_>>()
    };
    assert_eq!(shown(CubeOrder::DenyAllow, "martin"), ["sales", "stock"], "allowed alone hides nothing");
    assert_eq!(shown(CubeOrder::Strict, "martin"), ["sales"]);
    assert_eq!(shown(CubeOrder::AllowDeny, "martin"), ["sales"]);
    assert_eq!(shown(CubeOrder::DenyAllow, "anna"), ["sales", "stock"]);
    assert_eq!(shown(CubeOrder::Strict, "anna"), ["sales", "stock"]);
    assert_eq!(shown(CubeOrder::AllowDeny, "anna"), Vec::<&str>::new());
}

#[test]
fn roles_inherit_over_three_levels() {
    let roles = json!({
        "a": {"roles": ["b"]},
        "b": {"roles": ["c"], "cube_restrictions": {"sales": ["product:tea"]}},
        "c": {"cube_restrictions": {"sales": ["geography:France"]}},
    });
    let imported = converted(&json!({"martin": {"roles": ["a"]}}), &roles, &SETTINGS).unwrap();
    let both = ["Sales/geography is France".to_owned(), "Sales/product is tea".to_owned()];
    assert_eq!(seen(&imported, "martin", "sales"), Ok(both.into()));
}

#[test]
fn a_circle_of_roles_refuses_their_holders_and_nobody_else() {
    let roles = json!({"a": {"roles": ["b"]}, "b": {"roles": ["a"]}});
    let imported = converted(&json!({"martin": {"roles": ["a"]}, "anna": {}}), &roles, &SETTINGS).unwrap();
    assert!(compiled(&imported).problems.iter().any(|problem| problem.message.contains("in a circle")));
    assert!(matches!(seen(&imported, "martin", "sales"), Err(Refusal::BrokenRole { .. })));
    assert_eq!(seen(&imported, "anna", "sales"), Ok(Vec::new()));
}

#[test]
fn an_unknown_role_is_a_mistake_that_names_the_nearest() {
    let mistakes = converted(&json!({"martin": {"roles": ["frence"]}}), &json!({"france": {}}), &SETTINGS).unwrap_err();
    assert_eq!(mistakes.of_identities, ["`martin`: roles.json has no role `frence`; did you mean `france`?"]);
}

#[test]
fn rights_of_one_identity_never_narrow_those_of_another() {
    let rights = json!({
        "martin": {"roles": ["france"], "cube_restrictions": {"sales": ["product:tea"]}},
        "anna": {"roles": ["france"]},
    });
    let roles = json!({"france": {"cube_restrictions": {"sales": ["geography:France"]}}});
    let imported = converted(&rights, &roles, &SETTINGS).unwrap();
    assert_eq!(seen(&imported, "martin", "sales").unwrap().len(), 2);
    assert_eq!(seen(&imported, "anna", "sales"), Ok(vec!["Sales/geography is France".to_owned()]));
}

#[test]
fn restrictions_of_any_cube_hold_in_each_beside_its_own() {
    let rights = json!({"martin": {"cube_restrictions": {"*": ["geography:France"], "stock": ["product:tea"]}}});
    let imported = converted(&rights, &json!({}), &SETTINGS).unwrap();
    assert_eq!(seen(&imported, "martin", "sales").unwrap().len(), 1);
    assert_eq!(seen(&imported, "martin", "stock").unwrap().len(), 2);
}

#[test]
fn two_points_on_one_dimension_from_two_roles_leave_nothing() {
    let roles = json!({
        "france": {"cube_restrictions": {"sales": ["geography:France"]}},
        "usa": {"cube_restrictions": {"sales": ["geography:USA"]}},
    });
    let imported = converted(&json!({"martin": {"roles": ["france", "usa"]}}), &roles, &SETTINGS).unwrap();
    let both = ["Sales/geography is France".to_owned(), "Sales/geography is USA".to_owned()];
    assert_eq!(seen(&imported, "martin", "sales"), Ok(both.into()), "no row has both");
}

#[test]
fn a_restriction_of_an_unknown_dimension_is_reported_when_it_is_bound_and_refuses_its_holders() {
    let rights = json!({"martin": {"cube_restrictions": {"sales": ["geografy:France"]}}, "anna": {}});
    let imported = converted(&rights, &json!({}), &SETTINGS).unwrap();
    let bound = BoundAccess::bind(&compiled(&imported).snapshot.access, &model());
    assert!(bound.problems()[0].message.contains("did you mean `geography`?"), "{:?}", bound.problems());
    assert!(matches!(seen(&imported, "martin", "sales"), Err(Refusal::BrokenRole { .. })));
    assert_eq!(seen(&imported, "anna", "sales"), Ok(Vec::new()));
}

#[test]
fn the_identity_dimension_is_cut_to_each_identity_by_its_own_name() {
    let settings = Settings { identity_dimension: Some("seller"), ..SETTINGS };
    let rights = json!({"martin": {}, "a-b": {"cube_restrictions": {"*": ["product:tea"]}}});
    let imported = converted(&rights, &json!({}), &settings).unwrap();
    assert_eq!(seen(&imported, "martin", "stock"), Ok(vec!["Sales/seller is martin".to_owned()]));
    let both = ["Sales/product is tea".to_owned(), "Sales/seller is a-b".to_owned()];
    assert_eq!(seen(&imported, "a-b", "sales"), Ok(both.into()));
    let mistakes = converted(&json!({"guest": {}}), &json!({}), &settings).unwrap_err();
    assert!(mistakes.of_identities[0].contains("a guest has no name"), "{mistakes:?}");
}

#[test]
fn a_name_of_ours_in_roles_json_grants_nothing_here() {
    let mistakes = converted(&json!({}), &json!({"ROLE_ADMIN": {}, "ROLE_USER": {}}), &SETTINGS).unwrap_err();
    assert_eq!(mistakes.of_roles.len(), 2);
    assert!(mistakes.of_roles[0].contains("with a meaning of its own; rename it"));
}

#[test]
fn names_that_meet_are_a_mistake() {
    let mistakes = converted(&json!({"a?": {}, "a!": {}}), &json!({"b c": {}, "b.c": {}}), &SETTINGS).unwrap_err();
    assert!(mistakes.of_identities[0].contains("would both be called"), "{mistakes:?}");
    assert!(mistakes.of_roles[0].contains("would both be called"), "{mistakes:?}");
}

#[test]
fn what_is_written_wrongly_is_said_with_its_place() {
    for (text, fragment) in [
        ("[]", "rights.json:1:"),
        ("{\"a\": {}, \"a\": {}}", "rights.json:1:13: `a` stands here twice"),
        ("{\"a\": {\"roles\": [], \"roles\": []}}", "`roles` stands here twice"),
        ("{\"a\": {\"roles\": \"b\"}}", "rights.json:1:"),
        ("{\"a\": {\"allowed_cubes\": [\"a*b\"]}}", "write the name of a cube"),
        ("{\"a\": {\"cube_restrictions\": {\"s*\": []}}}", "`s*` is no cube; write its name, or `*` for any"),
        ("{\"a\": {\"cube_restrictions\": {\"s\": [\"geo\"]}}}", "character 4 of the cut: expected `:`"),
        ("{\"a\": {\"cube_restrictions\": {\"s\": [\"d:12hoursago-today\"]}}}", "finer than a day"),
        ("{\"a\": {}", "rights.json:1:"),
    ] {
        assert!(mistake(text).contains(fragment), "{text}: {}", mistake(text));
    }
}

fn any_rights() -> impl Strategy<Value = Value> {
    let name = "[a-z@ -]{1,6}";
    let cut = "[a-c]{1,3}:[a-c]{1,3}(,[a-c]{1,3}){0,2}";
    let cube = prop_oneof![Just("*".to_owned()), "[a-z]{1,6}".prop_map(String::from)];
    let restrictions = prop::collection::btree_map(cube, prop::collection::vec(cut, 0..3), 0..3);
    let key = prop::sample::select(vec!["cube_restrictions", "cell_restrictions"]);
    let right = (key, restrictions, prop::collection::vec("[a-z]{1,6}[*]?", 0..3))
        .prop_map(|(key, restrictions, allowed)| json!({key: restrictions, "allowed_cubes": allowed}));
    prop::collection::btree_map(name, right, 0..4).prop_map(|rights| json!(rights))
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".{0,60}", inner in r#"[\[\]{}":,a*\\-]{0,40}"#) {
        let _ = read(Path::new("x"), &text).is_ok();
        let _ = read(Path::new("x"), &format!("{{\"a\": {{\"cube_restrictions\": {inner}}}}}")).is_ok();
    }

    #[test]
    fn what_is_written_as_yaml_is_read_as_the_same_objects(rights in any_rights(), roles in any_rights()) {
        if let Ok(imported) = converted(&rights, &roles, &SETTINGS) {
            for (name, text) in imported.documents().unwrap() {
                let found: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
                let expected = match name {
                    "roles.yaml" => json!(imported.roles),
                    "restrictions.yaml" => json!(imported.restrictions),
                    _ => json!(imported.technical_users),
                };
                prop_assert_eq!(json!(found), expected);
            }
        }
    }
}
