//! The star: five tables, told once. Our model, the CSV files and the tables of every peer are made from this.
//!
//! ```text
//! customer ◀─ lo_custkey ─┐
//! supplier ◀─ lo_suppkey ─┤
//!                         lineorder ─ lo_orderdate ─▶ dates
//!     part ◀─ lo_partkey ─┘
//! ```
//!
//! Names are those of the Star Schema Benchmark, so that no two tables share one and a query reads the same over the star
//! and over the joined table. Money is in cents.

use serde::Serialize;

/// The table whose rows are the facts.
pub(crate) const FACTS: &str = "lineorder";

/// A table of the star.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TableSpec {
    pub(crate) name: &'static str,
    /// The fact's column that finds a row here, and the column it finds it by. None: the facts themselves.
    pub(crate) join: Option<(&'static str, &'static str)>,
    pub(crate) columns: &'static [ColumnSpec],
}

/// A column of a table.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ColumnSpec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a column holds, as narrow as can be told: peers choose their type by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    /// Whole numbers up to 255.
    Small,
    /// Whole numbers up to 65 535.
    Medium,
    /// Whole numbers up to 2³¹.
    Large,
    /// Cents, up to 2³¹.
    Money,
    /// One of few texts.
    Category,
    /// Text that is different in each row.
    Name,
    /// A day.
    Date,
}

const fn column(name: &'static str, kind: Kind) -> ColumnSpec {
    ColumnSpec { name, kind }
}

/// The dimensions, then the facts.
pub(crate) const TABLES: [TableSpec; 5] = [
    TableSpec {
        name: "customer",
        join: Some(("lo_custkey", "c_custkey")),
        columns: &[
            column("c_custkey", Kind::Large),
            column("c_name", Kind::Name),
            column("c_city", Kind::Category),
            column("c_nation", Kind::Category),
            column("c_region", Kind::Category),
            column("c_mktsegment", Kind::Category),
        ],
    },
    TableSpec {
        name: "supplier",
        join: Some(("lo_suppkey", "s_suppkey")),
        columns: &[
            column("s_suppkey", Kind::Large),
            column("s_name", Kind::Name),
            column("s_city", Kind::Category),
            column("s_nation", Kind::Category),
            column("s_region", Kind::Category),
        ],
    },
    TableSpec {
        name: "part",
        join: Some(("lo_partkey", "p_partkey")),
        columns: &[
            column("p_partkey", Kind::Large),
            column("p_mfgr", Kind::Category),
            column("p_category", Kind::Category),
            column("p_brand", Kind::Category),
            column("p_type", Kind::Category),
            column("p_size", Kind::Small),
            column("p_container", Kind::Category),
        ],
    },
    TableSpec {
        name: "dates",
        join: Some(("lo_orderdate", "d_datekey")),
        columns: &[
            column("d_datekey", Kind::Date),
            column("d_year", Kind::Medium),
            column("d_yearmonthnum", Kind::Large),
            column("d_yearmonth", Kind::Category),
            column("d_weeknuminyear", Kind::Small),
        ],
    },
    TableSpec {
        name: FACTS,
        join: None,
        columns: &[
            column("lo_orderkey", Kind::Large),
            column("lo_linenumber", Kind::Small),
            column("lo_custkey", Kind::Large),
            column("lo_partkey", Kind::Large),
            column("lo_suppkey", Kind::Large),
            column("lo_orderdate", Kind::Date),
            column("lo_orderpriority", Kind::Category),
            column("lo_quantity", Kind::Small),
            column("lo_extendedprice", Kind::Money),
            column("lo_discount", Kind::Small),
            column("lo_revenue", Kind::Money),
            column("lo_supplycost", Kind::Money),
            column("lo_tax", Kind::Small),
            column("lo_shipmode", Kind::Category),
        ],
    },
];

/// Hierarchies of our cube, levels from the coarsest.
pub(crate) const HIERARCHIES: [(&str, &[&str]); 15] = [
    ("Customer", &["customer/c_region", "customer/c_nation", "customer/c_city"]),
    ("Supplier", &["supplier/s_region", "supplier/s_nation", "supplier/s_city"]),
    ("Part", &["part/p_mfgr", "part/p_category", "part/p_brand"]),
    ("Date", &["dates/d_year", "dates/d_yearmonthnum", "dates/d_datekey"]),
    ("Month", &["dates/d_yearmonth"]),
    ("Week", &["dates/d_weeknuminyear"]),
    ("Segment", &["customer/c_mktsegment"]),
    ("Quantity", &["lineorder/lo_quantity"]),
    ("Discount", &["lineorder/lo_discount"]),
    ("Priority", &["lineorder/lo_orderpriority"]),
    ("Ship mode", &["lineorder/lo_shipmode"]),
    ("Order", &["lineorder/lo_orderkey"]),
    ("Customer key", &["lineorder/lo_custkey"]),
    ("Supplier key", &["lineorder/lo_suppkey"]),
    ("Part key", &["lineorder/lo_partkey"]),
];

/// The table that has a column.
pub(crate) fn table_of(column: &str) -> Option<&'static TableSpec> {
    TABLES.iter().find(|table| table.columns.iter().any(|known| known.name == column))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_tables_share_a_column_name() {
        let all: Vec<&str> = TABLES.iter().flat_map(|table| table.columns.iter().map(|column| column.name)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn each_level_is_a_column_of_the_table_it_names() {
        for level in HIERARCHIES.iter().flat_map(|(_, levels)| *levels) {
            let (table, column) = level.split_once('/').unwrap();
            assert_eq!(table_of(column).map(|found| found.name), Some(table), "{level}");
        }
    }
}
