//! Which facts a caller may see: one bit per fact, made once per set of clauses.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use crate::{
    cuboid::Cuboids,
    gathered::Gathered,
    model::{cube::Cube, reach::Reach},
    request::QueryError,
    room::Gathering,
    storage::{bitmap::Bitmap, dictionary::Dictionary},
    value::ColumnName,
};

/// The facts of one cube, or the rows of one table, that may be seen. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mask {
    /// None: every fact.
    selection: Option<Arc<Bitmap>>,
    visible_count: usize,
    /// Of the selection, for the scans of a cube.
    gathered: Option<Arc<Gathering>>,
    /// For the queries of a cube.
    cuboids: Option<Arc<Cuboids>>,
    /// Of the cube or table that made it.
    identity: Arc<()>,
}

/// What is to hold of the value of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnTest {
    /// The column, of the fact table or a table joined to it.
    pub column: ColumnName,
    /// Whether the value must not be wanted. A missing value, and any value when one that is wanted cannot be read by the
    /// type of the column, fails all the same.
    pub negated: bool,
    /// What is wanted.
    pub values: Values,
}

/// Values as text, read by the type of the column. One that cannot be read, or that no row has, matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Values {
    /// One of these. `N/A` is the missing value of every type.
    In(BTreeSet<String>),
    /// Between these, inclusive, either absent. A missing value is not.
    Between {
        /// The smallest.
        from: Option<String>,
        /// The largest.
        to: Option<String>,
    },
}

/// Why clauses do not make a mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The cube's joins do not reach the column.
    #[error("{cube:?} does not reach the column {column}")]
    Unreachable {
        /// Name of the cube or table.
        cube: String,
        /// The column.
        column: ColumnName,
    },
}

impl Mask {
    /// Number of facts that may be seen.
    pub fn visible_count(&self) -> usize {
        self.visible_count
    }

    /// Fails for the mask of another cube.
    pub(crate) fn check(&self, cube: &Cube) -> Result<(), QueryError> {
        self.selection(cube).map(drop)
    }

    /// The visible facts next to each other, for one query.
    pub(crate) fn gathered(&self) -> Option<Arc<Gathered>> {
        self.gathered.as_ref().map(|gathering| gathering.of_query())
    }

    /// What queries under this mask have left behind.
    pub(crate) fn cuboids(&self) -> Option<&Cuboids> {
        self.cuboids.as_deref()
    }

    /// The facts to look at, none meaning every one. Fails for the mask of another cube.
    pub(crate) fn selection(&self, cube: &Cube) -> Result<Option<&Bitmap>, QueryError> {
        self.selection_of(&cube.identity)
    }

    /// As [`selection`](Self::selection), for whoever has the identity that the mask was made with.
    pub(crate) fn selection_of(&self, identity: &Arc<()>) -> Result<Option<&Bitmap>, QueryError> {
        if Arc::ptr_eq(&self.identity, identity) { Ok(self.selection.as_deref()) } else { Err(QueryError::ForeignMask) }
    }
}

pub(crate) fn build(cube: &Cube, all_of: &[Vec<Vec<ColumnTest>>]) -> Result<Mask, MaskError> {
    let mask = build_over(cube.name(), &cube.reach, &cube.identity, all_of)?;
    let gathered = mask.selection.as_ref().map(|visible| Gathering::new(Gathered::new(cube, visible), &cube.room));
    Ok(Mask { gathered, cuboids: Some(Arc::default()), ..mask })
}

/// The rows of the first table of `reach` that satisfy the clauses. `name` is that of whatever has these rows.
pub(crate) fn build_over(
    name: &str,
    reach: &Reach,
    identity: &Arc<()>,
    all_of: &[Vec<Vec<ColumnTest>>],
) -> Result<Mask, MaskError> {
    let fact_count = reach.fact_table().row_count;
    let mut visible = Bitmap::filled(fact_count, true);
    for any_of in all_of {
        let mut admitted = Bitmap::filled(fact_count, false);
        for conjunction in any_of {
            let mut satisfied = Bitmap::filled(fact_count, true);
            for test in conjunction {
                satisfied.and(&facts_with(name, reach, test)?);
            }
            admitted.or(&satisfied);
        }
        visible.and(&admitted);
    }
    let visible_count = visible.ones();
    let selection = (visible_count < fact_count).then(|| Arc::new(visible));
    Ok(Mask { selection, visible_count, gathered: None, cuboids: None, identity: Arc::clone(identity) })
}

fn facts_with(name: &str, reach: &Reach, test: &ColumnTest) -> Result<Bitmap, MaskError> {
    let unreachable = || MaskError::Unreachable { cube: name.to_owned(), column: test.column.clone() };
    let column = reach.column(&test.column).ok_or_else(unreachable)?;
    let dictionary = &column.column.coded().dictionary;
    let passing = passing(test, dictionary);
    let rows = column.column.rows_with(&passing);
    Ok(column.reached.bits_of_facts(rows, passing.get(dictionary.missing() as usize)))
}

/// A bit per code of the column: whether its value passes.
fn passing(test: &ColumnTest, dictionary: &Dictionary) -> Bitmap {
    let code_count = dictionary.len();
    let missing = dictionary.missing() as usize;
    let wanted = match &test.values {
        Values::In(values) if test.negated && !values.iter().all(|value| dictionary.can_hold(value)) => None,
        Values::In(values) => {
            Some(Bitmap::of_positions(code_count, values.iter().filter_map(|value| dictionary.find(value))))
        }
        // From a larger to a smaller value there is nothing, and nothing to exclude: what was meant is not known.
        Values::Between { from: Some(from), to: Some(to) }
            if dictionary.compare(from, to) == Some(Ordering::Greater) =>
        {
            None
        }
        Values::Between { from, to } => {
            let to = to.as_deref().map(|to| dictionary.through(to));
            dictionary.between(from.as_deref(), to.as_deref()).map(|range| {
                let mut wanted = Bitmap::of_positions(code_count, range);
                wanted.clear(missing);
                wanted
            })
        }
    };
    match wanted {
        None => Bitmap::filled(code_count, false),
        Some(wanted) if test.negated => Bitmap::from_fn(code_count, |code| code != missing && !wanted.get(code)),
        Some(wanted) => wanted,
    }
}
