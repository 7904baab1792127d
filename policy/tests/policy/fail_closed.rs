//! Whatever breaks: its holders are refused, and nobody else notices.

use std::collections::BTreeSet;

use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, Visibility},
    compile::{Parsed, compile},
    publication::canonical_bytes,
    resolve::{Caller, Refusal, Resolved, resolve},
    snapshot::Door,
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    algebra::{Case, case, granted},
    support::{World, noon, parsed},
};

/// What may go wrong with one Role or Restriction. None of it touches who holds the role.
#[derive(Clone, Copy, Debug)]
enum Damage {
    MissingRestriction,
    UnknownInheritedRole,
    Circle,
    UnknownFieldInRole,
    WrongTypeInRole,
    SecondRoleOfThatName,
    DeletedRestriction,
    UnknownFieldInRestriction,
    UnknownTable,
    UnknownColumn,
    EmptyIn,
    SecondLineForAColumn,
}

const DAMAGES: [Damage; 12] = [
    Damage::MissingRestriction,
    Damage::UnknownInheritedRole,
    Damage::Circle,
    Damage::UnknownFieldInRole,
    Damage::WrongTypeInRole,
    Damage::SecondRoleOfThatName,
    Damage::DeletedRestriction,
    Damage::UnknownFieldInRestriction,
    Damage::UnknownTable,
    Damage::UnknownColumn,
    Damage::EmptyIn,
    Damage::SecondLineForAColumn,
];

/// Breaks one thing; returns the names of the roles that name it directly.
fn break_one(world: &mut World, case: &Case, damage: Damage, which: Index) -> BTreeSet<String> {
    let roles = &case.policy.roles;
    let position = which.index(roles.len());
    let name = roles[position].spec.role_name.clone().unwrap();
    let mut role = serde_json::to_value(&roles[position]).unwrap();
    let restrictions = &case.policy.restrictions;
    let restriction_position = which.index(restrictions.len());
    let restriction_name = restrictions[restriction_position].metadata.name.clone().unwrap();
    let mut restriction = serde_json::to_value(&restrictions[restriction_position]).unwrap();
    let spec = &mut role["spec"];
    match damage {
        Damage::MissingRestriction => append(&mut spec["restrictions"], json!("missing")),
        Damage::UnknownInheritedRole => append(&mut spec["inherits"], json!("MISSING")),
        Damage::Circle => append(&mut spec["inherits"], json!(name)),
        Damage::UnknownFieldInRole => spec["restriction"] = json!(["r0"]),
        Damage::WrongTypeInRole => spec["inherits"] = json!("R4"),
        Damage::SecondRoleOfThatName => {
            world.objects.roles.push(parsed(crate::support::manifest("Role", "second", json!({"roleName": name}))));
        }
        Damage::DeletedRestriction => {
            world.objects.restrictions.remove(restriction_position);
            return naming(case, &restriction_name);
        }
        Damage::UnknownFieldInRestriction
        | Damage::UnknownTable
        | Damage::UnknownColumn
        | Damage::EmptyIn
        | Damage::SecondLineForAColumn => {
            let lines = &mut restriction["spec"]["where"];
            let first = lines[0].clone();
            match damage {
                Damage::UnknownTable => lines[0]["table"] = json!("Shop"),
                Damage::UnknownColumn => lines[0]["column"] = json!("AA"),
                Damage::EmptyIn => append(lines, json!({"table": "Sales", "column": "Z", "in": []})),
                Damage::SecondLineForAColumn => append(lines, first),
                _ => lines[0]["equal"] = json!("x"),
            }
            world.objects.restrictions[restriction_position] = parsed(restriction);
            return naming(case, &restriction_name);
        }
    }
    // `World::new` declares ROLE_USER before the roles of the case.
    world.objects.roles[position + 1] = parsed(role);
    [name].into()
}

fn append(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

fn naming(case: &Case, restriction: &str) -> BTreeSet<String> {
    let naming = case.policy.roles.iter().filter(|role| role.spec.restrictions.iter().any(|name| name == restriction));
    naming.map(|role| role.spec.role_name.clone().unwrap()).collect()
}

/// All that the product decides of a caller with these provider roles: who they are, and what they see.
fn decide(
    door: &Door,
    bound: &BoundAccess,
    provider_roles: &BTreeSet<String>,
) -> Result<(Resolved, Visibility), Refusal> {
    let resolved = resolve(
        door,
        &Caller::ProviderUser { provider: None, name: "someone", provider_roles, attributes: &Attributes::default() },
        noon(),
    )?;
    let visibility = bound.visibility("Cube", &resolved.rights)?;
    Ok((resolved, visibility))
}

proptest! {
    #[test]
    fn holders_of_what_is_broken_are_refused_and_everyone_else_is_served_as_before(
        case in case(), granted in granted(), damage in prop::sample::select(&DAMAGES[..]), which in any::<Index>()
    ) {
        let mut world = case.world();
        let sound = world.compile().snapshot;
        let broken = break_one(&mut world, &case, damage, which);
        let damaged = world.compile();

        let provider_roles: BTreeSet<String> = granted.iter().map(ToString::to_string).chain(["atoti".into()]).collect();
        let before = decide(&sound.door, &BoundAccess::bind(&sound.access, &case.model()), &provider_roles);
        let (resolved, _) = before.clone().unwrap();
        let bound = BoundAccess::bind(&damaged.snapshot.access, &case.model());
        let after = decide(&damaged.snapshot.door, &bound, &provider_roles);

        if resolved.rights.roles.is_disjoint(&broken) {
            prop_assert_eq!(after, before);
        } else {
            prop_assert!(matches!(after, Err(Refusal::BrokenRole { .. })), "{:?}", after);
            // The engine refuses by itself, were the door to let them through.
            prop_assert!(bound.visibility("Cube", &resolved.rights).is_err());
        }
        if !matches!(damage, Damage::DeletedRestriction | Damage::UnknownColumn) {
            prop_assert!(!damaged.problems.is_empty());
        }
    }

    #[test]
    fn the_order_of_objects_does_not_change_a_byte_of_the_policy(
        case in case(), damage in prop::option::of(prop::sample::select(&DAMAGES[..])), which in any::<Index>(), shuffles in any::<[Index; 16]>()
    ) {
        let mut world = case.world()
            .technical_user("one", json!({"roles": ["R0", "ROLE_USER"]}))
            .technical_user("two", json!({"username": "one"}))
            .technical_user("three", json!({"roles": ["R9"]}));
        if let Some(damage) = damage {
            break_one(&mut world, &case, damage, which);
        }
        let before = world.compile();
        shuffle(&mut world.objects.roles, &shuffles);
        shuffle(&mut world.objects.restrictions, &shuffles);
        shuffle(&mut world.objects.technical_users, &shuffles);
        let after = world.compile();
        prop_assert_eq!(canonical_bytes(&before.snapshot), canonical_bytes(&after.snapshot));
        prop_assert_eq!(before.problems, after.problems);
    }

    #[test]
    fn a_slip_of_the_keyboard_in_the_field_that_names_the_holders_lets_none_of_them_through(
        field in prop::sample::select(vec!["mappedFrom", "users"]), slip in slip(), place in any::<Index>()
    ) {
        let misspelt = slip.at(field, place);
        prop_assume!(misspelt != field && misspelt != "mappedFrom" && misspelt != "users");
        let world = World::new().role("x", json!({"roleName": "X", misspelt: ["someone"]}));
        let refusal = world.provider_user("someone", &["atoti"]);
        prop_assert!(matches!(refusal, Err(Refusal::BrokenRole { .. })), "{:?}", refusal);
        prop_assert!(world.provider_user("else", &["atoti"]).is_ok());
    }

    #[test]
    fn a_role_manifest_of_any_shape_is_compiled_without_panic_and_never_dropped(spec in any_json()) {
        let mut world = World::new();
        let role: Parsed<cubegate_api::Role> = parsed(json!({"metadata": {"name": "any"}, "spec": spec}));
        let readable = matches!(role, Parsed::Valid(_));
        world.objects.roles.push(role);
        let compiled = compile(&world.objects);
        prop_assert!(readable || !compiled.problems.is_empty());
        // Whoever is named anywhere in it, and is not refused, is not named as a holder.
        for name in ["paris", "france"] {
            if !readable && (spec["mappedFrom"] == json!(name) || spec["mappedFrom"] == json!([name])) {
                let refusal = world.provider_user("u", &[name, "atoti"]);
                prop_assert!(matches!(refusal, Err(Refusal::BrokenRole { .. })), "{:?}", refusal);
            }
        }
    }
}

/// What fingers do.
#[derive(Clone, Debug)]
enum Slip {
    Omit,
    Repeat,
    Swap,
    Type(char),
    Insert(char),
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        Just(Slip::Omit),
        Just(Slip::Repeat),
        Just(Slip::Swap),
        proptest::char::range('_', 'z').prop_map(Slip::Type),
        proptest::char::range(' ', 'z').prop_map(Slip::Insert),
    ]
}

impl Slip {
    fn at(&self, text: &str, place: Index) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let place = place.index(letters.len());
        match *self {
            Self::Omit => {
                letters.remove(place);
            }
            Self::Repeat => letters.insert(place, letters[place]),
            Self::Swap => letters.swap(place, (place + 1) % text.len()),
            Self::Type(letter) => letters[place] = letter,
            Self::Insert(letter) => letters.insert(place, letter),
        }
        letters.into_iter().collect()
    }
}

fn shuffle<T>(items: &mut [T], picks: &[Index]) {
    for position in (1..items.len()).rev() {
        items.swap(position, picks[position % picks.len()].index(position + 1));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec!["paris", "france", "retail", "X"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        word.prop_map(Value::from)
    ];
    let field =
        prop::sample::select(vec!["mappedFrom", "users", "user", "roleName", "inherits", "restrictions", "name", "x"]);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(field.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}
