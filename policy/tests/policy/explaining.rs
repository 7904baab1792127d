//! What an explanation says is what was decided, with the objects that say so.

use std::collections::BTreeSet;

use cubegate_policy::{
    attributes::Attributes,
    bind::BoundAccess,
    claims::provider_roles_by_claim,
    context::ContextValues,
    explain::{self, ByClaim, CallerExplanation, HeldRole, Member, Origin, ViewerKind, WhoSees, viewers},
    resolve::{Caller, resolve},
    snapshot::{Authentication, Checked, ClaimPath},
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    algebra::{case, granted},
    support::{World, manifest, model, names, noon, parsed, rights},
};

fn provided(world: &World, name: &str, provider_roles: &[&str]) -> CallerExplanation {
    let provider_roles = names(provider_roles);
    explain::caller(
        &world.compile().snapshot,
        &Caller::ProviderUser { provider: None, name, provider_roles: &provider_roles, attributes: Attributes::none() },
        noon(),
        &[],
    )
}

fn role<'a>(explanation: &'a CallerExplanation, name: &str) -> &'a HeldRole {
    explanation.roles.iter().find(|role| role.role == name).unwrap()
}

fn shown(origin: Option<&Origin>) -> (String, &str) {
    let origin = origin.unwrap();
    (origin.to_string(), origin.item.as_deref().unwrap_or_default())
}

fn paris() -> World {
    World::new()
        .restriction("paris-only", json!([{"table": "Shops", "column": "City", "in": ["Paris", "Lyon"]}]))
        .role("paris", json!({"roleName": "ROLE_PARIS", "mappedFrom": ["paris"], "restrictions": ["paris-only"]}))
        .role("boss", json!({"roleName": "BOSS", "users": ["alice"], "inherits": ["ROLE_PARIS"]}))
        .technical_user("robot", json!({"roles": ["ROLE_USER", "BOSS"]}))
}

#[test]
fn each_step_from_the_provider_to_the_line_names_its_object_and_field() {
    let explanation = provided(&paris(), "bob", &["paris", "atoti"]);
    let held = role(&explanation, "ROLE_PARIS");
    assert_eq!(shown(held.because[0].origin.as_ref()), ("Role/paris spec.mappedFrom".to_owned(), "paris"));
    let restriction = &held.restrictions[0];
    assert_eq!(shown(restriction.named_by.as_ref()), ("Role/paris spec.restrictions".to_owned(), "paris-only"));
    let line = &restriction.lines[0];
    assert_eq!(line.condition, "Shops/City is one of Lyon, Paris");
    assert_eq!(shown(Some(&line.origin)), ("Restriction/paris-only spec.where".to_owned(), "Shops/City"));
    assert_eq!(explanation.refused, None);
}

#[test]
fn grants_and_inheritance_name_their_objects_too() {
    let explanation = provided(&paris(), "alice", &["atoti"]);
    let boss = role(&explanation, "BOSS");
    assert_eq!(shown(boss.because[0].origin.as_ref()), ("Role/boss spec.users".to_owned(), "alice"));
    let inherited = role(&explanation, "ROLE_PARIS");
    assert_eq!(shown(inherited.because[0].origin.as_ref()), ("Role/boss spec.inherits".to_owned(), "ROLE_PARIS"));

    let robot = explain::caller(&paris().compile().snapshot, &Caller::TechnicalUser { username: "robot" }, noon(), &[]);
    let boss = role(&robot, "BOSS");
    assert_eq!(shown(boss.because[0].origin.as_ref()), ("TechnicalUser/robot spec.roles".to_owned(), "BOSS"));
}

#[test]
fn default_roles_and_open_sessions_name_the_session() {
    let world = World::new()
        .role("guest", json!({"roleName": "GUEST", "inherits": ["ROLE_USER"]}))
        .oidc(|oidc| oidc.default_roles = vec!["GUEST".into()]);
    let guest = provided(&world, "bob", &[]);
    let (origin, _) = shown(role(&guest, "GUEST").because[0].origin.as_ref());
    assert_eq!(origin, "Session/retail spec.authentication.oidc.defaultRoles");

    let open = World::new().session(|session| session.spec.authentication = None);
    let anybody = explain::caller(&open.compile().snapshot, &Caller::Anonymous, noon(), &[]);
    assert_eq!(shown(role(&anybody, "ROLE_ADMIN").because[0].origin.as_ref()).0, "Session/retail spec");
}

#[test]
fn what_guests_have_the_session_says() {
    let world = World::new()
        .role("guest", json!({"roleName": "GUEST", "inherits": ["ROLE_USER"]}))
        .session(|session| session.spec.authentication.as_mut().unwrap().guest_roles = vec!["GUEST".into()]);
    let snapshot = world.compile().snapshot;
    let guest = explain::caller(&snapshot, &Caller::Guest, noon(), &[]);
    assert_eq!((guest.user.as_str(), &guest.refused), ("guest", &None));
    let origin = shown(role(&guest, "GUEST").because[0].origin.as_ref());
    assert_eq!(origin, ("Session/retail spec.authentication.guestRoles".to_owned(), "GUEST"));
    let viewers = viewers(&snapshot.door, noon());
    let last = viewers.last().unwrap();
    assert_eq!(
        (last.kind, last.rights.as_ref().unwrap().roles.clone()),
        (ViewerKind::Guest, names(&["GUEST", "ROLE_USER"]))
    );
}

#[test]
fn what_is_built_in_comes_from_no_object() {
    let world = World::new().technical_user("root", json!({"roles": ["ROLE_ADMIN"]}));
    let root = explain::caller(&world.compile().snapshot, &Caller::TechnicalUser { username: "root" }, noon(), &[]);
    assert_eq!(role(&root, "ROLE_USER").because[0].origin, None);
}

#[test]
fn claims_say_where_each_provider_role_was_found() {
    let snapshot = paris().compile().snapshot;
    let Authentication::Closed(ways) = &snapshot.door.authentication else { panic!() };
    let Some(Checked::Valid(oidc)) = &ways.oidc else { panic!() };
    let claims = json!({"resource_access": {"cubegate": {"roles": ["paris"]}}});
    let found = provider_roles_by_claim(&claims, &oidc.roles_claims);
    let provider_roles = names(&["paris", "assumed"]);
    let caller = Caller::ProviderUser {
        provider: None,
        name: "bob",
        provider_roles: &provider_roles,
        attributes: Attributes::none(),
    };
    let explanation = explain::caller(&snapshot, &caller, noon(), &found);
    let texts: Vec<(&str, Vec<String>)> = explanation
        .provider_roles
        .iter()
        .map(|role| (role.name.as_str(), role.claims.iter().map(ToString::to_string).collect()))
        .collect();
    let path = "resource_access → cubegate → roles".to_owned();
    assert_eq!(texts, [("assumed", vec![]), ("paris", vec![path])]);
}

#[test]
fn a_refusal_is_explained_and_the_broken_role_says_why() {
    let world =
        paris().role("lyon", json!({"roleName": "LYON", "mappedFrom": ["lyon"], "restrictions": ["lyon-only"]}));
    let explanation = provided(&world, "bob", &["atoti", "lyon"]);
    assert!(explanation.refused.unwrap().contains("role `LYON` is broken"));
    let nobody = provided(&world, "bob", &["unknown"]);
    assert_eq!((nobody.roles.len(), nobody.refused.is_some()), (0, true));
}

#[test]
fn a_role_that_has_lapsed_is_named_with_the_field_that_says_so() {
    let world = paris()
        .role("early", json!({"roleName": "EARLY", "mappedFrom": ["x"], "notBefore": "2027-02-01T00:00:00Z"}))
        .role("late", json!({"roleName": "LATE", "mappedFrom": ["x"], "inherits": ["ROLE_PARIS"], "notAfter": "2027-01-31T12:00:00Z"}));
    let explanation = provided(&world, "bob", &["x", "atoti"]);
    let lapsed = |name: &str| role(&explanation, name).lapsed.clone().unwrap();
    assert_eq!(lapsed("EARLY").way, "not valid before 2027-02-01T00:00:00Z");
    assert_eq!(lapsed("EARLY").origin.unwrap().to_string(), "Role/early spec.notBefore");
    assert_eq!(lapsed("LATE").way, "not valid since 2027-01-31T12:00:00Z");
    assert_eq!(lapsed("LATE").origin.unwrap().to_string(), "Role/late spec.notAfter");
    assert_eq!(lapsed("ROLE_PARIS").way, "comes with roles that have lapsed, and with no other");
    assert_eq!(role(&explanation, "ROLE_USER").lapsed, None);
    assert_eq!(role(&provided(&world, "bob", &["x", "paris", "atoti"]), "ROLE_PARIS").lapsed, None);
}

#[test]
fn a_cube_is_explained_by_the_conditions_that_hold() {
    let shape = model("Sales", &[("Shops", &["City"])], &[&["Shops/City"]]);
    let bound = BoundAccess::bind(&paris().compile().snapshot.access, &shape);
    let of_roles = |roles: &[&str]| rights(&names(roles), Attributes::none());
    let (explanation, _) =
        explain::cube(&bound, "Sales", &ContextValues::default(), &of_roles(&["ROLE_PARIS", "ROLE_USER"]));
    assert_eq!(explanation.all_of, ["Shops/City is one of Lyon, Paris"]);
    let (explanation, _) = explain::cube(&bound, "Sales", &ContextValues::default(), &of_roles(&["ROLE_PARIS"]));
    assert!(explanation.refused.is_some() && explanation.all_of.is_empty());
}

#[test]
fn a_long_list_of_values_is_cut_where_nobody_reads_on() {
    let many: Vec<String> = (0..100).map(|number| format!("city {number:03}")).collect();
    let world = World::new()
        .restriction("many", json!([{"table": "Shops", "column": "City", "in": many}]))
        .role("many", json!({"roleName": "MANY", "mappedFrom": ["many"], "restrictions": ["many"]}));
    let explanation = provided(&world, "bob", &["many", "atoti"]);
    let line = &role(&explanation, "MANY").restrictions[0].lines[0].condition;
    assert!(line.ends_with("city 015, 84 more"), "{line}");
}

#[test]
fn viewers_are_all_roles_and_all_users_whom_the_policy_names() {
    let found = viewers(&paris().compile().snapshot.door, noon());
    let users: Vec<&str> =
        found.iter().filter(|viewer| viewer.kind == ViewerKind::User).map(|viewer| viewer.name.as_str()).collect();
    assert_eq!(users, ["robot", "alice"]);
    let paris = found.iter().find(|viewer| viewer.name == "ROLE_PARIS").unwrap();
    assert_eq!(paris.rights.as_ref().unwrap().roles, names(&["ROLE_PARIS", "ROLE_USER"]));
}

#[test]
fn whoever_sees_what_their_claims_say_is_named_although_nobody_counted_them() {
    let world = World::new()
        .restriction("own-shop", json!([{"table": "Shops", "column": "City", "inClaim": ["org", "shops"]}]))
        .role("shop", json!({"roleName": "SHOP", "mappedFrom": ["shop"], "restrictions": ["own-shop"]}))
        .role("boss", json!({"roleName": "BOSS", "users": ["alice"], "inherits": ["SHOP"]}))
        .role("root", json!({"roleName": "ROOT", "inherits": ["SHOP", "ROLE_ADMIN"]}))
        .role("blind", json!({"roleName": "BLIND", "inherits": ["SHOP"], "cubes": {"denied": ["*"]}}))
        .role("other", json!({"roleName": "OTHER", "mappedFrom": ["other"]}))
        .technical_user("robot", json!({"roles": ["ROLE_USER", "SHOP"]}));
    let snapshot = world.compile().snapshot;
    let member = Member { cube: "Sales".into(), level: "City".into(), member: "Paris".into() };
    let seen = WhoSees::new(&snapshot, member, 7, viewers(&snapshot.door, noon()), &[].into());
    let claims: BTreeSet<ClaimPath> = [ClaimPath(vec!["org".into(), "shops".into()])].into();
    let expected = [(ViewerKind::Role, "BOSS"), (ViewerKind::Role, "SHOP")];
    let expected = expected.map(|(kind, name)| ByClaim { kind, name: name.to_owned(), claims: claims.clone() });
    assert_eq!(seen.by_claim, expected);
    assert_eq!(seen.viewers, []);
}

#[test]
fn a_claim_of_another_cubes_level_says_nothing_of_a_cube() {
    let mut world = World::new().role("x", json!({"roleName": "X", "users": ["alice"], "restrictions": ["r"]}));
    let line = json!({"cube": "Stock", "where": [{"level": "City", "inClaim": ["shops"]}]});
    world.objects.restrictions.push(parsed(manifest("Restriction", "r", line)));
    let cubes = json!([{"name": "Sales", "factTable": "Sales"}, {"name": "Stock", "factTable": "Sales"}]);
    let world = world.session(|session| session.spec.cubes = serde_json::from_value(cubes).unwrap());
    let snapshot = world.compile().snapshot;
    let by_claim = |cube: &str| {
        let member = Member { cube: cube.into(), level: "City".into(), member: "Paris".into() };
        let seen = WhoSees::new(&snapshot, member, 7, viewers(&snapshot.door, noon()), &[].into());
        seen.by_claim.into_iter().map(|by_claim| by_claim.name).collect::<Vec<_>>()
    };
    assert_eq!((by_claim("Sales"), by_claim("Stock")), (vec![], vec!["X".to_owned()]));
}

proptest! {
    #[test]
    fn an_explanation_has_the_roles_and_the_verdict_of_the_decision(case in case(), granted in granted(), is_staff in any::<bool>()) {
        let snapshot = case.world().compile().snapshot;
        let staff = is_staff.then(|| "atoti".to_owned());
        let provider_roles: BTreeSet<String> = granted.iter().map(ToString::to_string).chain(staff).collect();
        let caller = Caller::ProviderUser { provider: None, name: "someone", provider_roles: &provider_roles, attributes: Attributes::none() };
        let explanation = explain::caller(&snapshot, &caller, noon(), &[]);
        match resolve(&snapshot.door, &caller, noon()) {
            Ok(resolved) => {
                let roles: BTreeSet<String> = explanation.roles.iter().map(|role| role.role.clone()).collect();
                prop_assert_eq!(roles, resolved.rights.roles);
                prop_assert_eq!(explanation.refused, None);
            }
            Err(refusal) => prop_assert_eq!(explanation.refused, Some(refusal.to_string())),
        }
    }
}
