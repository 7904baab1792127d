//! Cuts whose ends move with the day, on facts around today.

use std::{fs, time::SystemTime};

use cubegate_api::Moment;
use cubegate_tests::{process::RunDirectory, up::Up};
use k8s_openapi::jiff::{Span, civil::Date};
use serde_json::json;

use super::{ANY_PORT, connect};

const MANIFESTS: &str = "
apiVersion: cubegate.dev/v1alpha1
kind: Session
metadata: {name: shop}
spec:
  tables:
    - {name: Sales, source: {csv: {path: sales.csv}}, keys: [Id]}
  cubes:
    - name: Sales
      factTable: Sales
      hierarchies:
        - {name: Calendar, levels: [Year, Month, Day]}
  authentication:
    basic: {}
---
apiVersion: v1
kind: Secret
metadata: {name: passwords}
stringData: {quarter: quarter-example, calendar: calendar-example, past: past-example}
";

/// Days from today of the facts.
const DAYS: [i64; 7] = [-500, -91, -90, -1, 0, 1, 400];

/// A TechnicalUser with a cut of his own.
fn user(name: &str, cut: &str) -> String {
    let session = json!({"name": "shop"});
    let kind = |kind: &str, spec: serde_json::Value| json!({"apiVersion": "cubegate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let objects = [
        kind("Restriction", json!({"sessionRef": session, "cube": "Sales", "cuts": [cut]})),
        kind("Role", json!({"sessionRef": session, "restrictions": [name]})),
        kind(
            "TechnicalUser",
            json!({
                "sessionRef": session,
                "passwordSecretRef": {"name": "passwords", "key": name},
                "roles": ["ROLE_USER", name],
            }),
        ),
    ];
    objects.map(|object| format!("---\n{object}\n")).concat()
}

fn today() -> Date {
    Moment::of(SystemTime::now()).date()
}

fn write(run: &RunDirectory, today: Date) -> std::path::PathBuf {
    let directory = run.path().join("shop");
    fs::create_dir(&directory).unwrap();
    let fact = |(id, offset): (usize, &i64)| {
        let date = today.checked_add(Span::new().days(*offset)).unwrap();
        format!("{id},{date},{},{},{},{offset}\n", date.year(), date.month(), date.day())
    };
    let facts: String = DAYS.iter().enumerate().map(fact).collect();
    let csv = format!("Id,Date,Year,Month,Day,Offset\n{facts}");
    fs::write(directory.join("sales.csv"), csv).unwrap();
    let users = [
        user("quarter", "Date:90daysago-today"),
        user("calendar", "Calendar:90daysago-today"),
        user("past", "!Date:today-"),
    ];
    fs::write(directory.join("manifests.yaml"), format!("{MANIFESTS}{}", users.concat())).unwrap();
    directory
}

/// The days that a user sees, in the cube and in the table.
async fn seen(up: &Up, user: &str) -> [Vec<i64>; 2] {
    let mut connection = connect(up, "shop", user).await;
    let asked = json!({"columns": ["Offset"], "limit": 100});
    let mut seen = [Vec::new(), Vec::new()];
    for (path, seen) in ["/api/v1/cubes/Sales/drillthrough", "/api/v1/tables/Sales/query"].into_iter().zip(&mut seen) {
        let reply = connection.post_json(path, &asked).await.unwrap().expect(200).unwrap().json().unwrap();
        seen.extend(reply["rows"].as_array().unwrap().iter().map(|row| row[0].as_i64().unwrap()));
        seen.sort_unstable();
    }
    seen
}

#[tokio::test]
async fn a_cut_that_is_relative_to_the_day_shows_the_days_that_it_means_today() {
    // At midnight the days move on; then once more with the next day's facts.
    for attempt in ["first", "second"] {
        let day = today();
        let run = RunDirectory::new().unwrap();
        let up = Up::start(&run, &write(&run, day), ANY_PORT).await.unwrap();
        let found = [seen(&up, "quarter").await, seen(&up, "calendar").await, seen(&up, "past").await];
        if today() == day {
            let (last_quarter, past) = (vec![-90, -1, 0], vec![-500, -91, -90, -1]);
            let twice = |days: &Vec<i64>| [days.clone(), days.clone()];
            assert_eq!(found, [twice(&last_quarter), twice(&last_quarter), twice(&past)]);
            return;
        }
        assert_eq!(attempt, "first", "no day is that short");
    }
}
