//! Ways to break the policy of the retail example.

/// Edits that make manifests wrong.
pub(super) struct Mistake {
    pub(super) name: &'static str,
    pub(super) edits: &'static [Edit],
    /// What the report says, its place included.
    pub(super) report: &'static [&'static str],
    /// Users who are refused until it is mended; everybody else notices nothing.
    pub(super) refused: &'static [&'static str],
}

/// A piece of a file, and what stands there instead.
pub(super) struct Edit {
    pub(super) file: &'static str,
    pub(super) from: &'static str,
    pub(super) to: To,
}

/// What stands there instead.
pub(super) enum To {
    /// This.
    Text(&'static str),
    /// This, and behind it so many characters.
    Longer(&'static str, usize),
}

impl To {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Longer(text, characters) => format!("{text}{}", "X".repeat(*characters)),
        }
    }
}

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to: To::Text(to) }
}

pub(super) const PARISIAN: &str = "parisian-user";
pub(super) const FRENCH: &str = "french-user";
pub(super) const GLOBAL: &str = "global-user";

/// Mistakes in and about Restrictions.
pub(super) const RESTRICTIONS: &[Mistake] = &[
    Mistake {
        name: "a restriction on a column that does not exist",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: Citty, equals: Paris")],
        report: &["restrictions.yaml:", "Citty", "`City`"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a restriction with an unknown field",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equal: Paris")],
        report: &["restrictions.yaml:17", "equal"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction with a field of the wrong type",
        edits: &[edit("restrictions.yaml", "    - {table: Shops, column: City, equals: Paris}", "    table: Shops")],
        report: &["restrictions.yaml:", "paris-only"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction with both equals and in",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: Paris, in: [Lyon]")],
        report: &["restrictions.yaml:", "exactly one of `equals`"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction with neither equals nor in",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City")],
        report: &["restrictions.yaml:", "exactly one of `equals`"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction to no value",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, in: []")],
        report: &["restrictions.yaml:17", "empty `in`"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction without a column",
        edits: &[edit("restrictions.yaml", "table: Shops, column: City, equals: Paris", "table: Shops, equals: Paris")],
        report: &["restrictions.yaml:", "column"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a restriction to a fraction, which text would have to be",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: 1.5")],
        report: &["restrictions.yaml:", "text or an integer"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction to a mapping",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: {city: Paris}")],
        report: &["restrictions.yaml:", "text or an integer"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a restriction without lines",
        edits: &[edit("restrictions.yaml", "\n  where:\n    - {table: Shops, column: City, equals: Paris}", "")],
        report: &["restrictions.yaml:", "where"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a restriction that says one thing twice",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris", "column: City, equals: Paris, equals: Lyon")],
        report: &["restrictions.yaml:17", "duplicate"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a restriction without a name",
        edits: &[edit("restrictions.yaml", "metadata:\n  name: paris-only", "metadata: {}")],
        report: &["restrictions.yaml:", "metadata.name"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a restriction that is renamed",
        edits: &[edit("restrictions.yaml", "name: paris-only", "name: somewhere-else")],
        report: &["roles.yaml:", "paris-only"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "two restrictions with one name",
        edits: &[edit("restrictions.yaml", "name: france-only", "name: paris-only")],
        report: &["restrictions.yaml:", "paris-only"],
        refused: &[PARISIAN, FRENCH],
    },
    Mistake {
        name: "a syntax error",
        edits: &[edit("restrictions.yaml", "column: City, equals: Paris}", "column: City, equals: Paris")],
        report: &["restrictions.yaml:"],
        refused: &[PARISIAN],
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
    },
];

/// Mistakes in and about Roles.
pub(super) const ROLES: &[Mistake] = &[
    Mistake {
        name: "a role that names a restriction that there is not",
        edits: &[edit("roles.yaml", "[paris-only]", "[pari-only]")],
        report: &["roles.yaml:", "`pari-only`", "`paris-only`"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a role with a misspelt field",
        edits: &[edit("roles.yaml", "  mappedFrom: [paris]", "  mapedFrom: [paris]")],
        report: &["roles.yaml:", "mapedFrom", "`mappedFrom`"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a role with a field of the wrong type",
        edits: &[edit("roles.yaml", "[paris-only]", "paris-only")],
        report: &["roles.yaml:", "Role/paris"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a role name that cannot travel in a header",
        edits: &[edit("roles.yaml", "roleName: ROLE_PARIS", r#"roleName: "ROLE,PARIS""#)],
        report: &["roles.yaml:", "header"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a role name that is too long",
        edits: &[Edit { file: "roles.yaml", from: "roleName: ROLE_PARIS", to: To::Longer("roleName: ROLE_", 128) }],
        report: &["roles.yaml:", "128"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "two roles with one role name",
        edits: &[edit("roles.yaml", "roleName: ROLE_FRANCE", "roleName: ROLE_PARIS")],
        report: &["roles.yaml:", "declares the role `ROLE_PARIS` too"],
        refused: &[PARISIAN, FRENCH],
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
    },
    Mistake {
        name: "a role of which nothing can be read",
        edits: &[edit("roles.yaml", "name: paris\nspec:\n", "name: paris\nspecs:\n")],
        report: &["roles.yaml:", "paris"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
    },
    Mistake {
        name: "a role whose holders cannot be read",
        edits: &[edit("roles.yaml", "  mappedFrom: [paris]", "  mappedFrom: {paris: 7}")],
        report: &["roles.yaml:", "paris"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
    },
    Mistake {
        name: "a restriction on ROLE_USER",
        edits: &[edit("roles.yaml", "  roleName: ROLE_USER", "  roleName: ROLE_USER\n  restrictions: [paris-only]")],
        report: &["roles.yaml:", "ROLE_USER and ROLE_ADMIN cannot be restricted"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
    },
    Mistake {
        name: "a restriction on ROLE_USER by inheritance",
        edits: &[edit("roles.yaml", "  mappedFrom: [atoti]", "  mappedFrom: [atoti]\n  inherits: [ROLE_PARIS]")],
        report: &["roles.yaml:", "ROLE_USER cannot be restricted"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
    },
];

/// Mistakes in and about TechnicalUsers and their Secrets.
pub(super) const USERS: &[Mistake] = &[
    Mistake {
        name: "a key that its Secret does not have",
        edits: &[edit("passwords.yaml", "parisian-user:", "parisien-user:")],
        report: &["users.yaml:", "parisian-user", "parisien-user"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "an empty password",
        edits: &[edit("passwords.yaml", "parisian-user: parisian-user-example", r#"parisian-user: """#)],
        report: &["users.yaml:", "the password is empty"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a user whose role nobody declared",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_FRANCE]", "roles: [ROLE_USER, ROLE_FRENCH]")],
        report: &["users.yaml:", "ROLE_FRENCH", "ROLE_FRANCE"],
        refused: &[FRENCH],
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
    },
    Mistake {
        name: "a user with a field of the wrong type",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_PARIS]", "roles: ROLE_USER")],
        report: &["users.yaml:", "parisian-user"],
        refused: &[PARISIAN],
    },
    Mistake {
        name: "a user with an unknown field",
        edits: &[edit("users.yaml", "roles: [ROLE_USER, ROLE_PARIS]", "role: [ROLE_USER, ROLE_PARIS]")],
        report: &["users.yaml:", "`role`", "`roles`"],
        refused: &[PARISIAN],
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
    },
    Mistake {
        name: "a Secret that is deleted",
        edits: &[edit("passwords.yaml", "apiVersion: v1\nkind: Secret", "apiVersion: example.com/v1\nkind: Secret")],
        report: &["users.yaml:", "there is no Secret `retail-passwords`"],
        refused: &[PARISIAN, FRENCH, GLOBAL],
    },
];

/// Mistakes in tables and cubes: what was loaded before answers on.
pub(super) const MODEL: &[Mistake] = &[
    Mistake {
        name: "a join to a table that does not exist",
        edits: &[edit("session.yaml", "to: Shops, on", "to: Shop, on")],
        report: &["session.yaml:", "`Shop`", "`Shops`"],
        refused: &[],
    },
    Mistake {
        name: "a cube on a table that does not exist",
        edits: &[edit("session.yaml", "factTable: Sales", "factTable: Sale")],
        report: &["session.yaml:", "`Sale`", "`Sales`"],
        refused: &[],
    },
    Mistake {
        name: "a table whose file is gone",
        edits: &[edit("session.yaml", "key: sales.csv", "key: sale.csv")],
        report: &["session.yaml:", "table Sales"],
        refused: &[],
    },
];
