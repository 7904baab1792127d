//! Which facts a caller may see: one bit per fact, made once per set of clauses.

mod paths;

use std::{collections::BTreeSet, sync::Arc};

use self::paths::CodedPaths;
use crate::{
    cuboid::Cuboids,
    gathered::Gathered,
    load::table::Coded,
    model::{
        cube::Cube,
        reach::{Reach, ReachedColumn},
    },
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

/// What is to hold of the path that the values of columns make. A row whose test is of one column has a path of one value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathTest {
    /// The columns, coarsest first, of the fact table or a table joined to it. Without any, no row passes.
    pub columns: Vec<ColumnName>,
    /// Whether the path must not be wanted. One that has a missing value, and any when something that is wanted cannot be read
    /// by the type of its column, fails all the same.
    pub negated: bool,
    /// What is wanted.
    pub paths: Paths,
}

/// Paths of values as text, read by the types of the columns. One that cannot be read, or that no row has, matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Paths {
    /// One of these, or one that begins with it. `N/A` is the missing value of every type.
    In(BTreeSet<Vec<String>>),
    /// Between these, inclusive, column by column. A shorter bound stands for every path that begins with it; an empty one
    /// does not bound. A path with a missing value is not, if a bound has to look at that value.
    Between {
        /// The smallest.
        from: Vec<String>,
        /// The largest.
        to: Vec<String>,
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

    /// Bytes held, but for what queries under the mask have gathered, which is bounded for all masks together.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.selection.as_ref().map_or(0, |selection| selection.bytes())
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

pub(crate) fn build(cube: &Cube, all_of: &[Vec<Vec<PathTest>>]) -> Result<Mask, MaskError> {
    let mask = build_over(cube.name(), &cube.reach, &cube.identity, all_of)?;
    let gathered = mask.selection.as_ref().map(|visible| Gathering::new(Gathered::new(cube, visible), &cube.room));
    Ok(Mask { gathered, cuboids: Some(Arc::default()), ..mask })
}

/// The rows of the first table of `reach` that satisfy the clauses. `name` is that of whatever has these rows.
pub(crate) fn build_over(
    name: &str,
    reach: &Reach,
    identity: &Arc<()>,
    all_of: &[Vec<Vec<PathTest>>],
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

fn facts_with(name: &str, reach: &Reach, test: &PathTest) -> Result<Bitmap, MaskError> {
    let column = |column: &ColumnName| {
        let unreachable = || MaskError::Unreachable { cube: name.to_owned(), column: column.clone() };
        reach.column(column).ok_or_else(unreachable)
    };
    let columns = test.columns.iter().map(column).collect::<Result<Vec<ReachedColumn<'_>>, MaskError>>()?;
    Ok(match columns.as_slice() {
        [] => Bitmap::filled(reach.fact_table().row_count, false),
        [column] => facts_with_value(*column, test),
        columns => facts_with_path(reach.fact_table().row_count, columns, test),
    })
}

/// By a bit per code of the column: whether its value passes.
fn facts_with_value(column: ReachedColumn<'_>, test: &PathTest) -> Bitmap {
    let dictionary = &column.column.coded().dictionary;
    let (code_count, missing) = (dictionary.len(), dictionary.missing() as usize);
    let wanted = CodedPaths::new(test, &[dictionary]).map(|paths| paths.of_one_column(dictionary));
    let passing = match wanted {
        None => Bitmap::filled(code_count, false),
        Some(wanted) if test.negated => Bitmap::from_fn(code_count, |code| code != missing && !wanted.get(code)),
        Some(wanted) => wanted,
    };
    column.reached.bits_of_facts(column.column.rows_with(&passing), passing.get(missing))
}

/// Row by row: of their table when the columns are of one, which mostly has far fewer rows than there are facts.
fn facts_with_path(fact_count: usize, columns: &[ReachedColumn<'_>], test: &PathTest) -> Bitmap {
    let coded: Vec<&Coded> = columns.iter().map(|column| column.column.coded()).collect();
    let dictionaries: Vec<&Dictionary> = coded.iter().map(|coded| &*coded.dictionary).collect();
    let missing: Vec<u32> = dictionaries.iter().map(|dictionary| dictionary.missing()).collect();
    let Some(wanted) = CodedPaths::new(test, &dictionaries) else { return Bitmap::filled(fact_count, false) };
    let passes = |path: &[u32]| {
        let is_whole = || path.iter().zip(&missing).all(|(code, missing)| code != missing);
        if test.negated { is_whole() && !wanted.hold(path, &missing) } else { wanted.hold(path, &missing) }
    };
    let rows_that_pass = |row_count: usize, code: &dyn Fn(usize, usize) -> Option<u32>| {
        let (mut path, mut rows) = (Vec::with_capacity(missing.len()), Bitmap::default());
        for row in 0..row_count {
            path.clear();
            path.extend(missing.iter().enumerate().map(|(column, missing)| code(column, row).unwrap_or(*missing)));
            rows.push(passes(&path));
        }
        rows
    };
    let code_of_row = |column: usize, row: usize| coded.get(column)?.codes.get(row);
    match columns {
        [first, others @ ..] if others.iter().all(|other| other.id.table == first.id.table) => {
            let rows = rows_that_pass(first.reached.table.row_count, &code_of_row);
            first.reached.bits_of_facts(rows, passes(&missing))
        }
        columns => {
            rows_that_pass(fact_count, &|column, fact| code_of_row(column, columns.get(column)?.reached.row(fact)?))
        }
    }
}
