//! Mistakes in and about Roles.

use super::{
    Edit, FRENCH, GLOBAL,
    InCluster::{Applied, Commanded, Rejected},
    Mistake, PARISIAN, To, edit, said, unresolved,
};

pub(super) const ROLES: &[Mistake] = &[
    Mistake {
        name: "a role that names a restriction that there is not",
        edits: &[edit("roles.yaml", "[paris-only]", "[pari-only]")],
        report: &["roles.yaml:", "`pari-only`", "`paris-only`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("Role/paris", &["`pari-only`", "`paris-only`"])]),
    },
    Mistake {
        name: "a role that inherits itself",
        edits: &[edit(
            "roles.yaml",
            "  restrictions: [paris-only]",
            "  restrictions: [paris-only]\n  inherits: [ROLE_PARIS]",
        )],
        report: &["roles.yaml:", "ROLE_PARIS"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("Role/paris", &["ROLE_PARIS"])]),
    },
    Mistake {
        name: "two roles that inherit each other",
        edits: &[
            edit(
                "roles.yaml",
                "  restrictions: [paris-only]",
                "  restrictions: [paris-only]\n  inherits: [ROLE_FRANCE]",
            ),
            edit(
                "roles.yaml",
                "  restrictions: [france-only]",
                "  restrictions: [france-only]\n  inherits: [ROLE_PARIS]",
            ),
        ],
        report: &["roles.yaml:", "circle"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Applied(&[unresolved("Role/paris", &["circle"]), unresolved("Role/france", &["circle"])]),
    },
    Mistake {
        name: "a role that inherits one that there is not",
        edits: &[edit(
            "roles.yaml",
            "  restrictions: [paris-only]",
            "  restrictions: [paris-only]\n  inherits: [ROLE_FRANCES]",
        )],
        report: &["roles.yaml:", "`ROLE_FRANCES`", "`ROLE_FRANCE`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("Role/paris", &["`ROLE_FRANCES`", "`ROLE_FRANCE`"])]),
    },
    Mistake {
        name: "a role that inherits a broken one",
        edits: &[
            edit(
                "roles.yaml",
                "  restrictions: [france-only]",
                "  restrictions: [france-only]\n  inherits: [ROLE_PARIS]",
            ),
            edit("roles.yaml", "[paris-only]", "[pari-only]"),
        ],
        report: &["roles.yaml:", "`ROLE_PARIS` is not valid"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Applied(&[
            unresolved("Role/france", &["`ROLE_PARIS` is not valid"]),
            unresolved("Role/paris", &["`pari-only`"]),
        ]),
    },
    Mistake {
        name: "a role with a misspelt field",
        edits: &[edit("roles.yaml", "  mappedFrom: [paris]", "  mapedFrom: [paris]")],
        report: &["roles.yaml:", "mapedFrom", "`mappedFrom`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["mapedFrom"]),
    },
    Mistake {
        name: "a role with a field of the wrong type",
        edits: &[edit("roles.yaml", "[paris-only]", "paris-only")],
        report: &["roles.yaml:", "Role/paris"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["restrictions"]),
    },
    Mistake {
        name: "a role name that cannot travel in a header",
        edits: &[edit("roles.yaml", "roleName: ROLE_PARIS", r#"roleName: "ROLE,PARIS""#)],
        report: &["roles.yaml:", "header"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["travels in a header"]),
    },
    Mistake {
        name: "a role name that is too long",
        edits: &[Edit { file: "roles.yaml", from: "roleName: ROLE_PARIS", to: To::Longer("roleName: ROLE_", 128) }],
        report: &["roles.yaml:", "128"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["roleName", "128"]),
    },
    Mistake {
        name: "two roles with one role name",
        edits: &[edit("roles.yaml", "roleName: ROLE_FRANCE", "roleName: ROLE_PARIS")],
        report: &["roles.yaml:", "declares the role `ROLE_PARIS` too"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Applied(&[
            said("Role/paris", "Accepted", "Conflict", &["Role/france"]),
            said("Role/france", "Accepted", "Conflict", &["Role/paris"]),
            unresolved("TechnicalUser/french-user", &["`ROLE_FRANCE`"]),
        ]),
    },
    Mistake {
        name: "a role that is deleted",
        edits: &[edit(
            "roles.yaml",
            "apiVersion: cubegate.dev/v1alpha1\nkind: Role\nmetadata:\n  name: paris\n",
            "apiVersion: example.com/v1\nkind: Role\nmetadata:\n  name: paris\n",
        )],
        report: &["users.yaml:", "`ROLE_PARIS`"],
        refused: &[PARISIAN],
        in_cluster: Commanded(
            &[&["delete", "role.cubegate.dev", "paris"]],
            &[unresolved("TechnicalUser/parisian-user", &["`ROLE_PARIS`"])],
        ),
    },
    Mistake {
        name: "a role of a Session that does not exist",
        edits: &[edit(
            "roles.yaml",
            "name: paris\nspec:\n  sessionRef: {name: retail}",
            "name: paris\nspec:\n  sessionRef: {name: retal}",
        )],
        report: &["roles.yaml:", "`retal`", "`retail`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[
            unresolved("Role/paris", &["`retal`", "`retail`"]),
            unresolved("TechnicalUser/parisian-user", &["`ROLE_PARIS`"]),
        ]),
    },
    Mistake {
        name: "a role of which nothing can be read",
        edits: &[edit("roles.yaml", "name: paris\nspec:\n", "name: paris\nspecs:\n")],
        report: &["roles.yaml:", "paris"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Rejected(&["specs"]),
    },
    Mistake {
        name: "a role whose holders cannot be read",
        edits: &[edit("roles.yaml", "  mappedFrom: [paris]", "  mappedFrom: {paris: 7}")],
        report: &["roles.yaml:", "paris"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Rejected(&["mappedFrom"]),
    },
    Mistake {
        name: "a restriction on ROLE_USER",
        edits: &[edit("roles.yaml", "  roleName: ROLE_USER", "  roleName: ROLE_USER\n  restrictions: [paris-only]")],
        report: &["roles.yaml:", "ROLE_USER and ROLE_ADMIN cannot be restricted"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Rejected(&["ROLE_USER and ROLE_ADMIN cannot be restricted"]),
    },
    Mistake {
        name: "a restriction on ROLE_USER by inheritance",
        edits: &[edit("roles.yaml", "  mappedFrom: [atoti]", "  mappedFrom: [atoti]\n  inherits: [ROLE_PARIS]")],
        report: &["roles.yaml:", "ROLE_USER cannot be restricted"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Applied(&[said("Role/user", "Accepted", "Invalid", &["ROLE_USER cannot be restricted"])]),
    },
    Mistake {
        name: "a role whose validity ends before it begins",
        edits: &[edit(
            "roles.yaml",
            "  roleName: ROLE_PARIS",
            "  roleName: ROLE_PARIS\n  notBefore: 2027-01-31T12:00:00Z\n  notAfter: 2027-01-31T12:30:00+01:00",
        )],
        report: &["roles.yaml:", "`notAfter` is later than `notBefore`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["`notAfter` is later than `notBefore`"]),
    },
    Mistake {
        name: "a role whose validity ends on a day instead of at a moment",
        edits: &[edit("roles.yaml", "  roleName: ROLE_PARIS", "  roleName: ROLE_PARIS\n  notAfter: 2027-01-31")],
        report: &["roles.yaml:", "as RFC 3339 has it"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["notAfter", "date-time"]),
    },
    Mistake {
        name: "the role that lets in, valid no more",
        edits: &[edit(
            "roles.yaml",
            "  roleName: ROLE_USER",
            "  roleName: ROLE_USER\n  notAfter: 2021-01-31T12:00:00Z",
        )],
        report: &[],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Applied(&[]),
    },
];
