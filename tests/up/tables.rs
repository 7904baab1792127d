//! Bad tables: a clear error with file and line, the data before stays, and mending helps.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use cubegate_tests::{
    answers::Table,
    http::{Connection, Reply},
    limits::{ENFORCED_MAX, REPORT_MAX},
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{ANY_PORT, connect};

const MANIFESTS: &str = "
apiVersion: cubegate.dev/v1alpha1
kind: Session
metadata: {name: shop}
spec:
  tables:
    - name: Sales
      source: {csv: {path: sales.csv}}
      keys: [Id]
      columns: {Amount: {type: int64}}
  cubes:
    - {name: Sales, factTable: Sales}
  authentication:
    basic: {}
---
apiVersion: cubegate.dev/v1alpha1
kind: TechnicalUser
metadata: {name: keeper}
spec:
  sessionRef: {name: shop}
  passwordSecretRef: {name: passwords, key: keeper}
  roles: [ROLE_USER]
---
apiVersion: v1
kind: Secret
metadata: {name: passwords}
stringData: {keeper: keeper-example}
";

/// What is wrong, the file, and what the report says of it.
const BAD: &[(&str, &[u8], &[&str])] = &[
    ("an empty file", b"", &["sales.csv", "empty"]),
    ("a missing key column", b"Number,City,Amount\n1,Paris,1\n", &["sales.csv", "Id"]),
    ("a missing column of a declared type", b"Id,City,Amounts\n1,Paris,1\n", &["Amount"]),
    ("a ragged row", b"Id,City,Amount\n1,Paris,1\n2,Lyon\n", &["sales.csv:3"]),
    ("a bad number", b"Id,City,Amount\n1,Paris,1\n2,Lyon,many\n", &["sales.csv:3", "Amount", "many"]),
    ("bad UTF-8", b"Id,City,Amount\n1,Paris,1\n2,Ly\xffon,2\n", &["sales.csv:3", "UTF-8"]),
    ("two columns with one name", b"Id,City,City,Amount\n1,Paris,Paris,1\n", &["sales.csv", "City"]),
];

/// Sum of Amount by City.
type Sums = &'static [(&'static str, i64)];

/// Oddities that are no errors, and the sum of Amount by City.
const ODD: &[(&str, &[u8], Sums)] = &[
    ("a byte-order mark", b"\xef\xbb\xbfId,City,Amount\n1,Paris,11\n", &[("Paris", 11)]),
    ("CRLF", b"Id,City,Amount\r\n1,Paris,12\r\n2,Lyon,1\r\n", &[("Lyon", 1), ("Paris", 12)]),
    (
        "quoted newlines and commas",
        b"Id,City,Amount\n1,\"Par\nis\",13\n2,\"Ly,on\",1\n",
        &[("Ly,on", 1), ("Par\nis", 13)],
    ),
    ("a later row with the same key", b"Id,City,Amount\n1,Paris,1\n1,Paris,14\n", &[("Paris", 14)]),
    ("no newline at the end", b"Id,City,Amount\n1,Paris,15", &[("Paris", 15)]),
];

const GOOD: &[u8] = b"Id,City,Amount\n1,Paris,3\n2,Lyon,4\n";
const GOOD_SUMS: Sums = &[("Lyon", 4), ("Paris", 3)];

#[tokio::test]
async fn a_bad_table_is_reported_with_its_place_and_the_data_before_is_served_until_it_is_mended() {
    let story = Story::begin("tables: bad and odd ones");
    let run = RunDirectory::new().unwrap();
    let directory = run.make("shop").unwrap();
    write(&directory, GOOD);
    let mut up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let mut keeper = connect(&up, "shop", "keeper").await;
    expect_sums(&ask(&mut keeper).await, GOOD_SUMS).unwrap();

    let table = directory.join("sales.csv");
    let mut reported = 0;
    for (name, content, report) in BAD {
        story.step(name);
        up::replace(&table, content).unwrap();
        reported = up.wait_for_report(reported, report).await.unwrap();
        expect_sums(&ask(&mut keeper).await, GOOD_SUMS).unwrap();
    }
    story.step("a missing file");
    fs::remove_file(&table).unwrap();
    reported = up.wait_for_report(reported, &["sales.csv"]).await.unwrap();
    expect_sums(&ask(&mut keeper).await, GOOD_SUMS).unwrap();
    for (name, content, sums) in ODD {
        story.step(name);
        up::replace(&table, content).unwrap();
        let accept = |reply: &Reply| expect_sums(reply, sums);
        keeper.query_until("Sales", &question(), REPORT_MAX, accept).await.unwrap();
    }
    up.wait_for_report(reported, &["mended"]).await.unwrap();
}

#[tokio::test]
async fn a_session_that_starts_with_a_bad_table_serves_once_the_table_is_mended() {
    let run = RunDirectory::new().unwrap();
    let directory = run.make("shop").unwrap();
    write(&directory, b"Id,City,Amount\n1,Paris,many\n");
    let mut up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    up.wait_for_report(0, &["sales.csv:2", "Amount", "many"]).await.unwrap();
    let mut keeper = connect(&up, "shop", "keeper").await;
    ask(&mut keeper).await.expect(503).unwrap();

    up::replace(&directory.join("sales.csv"), GOOD).unwrap();
    tokio::time::sleep(ENFORCED_MAX).await;
    expect_sums(&ask(&mut keeper).await, GOOD_SUMS).unwrap();
}

fn write(directory: &Path, table: &[u8]) {
    fs::write(directory.join("shop.yaml"), MANIFESTS).unwrap();
    fs::write(directory.join("sales.csv"), table).unwrap();
}

fn question() -> Value {
    json!({"measures": ["Amount.SUM"], "levels": ["City"]})
}

async fn ask(connection: &mut Connection) -> Reply {
    connection.query("Sales", &question()).await.unwrap()
}

fn expect_sums(reply: &Reply, expected: &[(&str, i64)]) -> Result<()> {
    let table = Table::read(reply)?;
    let (city, amount) = (table.column("City")?, table.column("Amount.SUM")?);
    let rows: Vec<(&str, i64)> = table
        .rows
        .iter()
        .map(|row| (row[city].as_str().unwrap_or_default(), row[amount].as_i64().unwrap_or(i64::MIN)))
        .collect();
    ensure!(rows == expected, "expected {expected:?}\n     got {rows:?}");
    Ok(())
}
