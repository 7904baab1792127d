//! A hierarchy: one code per fact, in hierarchy order.
//!
//! A *node* of a level is a path of members from the first level down to it. Nodes are numbered in natural order of their
//! paths, so that the facts below a node are a range of *leaves* (nodes of the last level), and an ancestor is one lookup:
//!
//! ```text
//! Continent   Asia             Europe
//! node         0                 1
//! Country     Japan  Korea     France  Germany  Norway  Sweden
//! leaf          0      1         2        3       4       5
//!
//! range of Europe = 2..6        ancestor of 4 at Continent = 1
//! ```

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use super::reach::{Reach, ReachedColumn};
use crate::{
    aggregate::ColumnId,
    load::table::Coded,
    storage::{
        codes::{Codes, code_of},
        dictionary::Dictionary,
        lookup::Lookup,
    },
    value::{ColumnName, ColumnType},
};

/// A hierarchy and the leaf of each fact.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    pub(crate) name: String,
    /// Levels from the coarsest to the finest. At least one.
    pub(crate) levels: Vec<Level>,
    coding: Arc<LazyCoding>,
}

/// A level of a hierarchy.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) name: String,
    pub(crate) column: ColumnName,
    column_type: ColumnType,
    index: usize,
    coding: Arc<LazyCoding>,
}

/// The codes of a hierarchy, made when it is first used: most columns of a wide table never are.
#[derive(Debug)]
struct LazyCoding {
    reach: Arc<Reach>,
    columns: Vec<ColumnId>,
    coding: OnceLock<Coding>,
}

#[derive(Debug)]
struct Coding {
    leaves: Arc<Codes>,
    leaf_count: usize,
    levels: Vec<LevelCoding>,
}

#[derive(Debug)]
struct LevelCoding {
    dictionary: Arc<Dictionary>,
    node_count: usize,
    /// Node → code of its own member.
    member_of_node: Lookup,
    /// Leaf → node.
    node_of_leaf: Lookup,
    /// Node → first leaf; one entry more than nodes.
    first_leaf: Lookup,
    /// Node of each fact, of a level above the last; made when a query first groups by it.
    nodes: OnceLock<Codes>,
}

/// Paths of rows: for each row its leaf, and for each level what the nodes are.
struct Paths {
    leaves: Vec<u32>,
    /// Per level: node → (node of the level above, member).
    levels: Vec<Vec<(u32, u32)>>,
}

impl Hierarchy {
    /// Names the levels after their columns.
    pub(super) fn new(name: String, columns: &[ColumnId], reach: &Arc<Reach>) -> Self {
        let columns: Vec<ColumnId> = columns.to_vec();
        let coding =
            Arc::new(LazyCoding { reach: Arc::clone(reach), columns: columns.clone(), coding: OnceLock::new() });
        let reached = || columns.iter().filter_map(|column| reach.at(*column));
        let repeated =
            |column: &ReachedColumn<'_>| reached().filter(|other| other.column.name == column.column.name).count() > 1;
        let level = |(index, column): (usize, ReachedColumn<'_>)| Level {
            name: if repeated(&column) { column.name().to_string() } else { column.column.name.clone() },
            column: column.name(),
            column_type: column.column.column_type(),
            index,
            coding: Arc::clone(&coding),
        };
        Self { name, levels: reached().enumerate().map(level).collect(), coding }
    }

    /// The last level, whose nodes are the leaves.
    pub(crate) fn last_level(&self) -> usize {
        self.levels.len() - 1
    }

    /// The column whose codes are the leaves; none when there are several levels.
    pub(crate) fn only_column(&self) -> Option<ColumnId> {
        if let [column] = self.coding.columns.as_slice() { Some(*column) } else { None }
    }

    pub(crate) fn leaf_count(&self) -> usize {
        self.coding.get().leaf_count
    }
}

impl LazyCoding {
    fn get(&self) -> &Coding {
        self.coding.get_or_init(|| {
            let columns: Vec<ReachedColumn<'_>> =
                self.columns.iter().filter_map(|column| self.reach.at(*column)).collect();
            let (leaves, lookups, leaf_count) = match columns.as_slice() {
                [column] => single_level(column),
                several => multi_level(several),
            };
            let level = |(column, (node_count, member_of_node, node_of_leaf, first_leaf)): (
                &ReachedColumn<'_>,
                LevelLookups,
            )| {
                let dictionary = Arc::clone(&column.column.coded().dictionary);
                LevelCoding { dictionary, node_count, member_of_node, node_of_leaf, first_leaf, nodes: OnceLock::new() }
            };
            Coding { leaves, leaf_count, levels: columns.iter().zip(lookups).map(level).collect() }
        })
    }
}

impl Level {
    pub(crate) fn column_type(&self) -> ColumnType {
        self.column_type
    }

    pub(crate) fn dictionary(&self) -> &Arc<Dictionary> {
        &self.coding().dictionary
    }

    pub(crate) fn node_count(&self) -> usize {
        self.coding().node_count
    }

    /// The leaves below a node.
    pub(crate) fn leaves(&self, node: u32) -> Range<usize> {
        let first_leaf = &self.coding().first_leaf;
        first_leaf.get(node) as usize..first_leaf.get(node + 1) as usize
    }

    /// The node above a leaf.
    pub(crate) fn node(&self, leaf: u32) -> u32 {
        self.coding().node_of_leaf.get(leaf)
    }

    /// Node of each fact.
    pub(crate) fn nodes_of_facts(&self) -> &Codes {
        let coding = self.coding.get();
        let level = self.coding();
        match &level.node_of_leaf {
            Lookup::Table(nodes) if self.index + 1 < coding.levels.len() => {
                level.nodes.get_or_init(|| coding.leaves.translated(nodes, level.node_count))
            }
            _ => &coding.leaves,
        }
    }

    /// Code of the member of a node, in the dictionary of the level.
    pub(crate) fn member(&self, node: u32) -> u32 {
        self.coding().member_of_node.get(node)
    }

    /// The node of `above`, a level above this one in the same hierarchy, that a node here belongs to.
    pub(crate) fn ancestor(&self, node: u32, above: &Self) -> u32 {
        above.node(self.coding().first_leaf.get(node))
    }

    fn coding(&self) -> &LevelCoding {
        self.coding.get().levels.get(self.index).expect("every level of a hierarchy is coded")
    }
}

/// Number of nodes, member of node, node of leaf, first leaf of node.
type LevelLookups = (usize, Lookup, Lookup, Lookup);

/// Nodes and leaves are the codes of the column.
fn single_level(column: &ReachedColumn<'_>) -> (Arc<Codes>, Vec<LevelLookups>, usize) {
    let dictionary = &column.column.coded().dictionary;
    let leaves = column.codes_of_facts();
    let lookups = (dictionary.len(), Lookup::Identity, Lookup::Identity, Lookup::Identity);
    (leaves, vec![lookups], dictionary.len())
}

fn multi_level(columns: &[ReachedColumn<'_>]) -> (Arc<Codes>, Vec<LevelLookups>, usize) {
    let table = |column: &ReachedColumn<'_>| column.reached.table.name.clone();
    if let Some(first) = columns.first().filter(|first| columns.iter().all(|column| table(column) == table(first))) {
        // Paths of the rows of one table, usually far fewer than facts, and of one row more that stands for "no row".
        let codes = |column: &ReachedColumn<'_>| -> Vec<u32> {
            let Coded { dictionary, codes } = column.column.coded();
            codes.iter().chain([dictionary.missing()]).collect()
        };
        let mut paths = Paths::of_rows(&columns.iter().map(codes).collect::<Vec<_>>());
        let missing = paths.leaves.pop().expect("the row that stands for no row is the last one");
        let leaf_count = paths.leaf_count();
        return (first.reached.codes_of_facts(&paths.codes(), missing, leaf_count), paths.lookups(), leaf_count);
    }
    let codes = |column: &ReachedColumn<'_>| -> Vec<u32> { column.codes_of_facts().iter().collect() };
    let paths = Paths::of_rows(&columns.iter().map(codes).collect::<Vec<_>>());
    (paths.codes(), paths.lookups(), paths.leaf_count())
}

impl Paths {
    /// `columns`: per level, the code of each row.
    fn of_rows(columns: &[Vec<u32>]) -> Self {
        let row_count = columns.first().map_or(0, Vec::len);
        let mut nodes = vec![0_u32; row_count];
        let mut levels = Vec::with_capacity(columns.len());
        for codes in columns {
            // Both numbers of a pair are in natural order, so the order of the pairs is that of the paths.
            let pairs: Vec<(u32, u32)> = nodes.iter().copied().zip(codes.iter().copied()).collect();
            let mut distinct = pairs.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let node = |pair| code_of(distinct.binary_search(pair).expect("every pair is among the distinct pairs"));
            nodes = pairs.iter().map(node).collect();
            levels.push(distinct);
        }
        Self { leaves: nodes, levels }
    }

    /// Leaf of each row.
    fn codes(&self) -> Arc<Codes> {
        Arc::new(Codes::collect(self.leaf_count(), self.leaves.iter().copied()))
    }

    fn leaf_count(&self) -> usize {
        self.levels.last().map_or(0, Vec::len)
    }

    fn lookups(&self) -> Vec<LevelLookups> {
        let mut node_of_leaf: Vec<u32> = (0..self.leaf_count()).map(code_of).collect();
        let mut lookups = Vec::with_capacity(self.levels.len());
        for nodes in self.levels.iter().rev() {
            let members = nodes.iter().map(|(_, member)| *member).collect();
            let first_leaf =
                (0..=nodes.len()).map(|node| code_of(node_of_leaf.partition_point(|above| (*above as usize) < node)));
            let first_leaf = Lookup::Table(first_leaf.collect());
            let above =
                node_of_leaf.iter().filter_map(|node| nodes.get(*node as usize)).map(|(above, _)| *above).collect();
            let here = std::mem::replace(&mut node_of_leaf, above);
            lookups.push((nodes.len(), Lookup::Table(members), Lookup::Table(here), first_leaf));
        }
        lookups.reverse();
        lookups
    }
}
