//! What a caller may see: customers of some places, as a regional role would have it.

use std::collections::BTreeSet;

use cubegate_cube::{ColumnName, PathTest, Paths};

use crate::{
    queries::{Comparison, Test, is_in},
    schema::table_of,
};

/// Customers that a caller may see.
#[derive(Clone, Debug)]
pub(crate) struct Restriction {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// What must hold. None: every fact may be seen.
    pub(crate) test: Option<Test>,
}

/// Nobody restricted, then roles that keep about 80 %, 20 % and 1 % of the facts.
pub(crate) fn restrictions() -> Vec<Restriction> {
    // A nation of each region, those that the queries ask for among them.
    let few = ["UNITED STATES", "UNITED KINGDOM", "CHINA", "EGYPT", "KENYA"];
    let unseen = ["CANADA", "GERMANY", "JAPAN", "IRAN", "MOROCCO"];
    let most = NATIONS.iter().copied().filter(|nation| !unseen.contains(nation));
    let cities = ["UNITED ST1", "UNITED KI1", "CHINA    1"];
    vec![
        Restriction { name: "all", test: None },
        Restriction { name: "80 %", test: Some(is_in("c_nation", most)) },
        Restriction { name: "20 %", test: Some(is_in("c_nation", few)) },
        Restriction { name: "1 %", test: Some(is_in("c_city", cities)) },
    ]
}

const NATIONS: [&str; 25] = [
    "ALGERIA",
    "ARGENTINA",
    "BRAZIL",
    "CANADA",
    "CHINA",
    "EGYPT",
    "ETHIOPIA",
    "FRANCE",
    "GERMANY",
    "INDIA",
    "INDONESIA",
    "IRAN",
    "IRAQ",
    "JAPAN",
    "JORDAN",
    "KENYA",
    "MOROCCO",
    "MOZAMBIQUE",
    "PERU",
    "ROMANIA",
    "RUSSIA",
    "SAUDI ARABIA",
    "UNITED KINGDOM",
    "UNITED STATES",
    "VIETNAM",
];

impl Restriction {
    /// The clauses of our mask.
    pub(crate) fn clauses(&self) -> Vec<Vec<Vec<PathTest>>> {
        let clause = |test: &Test| {
            let Comparison::In(values) = &test.comparison else { unreachable!("restrictions are lists of members") };
            let table = table_of(test.column).expect("restrictions name columns of the star").name.to_owned();
            let values: BTreeSet<Vec<String>> = values.iter().map(|value| vec![value.to_string()]).collect();
            let column = ColumnName { table, column: test.column.to_owned() };
            vec![vec![PathTest { columns: vec![column], negated: false, paths: Paths::In(values) }]]
        };
        self.test.iter().map(clause).collect()
    }
}
