//! What a caller is told of a cube: its schema without what is hidden, and how it is meant to be shown.

use std::collections::BTreeMap;

use cubegate_cube::{CubeSchema, Granted, HierarchySchema, LevelSchema, MeasureSchema};
use cubegate_policy::context::{CallerContext, ContextValues, Given, Hide};
use serde::Serialize;

/// A cube as its schema says, with what the caller's context values make of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CubeDescription<'a> {
    name: &'a str,
    hierarchies: Vec<HierarchyDescription<'a>>,
    measures: Vec<Shown<'a, MeasureSchema>>,
    /// What holds for queries that do not say otherwise. What is in it of names, is with them.
    #[serde(skip_serializing_if = "ContextValues::is_empty")]
    context: ContextValues,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HierarchyDescription<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    dimension: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimension_caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_member: Option<&'a [String]>,
    levels: Vec<Shown<'a, LevelSchema>>,
}

/// Something with a name and values.
#[derive(Serialize)]
struct Shown<'a, T> {
    #[serde(flatten)]
    schema: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a str>,
}

/// What context values say of names.
struct Names<'a> {
    caller: &'a CallerContext,
    /// Whether a visible fact is below a member: one that is hidden is not told, whoever meant it for everybody.
    has_facts: &'a dyn Fn(&str, &[String]) -> bool,
}

/// What a caller is told of a cube.
pub(super) fn describe<'a>(
    CubeSchema { name, hierarchies, measures, reachable: _ }: &'a CubeSchema,
    caller: &'a CallerContext,
    granted: &Granted,
    has_facts: &'a dyn Fn(&str, &[String]) -> bool,
) -> CubeDescription<'a> {
    static NOTHING: Hide = Hide { dimensions: Vec::new(), hierarchies: Vec::new(), measures: Vec::new() };
    let hide = caller.hide.as_ref().map_or(&NOTHING, |given| &given.value);
    let names = Names { caller, has_facts };
    let is_shown = |hierarchy: &&HierarchySchema| {
        !hide.hierarchies.contains(&hierarchy.name) && !hide.dimensions.contains(&hierarchy.dimension)
    };
    let measures = measures.iter().filter(|measure| granted.contains(&measure.name));
    let measures = measures.filter(|measure| !hide.measures.contains(&measure.name));
    CubeDescription {
        name,
        hierarchies: hierarchies.iter().filter(is_shown).map(|hierarchy| names.hierarchy(hierarchy)).collect(),
        measures: measures.map(|measure| names.shown(measure, &measure.name)).collect(),
        context: unnamed(caller),
    }
}

impl<'a> Names<'a> {
    fn hierarchy(&self, HierarchySchema { name, dimension, levels }: &'a HierarchySchema) -> HierarchyDescription<'a> {
        let default_members = self.caller.default_members.as_ref();
        let default_member = default_members.and_then(|given| given.value.get(name));
        let default_member = default_member.filter(|path| (self.has_facts)(name, path));
        HierarchyDescription {
            name,
            caption: self.caption(name),
            dimension,
            dimension_caption: self.caption(dimension),
            default_member: default_member.map(Vec::as_slice),
            levels: levels.iter().map(|level| self.shown(level, &level.name)).collect(),
        }
    }

    fn shown<T>(&self, schema: &'a T, name: &str) -> Shown<'a, T> {
        Shown { schema, caption: self.caption(name), format: look_up(self.caller.formatters.as_ref(), name) }
    }

    fn caption(&self, name: &str) -> Option<&'a str> {
        look_up(self.caller.aliases.as_ref(), name)
    }
}

fn look_up<'a>(given: Option<&'a Given<BTreeMap<String, String>>>, name: &str) -> Option<&'a str> {
    given?.value.get(name).map(String::as_str)
}

fn unnamed(caller: &CallerContext) -> ContextValues {
    ContextValues {
        query_time_limit: caller.query_time_limit.as_ref().map(|given| given.value),
        result_limit: caller.result_limit.as_ref().map(|given| given.value),
        reference_currency: caller.reference_currency.as_ref().map(|given| given.value.clone()),
        locale: caller.locale.as_ref().map(|given| given.value.clone()),
        values: caller.values.iter().map(|(name, given)| (name.clone(), given.value.clone())).collect(),
        ..ContextValues::default()
    }
}
