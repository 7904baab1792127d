//! The rule for visible rows, a second time: one row after the other, straight from the objects, without anything
//! of the product but its types of objects.
//!
//! `visible(x) ⇔ ROLE_ADMIN ∨ ∀h: A_h = ∅ ∨ ∃a ∈ A_h: x satisfies a`

use std::collections::BTreeMap;

use cubegate_api::{
    Restriction, Role,
    restriction::{Between, Condition, Negated},
    session::{Access, Combine, Unmatched},
};

use crate::support::Row;

/// Objects of a Session that is in order.
#[derive(Clone, Debug)]
pub(crate) struct NaivePolicy {
    pub(crate) access: Access,
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

/// A line of a Restriction, with the cube whose levels it names.
#[derive(Clone, Copy)]
struct Line<'a> {
    cube: Option<&'a str>,
    condition: &'a Condition,
}

impl NaivePolicy {
    /// Whether a cube shows a row.
    pub(crate) fn visible(&self, caller: &NaiveCaller, cube: &NaiveCube, row: &Row) -> bool {
        self.shows(caller, cube, true, row)
    }

    /// Whether a table shows a row: every cube that uses it would, were there no restrictions of cubes.
    pub(crate) fn visible_in_table(&self, caller: &NaiveCaller, cubes: &[NaiveCube], row: &Row) -> bool {
        cubes.iter().all(|cube| self.shows(caller, cube, false, row))
    }

    fn shows(&self, caller: &NaiveCaller, cube: &NaiveCube, is_cube: bool, row: &Row) -> bool {
        let held = self.with_inherited(&caller.base);
        if held.iter().any(|role| role == "ROLE_ADMIN") {
            return true;
        }
        let lines = |role: &String| -> Vec<Line<'_>> {
            let lines = self.lines(role).into_iter();
            lines.filter(|line| line.cube.is_none() || is_cube && line.cube == Some(&cube.name)).collect()
        };
        let restricting: Vec<&String> = held.iter().filter(|role| !lines(role).is_empty()).collect();
        if restricting.is_empty() {
            let is_free = |role: &&Role| held.contains(role.spec.role_name.as_ref().unwrap()) && role.spec.unrestricted;
            return self.access.unmatched == Unmatched::Allow || self.roles.iter().any(|role| is_free(&role));
        }
        let admits = |lines: &[Line<'_>]| lines.iter().all(|line| satisfies(line.condition, row, caller));
        match self.access.combine {
            Combine::All => restricting.into_iter().all(|role| admits(&lines(role))),
            Combine::PerRole => restricting.into_iter().any(|role| admits(&lines(role))),
            Combine::PerHierarchy => {
                let mut axes: Vec<(String, Vec<String>)> = cube.hierarchies.clone();
                for column in row.keys().map(ToString::to_string) {
                    if !cube.hierarchies.iter().any(|(_, levels)| levels.contains(&column)) {
                        axes.push((String::new(), vec![column]));
                    }
                }
                axes.iter().all(|axis| {
                    let cut = |role: &String| -> Vec<Line<'_>> {
                        lines(role).into_iter().filter(|line| lies_on(*line, axis)).collect()
                    };
                    let mut cutting = restricting.iter().filter(|role| !cut(role).is_empty()).peekable();
                    cutting.peek().is_none() || cutting.any(|role| admits(&cut(role)))
                })
            }
        }
    }

    /// These roles and all that they inherit.
    fn with_inherited(&self, base: &[String]) -> Vec<String> {
        let mut roles: Vec<String> = base.to_vec();
        loop {
            let heirs = self.roles.iter().filter(|role| roles.contains(role.spec.role_name.as_ref().unwrap()));
            let mut inherited = heirs.flat_map(|role| &role.spec.inherits);
            match inherited.find(|role| !roles.contains(role)).cloned() {
                Some(more) => roles.push(more),
                None => return roles,
            }
        }
    }

    fn lines(&self, role: &str) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for object in self.roles.iter().filter(|object| object.spec.role_name.as_deref() == Some(role)) {
            for restriction in &self.restrictions {
                if object.spec.restrictions.contains(restriction.metadata.name.as_ref().unwrap()) {
                    let cube = restriction.spec.cube.as_deref();
                    lines.extend(restriction.spec.r#where.iter().map(|condition| Line { cube, condition }));
                }
            }
        }
        lines
    }
}

/// A level lies on its own hierarchy, a column on all that are built on it.
fn lies_on(line: Line<'_>, (name, levels): &(String, Vec<String>)) -> bool {
    match &line.condition.level {
        Some(level) => levels.iter().any(|column| *level == format!("{name}/{}", column.split_once('/').unwrap().1)),
        None => levels.contains(&column(line.condition)),
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
