//! Mistakes in and about Restrictions.

use super::{
    Edit, FRENCH,
    InCluster::{Applied, Commanded, ReadAs, Rejected, Unchanged},
    Mistake, PARISIAN, To, edit, said, unresolved,
};
use crate::answers;

pub(super) const RESTRICTIONS: &[Mistake] = &[
    Mistake {
        name: "a restriction on a column that does not exist",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: Citty, equals: Paris")],
        report: &["restrictions.yaml:", "Citty", "`City`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[said("Restriction/paris-only", "Programmed", "Unbound", &["Citty", "`City`"])]),
    },
    Mistake {
        name: "a restriction on a table that does not exist",
        edits: &[edit(
            "restrictions.yaml",
            "table: Shops, column: City, equals: Paris",
            "table: Shop, column: City, equals: Paris",
        )],
        report: &["restrictions.yaml:17", "`Shop`", "`Shops`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[
            unresolved("Restriction/paris-only", &["`Shop`", "`Shops`"]),
            unresolved("Role/paris", &["paris-only"]),
        ]),
    },
    Mistake {
        name: "a restriction with an unknown field",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equal: Paris")],
        report: &["restrictions.yaml:17", "equal"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["equal"]),
    },
    Mistake {
        name: "a restriction with a field of the wrong type",
        edits: &[edit("restrictions.yaml", "    - {table: Shops, column: City, equals: Paris}", "    table: Shops")],
        report: &["restrictions.yaml:", "paris-only"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["where"]),
    },
    Mistake {
        name: "a restriction with both equals and in",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: Paris, in: [Lyon]")],
        report: &["restrictions.yaml:", "exactly one of `equals`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["exactly one of `equals`"]),
    },
    Mistake {
        name: "a restriction with neither equals nor in",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City")],
        report: &["restrictions.yaml:", "exactly one of `equals`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["exactly one of `equals`"]),
    },
    Mistake {
        name: "a restriction to no value",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, in: []")],
        report: &["restrictions.yaml:17", "empty `in`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["in"]),
    },
    Mistake {
        name: "a restriction without a column",
        edits: &[edit("restrictions.yaml", "table: Shops, column: City, equals: Paris", "table: Shops, equals: Paris")],
        report: &["restrictions.yaml:", "column"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["column"]),
    },
    Mistake {
        name: "a restriction with two lines for one column",
        edits: &[edit(
            "restrictions.yaml",
            "    - {table: Shops, column: City, equals: Paris}",
            "    - {table: Shops, column: City, equals: Paris}\n    - {table: Shops, column: City, equals: Lyon}",
        )],
        report: &["restrictions.yaml:", "column"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["column"]),
    },
    Mistake {
        name: "a restriction to a fraction, which text would have to be",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: 1.5")],
        report: &["restrictions.yaml:", "text or an integer"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["equals"]),
    },
    Mistake {
        name: "a restriction to a mapping",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: {city: Paris}")],
        report: &["restrictions.yaml:", "text or an integer"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["equals"]),
    },
    Mistake {
        name: "a restriction without lines",
        edits: &[edit("restrictions.yaml", "\n  where:\n    - {table: Shops, column: City, equals: Paris}", "")],
        report: &["restrictions.yaml:", "where"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["where"]),
    },
    Mistake {
        name: "a restriction with an empty list of lines",
        edits: &[edit(
            "restrictions.yaml",
            "  where:\n    - {table: Shops, column: City, equals: Paris}",
            "  where: []",
        )],
        report: &["restrictions.yaml:", "at least one"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["where"]),
    },
    Mistake {
        name: "a cut without a cube",
        edits: &[edit(
            "restrictions.yaml",
            "  where:\n    - {table: Shops, column: City, equals: Paris}",
            "  cuts: [\"City:Paris\"]",
        )],
        report: &["restrictions.yaml:", "with `cuts`, write the name of the `cube`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["with `cuts`, write the name of the `cube`"]),
    },
    Mistake {
        name: "a cut that cannot be read",
        edits: &[edit(
            "restrictions.yaml",
            "  where:\n    - {table: Shops, column: City, equals: Paris}",
            "  cube: Sales\n  cuts: [\"City:Saint-Étienne-Paris\"]",
        )],
        report: &["restrictions.yaml:17", "character 19 of the cut", "`\\-`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[
            said("Restriction/paris-only", "Accepted", "Invalid", &["character 19 of the cut"]),
            unresolved("Role/paris", &["paris-only"]),
        ]),
    },
    Mistake {
        name: "a cut of a hierarchy that the cube does not have",
        edits: &[edit(
            "restrictions.yaml",
            "  where:\n    - {table: Shops, column: City, equals: Paris}",
            "  cube: Sales\n  cuts: [\"Citi:Paris\"]",
        )],
        report: &["Restriction/paris-only", "did you mean `City`?"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[said("Restriction/paris-only", "Programmed", "Unbound", &["`City`"])]),
    },
    Mistake {
        name: "a cut of any cube that none of them has",
        edits: &[edit(
            "restrictions.yaml",
            "  where:\n    - {table: Shops, column: City, equals: Paris}",
            "  cube: \"*\"\n  cuts: [\"Citi:Paris\"]",
        )],
        report: &["Restriction/paris-only", "did you mean `City`?"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[said("Restriction/paris-only", "Programmed", "Unbound", &["`City`"])]),
    },
    Mistake {
        name: "a restriction that says one thing twice",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: Paris, equals: Lyon")],
        report: &["restrictions.yaml:17", "duplicate"],
        refused: &[PARISIAN],
        in_cluster: ReadAs(answers::LYON),
    },
    Mistake {
        name: "a restriction of a Session that does not exist",
        edits: &[edit(
            "restrictions.yaml",
            "name: paris-only\nspec:\n  sessionRef: {name: retail}",
            "name: paris-only\nspec:\n  sessionRef: {name: retial}",
        )],
        report: &["restrictions.yaml:", "`retial`", "`retail`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[
            unresolved("Restriction/paris-only", &["`retial`", "`retail`"]),
            unresolved("Role/paris", &["paris-only"]),
        ]),
    },
    Mistake {
        name: "a restriction of no Session",
        edits: &[edit(
            "restrictions.yaml",
            "name: paris-only\nspec:\n  sessionRef: {name: retail}\n",
            "name: paris-only\nspec:\n",
        )],
        report: &["restrictions.yaml:", "sessionRef"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["sessionRef"]),
    },
    Mistake {
        name: "a restriction whose kind is misspelt",
        edits: &[edit(
            "restrictions.yaml",
            "kind: Restriction\nmetadata:\n  name: paris-only",
            "kind: Restrictions\nmetadata:\n  name: paris-only",
        )],
        report: &["restrictions.yaml:", "`Restrictions`", "`Restriction`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["Restrictions"]),
    },
    Mistake {
        name: "a restriction of a version that there is not",
        edits: &[edit(
            "restrictions.yaml",
            "apiVersion: cubegate.dev/v1alpha1\nkind: Restriction\nmetadata:\n  name: paris-only",
            "apiVersion: cubegate.dev/v9\nkind: Restriction\nmetadata:\n  name: paris-only",
        )],
        report: &["restrictions.yaml:", "v1alpha1"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["v9"]),
    },
    Mistake {
        name: "a restriction without a name",
        edits: &[edit("restrictions.yaml", "metadata:\n  name: paris-only", "metadata: {}")],
        report: &["restrictions.yaml:", "metadata.name"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["name"]),
    },
    Mistake {
        name: "a restriction that is deleted",
        edits: &[edit(
            "restrictions.yaml",
            "apiVersion: cubegate.dev/v1alpha1\nkind: Restriction\nmetadata:\n  name: paris-only",
            "apiVersion: example.com/v1\nkind: Restriction\nmetadata:\n  name: paris-only",
        )],
        report: &["roles.yaml:", "paris-only"],
        refused: &[PARISIAN],
        in_cluster: Commanded(
            &[&["delete", "restriction", "paris-only"]],
            &[unresolved("Role/paris", &["paris-only"])],
        ),
    },
    Mistake {
        name: "a restriction that is renamed",
        edits: &[edit("restrictions.yaml", "name: paris-only", "name: somewhere-else")],
        report: &["roles.yaml:", "paris-only"],
        refused: &[PARISIAN],
        in_cluster: Commanded(
            &[&["delete", "restriction", "paris-only"]],
            &[unresolved("Role/paris", &["paris-only"])],
        ),
    },
    Mistake {
        name: "two restrictions with one name",
        edits: &[edit("restrictions.yaml", "name: france-only", "name: paris-only")],
        report: &["restrictions.yaml:", "paris-only"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Unchanged,
    },
    Mistake {
        name: "a syntax error",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris}", "column: City, equals: Paris")],
        report: &["restrictions.yaml:"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["restrictions.yaml"]),
    },
    Mistake {
        name: "a manifest that is too large",
        edits: &[Edit {
            file: "restrictions.yaml",
            from: "name: paris-only",
            to: To::Longer("name: paris-only # ", 5 << 20),
        }],
        report: &["restrictions.yaml:", "at most"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Unchanged,
    },
];
