//! The product against the naive evaluator on many small random policies: all combinations, inheritance, attributes,
//! columns and levels of several cubes, hidden cubes, roles that begin or end.
//!
//! A case is made of one number, which a failure names: `check(that number)` repeats it.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{
    Moment, Restriction, RestrictionSpec, Role, RoleSpec,
    context::ContextValues,
    reference::SessionReference,
    restriction::{Between, Condition, Negated, Scalar},
    role::{CubeOrder, CubeRights, Hide},
    session::{Access, Combine, Unmatched},
};
use cubegate_policy::{
    attributes::Attributes,
    bind::{BoundAccess, CubeShape, HierarchyShape, ModelShape, TableShape, Visibility},
    compile::{Compiled, Parsed, compile},
    resolve::{Caller, Refusal, resolve},
    snapshot::{ClaimPath, ColumnName, Door},
};
use serde_json::json;

use crate::{
    naive::{NaiveCaller, NaiveCube, NaivePolicy},
    support::{Row, World, column, level, moment, names, noon, sees},
};

const POLICIES: u64 = 2_500;
const CALLERS_PER_POLICY: usize = 4;
const ROWS_PER_CALLER: usize = 6;

const COLUMNS: [&str; 4] = ["Facts/A", "Facts/B", "Facts/C", "Facts/D"];
const VALUES: [&str; 4] = ["N/A", "x", "y", "z"];
const ROLES: [&str; 5] = ["R0", "R1", "R2", "R3", "R4"];
const RESTRICTIONS: [&str; 5] = ["r0", "r1", "r2", "r3", "r4"];
const CUBES: [&str; 2] = ["C0", "C1"];
const PATTERNS: [&str; 4] = ["C0", "C*", "*1", "*"];
const CLAIMS: [&str; 2] = ["shops", "towns"];
/// In order; the one in the middle is noon, at which everybody asks.
const MOMENTS: [&str; 3] = ["2027-01-31T11:59:59.999Z", "2027-01-31T13:00:00+01:00", "2027-01-31T12:00:00.001Z"];

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Some of the items, in their order, at most so many.
    fn some<T: Copy>(&mut self, items: &[T], most: usize) -> Vec<T> {
        let mut picked = Vec::new();
        for item in items {
            if picked.len() < most && self.one_in(2) {
                picked.push(*item);
            }
        }
        picked
    }
}

fn session_ref() -> SessionReference {
    SessionReference { name: "retail".into() }
}

fn cube(random: &mut Random, name: &str) -> NaiveCube {
    let mut hierarchies = Vec::new();
    for number in 0..random.below(4) {
        let mut levels = random.some(&COLUMNS, 3);
        if levels.is_empty() {
            levels.push(random.pick(&COLUMNS));
        }
        hierarchies.push((format!("H{number}"), levels.into_iter().map(str::to_owned).collect()));
    }
    NaiveCube { name: name.to_owned(), hierarchies }
}

fn condition(random: &mut Random) -> Condition {
    let scalar = |random: &mut Random| Scalar::Text(random.pick(&VALUES).to_owned());
    let mut test = Negated::default();
    match random.below(5) {
        0 => test.equals = Some(scalar(random)),
        1 | 2 => test.r#in = Some((0..=random.below(2)).map(|_| scalar(random)).collect()),
        3 => {
            let from = (!random.one_in(3)).then(|| scalar(random));
            let to = (from.is_none() || random.one_in(2)).then(|| scalar(random));
            test.between = Some(Between { from, to });
        }
        _ => test.in_claim = Some(vec![random.pick(&CLAIMS).to_owned()]),
    }
    if random.one_in(4) {
        return Condition { not: Some(test), ..Condition::default() };
    }
    let Negated { equals, r#in, between, in_claim } = test;
    Condition { equals, r#in, between, in_claim, ..Condition::default() }
}

/// On columns, on levels of one of the cubes, or cuts of hierarchies.
fn restriction(random: &mut Random, name: &str, cubes: &[NaiveCube]) -> Restriction {
    let with_hierarchies: Vec<&NaiveCube> = cubes.iter().filter(|cube| !cube.hierarchies.is_empty()).collect();
    if !with_hierarchies.is_empty() && random.one_in(3) {
        let of = random.pick(&with_hierarchies);
        let (cube, cuts) = cuts(random, of, cubes);
        let spec = RestrictionSpec { session_ref: session_ref(), cube: Some(cube), r#where: Vec::new(), cuts };
        return Restriction::new(name, spec);
    }
    let of_cube =
        Some(&cubes[random.below(cubes.len())]).filter(|cube| !cube.hierarchies.is_empty() && random.one_in(3));
    let mut lines: Vec<Condition> = Vec::new();
    for _ in 0..=random.below(2) {
        let mut line = condition(random);
        if let Some(cube) = of_cube {
            let (hierarchy, levels) = &cube.hierarchies[random.below(cube.hierarchies.len())];
            let level = levels[random.below(levels.len())].replace("Facts/", "");
            line.level = Some(format!("{hierarchy}/{level}"));
        } else {
            let ColumnName { table, column } = column(random.pick(&COLUMNS));
            (line.table, line.column) = (Some(table), Some(column));
        }
        let is_new = |other: &Condition| (&other.column, &other.level) != (&line.column, &line.level);
        if lines.iter().all(is_new) {
            lines.push(line);
        }
    }
    let cube = of_cube.map(|cube| cube.name.clone());
    Restriction::new(name, RestrictionSpec { session_ref: session_ref(), cube, r#where: lines, cuts: Vec::new() })
}

/// Cuts of this cube; or, where every cube that has the hierarchy has it deep enough, of any.
fn cuts(random: &mut Random, of: &NaiveCube, cubes: &[NaiveCube]) -> (String, Vec<String>) {
    let is_of_any = random.one_in(2);
    let mut cuts = Vec::new();
    for _ in 0..=random.below(2) {
        let (hierarchy, levels) = &of.hierarchies[random.below(of.hierarchies.len())];
        let everywhere = cubes.iter().flat_map(|cube| &cube.hierarchies).filter(|(name, _)| name == hierarchy);
        let depth = everywhere.map(|(_, levels)| levels.len()).min().unwrap();
        let depth = if is_of_any { depth } else { levels.len() };
        let dimension = if !is_of_any && random.one_in(3) { "Facts@" } else { "" };
        let inverted = if random.one_in(3) { "!" } else { "" };
        cuts.push(format!("{inverted}{dimension}{hierarchy}:{}", selection(random, depth)));
    }
    (if is_of_any { "*".to_owned() } else { of.name.clone() }, cuts)
}

fn selection(random: &mut Random, depth: usize) -> String {
    let path = |random: &mut Random, members: &[&str]| -> String {
        let length = 1 + random.below(depth);
        (0..length).map(|_| random.pick(members)).collect::<Vec<_>>().join(",")
    };
    if random.one_in(2) {
        let count = 1 + random.below(3);
        return (0..count).map(|_| path(random, &["__null__", "x", "y", "z"])).collect::<Vec<_>>().join(";");
    }
    let bound = |random: &mut Random| path(random, &["x", "y", "z"]);
    match random.below(3) {
        0 => format!("{}-", bound(random)),
        1 => format!("-{}", bound(random)),
        _ => format!("{}-{}", bound(random), bound(random)),
    }
}

fn cube_rights(random: &mut Random) -> CubeRights {
    let mut patterns = || random.some(&PATTERNS, 1).into_iter().map(str::to_owned).collect();
    let (allowed, denied) = (patterns(), patterns());
    CubeRights { allowed, denied, order: random.pick(&[CubeOrder::Strict, CubeOrder::DenyAllow, CubeOrder::AllowDeny]) }
}

/// Half of the roles are always valid.
fn window(random: &mut Random) -> (Option<Moment>, Option<Moment>) {
    if random.one_in(2) {
        return (None, None);
    }
    let first = random.below(MOMENTS.len());
    let later = &MOMENTS[first + 1..];
    let end = if later.is_empty() { None } else { Some(random.pick(later)) };
    match random.below(3) {
        0 => (Some(moment(MOMENTS[first])), None),
        1 => (None, Some(moment(MOMENTS[first]))),
        _ => (Some(moment(MOMENTS[first])), end.map(moment)),
    }
}

/// Roles inherit only later ones, so there is no circle.
fn role(random: &mut Random, position: usize) -> Role {
    let (not_before, not_after) = window(random);
    let restrictions: Vec<String> = random.some(&RESTRICTIONS, 2).into_iter().map(str::to_owned).collect();
    let spec = RoleSpec {
        session_ref: session_ref(),
        role_name: Some(ROLES[position].to_owned()),
        mapped_from: vec![ROLES[position].to_owned()],
        users: Vec::new(),
        inherits: random.some(&ROLES[position + 1..], 2).into_iter().map(str::to_owned).collect(),
        unrestricted: restrictions.is_empty() && random.one_in(3),
        restrictions,
        cubes: random.one_in(5).then(|| cube_rights(random)),
        priority: 0,
        context: ContextValues::default(),
        hide: Hide::default(),
        grant_measures: Vec::new(),
        grant_members: BTreeMap::new(),
        not_before,
        not_after,
    };
    Role::new(&ROLES[position].to_lowercase(), spec)
}

fn policy(random: &mut Random, cubes: &[NaiveCube]) -> NaivePolicy {
    NaivePolicy {
        access: Access {
            combine: random.pick(&[Combine::PerHierarchy, Combine::All, Combine::PerRole]),
            unmatched: random.pick(&[Unmatched::Allow, Unmatched::Deny]),
        },
        now: noon(),
        roles: (0..ROLES.len()).map(|position| role(random, position)).collect(),
        restrictions: RESTRICTIONS.iter().map(|name| restriction(random, name, cubes)).collect(),
    }
}

fn caller(random: &mut Random) -> NaiveCaller {
    let mut attributes = BTreeMap::new();
    for claim in random.some(&CLAIMS, 2) {
        let values: BTreeSet<&str> = (0..=random.below(2)).map(|_| random.pick(&VALUES)).collect();
        attributes.insert(vec![claim.to_owned()], values.into_iter().map(str::to_owned).collect());
    }
    NaiveCaller { base: random.some(&ROLES, 3).into_iter().map(str::to_owned).collect(), attributes }
}

fn row(random: &mut Random) -> Row {
    COLUMNS.iter().map(|name| (column(name), random.pick(&VALUES).to_owned())).collect()
}

fn model(cubes: &[NaiveCube]) -> ModelShape {
    let reachable: BTreeSet<ColumnName> = COLUMNS.iter().map(|name| column(name)).collect();
    let hierarchy = |(name, levels): &(String, Vec<String>)| HierarchyShape {
        name: name.clone(),
        dimension: "Facts".to_owned(),
        levels: levels.iter().map(|name| level(name)).collect(),
    };
    let cube = |cube: &NaiveCube| {
        let hierarchies = cube.hierarchies.iter().map(hierarchy).collect();
        (cube.name.clone(), CubeShape { hierarchies, reachable: reachable.clone(), ..CubeShape::default() })
    };
    let facts = TableShape { columns: names(&["A", "B", "C", "D"]), reachable: reachable.clone() };
    ModelShape { tables: [("Facts".to_owned(), facts)].into(), cubes: cubes.iter().map(cube).collect() }
}

fn compiled(world: &World, policy: &NaivePolicy, cubes: &[NaiveCube]) -> (Door, BoundAccess) {
    let mut objects = world.objects.clone();
    objects.session.spec.access = policy.access;
    objects.roles.extend(policy.roles.iter().cloned().map(Parsed::Valid));
    objects.restrictions.extend(policy.restrictions.iter().cloned().map(Parsed::Valid));
    let Compiled { snapshot, problems } = compile(&objects);
    assert_eq!(problems, [], "{policy:#?}");
    let bound = BoundAccess::bind(&snapshot.access, &model(cubes));
    assert_eq!(bound.problems(), [], "{policy:#?}");
    (snapshot.door, bound)
}

/// What is hidden as a whole shows no row.
fn shown(visibility: Result<Visibility, Refusal>) -> Visibility {
    match visibility {
        Ok(visibility) => visibility,
        Err(Refusal::UnknownCube { .. } | Refusal::UnknownTable { .. }) => Visibility::nothing(),
        Err(other) => panic!("nobody here is refused, but: {other}"),
    }
}

/// The same policy, every role of it always valid.
fn without_windows(policy: &NaivePolicy) -> NaivePolicy {
    let mut endless = policy.clone();
    for role in &mut endless.roles {
        (role.spec.not_before, role.spec.not_after) = (None, None);
    }
    endless
}

/// Compares on a few callers and rows of one policy.
fn check(world: &World, seed: u64) {
    let random = &mut Random(seed);
    let cubes = CUBES.map(|name| cube(random, name));
    let policy = policy(random, &cubes);
    let (door, bound) = compiled(world, &policy, &cubes);
    let endless = without_windows(&policy);
    let (endless_door, endless_bound) = compiled(world, &endless, &cubes);
    for _ in 0..CALLERS_PER_POLICY {
        let caller = caller(random);
        let provider_roles = caller.base.iter().cloned().chain(["atoti".to_owned()]).collect();
        let attributes =
            caller.attributes.iter().map(|(keys, values)| (ClaimPath(keys.clone()), values.iter().cloned().collect()));
        let attributes = Attributes::from(attributes.collect::<Vec<_>>());
        let identity = Caller::ProviderUser {
            provider: None,
            name: "u",
            provider_roles: &provider_roles,
            attributes: &attributes,
        };
        let rights = resolve(&door, &identity, policy.now).unwrap().rights;
        let endless_rights = resolve(&endless_door, &identity, policy.now).unwrap().rights;
        let in_table = shown(bound.table_visibility("Facts", &rights));
        let in_cubes = cubes.each_ref().map(|cube| {
            let endless = shown(endless_bound.visibility(&cube.name, &endless_rights));
            (cube, shown(bound.visibility(&cube.name, &rights)), endless)
        });
        for _ in 0..ROWS_PER_CALLER {
            let row = row(random);
            let context = || format!("case {seed}\n{policy:#?}\n{cubes:#?}\n{caller:?}\n{row:?}");
            for (cube, visibility, endless) in &in_cubes {
                let expected = policy.visible(&caller, cube, &row);
                assert_eq!(sees(visibility, &row), expected, "cube {}, {}", cube.name, context());
                assert!(!expected || sees(endless, &row), "a window shows more in {}, {}", cube.name, context());
            }
            assert_eq!(sees(&in_table, &row), policy.visible_in_table(&caller, &cubes, &row), "table, {}", context());
        }
    }
}

#[test]
fn ten_thousand_random_callers_see_what_the_definition_says() {
    let world = World::new().session(|session| {
        let cubes = CUBES.map(|name| json!({"name": name, "factTable": "Facts"}));
        session.spec.cubes = serde_json::from_value(json!(cubes)).unwrap();
        session.spec.tables[0].name = "Facts".into();
    });
    for seed in 0..POLICIES {
        check(&world, seed);
    }
}
