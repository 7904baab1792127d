//! The product against the naive evaluator, on random hierarchies, roles, restrictions and rows.

use std::collections::BTreeSet;

use cubegate_api::{ROLE_ADMIN, ROLE_USER, session::Access};
use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, CubeShape, HierarchyShape, ModelShape, Visibility},
    compile::Parsed,
    resolve::Refusal,
    snapshot::ColumnName,
};
use proptest::{prelude::*, sample::subsequence};
use serde_json::json;

use crate::{
    naive::{NaiveCaller, NaiveCube, NaivePolicy},
    support::{Row, World, column, level, manifest, names, noon, rights, sees, tables_in_one_chain},
};

pub(crate) const COLUMNS: [&str; 5] = ["Sales/A", "Sales/B", "Shops/C", "Shops/D", "Shops/E"];
pub(crate) const VALUES: [&str; 3] = ["x", "y", "z"];
/// A value that no row has.
const NOWHERE: &str = "nowhere";
const ROLES: [&str; 5] = ["R0", "R1", "R2", "R3", "R4"];
const RESTRICTIONS: [&str; 4] = ["r0", "r1", "r2", "r3"];

/// A policy that is in order, in the two forms that are compared, and who maps to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) policy: NaivePolicy,
    pub(crate) hierarchies: Vec<Vec<&'static str>>,
}

impl Case {
    pub(crate) fn world(&self) -> World {
        let mut world = World::new();
        world.objects.roles.extend(self.policy.roles.iter().cloned().map(Parsed::Valid));
        world.objects.restrictions = self.policy.restrictions.iter().cloned().map(Parsed::Valid).collect();
        world
    }

    pub(crate) fn model(&self) -> ModelShape {
        let tables = [("Sales".to_owned(), names(&["A", "B"])), ("Shops".to_owned(), names(&["C", "D", "E"]))].into();
        let hierarchy = |levels: &Vec<&str>| HierarchyShape {
            name: levels.join("-"),
            dimension: column(levels[0]).table,
            levels: levels.iter().map(|name| level(name)).collect(),
        };
        let cube = CubeShape {
            hierarchies: self.hierarchies.iter().map(hierarchy).collect(),
            reachable: COLUMNS.iter().map(|name| column(name)).collect(),
            ..CubeShape::default()
        };
        ModelShape { tables: tables_in_one_chain(&tables), cubes: [("Cube".to_owned(), cube)].into() }
    }

    /// What the product shows to someone who is granted these roles and `ROLE_USER`.
    fn visibility(&self, granted: &[&str]) -> Visibility {
        let (bound, roles) = self.bound(granted);
        bound.visibility("Cube", &rights(&roles, &Attributes::default())).unwrap()
    }

    fn bound(&self, granted: &[&str]) -> (BoundAccess, BTreeSet<String>) {
        let compiled = self.world().compile();
        assert_eq!(compiled.problems, []);
        let bound = BoundAccess::bind(&compiled.snapshot.access, &self.model());
        assert_eq!(bound.problems(), []);
        let known = &compiled.snapshot.door.roles;
        let (mut roles, mut open) = (BTreeSet::new(), names(&[granted, &[ROLE_USER]].concat()));
        while let Some(role) = open.pop_first() {
            open.extend(known[&role].inherits.iter().filter(|inherited| !roles.contains(*inherited)).cloned());
            roles.insert(role);
        }
        (bound, roles)
    }

    /// The columns that the restrictions of these roles speak of.
    fn restricted_columns(&self, roles: &BTreeSet<String>) -> BTreeSet<ColumnName> {
        let held = self.policy.roles.iter().filter(|role| roles.contains(role.spec.role_name.as_ref().unwrap()));
        let named: BTreeSet<String> = held.flat_map(|role| role.spec.restrictions.clone()).collect();
        let lines = self.policy.restrictions.iter().filter(|one| named.contains(one.metadata.name.as_ref().unwrap()));
        lines
            .flat_map(|restriction| &restriction.spec.r#where)
            .map(|line| ColumnName { table: line.table.clone().unwrap(), column: line.column.clone().unwrap() })
            .collect()
    }

    /// All columns of the hierarchies that these columns restrict.
    fn axes_of(&self, columns: &BTreeSet<ColumnName>) -> BTreeSet<ColumnName> {
        let hierarchies = self.model().cubes["Cube"].hierarchies.clone();
        let restricted = hierarchies
            .into_iter()
            .filter(|hierarchy| hierarchy.levels.iter().any(|level| columns.contains(&level.column)));
        restricted
            .flat_map(|hierarchy| hierarchy.levels)
            .map(|level| level.column)
            .chain(columns.iter().cloned())
            .collect()
    }

    fn naively_visible(&self, granted: &[&str], row: &Row) -> bool {
        let levels = |levels: &Vec<&str>| (String::new(), levels.iter().map(ToString::to_string).collect());
        let cube = NaiveCube { name: "Cube".into(), hierarchies: self.hierarchies.iter().map(levels).collect() };
        let base = granted.iter().map(ToString::to_string).collect();
        self.policy.visible(&NaiveCaller { base, ..NaiveCaller::default() }, &cube, row)
    }
}

fn all_rows() -> impl Iterator<Item = Row> {
    let columns = u32::try_from(COLUMNS.len()).unwrap();
    (0..VALUES.len().pow(columns)).map(|mut number| {
        let mut row = Row::new();
        for name in COLUMNS {
            row.insert(column(name), VALUES[number % VALUES.len()].to_owned());
            number /= VALUES.len();
        }
        row
    })
}

fn restriction(name: &'static str) -> impl Strategy<Value = cubegate_api::Restriction> {
    let values = subsequence(vec!["x", "y", "z", NOWHERE], 1..=3);
    let lines = subsequence(COLUMNS.to_vec(), 1..=3)
        .prop_flat_map(move |columns| columns.into_iter().map(|name| (Just(name), values.clone())).collect::<Vec<_>>());
    lines.prop_map(move |lines| {
        let condition = |(name, values): (&str, Vec<&str>)| {
            let name = column(name);
            match values.as_slice() {
                [one] => json!({"table": name.table, "column": name.column, "equals": one}),
                many => json!({"table": name.table, "column": name.column, "in": many}),
            }
        };
        let lines: Vec<_> = lines.into_iter().map(condition).collect();
        serde_json::from_value(manifest("Restriction", name, json!({"where": lines}))).unwrap()
    })
}

/// Roles inherit only later ones, so there is no circle.
fn role(position: usize) -> impl Strategy<Value = cubegate_api::Role> {
    let inheritable = ROLES[position + 1..].to_vec();
    let most = inheritable.len().min(2);
    (subsequence(RESTRICTIONS.to_vec(), 0..=2), subsequence(inheritable, 0..=most)).prop_map(
        move |(restrictions, inherits)| {
            let role = ROLES[position];
            let spec =
                json!({"roleName": role, "mappedFrom": [role], "restrictions": restrictions, "inherits": inherits});
            serde_json::from_value(manifest("Role", &role.to_lowercase(), spec)).unwrap()
        },
    )
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let restrictions = RESTRICTIONS.map(restriction).into_iter().collect::<Vec<_>>();
    let roles = (0..ROLES.len()).map(role).collect::<Vec<_>>();
    // Columns may be in several hierarchies, or in none.
    let hierarchies = prop::collection::vec(subsequence(COLUMNS.to_vec(), 1..=3).prop_shuffle(), 0..4);
    (restrictions, roles, hierarchies).prop_map(|(restrictions, roles, hierarchies)| Case {
        policy: NaivePolicy { access: Access::default(), now: noon(), roles, restrictions },
        hierarchies,
    })
}

pub(crate) fn granted() -> impl Strategy<Value = Vec<&'static str>> {
    let mut grantable = ROLES.to_vec();
    grantable.push(ROLE_ADMIN);
    // Administrators are rare, else they hide everything else.
    prop_oneof![9 => subsequence(ROLES.to_vec(), 0..=4), 1 => subsequence(grantable, 0..=6)]
}

proptest! {
    #[test]
    fn visible_rows_are_those_of_the_naive_evaluator(case in case(), granted in granted()) {
        let visibility = case.visibility(&granted);
        for row in all_rows() {
            prop_assert_eq!(sees(&visibility, &row), case.naively_visible(&granted, &row), "{:?}", row);
        }
    }

    #[test]
    fn a_table_shows_the_rows_that_its_cube_shows(case in case(), granted in granted()) {
        let (bound, roles) = case.bound(&granted);
        let of_cube = case.visibility(&granted);
        // `Sales` reaches every column, `Shops` only its own.
        let of_sales = bound.table_visibility("Sales", &rights(&roles, &Attributes::default())).unwrap();
        prop_assert_eq!(&of_sales, &of_cube);
        let restricted = case.restricted_columns(&roles);
        let is_own = |column: &ColumnName| column.table == "Shops";
        match bound.table_visibility("Shops", &rights(&roles, &Attributes::default())) {
            Ok(of_shops) => {
                prop_assert!(roles.contains(ROLE_ADMIN) || restricted.iter().all(is_own));
                prop_assert_eq!(of_shops, of_cube);
            }
            Err(Refusal::BeyondReach { .. }) => {
                prop_assert!(!roles.contains(ROLE_ADMIN) && !restricted.iter().all(is_own));
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_table_that_no_cube_uses_is_read_as_if_every_column_were_a_hierarchy(case in case(), granted in granted()) {
        let compiled = case.world().compile();
        let bound = BoundAccess::bind(&compiled.snapshot.access, &ModelShape { cubes: [].into(), ..case.model() });
        let (_, roles) = case.bound(&granted);
        let by_column = Case { hierarchies: Vec::new(), ..case.clone() };
        let of_sales = bound.table_visibility("Sales", &rights(&roles, &Attributes::default())).unwrap();
        for row in all_rows() {
            prop_assert_eq!(sees(&of_sales, &row), by_column.naively_visible(&granted, &row), "{:?}", row);
        }
    }

    #[test]
    fn a_role_without_restrictions_never_changes_what_is_visible(mut case in case(), granted in granted()) {
        let role = manifest("Role", "plain", json!({"roleName": "PLAIN", "mappedFrom": ["PLAIN"]}));
        case.policy.roles.push(serde_json::from_value(role).unwrap());
        let mut with: Vec<&str> = granted.clone();
        with.push("PLAIN");
        prop_assert_eq!(case.visibility(&with), case.visibility(&granted));
    }

    #[test]
    fn a_visibility_does_not_depend_on_the_order_of_objects_or_on_names(case in case(), granted in granted()) {
        let mut other = case.clone();
        other.policy.roles.reverse();
        other.policy.restrictions.reverse();
        for (number, restriction) in other.policy.restrictions.iter_mut().enumerate() {
            let renamed = format!("renamed-{number}");
            let old = restriction.metadata.name.replace(renamed.clone()).unwrap();
            for role in &mut other.policy.roles {
                role.spec.restrictions.iter_mut().filter(|name| **name == old).for_each(|name| name.clone_from(&renamed));
            }
        }
        other.hierarchies.reverse();
        prop_assert_eq!(other.visibility(&granted), case.visibility(&granted));
    }

    #[test]
    fn a_role_on_other_hierarchies_than_those_already_restricted_can_only_take_rows_away(
        case in case(), granted in granted(), extra in 0..ROLES.len()
    ) {
        let before = case.visibility(&granted);
        let extra = [ROLES[extra]];
        let touched = case.axes_of(&columns(&case.visibility(&extra)));
        if touched.is_disjoint(&columns(&before)) {
            let after = case.visibility(&[granted.as_slice(), &extra].concat());
            for row in all_rows().filter(|row| sees(&after, row)) {
                prop_assert!(sees(&before, &row), "{:?}", row);
            }
        }
    }
}

fn columns(visibility: &Visibility) -> BTreeSet<ColumnName> {
    let conjunctions = visibility.all_of.iter().flat_map(|any_of| &any_of.0);
    conjunctions.flat_map(|conjunction| conjunction.0.iter()).flat_map(|test| test.columns.clone()).collect()
}
