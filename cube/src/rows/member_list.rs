//! The members of a level that have a visible fact.

use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    budget::Budget,
    limits::{MEMBERS_DEFAULT, MEMBERS_MAX},
    mask::Mask,
    model::cube::Cube,
    request::{Query, QueryError},
    value::Cell,
};

/// Which members of a level to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MembersQuery {
    /// Name of the level.
    pub level: String,
    /// What the member contains, in whatever case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Members to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Members to list at most, [`MEMBERS_DEFAULT`](crate::limits::MEMBERS_DEFAULT) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// The members in natural order, each after its ancestors. It is the answer to a query of the level alone, so that a list
/// shows what any query could show.
pub(crate) fn list(cube: &Cube, query: &MembersQuery, mask: &Mask, budget: &Budget<'_>) -> Result<Answer, QueryError> {
    let limit = query.limit.map_or(MEMBERS_DEFAULT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if limit > MEMBERS_MAX {
        return Err(QueryError::TooLarge(format!("a list has at most {MEMBERS_MAX} members; go on by offset")));
    }
    let offset = query.offset.map_or(0, |offset| usize::try_from(offset).unwrap_or(usize::MAX));
    let of_level = Query { levels: vec![query.level.clone()], ..Query::default() };
    let members = cube.query_within(&of_level, mask, budget)?;
    let sought = query.search.as_ref().map(|search| search.to_lowercase());
    let is_found = |row: &usize| {
        let member = members.row(*row).pop();
        sought.as_ref().is_none_or(|sought| member.is_some_and(|member| shown(member).to_lowercase().contains(sought)))
    };
    let rows: Vec<usize> = (0..members.row_count()).filter(is_found).skip(offset).take(limit).collect();
    Ok(members.pick(&rows))
}

fn shown(member: Cell<'_>) -> String {
    let mut text = Vec::new();
    if let Cell::Text(member) = member {
        return member.to_owned();
    }
    crate::answer::text::write_bare(&mut text, member);
    String::from_utf8(text).unwrap_or_default()
}
