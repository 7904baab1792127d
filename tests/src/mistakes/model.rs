//! Mistakes in tables and cubes: what was loaded before answers on.

use super::{InCluster::Applied, Mistake, edit, said, unresolved};

pub(super) const MODEL: &[Mistake] = &[
    Mistake {
        name: "a join to a table that does not exist",
        edits: &[edit("session.yaml", "to: Shops, on", "to: Shop, on")],
        report: &["session.yaml:", "`Shop`", "`Shops`"],
        refused: &[],
        in_cluster: Applied(&[said("Session/retail", "Accepted", "Invalid", &["`Shop`", "`Shops`"])]),
    },
    Mistake {
        name: "a cube on a table that does not exist",
        edits: &[edit("session.yaml", "factTable: Sales", "factTable: Sale")],
        report: &["session.yaml:", "`Sale`", "`Sales`"],
        refused: &[],
        in_cluster: Applied(&[said("Session/retail", "Accepted", "Invalid", &["`Sale`", "`Sales`"])]),
    },
    Mistake {
        name: "a table whose file is gone",
        edits: &[edit("session.yaml", "key: sales.csv", "key: sale.csv")],
        report: &["session.yaml:", "table Sales"],
        refused: &[],
        in_cluster: Applied(&[unresolved("Session/retail", &["sale.csv"])]),
    },
];
