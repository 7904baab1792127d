//! Which context values hold for a caller: limits, grants of measures, and how answers are shown.
//!
//! ```text
//! roles of the caller, by authority ─┐
//! what the cube gives to everybody ──┴─ of each value the first that is given, whole ──▶ CallerContext
//! ```
//!
//! `ROLE_ADMIN` has the highest authority and `ROLE_USER` the lowest; between them it is the priority that decides, then the
//! name. Values of several roles are never merged: the higher one's is used. Grants of measures do not apply to administrators,
//! whom nothing restricts. A role that has lapsed goes on limiting and hiding, and gives nothing.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use cubegate_api::{ROLE_ADMIN, ROLE_USER};
pub use cubegate_api::{
    context::{ContextValues, ResultLimit},
    model::{Interval, Number},
    role::Hide,
};
use serde::{Deserialize, Serialize};

use crate::{
    bind::{CubeShape, ModelShape},
    nearest::suggestion,
};

/// What one role gives its holders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleContext {
    /// Name of the Role that says so.
    pub declared_by: String,
    /// The higher one is heard.
    pub priority: i32,
    /// Limits, and how answers are shown.
    pub values: ContextValues,
    /// What is not shown.
    pub hide: Hide,
    /// The only measures that there are; none: the role says nothing of measures.
    pub grant_measures: BTreeSet<String>,
    /// The only members that there are, by hierarchy: paths from the coarsest level, with everything below. None: the role says
    /// nothing of members.
    pub grant_members: GrantedMembers,
}

/// Paths by hierarchy.
pub type GrantedMembers = BTreeMap<String, BTreeSet<Vec<String>>>;

/// What holds for the queries of a caller in one cube. A value that nobody gives is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented where users write them")]
pub struct CallerContext {
    pub query_time_limit: Option<Given<Interval>>,
    pub result_limit: Option<Given<ResultLimit>>,
    pub reference_currency: Option<Given<String>>,
    pub locale: Option<Given<String>>,
    pub formatters: Option<Given<BTreeMap<String, String>>>,
    pub aliases: Option<Given<BTreeMap<String, String>>>,
    pub default_members: Option<Given<BTreeMap<String, Vec<String>>>>,
    pub values: BTreeMap<String, Given<Number>>,
    pub hide: Option<Given<Hide>>,
    pub granted_measures: Option<Given<BTreeSet<String>>>,
    pub granted_members: Option<Given<GrantedMembers>>,
}

/// A value, and who gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Who gives it.
    pub by: Giver,
}

/// Who gives a context value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// The Role of this name.
    Role(String),
    /// The cube, to everybody.
    Cube,
}

/// A context value in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue<'a> {
    /// The field of `spec.context` of a Role or of a cube; or of `spec` of a Role.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// Who gives it.
    pub by: &'a Giver,
}

impl RoleContext {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        let Self { declared_by: _, priority: _, values, hide, grant_measures, grant_members } = self;
        values.is_empty() && *hide == Hide::default() && grant_measures.is_empty() && grant_members.is_empty()
    }

    /// What this speaks of and no cube has: a sentence for each.
    pub(crate) fn unknown_names(&self, model: &ModelShape) -> BTreeSet<String> {
        let Self { declared_by: _, priority: _, values, hide, grant_measures, grant_members } = self;
        let named = Named::of(model);
        let measures = check("spec.grantMeasures", grant_measures, "measure", [&named.measures]);
        let members = check("spec.grantMembers", grant_members.keys(), "hierarchy", [&named.hierarchies]);
        let hidden_measures = check("spec.hide.measures", &hide.measures, "measure", [&named.measures]);
        let hidden_hierarchies = check("spec.hide.hierarchies", &hide.hierarchies, "hierarchy", [&named.hierarchies]);
        let hidden_dimensions = check("spec.hide.dimensions", &hide.dimensions, "dimension", [&named.dimensions]);
        let shown = [&named.measures, &named.levels];
        let formatters = check("context.formatters", values.formatters.keys(), "measure or level", shown);
        let nameable = [&named.measures, &named.levels, &named.hierarchies, &named.dimensions];
        let aliases = check("context.aliases", values.aliases.keys(), "name", nameable);
        let defaults = values.default_members.keys();
        let defaults = check("context.defaultMembers", defaults, "hierarchy", [&named.hierarchies]);
        let read = check("context.values", values.values.keys(), "context value", [&named.values]);
        [measures, members, hidden_measures, hidden_hierarchies, hidden_dimensions, formatters, aliases, defaults, read]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// What the context values of a cube speak of and it does not have: a sentence for each.
pub fn unknown_names(values: &ContextValues, cube: &CubeShape) -> BTreeSet<String> {
    let alone = ModelShape { cubes: [(String::new(), cube.clone())].into(), ..ModelShape::default() };
    RoleContext { values: values.clone(), ..RoleContext::default() }.unknown_names(&alone)
}

/// Every name that some cube has.
#[derive(Default)]
struct Named<'a> {
    measures: BTreeSet<&'a str>,
    values: BTreeSet<&'a str>,
    dimensions: BTreeSet<&'a str>,
    hierarchies: BTreeSet<&'a str>,
    levels: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    fn of(model: &'a ModelShape) -> Self {
        let mut named = Self::default();
        for cube in model.cubes.values() {
            named.measures.extend(cube.measures.iter().map(String::as_str));
            named.values.extend(cube.values.iter().map(String::as_str));
            for hierarchy in &cube.hierarchies {
                named.dimensions.insert(&hierarchy.dimension);
                named.hierarchies.insert(&hierarchy.name);
                named.levels.extend(hierarchy.levels.iter().map(|level| level.name.as_str()));
            }
        }
        named
    }
}

fn check<'a, const N: usize>(
    field: &'static str,
    names: impl IntoIterator<Item = &'a String>,
    what: &str,
    known: [&BTreeSet<&str>; N],
) -> Vec<String> {
    let unknown = names.into_iter().filter(|name| !known.iter().any(|known| known.contains(name.as_str())));
    let sentence = |name: &String| {
        let all = known.iter().flat_map(|known| known.iter().copied());
        format!("{field}: no cube has a {what} `{name}`; {}", suggestion(name, &format!("{what}s"), all))
    };
    unknown.map(sentence).collect()
}

impl CallerContext {
    /// What holds for the holder of these roles in a cube that gives this to everybody.
    pub fn of<'a>(
        roles: impl IntoIterator<Item = (&'a str, &'a RoleContext)>,
        is_admin: bool,
        cube: &ContextValues,
    ) -> Self {
        let mut given = Self::default();
        for (_, role) in by_authority(roles) {
            let by = Giver::Role(role.declared_by.clone());
            given.take_values(&role.values, &by);
            take(&mut given.hide, Some(&role.hide).filter(|hide| **hide != Hide::default()), &by);
            let measures = Some(&role.grant_measures).filter(|measures| !is_admin && !measures.is_empty());
            take(&mut given.granted_measures, measures, &by);
            let members = Some(&role.grant_members).filter(|members| !is_admin && !members.is_empty());
            take(&mut given.granted_members, members, &by);
        }
        given.take_values(cube, &Giver::Cube);
        given
    }

    /// What holds when some roles have lapsed: of limits, grants and what is not shown, no more than if these were valid
    /// (`endless`), and no more than if they were not there. Numbers stay what they were; the rest is given by valid roles
    /// alone.
    pub(crate) fn within(self, endless: Self) -> Self {
        Self {
            query_time_limit: tighter(self.query_time_limit, endless.query_time_limit, |one, other| {
                if one.duration() <= other.duration() { one } else { other }
            }),
            result_limit: tighter(self.result_limit, endless.result_limit, |one, other| ResultLimit {
                intermediate: smaller(one.intermediate, other.intermediate),
                total: smaller(one.total, other.total),
            }),
            hide: tighter(self.hide, endless.hide, |one, other| Hide {
                dimensions: united(one.dimensions, other.dimensions),
                hierarchies: united(one.hierarchies, other.hierarchies),
                measures: united(one.measures, other.measures),
            }),
            granted_measures: tighter(self.granted_measures, endless.granted_measures, |one, other| {
                one.intersection(&other).cloned().collect()
            }),
            // A policy that multiplies by a role's number hides by it.
            values: endless.values,
            // Both hold of rows; in words, the one that would hold if nothing had lapsed is told.
            granted_members: endless.granted_members.or(self.granted_members),
            ..self
        }
    }

    fn take_values(&mut self, values: &ContextValues, by: &Giver) {
        let ContextValues {
            query_time_limit,
            result_limit,
            reference_currency,
            locale,
            formatters,
            aliases,
            default_members,
            values,
        } = values;
        take(&mut self.query_time_limit, query_time_limit.as_ref(), by);
        take(&mut self.result_limit, result_limit.as_ref(), by);
        take(&mut self.reference_currency, reference_currency.as_ref(), by);
        take(&mut self.locale, locale.as_ref(), by);
        take(&mut self.formatters, Some(formatters).filter(|formatters| !formatters.is_empty()), by);
        take(&mut self.aliases, Some(aliases).filter(|aliases| !aliases.is_empty()), by);
        take(&mut self.default_members, Some(default_members).filter(|members| !members.is_empty()), by);
        for (name, value) in values {
            let given = || Given { value: value.clone(), by: by.clone() };
            self.values.entry(name.clone()).or_insert_with(given);
        }
    }

    /// Every value that somebody gives, in words.
    pub fn named(&self) -> Vec<NamedValue<'_>> {
        let Self {
            query_time_limit,
            result_limit,
            reference_currency,
            locale,
            formatters,
            aliases,
            default_members,
            values,
            hide,
            granted_measures,
            granted_members,
        } = self;
        let named = [
            in_words("context.queryTimeLimit", query_time_limit.as_ref(), ToString::to_string),
            in_words("context.resultLimit", result_limit.as_ref(), limit_in_words),
            in_words("context.referenceCurrency", reference_currency.as_ref(), String::clone),
            in_words("context.locale", locale.as_ref(), String::clone),
            in_words("context.formatters", formatters.as_ref(), |map| pairs(map.iter())),
            in_words("context.aliases", aliases.as_ref(), |map| pairs(map.iter())),
            in_words("context.defaultMembers", default_members.as_ref(), |members| {
                pairs(members.iter().map(|(hierarchy, path)| (hierarchy, path.join(" / "))))
            }),
            in_words("hide", hide.as_ref(), hidden_in_words),
            in_words("grantMeasures", granted_measures.as_ref(), |measures| list(measures.iter())),
            in_words("grantMembers", granted_members.as_ref(), |members| {
                pairs(
                    members
                        .iter()
                        .map(|(hierarchy, paths)| (hierarchy, list(paths.iter().map(|path| path.join(" / "))))),
                )
            }),
        ];
        let values = values.iter().map(|(name, Given { value, by })| {
            let value = format!("{name} = {value}");
            NamedValue { field: "context.values", value, by }
        });
        named.into_iter().flatten().chain(values).collect()
    }
}

/// The highest authority first.
pub(crate) fn by_authority<'a>(
    roles: impl IntoIterator<Item = (&'a str, &'a RoleContext)>,
) -> Vec<(&'a str, &'a RoleContext)> {
    let mut roles: Vec<(&str, &RoleContext)> = roles.into_iter().collect();
    roles.sort_by_key(|(role, context)| (Reverse((*role == ROLE_ADMIN, *role != ROLE_USER, context.priority)), *role));
    roles
}

fn take<T: Clone>(slot: &mut Option<Given<T>>, value: Option<&T>, by: &Giver) {
    if let (None, Some(value)) = (&slot, value) {
        *slot = Some(Given { value: value.clone(), by: by.clone() });
    }
}

/// What two givers leave together, by the one of them who leaves no more, else by the second.
fn tighter<T: Clone + PartialEq>(
    one: Option<Given<T>>,
    other: Option<Given<T>>,
    together: impl FnOnce(T, T) -> T,
) -> Option<Given<T>> {
    let (Some(one), Some(other)) = (&one, &other) else { return one.or(other) };
    let value = together(one.value.clone(), other.value.clone());
    let by = if value == one.value { &one.by } else { &other.by };
    Some(Given { value, by: by.clone() })
}

fn smaller(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

fn united(one: Vec<String>, other: Vec<String>) -> Vec<String> {
    one.into_iter().chain(other).collect::<BTreeSet<String>>().into_iter().collect()
}

fn in_words<'a, T>(
    field: &'static str,
    given: Option<&'a Given<T>>,
    words: impl Fn(&T) -> String,
) -> Option<NamedValue<'a>> {
    given.map(|Given { value, by }| NamedValue { field, value: words(value), by })
}

fn limit_in_words(ResultLimit { intermediate, total }: &ResultLimit) -> String {
    let part = |what: &str, limit: &Option<i64>| limit.map(|limit| format!("{limit} {what}"));
    let parts: Vec<String> =
        [part("at one depth", intermediate), part("in all", total)].into_iter().flatten().collect();
    parts.join(", ")
}

fn hidden_in_words(Hide { dimensions, hierarchies, measures }: &Hide) -> String {
    list(dimensions.iter().chain(hierarchies).chain(measures))
}

fn pairs(pairs: impl Iterator<Item = (impl std::fmt::Display, impl std::fmt::Display)>) -> String {
    list(pairs.map(|(name, value)| format!("{name} = {value}")))
}

fn list(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}
