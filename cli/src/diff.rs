//! `cubegate diff`: who gains or loses what from one directory or cluster to another.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    rc::Rc,
};

use cubegate_engine::{Inspection, InspectionError};
use cubegate_policy::{
    explain::{Share, Viewer, ViewerKind, by_rights},
    rights::Rights,
};
use serde::Serialize;

use crate::{
    args::{DiffOptions, Output},
    limits::MEMBERS_LISTED_MAX,
    location::Location,
    subject::{Subject, subjects},
    terminal::say,
};

/// What somebody can ask, and of how much: nothing for somebody who is refused.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sight {
    facts: BTreeMap<String, Share>,
    /// Cubes, measures and members, each with where it is: `cube`, `measures of Sales`, `Sales Geography/City`.
    things: BTreeMap<Place, BTreeSet<String>>,
}

/// What a thing is, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Place {
    Cube,
    Measure { cube: String },
    Member { cube: String, level: String },
}

/// Everybody of one Session, and what they see.
type Sights = BTreeMap<(ViewerKind, String), Rc<Sight>>;

/// What changes for somebody.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    session: String,
    kind: ViewerKind,
    name: String,
    things: Vec<ChangedThings>,
    facts: Vec<ChangedFacts>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangedThings {
    of: Place,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gained: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangedFacts {
    cube: String,
    before: usize,
    after: usize,
}

/// Prints who gains or loses what.
pub(crate) fn diff(options: &DiffOptions) -> anyhow::Result<ExitCode> {
    let wanted = options.asking.session.as_deref();
    let (old, new) = (sights(&options.old, wanted)?, sights(&options.new, wanted)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let nobody = Sights::new();
    let changes = names
        .into_iter()
        .flat_map(|session| changes(session, old.get(session).unwrap_or(&nobody), new.get(session).unwrap_or(&nobody)));
    let changes: Vec<Change> = changes.collect();
    match options.asking.output {
        Output::Json => say!("{}", serde_json::to_string_pretty(&changes)?),
        Output::Text => changes.iter().for_each(print),
    }
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// By Session.
fn sights(location: &Location, wanted: Option<&str>) -> anyhow::Result<BTreeMap<String, Sights>> {
    let manifests = location.manifests()?;
    let subjects = subjects(location, &manifests, wanted);
    subjects.into_iter().map(|(name, subject)| Ok((name, sights_of(&subject)?))).collect()
}

fn sights_of(subject: &Subject) -> anyhow::Result<Sights> {
    let inspection = subject.inspection()?;
    let viewers = subject.viewers();
    let known = by_rights(&viewers, |rights| sight(inspection, rights).map(Rc::new))?;
    let seen = |viewer: Viewer| {
        let sight = viewer.rights.ok().and_then(|rights| known.get(&rights).cloned()).unwrap_or_default();
        ((viewer.kind, viewer.name), sight)
    };
    Ok(viewers.into_iter().map(seen).collect())
}

fn sight(inspection: &Inspection, rights: &Rights) -> Result<Sight, InspectionError> {
    let mut sight = Sight::default();
    for schema in inspection.cubes() {
        let cube = schema.name;
        let Some(share) = inspection.cube(&cube, rights)?.facts else { continue };
        sight.facts.insert(cube.clone(), share);
        sight.things.entry(Place::Cube).or_default().insert(cube.clone());
        let measures = inspection.measures(&cube, rights)?;
        sight.things.insert(Place::Measure { cube: cube.clone() }, measures);
        for hierarchy in schema.hierarchies {
            for level in hierarchy.levels {
                let level = format!("{}/{}", hierarchy.name, level.name);
                let members = inspection.members(&cube, &level, rights)?;
                sight.things.insert(Place::Member { cube: cube.clone(), level }, members);
            }
        }
    }
    Ok(sight)
}

fn changes(session: &str, old: &Sights, new: &Sights) -> Vec<Change> {
    let everybody: BTreeSet<&(ViewerKind, String)> = old.keys().chain(new.keys()).collect();
    let nothing = Rc::new(Sight::default());
    let changes = everybody.into_iter().filter_map(|viewer| {
        let (before, after) = (old.get(viewer).unwrap_or(&nothing), new.get(viewer).unwrap_or(&nothing));
        let (things, facts) = (changed_things(before, after), changed_facts(before, after));
        let (kind, name) = viewer.clone();
        let is_change = !things.is_empty() || !facts.is_empty();
        is_change.then(|| Change { session: session.to_owned(), kind, name, things, facts })
    });
    changes.collect()
}

fn changed_things(before: &Sight, after: &Sight) -> Vec<ChangedThings> {
    let places: BTreeSet<&Place> = before.things.keys().chain(after.things.keys()).collect();
    let none = BTreeSet::new();
    let changed = places.into_iter().filter_map(|place| {
        let (before, after) = (before.things.get(place).unwrap_or(&none), after.things.get(place).unwrap_or(&none));
        let gained: Vec<String> = after.difference(before).cloned().collect();
        let lost: Vec<String> = before.difference(after).cloned().collect();
        (gained.len() + lost.len() > 0).then(|| ChangedThings { of: place.clone(), gained, lost })
    });
    changed.collect()
}

fn changed_facts(before: &Sight, after: &Sight) -> Vec<ChangedFacts> {
    let cubes: BTreeSet<&String> = before.facts.keys().chain(after.facts.keys()).collect();
    let count = |sight: &Sight, cube: &String| sight.facts.get(cube).map_or(0, |share| share.visible);
    let changed = cubes.into_iter().filter_map(|cube| {
        let (before, after) = (count(before, cube), count(after, cube));
        (before != after).then(|| ChangedFacts { cube: cube.clone(), before, after })
    });
    changed.collect()
}

fn print(Change { session, kind, name, things, facts }: &Change) {
    let kind = match kind {
        ViewerKind::Role => "role",
        ViewerKind::User => "user",
        ViewerKind::Guest => "any",
    };
    say!("{session}: {kind} {name}");
    for ChangedThings { of, gained, lost } in things {
        for (verb, names) in [("gains", gained), ("loses", lost)] {
            if !names.is_empty() {
                say!("  {verb} {}: {}", of.in_words(names.len()), listed(names));
            }
        }
    }
    for ChangedFacts { cube, before, after } in facts {
        say!("  sees {after} facts of cube {cube} instead of {before}");
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MEMBERS_LISTED_MAX).map(String::as_str).collect();
    let more = names.len().saturating_sub(MEMBERS_LISTED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl Place {
    fn in_words(&self, count: usize) -> String {
        let s = if count == 1 { "" } else { "s" };
        match self {
            Self::Cube => format!("cube{s}"),
            Self::Measure { cube } => format!("measure{s} of cube {cube}"),
            Self::Member { cube, level } => format!("member{s} of {level} in cube {cube}"),
        }
    }
}
