//! Checks that the parts of a Session fit together, as far as its text alone can tell: which columns the tables have
//! is known only to the engine that loads them.

use std::collections::BTreeSet;

use cubegate_api::{
    Session, SessionSpec,
    model::{Cube, Join, Table},
};

use super::{
    objects::session_name,
    problem::{ProblemKind, Problems},
};
use crate::nearest::suggestion;

/// What the objects of a Session may name.
pub(super) struct Names<'a> {
    pub(super) tables: BTreeSet<&'a str>,
    pub(super) cubes: BTreeSet<&'a str>,
}

pub(super) fn names(session: &Session) -> Names<'_> {
    Names {
        tables: session.spec.tables.iter().map(|table| table.name.as_str()).collect(),
        cubes: session.spec.cubes.iter().map(|cube| cube.name.as_str()).collect(),
    }
}

pub(super) fn check(session: &Session, problems: &mut Problems) {
    let object = session_name(session);
    let mut invalid = |field: String, message: String| {
        problems.report(&object, ProblemKind::Invalid, field, message);
    };
    // Who comes in is checked with the roles; how rows combine, how connections arrive and how many pods run cannot be wrong
    // here.
    let SessionSpec {
        tables: table_list,
        joins,
        cubes,
        authentication: _,
        access: _,
        url: _,
        tls: _,
        proxy_protocol: _,
        cors: _,
        replicas: _,
    } = &session.spec;
    let Names { tables, cubes: _ } = names(session);
    repeated("spec.tables", "table", table_list.iter().map(|table: &Table| &table.name), &mut invalid);
    repeated("spec.cubes", "cube", cubes.iter().map(|cube| &cube.name), &mut invalid);
    for (position, join) in joins.iter().enumerate() {
        check_join(&format!("spec.joins[{position}]"), join, &tables, &mut invalid);
    }
    for (position, cube) in cubes.iter().enumerate() {
        check_cube(&format!("spec.cubes[{position}]"), cube, &tables, &mut invalid);
    }
}

fn check_join(field: &str, join: &Join, tables: &BTreeSet<&str>, invalid: &mut impl FnMut(String, String)) {
    let Join { from, to, on } = join;
    known_table(format!("{field}.from"), from, tables, invalid);
    known_table(format!("{field}.to"), to, tables, invalid);
    if from == to {
        invalid(format!("{field}.to"), format!("table `{from}` cannot be joined to itself"));
    }
    if on.is_empty() {
        invalid(format!("{field}.on"), "write at least one pair of columns, as `from column: to column`".into());
    }
}

fn check_cube(field: &str, cube: &Cube, tables: &BTreeSet<&str>, invalid: &mut impl FnMut(String, String)) {
    // Which hierarchies and columns there are to remove or to aggregate, only the engine knows.
    let Cube { name: _, fact_table, mode: _, hierarchies, remove_hierarchies: _, measures, context: _ } = cube;
    known_table(format!("{field}.factTable"), fact_table, tables, invalid);
    let names = hierarchies.iter().map(|hierarchy| &hierarchy.name);
    repeated(&format!("{field}.hierarchies"), "hierarchy", names, invalid);
    repeated(&format!("{field}.measures"), "measure", measures.iter().map(|measure| &measure.name), invalid);
}

fn known_table(field: String, name: &str, tables: &BTreeSet<&str>, invalid: &mut impl FnMut(String, String)) {
    if !tables.contains(name) {
        let suggestion = suggestion(name, "tables", tables.iter().copied());
        invalid(field, format!("there is no table `{name}`; {suggestion}"));
    }
}

fn repeated<'a>(
    field: &str,
    what: &str,
    names: impl Iterator<Item = &'a String>,
    invalid: &mut impl FnMut(String, String),
) {
    let mut seen = BTreeSet::new();
    for (position, name) in names.enumerate() {
        if !seen.insert(name) {
            let message = format!("there is another {what} `{name}`; give each a name of its own");
            invalid(format!("{field}[{position}].name"), message);
        }
    }
}
