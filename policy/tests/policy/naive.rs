//! The rule for visible rows, a second time: one row after the other, straight from the objects, without anything
//! of the product but its types of objects.
//!
//! `visible(x) ⇔ ROLE_ADMIN ∨ ∀h: A_h = ∅ ∨ ∃a ∈ A_h: x satisfies a`
//!
//! where nothing satisfies what a role says that has lapsed.

use std::{cmp::Ordering, collections::BTreeMap};

use cubegate_api::{
    Moment, Restriction, RestrictionSpec, Role,
    restriction::{Between, Condition, Negated},
    role::{CubeOrder, CubeRights},
    session::{Access, Combine, Unmatched},
};

use crate::support::Row;

/// Objects of a Session that is in order.
#[derive(Clone, Debug)]
pub(crate) struct NaivePolicy {
    pub(crate) access: Access,
    /// The moment at which everybody asks.
    pub(crate) now: Moment,
    pub(crate) roles: Vec<Role>,
    pub(crate) restrictions: Vec<Restriction>,
}

/// A cube by its hierarchies, each a name and the columns of its levels, as `Table/Column`.
#[derive(Clone, Debug)]
pub(crate) struct NaiveCube {
    pub(crate) name: String,
    pub(crate) hierarchies: Vec<(String, Vec<String>)>,
}

/// Who asks: the roles that are granted to them, and their attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NaiveCaller {
    pub(crate) base: Vec<String>,
    pub(crate) attributes: BTreeMap<Vec<String>, Vec<String>>,
}

/// An item of a Restriction.
#[derive(Clone, Copy)]
enum Item<'a> {
    /// With the cube whose levels it names, if it does.
    Line { cube: Option<&'a str>, condition: &'a Condition },
    /// With the cube that it is of; `*` for any.
    Cut { cube: &'a str, text: &'a str },
}

impl NaivePolicy {
    /// Whether a cube is there, and shows a row.
    pub(crate) fn visible(&self, caller: &NaiveCaller, cube: &NaiveCube, row: &Row) -> bool {
        self.is_there(caller, cube) && self.shows(caller, cube, true, row)
    }

    /// Whether a table shows a row: every cube that uses it is there and would, were there no lines on levels of cubes.
    pub(crate) fn visible_in_table(&self, caller: &NaiveCaller, cubes: &[NaiveCube], row: &Row) -> bool {
        cubes.iter().all(|cube| self.is_there(caller, cube) && self.shows(caller, cube, false, row))
    }

    /// Whether a cube is there for a caller: the lists of all roles count together, and every order must agree.
    fn is_there(&self, caller: &NaiveCaller, cube: &NaiveCube) -> bool {
        let valid = self.with_inherited(&caller.base, &|role| self.is_valid(role));
        let held = self.with_inherited(&caller.base, &|_| true);
        if valid.iter().any(|role| role == "ROLE_ADMIN") {
            return true;
        }
        let name = |role: &Role| role.spec.role_name.clone().unwrap();
        let said: Vec<(&CubeRights, bool)> = self
            .roles
            .iter()
            .filter(|role| held.contains(&name(role)))
            .filter_map(|role| Some((role.spec.cubes.as_ref()?, valid.contains(&name(role)))))
            .collect();
        let names = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &cube.name));
        let is_allowed = said.iter().any(|(rights, is_valid)| *is_valid && names(&rights.allowed));
        let is_denied = said.iter().any(|(rights, _)| names(&rights.denied));
        let allows_nothing = said.iter().all(|(rights, _)| rights.allowed.is_empty());
        said.iter().all(|(rights, _)| match rights.order {
            CubeOrder::Strict => !is_denied && (is_allowed || allows_nothing),
            CubeOrder::DenyAllow => is_allowed || !is_denied,
            CubeOrder::AllowDeny => is_allowed && !is_denied,
        })
    }

    fn shows(&self, caller: &NaiveCaller, cube: &NaiveCube, is_cube: bool, row: &Row) -> bool {
        let valid = self.with_inherited(&caller.base, &|role| self.is_valid(role));
        let held = self.with_inherited(&caller.base, &|_| true);
        if valid.iter().any(|role| role == "ROLE_ADMIN") {
            return true;
        }
        let items = |role: &String| -> Vec<Item<'_>> {
            let concerns = |item: &Item<'_>| match item {
                Item::Line { cube: of, .. } => of.is_none() || is_cube && *of == Some(&cube.name),
                Item::Cut { cube: of, text } => *of == cube.name || *of == "*" && cut_levels(text, cube).is_some(),
            };
            self.items(role).into_iter().filter(concerns).collect()
        };
        let restricting: Vec<&String> = held.iter().filter(|role| !items(role).is_empty()).collect();
        if restricting.is_empty() {
            let is_free =
                |role: &&Role| valid.contains(role.spec.role_name.as_ref().unwrap()) && role.spec.unrestricted;
            return self.access.unmatched == Unmatched::Allow || self.roles.iter().any(|role| is_free(&role));
        }
        let holds = |item: &Item<'_>| match item {
            Item::Line { condition, .. } => satisfies(condition, row, caller),
            Item::Cut { text, .. } => is_cut(text, cut_levels(text, cube).unwrap(), row),
        };
        let admits = |role: &String, items: &[Item<'_>]| valid.contains(role) && items.iter().all(holds);
        match self.access.combine {
            Combine::All => restricting.into_iter().all(|role| admits(role, &items(role))),
            Combine::PerRole => restricting.into_iter().any(|role| admits(role, &items(role))),
            Combine::PerHierarchy => {
                let mut axes: Vec<(String, Vec<String>)> = cube.hierarchies.clone();
                for column in row.keys().map(ToString::to_string) {
                    if !cube.hierarchies.iter().any(|(_, levels)| levels.contains(&column)) {
                        axes.push((String::new(), vec![column]));
                    }
                }
                axes.iter().all(|axis| {
                    let cut = |role: &String| -> Vec<Item<'_>> {
                        items(role).into_iter().filter(|item| lies_on(*item, axis)).collect()
                    };
                    let mut cutting = restricting.iter().filter(|role| !cut(role).is_empty()).peekable();
                    cutting.peek().is_none() || cutting.any(|role| admits(role, &cut(role)))
                })
            }
        }
    }

    /// These roles and all that they inherit, as far as they count.
    fn with_inherited(&self, base: &[String], counts: &dyn Fn(&String) -> bool) -> Vec<String> {
        let mut roles: Vec<String> = base.iter().filter(|role| counts(role)).cloned().collect();
        loop {
            let heirs = self.roles.iter().filter(|role| roles.contains(role.spec.role_name.as_ref().unwrap()));
            let mut inherited = heirs.flat_map(|role| &role.spec.inherits).filter(|role| counts(role));
            match inherited.find(|role| !roles.contains(role)).cloned() {
                Some(more) => roles.push(more),
                None => return roles,
            }
        }
    }

    fn is_valid(&self, role: &str) -> bool {
        let mut declared = self.roles.iter().filter(|object| object.spec.role_name.as_deref() == Some(role));
        declared.all(|Role { spec, .. }| {
            spec.not_before.is_none_or(|first| first <= self.now) && spec.not_after.is_none_or(|end| self.now < end)
        })
    }

    fn items(&self, role: &str) -> Vec<Item<'_>> {
        let mut items = Vec::new();
        for object in self.roles.iter().filter(|object| object.spec.role_name.as_deref() == Some(role)) {
            for restriction in &self.restrictions {
                if object.spec.restrictions.contains(restriction.metadata.name.as_ref().unwrap()) {
                    let RestrictionSpec { cube, r#where, cuts, .. } = &restriction.spec;
                    items.extend(r#where.iter().map(|condition| Item::Line { cube: cube.as_deref(), condition }));
                    items.extend(cuts.iter().map(|text| Item::Cut { cube: cube.as_ref().unwrap(), text }));
                }
            }
        }
        items
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (_, Some(beginning)) => name.starts_with(beginning),
        (Some(end), None) => name.ends_with(end),
        (None, None) => name == pattern,
    }
}

/// A level and a cut lie on their own hierarchy, a column on all that are built on it.
fn lies_on(item: Item<'_>, (name, levels): &(String, Vec<String>)) -> bool {
    match item {
        Item::Cut { text, .. } => cut_hierarchy(text) == name,
        Item::Line { condition: Condition { level: Some(level), .. }, .. } => {
            levels.iter().any(|column| *level == format!("{name}/{}", column.split_once('/').unwrap().1))
        }
        Item::Line { condition, .. } => levels.contains(&column(condition)),
    }
}

/// The name before the colon, behind the dimension if that is there.
fn cut_hierarchy(text: &str) -> &str {
    let name = text.trim_start_matches('!').split_once(':').unwrap().0;
    name.split_once('@').map_or(name, |(_, hierarchy)| hierarchy)
}

/// The levels of the hierarchy that a cut means, when the cube has it.
fn cut_levels<'a>(text: &str, cube: &'a NaiveCube) -> Option<&'a [String]> {
    let found = cube.hierarchies.iter().find(|(name, _)| name == cut_hierarchy(text));
    found.map(|(_, levels)| levels.as_slice())
}

/// Whether a cut, written without any escape, shows a row.
fn is_cut(text: &str, levels: &[String], row: &Row) -> bool {
    let value = |column: &String| row.iter().find(|(name, _)| name.to_string() == *column).unwrap().1.as_str();
    let values: Vec<&str> = levels.iter().map(value).collect();
    let path = |text: &'_ str| -> Vec<String> {
        text.split(',').filter(|member| !member.is_empty()).map(|member| member.replace("__null__", "N/A")).collect()
    };
    let selection = text.split_once(':').unwrap().1;
    let (paths, is_selected) = if let Some((from, to)) = selection.split_once('-') {
        let (from, to) = (path(from), path(to));
        let is_between = is_beyond(&values, &from, Ordering::Greater) && is_beyond(&values, &to, Ordering::Less);
        (vec![from, to], is_between)
    } else {
        let paths: Vec<Vec<String>> = selection.split(';').map(path).collect();
        let is_in = paths.iter().any(|path| path.iter().zip(&values).all(|(member, value)| member == value));
        (paths, is_in)
    };
    let depth = paths.iter().map(Vec::len).max().unwrap();
    if text.starts_with('!') { !values[..depth].contains(&"N/A") && !is_selected } else { is_selected }
}

fn is_beyond(values: &[&str], bound: &[String], side: Ordering) -> bool {
    match (values, bound) {
        (_, []) => true,
        ([value, ..], _) if *value == "N/A" => false,
        ([value, values @ ..], [first, bound @ ..]) if value == first => is_beyond(values, bound, side),
        ([value, ..], [first, ..]) => value.cmp(&first.as_str()) == side,
        ([], _) => unreachable!("a bound is no deeper than its hierarchy"),
    }
}

/// The column of a line. Levels are called as their columns, and every column is of `Facts`.
fn column(condition: &Condition) -> String {
    match &condition.level {
        Some(level) => format!("Facts/{}", level.split_once('/').unwrap().1),
        None => format!("{}/{}", condition.table.as_ref().unwrap(), condition.column.as_ref().unwrap()),
    }
}

fn satisfies(condition: &Condition, row: &Row, caller: &NaiveCaller) -> bool {
    let column = column(condition);
    let value = row.iter().find(|(name, _)| name.to_string() == column).unwrap().1;
    match condition.clone() {
        Condition { not: Some(test), .. } => value != "N/A" && is_wanted(value, &test, caller) == Some(false),
        Condition { equals, r#in, between, in_claim, .. } => {
            is_wanted(value, &Negated { equals, r#in, between, in_claim }, caller) == Some(true)
        }
    }
}

/// Whether a value is wanted; none when the caller lacks the attribute that would say so.
fn is_wanted(value: &str, test: &Negated, caller: &NaiveCaller) -> Option<bool> {
    let Negated { equals, r#in, between, in_claim } = test;
    if let Some(keys) = in_claim {
        let mut own = caller.attributes.get(keys)?.iter().filter(|own| *own != "N/A").peekable();
        own.peek()?;
        return Some(own.any(|own| own == value));
    }
    if let Some(Between { from, to }) = between {
        let is_above = from.as_ref().is_none_or(|from| *from.to_text() <= *value);
        let is_below = to.as_ref().is_none_or(|to| *value <= *to.to_text());
        return Some(value != "N/A" && is_above && is_below);
    }
    Some(equals.iter().chain(r#in.iter().flatten()).any(|wanted| wanted.to_text() == value))
}
