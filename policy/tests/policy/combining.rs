//! How the restrictions of several roles combine: `combine`, `unmatched`, and what `unrestricted` lifts.

use std::collections::BTreeSet;

use cubegate_api::session::{Access, Combine, Unmatched};
use cubegate_policy::{
    bind::{BoundAccess, ModelShape, Visibility},
    resolve::Refusal,
};
use serde_json::json;

use crate::support::{Row, World, column, model, names, rights_with, sees};

const COLUMNS: [&str; 3] = ["Shops/Country", "Shops/City", "Shops/Size"];
const ROWS: [[&str; 3]; 5] = [
    ["US", "Paris", "small"],
    ["US", "Austin", "small"],
    ["FR", "Paris", "big"],
    ["FR", "Lyon", "big"],
    ["FR", "Lyon", "small"],
];

fn row(values: [&str; 3]) -> Row {
    COLUMNS.iter().map(|name| column(name)).zip(values.map(str::to_owned)).collect()
}

fn rows(visibility: &Visibility) -> Vec<String> {
    ROWS.into_iter().filter(|values| sees(visibility, &row(*values))).map(|values| values.join(" ")).collect()
}

/// A hierarchy of country and city; the size alone.
fn shops() -> ModelShape {
    model("Sales", &[("Shops", &["Country", "City", "Size"])], &[&["Shops/Country", "Shops/City"], &["Shops/Size"]])
}

fn world(combine: Combine, unmatched: Unmatched) -> World {
    World::new()
        .session(|session| session.spec.access = Access { combine, unmatched })
        .restricting("US_PARIS", &[("Shops/Country", &["US"]), ("Shops/City", &["Paris"])])
        .restricting("FR_LYON", &[("Shops/Country", &["FR"]), ("Shops/City", &["Lyon"])])
        .restricting("FR", &[("Shops/Country", &["FR"])])
        .restricting("BIG", &[("Shops/Size", &["big"])])
        .restricting("US_SMALL", &[("Shops/Country", &["US"]), ("Shops/Size", &["small"])])
        .restricting("FR_BIG", &[("Shops/Country", &["FR"]), ("Shops/Size", &["big"])])
        .role("plain", json!({"roleName": "PLAIN"}))
        .role("free", json!({"roleName": "FREE", "unrestricted": true}))
}

/// What is visible in the cube, and in the table. `~` is before a role that has lapsed.
fn seen(combine: Combine, unmatched: Unmatched, roles: &[&str]) -> [Visibility; 2] {
    let compiled = world(combine, unmatched).compile();
    assert_eq!(compiled.problems, []);
    let bound = BoundAccess::bind(&compiled.snapshot.access, &shops());
    let (lapsed, mut roles): (BTreeSet<String>, BTreeSet<String>) =
        names(roles).into_iter().partition(|role| role.starts_with('~'));
    roles.insert("ROLE_USER".into());
    let lapsed = lapsed.iter().map(|role| role.replace('~', "")).collect();
    let rights = rights_with(roles, lapsed);
    [bound.visibility("Sales", &rights).unwrap(), bound.table_visibility("Shops", &rights).unwrap()]
}

fn in_cube_and_table(combine: Combine, roles: &[&str]) -> Vec<String> {
    let [cube, table] = seen(combine, Unmatched::Allow, roles);
    assert_eq!(rows(&cube), rows(&table), "a table shows what the cube on it shows");
    rows(&cube)
}

#[test]
fn per_hierarchy_unites_within_a_hierarchy_and_intersects_across() {
    let per_hierarchy = |roles: &[&str]| in_cube_and_table(Combine::PerHierarchy, roles);
    assert_eq!(per_hierarchy(&["FR", "BIG"]), ["FR Paris big", "FR Lyon big"]);
    assert_eq!(
        per_hierarchy(&["US_SMALL", "FR_BIG"]),
        ["US Paris small", "US Austin small", "FR Paris big", "FR Lyon big", "FR Lyon small"]
    );
}

#[test]
fn a_table_never_shows_rows_that_its_cube_hides() {
    // Column by column, France with Paris would pass: each of its values is admitted by one of the roles.
    assert_eq!(
        in_cube_and_table(Combine::PerHierarchy, &["US_PARIS", "FR_LYON"]),
        ["US Paris small", "FR Lyon big", "FR Lyon small"]
    );
}

#[test]
fn all_lets_every_line_of_every_role_hold() {
    let all = |roles: &[&str]| in_cube_and_table(Combine::All, roles);
    assert_eq!(all(&["FR", "BIG"]), ["FR Paris big", "FR Lyon big"]);
    assert_eq!(all(&["FR", "FR_LYON"]), ["FR Lyon big", "FR Lyon small"]);
    assert_eq!(all(&["US_PARIS", "FR_LYON"]), Vec::<String>::new(), "two points on one dimension give nothing");
}

#[test]
fn per_role_shows_what_some_role_admits_whole() {
    let per_role = |roles: &[&str]| in_cube_and_table(Combine::PerRole, roles);
    assert_eq!(per_role(&["FR", "BIG"]), ["FR Paris big", "FR Lyon big", "FR Lyon small"]);
    assert_eq!(per_role(&["US_SMALL", "FR_BIG"]), ["US Paris small", "US Austin small", "FR Paris big", "FR Lyon big"]);
    assert_eq!(per_role(&["US_PARIS", "FR_LYON"]), ["US Paris small", "FR Lyon big", "FR Lyon small"]);
}

#[test]
fn a_role_without_restriction_neither_widens_nor_lifts_anything_in_any_combination() {
    for combine in [Combine::PerHierarchy, Combine::All, Combine::PerRole] {
        for more in [["FR", "PLAIN"], ["FR", "FREE"]] {
            assert_eq!(in_cube_and_table(combine, &more), in_cube_and_table(combine, &["FR"]));
        }
        assert_eq!(in_cube_and_table(combine, &["PLAIN"]).len(), ROWS.len());
    }
}

#[test]
fn unmatched_callers_see_nothing_under_deny_unless_a_role_is_unrestricted() {
    for combine in [Combine::PerHierarchy, Combine::All, Combine::PerRole] {
        let denied = |roles: &[&str]| seen(combine, Unmatched::Deny, roles);
        assert_eq!(denied(&["PLAIN"]), [Visibility::nothing(), Visibility::nothing()]);
        assert_eq!(denied(&["PLAIN", "FREE"]), [Visibility::default(), Visibility::default()]);
        assert_eq!(denied(&["FR"]), seen(combine, Unmatched::Allow, &["FR"]));
        assert_eq!(denied(&["FR", "FREE"]), seen(combine, Unmatched::Allow, &["FR"]));
    }
}

#[test]
fn what_has_lapsed_restricts_and_admits_nothing() {
    let per_hierarchy = |roles: &[&str]| in_cube_and_table(Combine::PerHierarchy, roles);
    assert_eq!(per_hierarchy(&["~FR"]), Vec::<String>::new());
    assert_eq!(per_hierarchy(&["~FR", "US_SMALL"]), ["US Paris small", "US Austin small"]);
    assert_eq!(per_hierarchy(&["~BIG", "FR"]), Vec::<String>::new(), "nothing else admits a size");
    let per_role = |roles: &[&str]| in_cube_and_table(Combine::PerRole, roles);
    assert_eq!(per_role(&["~FR"]), Vec::<String>::new());
    assert_eq!(per_role(&["~BIG", "US_SMALL"]), ["US Paris small", "US Austin small"]);
    assert_eq!(in_cube_and_table(Combine::All, &["~FR", "BIG"]), Vec::<String>::new());
}

#[test]
fn what_has_lapsed_and_restricts_nothing_changes_nothing_and_frees_nobody() {
    for combine in [Combine::PerHierarchy, Combine::All, Combine::PerRole] {
        assert_eq!(seen(combine, Unmatched::Allow, &["~PLAIN", "FR"]), seen(combine, Unmatched::Allow, &["FR"]));
        assert_eq!(seen(combine, Unmatched::Deny, &["~FREE"]), [Visibility::nothing(), Visibility::nothing()]);
    }
}

#[test]
fn an_administrator_whose_role_has_lapsed_is_restricted_as_anybody() {
    let seen = |roles: &[&str]| seen(Combine::PerHierarchy, Unmatched::Allow, roles);
    assert_eq!(seen(&["FR", "~ROLE_ADMIN"]), seen(&["FR"]));
    assert_eq!(seen(&["~FR", "ROLE_ADMIN"]), [Visibility::default(), Visibility::default()]);
}

#[test]
fn administrators_see_everything_in_any_combination() {
    for combine in [Combine::PerHierarchy, Combine::All, Combine::PerRole] {
        let [cube, table] = seen(combine, Unmatched::Deny, &["FR", "ROLE_ADMIN"]);
        assert_eq!((cube, table), (Visibility::default(), Visibility::default()));
    }
}

#[test]
fn a_role_is_restricted_or_unrestricted() {
    let world = world(Combine::All, Unmatched::Deny).role(
        "both",
        json!({"roleName": "BOTH", "mappedFrom": ["both"], "unrestricted": true, "restrictions": ["fr-only"]}),
    );
    assert_eq!(
        world.problems(),
        ["Role/both spec.unrestricted Invalid: a role is `unrestricted` or has `restrictions`, not both"]
    );
    assert!(matches!(world.provider_user("u", &["both", "atoti"]), Err(Refusal::BrokenRole { .. })));
}
