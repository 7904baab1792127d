//! `cubegate up` as its own process: the two stories, edits, mistakes, bad tables, bad requests, the end.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answering;
mod contexts;
mod cubes;
mod days;
mod examples;
mod guest;
mod leaks;
mod lifecycle;
mod mistakes;
mod reading;
mod requests;
mod retail;
mod tables;
mod timing;
mod tls;
mod validity;
mod world;

use cubegate_tests::{
    answers,
    http::{Connection, Credentials, Reply},
    up::Up,
};

/// Any free port of loopback.
const ANY_PORT: &str = "127.0.0.1:0";

/// The password of a user of the examples.
fn example_password(user: &str) -> String {
    format!("{user}-example")
}

/// A connection of a user of an example.
async fn connect(up: &Up, session: &str, user: &str) -> Connection {
    let credentials = Credentials::basic(user, &example_password(user));
    Connection::to(up.url(session).unwrap(), credentials).await.unwrap()
}

/// The first story's question.
async fn ask_retail(connection: &mut Connection) -> Reply {
    connection.query("Sales", &answers::quantity_by_city()).await.unwrap()
}
