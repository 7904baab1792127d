//! Mistakes in and about TechnicalUsers, their Secrets, and guests.

use super::{
    FRENCH, GLOBAL,
    InCluster::{Applied, Commanded, Rejected},
    Mistake, PARISIAN, edit, said, unresolved,
};

pub(super) const USERS: &[Mistake] = &[
    Mistake {
        name: "a key that its Secret does not have",
        edits: &[edit("passwords.yaml", "parisian-user:", "parisien-user:")],
        report: &["users.yaml:", "parisian-user", "parisien-user"],
        refused: &[PARISIAN],
        in_cluster: Commanded(
            &[&[
                "patch",
                "secret",
                "retail-passwords",
                "--type=json",
                "-p",
                r#"[{"op":"remove","path":"/data/parisian-user"}]"#,
            ]],
            &[unresolved("TechnicalUser/parisian-user", &["`parisian-user`", "retail-passwords"])],
        ),
    },
    Mistake {
        name: "a Secret that does not exist",
        edits: &[edit(
            "users.yaml",
            "{name: retail-passwords, key: parisian-user}",
            "{name: retail-password, key: parisian-user}",
        )],
        report: &["users.yaml:", "`retail-password`", "`retail-passwords`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("TechnicalUser/parisian-user", &["`retail-password`"])]),
    },
    Mistake {
        name: "an empty password",
        edits: &[edit("passwords.yaml", "parisian-user: parisian-user-example", r#"parisian-user: """#)],
        report: &["users.yaml:", "the password is empty"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("TechnicalUser/parisian-user", &["the password is empty"])]),
    },
    Mistake {
        name: "a hash in a form that is not supported",
        edits: &[edit(
            "passwords.yaml",
            "parisian-user: parisian-user-example",
            r#"parisian-user: "$argon2id$v=19$nonsense""#,
        )],
        report: &["users.yaml:", "TechnicalUser/parisian-user"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[said("TechnicalUser/parisian-user", "Accepted", "Invalid", &["passwordSecretRef"])]),
    },
    Mistake {
        name: "a user whose role nobody declared",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_FRANCE]", "roles: [ROLE_USER, ROLE_FRENCH]")],
        report: &["users.yaml:", "ROLE_FRENCH", "ROLE_FRANCE"],
        refused: &[FRENCH],
        in_cluster: Applied(&[unresolved("TechnicalUser/french-user", &["`ROLE_FRENCH`", "`ROLE_FRANCE`"])]),
    },
    Mistake {
        name: "a user with a colon in the name",
        edits: &[edit(
            "users.yaml",
            "name: parisian-user\nspec:\n",
            "name: parisian-user\nspec:\n  username: \"parisian:user\"\n",
        )],
        report: &["users.yaml:", "colon"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["no colon"]),
    },
    Mistake {
        name: "two users with one user name",
        edits: &[edit(
            "users.yaml",
            "name: french-user\nspec:\n",
            "name: french-user\nspec:\n  username: parisian-user\n",
        )],
        report: &["users.yaml:", "has the user name `parisian-user` too"],
        refused: &[PARISIAN, FRENCH],
        in_cluster: Applied(&[
            said("TechnicalUser/french-user", "Accepted", "Conflict", &["`parisian-user`"]),
            said("TechnicalUser/parisian-user", "Accepted", "Conflict", &["`parisian-user`"]),
        ]),
    },
    Mistake {
        name: "a user with a field of the wrong type",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_PARIS]", "roles: ROLE_USER")],
        report: &["users.yaml:", "parisian-user"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["roles"]),
    },
    Mistake {
        name: "a user with an unknown field",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_PARIS]", "role: [ROLE_USER, ROLE_PARIS]")],
        report: &["users.yaml:", "`role`", "`roles`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["role"]),
    },
    Mistake {
        name: "a user of a Session that does not exist",
        edits: &[edit(
            "users.yaml",
            "name: parisian-user\nspec:\n  sessionRef: {name: retail}",
            "name: parisian-user\nspec:\n  sessionRef: {name: other}",
        )],
        report: &["users.yaml:", "`other`"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[unresolved("TechnicalUser/parisian-user", &["`other`"])]),
    },
    Mistake {
        name: "a Secret that is deleted",
        edits: &[edit("passwords.yaml", "apiVersion: v1\nkind: Secret", "apiVersion: example.com/v1\nkind: Secret")],
        report: &["users.yaml:", "there is no Secret `retail-passwords`"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
        in_cluster: Commanded(
            &[&["delete", "secret", "retail-passwords"]],
            &[
                unresolved("TechnicalUser/parisian-user", &["retail-passwords"]),
                unresolved("TechnicalUser/french-user", &["retail-passwords"]),
                unresolved("TechnicalUser/global-user", &["retail-passwords"]),
            ],
        ),
    },
    Mistake {
        name: "a user whose validity ends before it begins",
        edits: &[edit(
            "users.yaml",
            "name: parisian-user\nspec:\n",
            "name: parisian-user\nspec:\n  notBefore: 2027-01-31T12:00:00Z\n  notAfter: 2021-01-31T12:00:00Z\n",
        )],
        report: &["users.yaml:", "`notAfter` is later than `notBefore`"],
        refused: &[PARISIAN],
        in_cluster: Rejected(&["`notAfter` is later than `notBefore`"]),
    },
    Mistake {
        name: "a user who is not valid yet",
        edits: &[edit(
            "users.yaml",
            "name: parisian-user\nspec:\n",
            "name: parisian-user\nspec:\n  notBefore: 2999-01-31T12:00:00Z\n",
        )],
        report: &[],
        refused: &[PARISIAN],
        in_cluster: Applied(&[]),
    },
    Mistake {
        name: "guests with a role that there is not",
        edits: &[edit(
            "session.yaml",
            "  authentication:\n",
            "  authentication:\n    guestRoles: [ROLE_USER, ROLE_GUEST]\n",
        )],
        report: &["session.yaml:", "`ROLE_GUEST`"],
        refused: &[],
        in_cluster: Applied(&[unresolved("Session/retail", &["`ROLE_GUEST`"])]),
    },
    Mistake {
        name: "guests with a broken role",
        edits: &[
            edit("session.yaml", "  authentication:\n", "  authentication:\n    guestRoles: [ROLE_USER, ROLE_PARIS]\n"),
            edit("roles.yaml", "[paris-only]", "[pari-only]"),
        ],
        report: &["session.yaml:", "`ROLE_PARIS` is not valid"],
        refused: &[PARISIAN],
        in_cluster: Applied(&[
            unresolved("Session/retail", &["`ROLE_PARIS` is not valid"]),
            unresolved("Role/paris", &["`pari-only`"]),
        ]),
    },
];
