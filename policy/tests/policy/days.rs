//! Cuts whose ends move with the day.

use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, Visibility},
    day::Day,
    resolve::{Refusal, resolve},
    rights::Rights,
};
use serde_json::json;

use crate::support::{World, column, manifest, moment, names, parsed, rights, tables_in_one_chain};

/// Sales has dates, a calendar of numbers, one that ends in dates, and a calendar of texts.
fn calendars() -> ModelShape {
    let level = |name: &str, of: &str, members| LevelShape { name: name.to_owned(), column: column(of), members };
    let hierarchy = |name: &str, levels: Vec<LevelShape>| HierarchyShape {
        name: name.to_owned(),
        dimension: "Sales".to_owned(),
        levels,
    };
    let date = || level("Date", "Sales/Date", MemberKind::Dates);
    let year = || level("Year", "Sales/Year", MemberKind::Integers);
    let month = || level("month", "Sales/Month", MemberKind::Integers);
    let hierarchies = vec![
        hierarchy("date", vec![date()]),
        hierarchy(
            "calendar",
            vec![year(), level("quarter", "Sales/Quarter", MemberKind::Integers), month(), {
                level("Day", "Sales/Day", MemberKind::Integers)
            }],
        ),
        hierarchy("mixed", vec![year(), month(), date()]),
        hierarchy("months", vec![year(), level("Month", "Sales/Name", MemberKind::Other)]),
        hierarchy("weeks", vec![year(), level("Week", "Sales/Week", MemberKind::Integers)]),
        hierarchy("season", vec![month(), level("Day", "Sales/Day", MemberKind::Integers)]),
        hierarchy("days", vec![year(), level("Day", "Sales/Day", MemberKind::Integers)]),
    ];
    let columns = ["Date", "Year", "Quarter", "Month", "Day", "Name", "Week"];
    let reachable = columns.map(|name| column(&format!("Sales/{name}"))).into();
    ModelShape {
        tables: tables_in_one_chain(&[("Sales".to_owned(), names(&columns))].into()),
        cubes: [("Sales".to_owned(), CubeShape { hierarchies, reachable, ..CubeShape::default() })].into(),
    }
}

/// A role X with one cut.
fn with_cut(cut: &str) -> World {
    let mut world = World::new();
    let spec = json!({"cube": "Sales", "cuts": [cut]});
    world.objects.restrictions.push(parsed(manifest("Restriction", "r", spec)));
    let cubes = json!([{"name": "Sales", "factTable": "Sales"}]);
    world
        .session(|session| session.spec.cubes = serde_json::from_value(cubes).unwrap())
        .role("x", json!({"roleName": "X", "mappedFrom": ["x"], "restrictions": ["r"]}))
}

fn bound(cut: &str) -> BoundAccess {
    let compiled = with_cut(cut).compile();
    assert_eq!(compiled.problems, []);
    BoundAccess::bind(&compiled.snapshot.access, &calendars())
}

fn at(moment_text: &str) -> Rights {
    let today = Day::of(moment(moment_text));
    Rights { today, ..rights(&names(&["ROLE_USER", "X"]), &Attributes::default()) }
}

/// What holds of every visible fact at noon of a day.
fn on(cut: &str, day: &str) -> Vec<String> {
    let bound = bound(cut);
    assert_eq!(bound.problems(), []);
    let visibility = bound.visibility("Sales", &at(&format!("{day}T12:00:00Z"))).unwrap();
    visibility.all_of.iter().map(ToString::to_string).collect()
}

#[test]
fn a_hierarchy_of_dates_is_cut_at_the_days_that_are_meant_today() {
    let cut = "date:90daysago-today";
    assert_eq!(on(cut, "2027-03-31"), ["Sales/Date is between 2026-12-31 and 2027-03-31"]);
    assert_eq!(on(cut, "2027-04-01"), ["Sales/Date is between 2027-01-01 and 2027-04-01"]);
    assert_eq!(on("date:today;yesterday", "2027-03-01"), ["Sales/Date is one of 2027-02-28, 2027-03-01"]);
    assert_eq!(on("!date:lastmonth-", "2027-03-31"), ["Sales/Date is not at least 2027-02-01"]);
}

#[test]
fn a_calendar_of_numbers_is_cut_at_the_path_of_the_day() {
    let levels = "Sales/Year → Sales/Quarter → Sales/Month → Sales/Day";
    assert_eq!(on("calendar:today", "2027-08-09"), [format!("{levels} is 2027 → 3 → 8 → 9")]);
    assert_eq!(
        on("calendar:2026-yesterday", "2027-01-01"),
        [format!("{levels} is between 2026 and 2026 → 4 → 12 → 31")]
    );
    let mixed = on("mixed:-today", "2027-08-09");
    assert_eq!(mixed, ["Sales/Year → Sales/Month → Sales/Date is at most 2027 → 8 → 2027-08-09"]);
}

#[test]
fn a_day_begins_at_midnight_in_utc() {
    let bound = bound("date:today");
    let visibility = |moment: &str| bound.visibility("Sales", &at(moment)).unwrap();
    let last = visibility("2027-01-31T23:59:59.999Z");
    assert_eq!(last, visibility("2027-01-31T00:00:00Z"), "one mask serves a day");
    assert_ne!(last, visibility("2027-02-01T00:00:00Z"));
    assert_eq!(last, visibility("2027-02-01T01:00:00+02:00"));
}

#[test]
fn rights_are_of_the_day_of_the_moment_at_which_they_are_resolved() {
    let world = with_cut("date:today");
    let caller_on = |text: &str| {
        let roles = names(&["x", "atoti"]);
        let identity = cubegate_policy::resolve::Caller::ProviderUser {
            provider: None,
            name: "u",
            provider_roles: &roles,
            attributes: Attributes::none(),
        };
        resolve(&world.compile().snapshot.door, &identity, moment(text)).unwrap().rights.today.to_string()
    };
    assert_eq!(caller_on("2027-01-31T23:59:59Z"), "2027-01-31");
    assert_eq!(caller_on("2027-02-01T00:00:00Z"), "2027-02-01");
}

#[test]
fn rows_of_tables_are_cut_on_the_same_days() {
    let bound = bound("date:-yesterday");
    let rights = at("2027-03-01T00:00:00Z");
    assert_eq!(bound.table_visibility("Sales", &rights), bound.visibility("Sales", &rights));
}

#[test]
fn nothing_is_visible_when_the_day_lies_beyond_the_calendar() {
    for cut in ["date:-tomorrow", "!date:tomorrow-"] {
        assert_eq!(bound(cut).visibility("Sales", &at("9999-12-30T22:00:00Z")).unwrap().all_of.len(), 1);
        let late = Rights { today: serde_json::from_value(json!("9999-12-31")).unwrap(), ..at("2027-01-01T00:00:00Z") };
        assert_eq!(bound(cut).visibility("Sales", &late), Ok(Visibility::nothing()), "{cut}");
    }
}

#[test]
fn levels_that_do_not_tell_days_in_their_order_refuse_the_holders() {
    for cut in ["season:-yesterday", "days:90daysago-"] {
        let bound = bound(cut);
        let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
        assert!(problem.message.contains("do not tell days in their order"), "{}", problem.message);
        let refused = bound.visibility("Sales", &at("2027-12-30T00:00:00Z"));
        assert!(matches!(refused, Err(Refusal::BrokenRole { .. })));
    }
}

#[test]
fn a_hierarchy_that_has_no_dates_refuses_the_holders_and_says_which_level() {
    for (cut, level) in [("months:today", "Month"), ("weeks:lastweek-", "Week"), ("weeks:2027-today", "Week")] {
        let bound = bound(cut);
        let [problem] = bound.problems() else { panic!("{:?}", bound.problems()) };
        assert!(
            problem.message.contains(&format!("is relative to the day, and level `{level}`")),
            "{}",
            problem.message
        );
        let refused = bound.visibility("Sales", &at("2027-01-01T00:00:00Z"));
        assert!(matches!(refused, Err(Refusal::BrokenRole { .. })));
        assert!(bound.visibility("Sales", &rights(&names(&["ROLE_USER"]), &Attributes::default())).is_ok());
    }
}
