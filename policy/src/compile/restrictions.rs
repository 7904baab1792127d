//! From Restrictions to clauses, in the one form that every later step reads: `equals` becomes `in`, `not` a mark, and the text
//! of a cut what it says.

use std::collections::{BTreeMap, BTreeSet};

use cubegate_api::{
    Restriction, RestrictionSpec,
    restriction::{Between, Condition as Line, Negated, Scalar},
};

use super::{
    objects::{Own, Parsed},
    problem::{ProblemKind, Problems},
    session::Names,
};
use crate::{
    cubes::CubePattern,
    cut::Cut,
    limits::CUTS_MAX,
    nearest::suggestion,
    snapshot::{Checked, ClaimPath, Clause, ColumnName, Condition, ObjectName, Subject, Values, Wanted},
};

/// Every Restriction of the Session by name.
pub(super) type Restrictions = BTreeMap<String, Checked<Vec<Clause>>>;

pub(super) fn compile(own: &[Own<'_, Restriction>], names: &Names<'_>, problems: &mut Problems) -> Restrictions {
    let mut clauses = BTreeMap::new();
    for Own { object, parsed, .. } in own {
        let compiled = match parsed {
            Parsed::Valid(restriction) => compile_one(object, &restriction.spec, names, problems),
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
    RestrictionSpec { session_ref: _, cube, r#where: lines, cuts }: &RestrictionSpec,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Vec<Clause> {
    let mut report = |Mistake { kind, field, message }: Mistake| {
        problems.report(object, kind, format!("spec.{field}"), message);
    };
    if lines.is_empty() && cuts.is_empty() {
        let message = "a Restriction without lines or cuts would restrict nothing; write at least one";
        report(Mistake::invalid("where", message));
    }
    if cube.is_none() && !cuts.is_empty() {
        let message = "with `cuts`, write the name of the `cube`, or `*` for any that has the dimension";
        report(Mistake::invalid("cuts", message));
    }
    let pattern = cube.as_deref().and_then(|cube| pattern(cube, names).map_err(&mut report).ok());
    if !lines.is_empty() && pattern.as_ref().is_some_and(|pattern| !matches!(pattern, CubePattern::Name(_))) {
        report(Mistake::invalid("cube", "a line names a level of one cube; write its name, or `cuts` for several"));
    }
    let lines = compile_lines(cube.as_deref(), lines, names, &mut report);
    let cuts = compile_cuts(pattern.as_ref(), cuts, &mut report);
    let clause = |condition| Clause { condition, restriction: object.name.clone() };
    lines.into_iter().chain(cuts).map(clause).collect()
}

/// The cubes that are meant.
fn pattern(cube: &str, names: &Names<'_>) -> Result<CubePattern, Mistake> {
    let pattern =
        CubePattern::try_from(cube.to_owned()).map_err(|error| Mistake::invalid("cube", error.to_string()))?;
    if names.cubes.iter().any(|cube| pattern.matches(cube)) {
        return Ok(pattern);
    }
    let suggestion = suggestion(cube, "cubes", names.cubes.iter().copied());
    Err(Mistake::unresolved("cube", format!("there is no cube `{cube}`; {suggestion}")))
}

fn compile_lines(
    cube: Option<&str>,
    lines: &[Line],
    names: &Names<'_>,
    report: &mut impl FnMut(Mistake),
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut seen = BTreeSet::new();
    for (position, line) in lines.iter().enumerate() {
        let mut report = |mistake: Mistake| report(mistake.below(&format!("where[{position}]")));
        let subject = subject(cube, line, names, &mut report);
        let test = test(line).map_err(&mut report);
        let Some(subject) = subject else { continue };
        if !seen.insert(subject.clone()) {
            let message = format!("another line names `{subject}`; write one line, with `in` for several values");
            report(Mistake::invalid("", message));
        }
        if let Ok((negated, wanted)) = test {
            conditions.push(Condition::Line { subject, negated, wanted });
        }
    }
    conditions
}

fn compile_cuts(cube: Option<&CubePattern>, cuts: &[String], report: &mut impl FnMut(Mistake)) -> Vec<Condition> {
    if cuts.len() > CUTS_MAX {
        let message = format!("{} cuts are more than {CUTS_MAX}; write several Restrictions", cuts.len());
        report(Mistake::invalid("cuts", message));
        return Vec::new();
    }
    let mut conditions = Vec::new();
    for (position, text) in cuts.iter().enumerate() {
        match (text.parse::<Cut>(), cube) {
            (Ok(cut), Some(cube)) => conditions.push(Condition::Cut { cube: cube.clone(), cut }),
            (Ok(_), None) => {}
            (Err(error), _) => report(Mistake::invalid(&format!("cuts[{position}]"), error.to_string())),
        }
    }
    conditions
}

/// Something that is wrong with a field of the Restriction.
struct Mistake {
    kind: ProblemKind,
    field: String,
    message: String,
}

impl Mistake {
    fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Invalid, field: field.to_owned(), message: message.into() }
    }

    fn unresolved(field: &str, message: String) -> Self {
        Self { kind: ProblemKind::Unresolved, field: field.to_owned(), message }
    }

    fn below(self, field: &str) -> Self {
        let dot = if self.field.is_empty() { "" } else { "." };
        Self { field: format!("{field}{dot}{}", self.field), ..self }
    }
}

/// What a line speaks of, when it says so rightly.
fn subject(
    cube: Option<&str>,
    Line { table, column, level, .. }: &Line,
    names: &Names<'_>,
    report: &mut impl FnMut(Mistake),
) -> Option<Subject> {
    match (cube, table, column, level) {
        (None, Some(table), Some(column), None) => {
            if !names.tables.contains(table.as_str()) {
                let suggestion = suggestion(table, "tables", names.tables.iter().copied());
                report(Mistake::unresolved("table", format!("there is no table `{table}`; {suggestion}")));
            }
            Some(Subject::Column(ColumnName { table: table.clone(), column: column.clone() }))
        }
        (Some(cube), None, None, Some(level)) => Some(Subject::Level { cube: cube.to_owned(), level: level.clone() }),
        (None, ..) => {
            report(Mistake::invalid("", "write `table` and `column`; a `level` belongs to a Restriction with `cube`"));
            None
        }
        (Some(_), ..) => {
            report(Mistake::invalid("", "write a `level` of the cube; columns belong to a Restriction without `cube`"));
            None
        }
    }
}

/// Whether a line is negated, and what it wants.
fn test(line: &Line) -> Result<(bool, Wanted), Mistake> {
    let Line { table: _, column: _, level: _, equals, r#in, between, in_claim, not } = line;
    let operators = Operators { equals: equals.as_ref(), r#in: r#in.as_deref(), between: between.as_ref(), in_claim };
    match not {
        None => {
            let hint = "write exactly one of `equals`, `in`, `between`, `inClaim` and `not`";
            Ok((false, operators.wanted(hint)?))
        }
        Some(_) if !operators.is_empty() => {
            Err(Mistake::invalid("not", "write what must not hold below `not`, and nothing beside it"))
        }
        Some(Negated { equals, r#in, between, in_claim }) => {
            let operators =
                Operators { equals: equals.as_ref(), r#in: r#in.as_deref(), between: between.as_ref(), in_claim };
            let hint = "below `not`, write exactly one of `equals`, `in`, `between` and `inClaim`";
            Ok((true, operators.wanted(hint).map_err(|mistake| mistake.below("not"))?))
        }
    }
}

/// The operators that a line may have, of which it has one.
struct Operators<'a> {
    equals: Option<&'a Scalar>,
    r#in: Option<&'a [Scalar]>,
    between: Option<&'a Between>,
    in_claim: &'a Option<Vec<String>>,
}

impl Operators<'_> {
    fn is_empty(&self) -> bool {
        matches!(self, Self { equals: None, r#in: None, between: None, in_claim: None })
    }

    fn wanted(&self, hint: &str) -> Result<Wanted, Mistake> {
        Ok(match self {
            Self { equals: Some(value), r#in: None, between: None, in_claim: None } => {
                Wanted::Values(Values::In([value.to_text()].into()))
            }
            Self { equals: None, r#in: Some(values), between: None, in_claim: None } => {
                if values.is_empty() {
                    return Err(Mistake::invalid("in", "an empty `in` would match no row; name at least one value"));
                }
                Wanted::Values(Values::In(values.iter().map(Scalar::to_text).collect()))
            }
            Self { equals: None, r#in: None, between: Some(Between { from, to }), in_claim: None } => {
                if from.is_none() && to.is_none() {
                    return Err(Mistake::invalid("between", "write `from`, `to` or both"));
                }
                let text = |bound: &Option<Scalar>| bound.as_ref().map(Scalar::to_text);
                Wanted::Values(Values::Between { from: text(from), to: text(to) })
            }
            Self { equals: None, r#in: None, between: None, in_claim: Some(keys) } => {
                if keys.is_empty() {
                    return Err(Mistake::invalid("inClaim", "name the claim, outermost key first"));
                }
                Wanted::Claim(ClaimPath(keys.clone()))
            }
            _ => return Err(Mistake::invalid("", hint)),
        })
    }
}
