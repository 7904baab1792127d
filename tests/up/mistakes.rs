//! Mistakes in manifests while Sessions are served: reported with their place, their holders refused, nobody else.

use std::path::PathBuf;

use cubegate_tests::{
    answers::{self, CityRow},
    http::{Connection, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};

use super::{ANY_PORT, connect};

/// An edit that makes a manifest wrong.
struct Mistake {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    /// What the report says, its place included.
    report: &'static [&'static str],
    refused: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "a restriction on a column that does not exist",
        file: "restrictions.yaml",
        from: "column: City, equals: Paris",
        to: "column: Citty, equals: Paris",
        report: &["restrictions.yaml:", "Citty", "`City`"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a restriction with an unknown field",
        file: "restrictions.yaml",
        from: "column: City, equals: Paris",
        to: "column: City, equal: Paris",
        report: &["restrictions.yaml:", "equal"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a restriction with a field of the wrong type",
        file: "restrictions.yaml",
        from: "    - {table: Shops, column: City, equals: Paris}",
        to: "    table: Shops",
        report: &["restrictions.yaml:", "paris-only"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a restriction with both equals and in",
        file: "restrictions.yaml",
        from: "column: City, equals: Paris",
        to: "column: City, equals: Paris, in: [Lyon]",
        report: &["restrictions.yaml:", "exactly one of `equals` and `in`"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a syntax error",
        file: "restrictions.yaml",
        from: "column: City, equals: Paris}",
        to: "column: City, equals: Paris",
        report: &["restrictions.yaml:"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "two restrictions with one name",
        file: "restrictions.yaml",
        from: "name: france-only",
        to: "name: paris-only",
        report: &["restrictions.yaml:", "paris-only"],
        refused: &["parisian-user", "french-user"],
    },
    Mistake {
        name: "a restriction that is gone",
        file: "restrictions.yaml",
        from: "name: paris-only",
        to: "name: somewhere-else",
        report: &["roles.yaml:", "paris-only"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a circle of inheritance",
        file: "roles.yaml",
        from: "  restrictions: [paris-only]",
        to: "  restrictions: [paris-only]\n  inherits: [ROLE_PARIS]",
        report: &["roles.yaml:", "ROLE_PARIS"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a restriction on ROLE_USER",
        file: "roles.yaml",
        from: "  roleName: ROLE_USER",
        to: "  roleName: ROLE_USER\n  restrictions: [paris-only]",
        report: &["roles.yaml:", "ROLE_USER and ROLE_ADMIN cannot be restricted"],
        refused: &["parisian-user", "french-user", "global-user"],
    },
    Mistake {
        name: "a key that its Secret does not have",
        file: "passwords.yaml",
        from: "parisian-user:",
        to: "parisien-user:",
        report: &["users.yaml:", "parisian-user", "parisien-user"],
        refused: &["parisian-user"],
    },
    Mistake {
        name: "a role that nobody declared",
        file: "users.yaml",
        from: "roles: [ROLE_USER, ROLE_FRANCE]",
        to: "roles: [ROLE_USER, ROLE_FRENCH]",
        report: &["users.yaml:", "ROLE_FRENCH", "ROLE_FRANCE"],
        refused: &["french-user"],
    },
];

const USERS: [(&str, &[CityRow]); 3] =
    [("parisian-user", answers::PARIS), ("french-user", answers::FRANCE), ("global-user", answers::EVERYWHERE)];

struct Served {
    directory: PathBuf,
    connections: Vec<(&'static str, &'static [CityRow], Connection)>,
    up: Up,
    reported: usize,
    _run: RunDirectory,
}

#[tokio::test]
async fn a_mistake_is_reported_with_its_place_and_refuses_its_holders_and_nobody_else_until_it_is_mended() {
    let story = Story::begin("retail: mistakes");
    let mut served = Served::start().await;
    served.expect(&[]).await;
    for mistake in MISTAKES {
        story.step(mistake.name);
        let file = served.directory.join(mistake.file);
        let original = std::fs::read(&file).unwrap();
        up::edit(&file, mistake.from, mistake.to).unwrap();
        served.expect(mistake.refused).await;
        served.reported = served.up.wait_for_report(served.reported, mistake.report).await.unwrap();
        up::replace(&file, &original).unwrap();
        served.expect(&[]).await;
        served.reported = served.up.wait_for_report(served.reported, &["mended"]).await.unwrap();
    }
}

impl Served {
    async fn start() -> Self {
        let run = RunDirectory::new().unwrap();
        let directory = up::copy_example(&run, "retail").unwrap();
        let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
        let mut connections = Vec::new();
        for (user, table) in USERS {
            connections.push((user, table, connect(&up, "retail", user).await));
        }
        Self { directory, connections, up, reported: 0, _run: run }
    }

    /// The refused ones are refused within a second, and everybody else has their table, all on their first connection.
    async fn expect(&mut self, refused: &[&str]) {
        let (out, inside): (Vec<_>, Vec<_>) =
            self.connections.iter_mut().partition(|(user, ..)| refused.contains(user));
        for (user, table, connection) in out.into_iter().chain(inside) {
            let is_refused = refused.contains(user);
            let accept =
                |reply: &Reply| if is_refused { reply.expect_refused() } else { answers::expect_cities(reply, table) };
            let enforced = connection.query_until("Sales", &answers::quantity_by_city(), ENFORCED_MAX, accept).await;
            enforced.unwrap_or_else(|error| panic!("{user}, who should be refused: {is_refused}: {error:#}"));
        }
    }
}
