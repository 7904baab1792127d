//! From Restrictions to clauses.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{
    Restriction, RestrictionSpec,
    restriction::{Condition, Scalar},
};

use super::{
    objects::{Own, Parsed},
    problem::{ProblemKind, Problems},
};
use crate::{
    nearest::suggestion,
    snapshot::{Checked, Clause, ColumnName, ObjectName},
};

/// Every Restriction of the Session by name.
pub(super) type Restrictions = BTreeMap<String, Checked<Vec<Clause>>>;

pub(super) fn compile(own: &[Own<'_, Restriction>], tables: &BTreeSet<&str>, problems: &mut Problems) -> Restrictions {
    let mut clauses = BTreeMap::new();
    for Own { object, parsed, .. } in own {
        let compiled = match parsed {
            Parsed::Valid(restriction) => compile_one(object, &restriction.spec, tables, problems),
            Parsed::Invalid(_) => Vec::new(),
        };
        clauses.insert(object, compiled);
    }
    clauses
        .into_iter()
        .map(|(object, clauses)| {
            let reasons = problems.reasons(object);
            let checked = if reasons.is_empty() {
                Checked::Valid(clauses)
            } else {
                Checked::Broken(reasons.into_iter().collect())
            };
            (object.name.clone(), checked)
        })
        .collect()
}

fn compile_one(
    object: &ObjectName,
    RestrictionSpec { session_ref: _, r#where: conditions }: &RestrictionSpec,
    tables: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Vec<Clause> {
    let mut report = |kind, field: String, message: String| {
        problems.report(object, kind, field, message);
    };
    if conditions.is_empty() {
        let message = "a Restriction without lines would restrict nothing; write at least one".to_owned();
        report(ProblemKind::Invalid, "spec.where".into(), message);
    }
    let mut clauses = Vec::new();
    let mut seen = BTreeSet::new();
    for (position, condition) in conditions.iter().enumerate() {
        let Condition { table, column, equals, r#in } = condition;
        let field = format!("spec.where[{position}]");
        if !tables.contains(table.as_str()) {
            let suggestion = suggestion(table, "tables", tables.iter().copied());
            let message = format!("there is no table `{table}`; {suggestion}");
            report(ProblemKind::Unresolved, format!("{field}.table"), message);
        }
        if !seen.insert((table, column)) {
            let message = format!(
                "another line names `{table}/{column}`; write one line per column, with `in` for several values"
            );
            report(ProblemKind::Invalid, format!("{field}.column"), message);
        }
        match values(equals.as_ref(), r#in.as_deref()) {
            Err((part, message)) => report(ProblemKind::Invalid, format!("{field}{part}"), message.to_owned()),
            Ok(values) => clauses.push(Clause {
                column: ColumnName { table: table.clone(), column: column.clone() },
                values,
                restriction: object.name.clone(),
            }),
        }
    }
    clauses
}

fn values(equals: Option<&Scalar>, r#in: Option<&[Scalar]>) -> Result<BTreeSet<String>, (&'static str, &'static str)> {
    match (equals, r#in) {
        (Some(value), None) => Ok([value.to_text()].into()),
        (None, Some([])) => Err((".in", "an empty `in` would match no row; name at least one value")),
        (None, Some(values)) => Ok(values.iter().map(Scalar::to_text).collect()),
        (Some(_), Some(_)) | (None, None) => Err(("", "write exactly one of `equals` and `in`")),
    }
}
