//! `cubegate who-sees`: which users and roles see facts of a member.

use std::{process::ExitCode, time::SystemTime};

use anyhow::bail;
use cubegate_api::Moment;
use cubegate_policy::{
    day::Day,
    explain::{ByClaim, Member, Seeing, ViewerKind, WhoSees, by_rights},
    rights::Rights,
};

use crate::{
    args::{Output, WhoSeesOptions},
    subject::subject,
    terminal::say,
};

/// Prints who sees facts of a member.
pub(crate) fn who_sees(options: &WhoSeesOptions) -> anyhow::Result<ExitCode> {
    let WhoSeesOptions { location, cube, level, member, asking } = options;
    let manifests = location.manifests()?;
    let subject = subject(location, &manifests, asking.session.as_deref())?;
    let inspection = subject.inspection()?;
    let member = Member { cube: cube.clone(), level: level.clone(), member: member.clone() };
    let everything = Rights::of_administrator(Day::of(Moment::of(SystemTime::now())));
    let facts = inspection.facts_of_member(&member, &everything)?;
    if facts == 0 {
        bail!("{}", inspection.suggest_member(&member, &everything));
    }
    let viewers = subject.viewers();
    let counted = by_rights(&viewers, |rights| inspection.facts_of_member(&member, rights))?;
    let seen = WhoSees::new(subject.snapshot(), member, facts, viewers, &counted);
    match asking.output {
        Output::Json => say!("{}", serde_json::to_string_pretty(&seen)?),
        Output::Text => print(&seen),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(WhoSees { member: Member { cube, level, member }, facts, viewers, by_claim }: &WhoSees) {
    say!("{member} of {level} in cube {cube}: {facts} facts");
    for (title, kind) in [("roles", ViewerKind::Role), ("users", ViewerKind::User)] {
        say!("{title}");
        for Seeing { name, facts, .. } in viewers.iter().filter(|seeing| seeing.kind == kind) {
            say!("  {name}: {facts} facts");
        }
    }
    for Seeing { facts, .. } in viewers.iter().filter(|seeing| seeing.kind == ViewerKind::Guest) {
        say!("guests: {facts} facts");
    }
    for ByClaim { kind, name, claims } in by_claim {
        let claims: Vec<String> = claims.iter().map(|claim| format!("`{claim}`")).collect();
        let who = match kind {
            ViewerKind::Role => "holders of ",
            ViewerKind::User | ViewerKind::Guest => "",
        };
        say!("{who}{name}, as far as their claim {} says so", claims.join(" and "));
    }
}
