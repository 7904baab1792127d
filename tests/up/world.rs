//! The second story: what several roles mean together, each edit seen by a client that stays connected.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use cubegate_tests::{
    answers::Table,
    http::{Connection, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{ANY_PORT, connect};

const COLUMNS: [&str; 4] = ["Continent", "Country", "Currency", "contributors.COUNT"];

const JAPAN: [&str; 4] = ["Asia", "Japan", "JPY", "1"];
const KOREA: [&str; 4] = ["Asia", "Korea", "KRW", "1"];
const FRANCE: [&str; 4] = ["Europe", "France", "EUR", "1"];
const GERMANY: [&str; 4] = ["Europe", "Germany", "EUR", "1"];
const NORWAY: [&str; 4] = ["Europe", "Norway", "NOK", "1"];
const SWEDEN: [&str; 4] = ["Europe", "Sweden", "SEK", "1"];

/// All six, in natural order.
const WORLD: &[[&str; 4]] = &[JAPAN, KOREA, FRANCE, GERMANY, NORWAY, SWEDEN];

/// Roles beyond those of the example, each with the lines of its one restriction.
const MORE_ROLES: [(&str, &str); 6] = [
    (
        "ASIA_JAPAN",
        "[{table: Countries, column: Continent, equals: Asia}, {table: Countries, column: Country, equals: Japan}]",
    ),
    (
        "ASIA_FRANCE",
        "[{table: Countries, column: Continent, equals: Asia}, {table: Countries, column: Country, equals: France}]",
    ),
    (
        "ASIA_KRW",
        "[{table: Countries, column: Continent, equals: Asia}, {table: Countries, column: Currency, equals: KRW}]",
    ),
    (
        "FRANCE_EUR",
        "[{table: Countries, column: Country, equals: France}, {table: Countries, column: Currency, equals: EUR}]",
    ),
    ("NOWHERE", "[{table: Countries, column: Country, equals: Atlantis}]"),
    ("UNRESTRICTED", ""),
];

/// The analyst, connected once for the whole story.
struct Analyst {
    story: Story,
    directory: PathBuf,
    connection: Connection,
    roles: String,
    _up: Up,
    _run: RunDirectory,
}

impl Analyst {
    async fn arrive(title: &str, prepare: impl FnOnce(&PathBuf)) -> Self {
        let story = Story::begin(title);
        let run = RunDirectory::new().unwrap();
        let directory = up::copy_example(&run, "restrictions").unwrap();
        prepare(&directory);
        let up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
        let connection = connect(&up, "world", "analyst").await;
        Self { story, directory, connection, roles: "roles: [ROLE_USER]".into(), _up: up, _run: run }
    }

    /// Edits the roles; the same connection must see the effect within a second.
    async fn becomes(&mut self, roles: &str, accept: impl Fn(&Reply) -> Result<()>) {
        let roles = format!("roles: [{roles}]");
        up::edit(&self.directory.join("users.yaml"), &self.roles, &roles).unwrap();
        let latency = self.connection.query_until("Countries", &question(), ENFORCED_MAX, accept).await;
        self.story.measured(&format!("{roles}, enforced after"), latency.unwrap());
        self.roles = roles;
    }

    async fn sees(&mut self, roles: &str, rows: &'static [[&'static str; 4]]) {
        self.becomes(roles, |reply| expect_rows(reply, rows)).await;
    }
}

fn question() -> Value {
    json!({"measures": ["contributors.COUNT"], "levels": ["Country", "Currency"]})
}

fn expect_rows(reply: &Reply, expected: &[[&str; 4]]) -> Result<()> {
    let table = Table::read(reply)?;
    ensure!(table.columns == COLUMNS, "columns {:?}", table.columns);
    let rows = table.texts(&COLUMNS)?;
    ensure!(rows == expected, "expected {expected:?}\n     got {rows:?}");
    Ok(())
}

#[tokio::test]
async fn each_role_more_changes_what_the_next_query_of_a_connected_client_shows() {
    let mut analyst = Analyst::arrive("world", |_| ()).await;
    expect_rows(&analyst.connection.query("Countries", &question()).await.unwrap(), WORLD).unwrap();
    analyst.sees("ROLE_USER, FRANCE", &[FRANCE]).await;
    analyst.sees("ROLE_USER, FRANCE, GERMANY", &[FRANCE, GERMANY]).await;
    analyst.sees("ROLE_USER, FRANCE, GERMANY, NORDIC", &[FRANCE, GERMANY, NORWAY, SWEDEN]).await;
    analyst.sees("ROLE_USER, FRANCE, GERMANY, NORDIC, ASIA", WORLD).await;
    analyst.sees("ROLE_USER, FRANCE, GERMANY, NORDIC, ASIA, EUR", &[FRANCE, GERMANY]).await;
    // No rows, but the columns and status 200.
    analyst.sees("ROLE_USER, NORDIC, ASIA, EUR", &[]).await;
    analyst.sees("ROLE_ADMIN, FRANCE", WORLD).await;
    analyst.becomes("FRANCE", |reply| reply.expect_status(403)).await;
    analyst.sees("ROLE_USER", WORLD).await;
}

#[tokio::test]
async fn several_lines_of_one_role_hold_together_and_several_roles_unite_hierarchy_by_hierarchy() {
    let mut analyst = Analyst::arrive("world: more of the same rule", |directory| {
        let objects: String = MORE_ROLES.iter().map(|&(role, lines)| role_manifest(role, lines)).collect();
        std::fs::write(directory.join("more.yaml"), objects).unwrap();
    })
    .await;
    analyst.sees("ROLE_USER, ASIA_JAPAN", &[JAPAN]).await;
    analyst.sees("ROLE_USER, ASIA_FRANCE", &[]).await;
    analyst.sees("ROLE_USER, ASIA_KRW, FRANCE_EUR", &[KOREA, FRANCE]).await;
    analyst.sees("ROLE_USER, ASIA_KRW, FRANCE", &[KOREA]).await;
    // A value that exists nowhere matches nothing and adds nothing.
    analyst.sees("ROLE_USER, NOWHERE", &[]).await;
    analyst.sees("ROLE_USER, NOWHERE, FRANCE", &[FRANCE]).await;
    // A role without restriction neither widens nor lifts anything.
    analyst.sees("ROLE_USER, UNRESTRICTED, FRANCE", &[FRANCE]).await;
}

#[tokio::test]
async fn a_column_restricts_every_hierarchy_that_is_built_on_it() {
    let mut analyst = Analyst::arrive("world: single-level hierarchies beside Geography", |directory| {
        up::edit(&directory.join("session.yaml"), "removeHierarchies: [Continent, Country]", "removeHierarchies: []")
            .unwrap();
    })
    .await;
    analyst.connection.get("/whoami").await.unwrap().expect(200).unwrap();
    let qualified = json!({"measures": ["contributors.COUNT"], "levels": ["Geography/Country", "Currency"]});
    up::edit(&analyst.directory.join("users.yaml"), "[ROLE_USER]", "[ROLE_USER, FRANCE, ASIA]").unwrap();
    let nothing = |reply: &Reply| {
        ensure!(Table::read(reply)?.rows.is_empty(), "{reply:?}");
        Ok(())
    };
    analyst.connection.query_until("Countries", &qualified, ENFORCED_MAX, nothing).await.unwrap();
}

/// A Role and, if it has lines, its Restriction.
fn role_manifest(role: &str, lines: &str) -> String {
    let name = role.to_lowercase().replace('_', "-");
    let head = |kind: &str| {
        format!(
            "---\napiVersion: cubegate.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  sessionRef: {{name: world}}\n"
        )
    };
    let role = format!("{}  roleName: {role}\n", head("Role"));
    if lines.is_empty() {
        return role;
    }
    format!("{role}  restrictions: [{name}]\n{}  where: {lines}\n", head("Restriction"))
}
