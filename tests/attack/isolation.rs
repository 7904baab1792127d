//! Callers share connections to the engine, and nothing else.

use cubegate_tests::{recorder::NUMBER, wire};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    door::Door,
    policies::{PASSWORD, basic, closed},
};

/// Callers at once.
const CALLERS: usize = 8;
/// Requests of each.
const REQUESTS: usize = 40;

#[tokio::test]
async fn nobody_gets_the_answer_to_somebody_else_although_callers_hang_up_in_the_middle() {
    let door = Door::with(closed()).await.unwrap();
    let users = ["analyst", "admin"];
    for user in users {
        assert_eq!(door.get("/warm", &basic(user, PASSWORD)).await.status, 200);
    }
    let callers = (0..CALLERS).map(|caller| {
        let door = &door;
        async move {
            let user = users[caller % users.len()];
            for number in 0..REQUESTS {
                let path = format!("/{user}/{caller}/{number}");
                if number % 4 == 0 {
                    hang_up(door, &path, user, number).await;
                }
                let answer = door.get(&path, &basic(user, PASSWORD)).await;
                let text = answer.text();
                assert!(answer.status == 200 && text.starts_with(&format!("{path} ")), "{path}: {text}");
            }
        }
    });
    futures::future::join_all(callers).await;
    let seen = door.recorder.seen();
    assert!(seen.malformed.is_empty(), "{:?}", seen.malformed);
    for request in seen.arrived.iter().filter(|request| request.target != "/warm") {
        let user = request.target.split('/').nth(1).unwrap();
        assert_eq!(wire::values(&request.headers, "x-cubegate-user"), [user], "{}", request.target);
    }
}

#[tokio::test]
async fn a_refused_tunnel_leaves_its_connection_and_those_to_the_engine_as_they_were() {
    let door = Door::with(closed()).await.unwrap();
    let authorization = basic("analyst", PASSWORD);
    let requests = ["CONNECT engine:80", "CONNECT /api", "TRACE /api"].map(|tunnel| {
        [tunnel, "GET /after"].map(|line| format!("{line} HTTP/1.1\r\nHost: door\r\n{authorization}\r\n")).concat()
    });
    let exchange = door.exchange(requests.concat().as_bytes()).await;
    let statuses: Vec<u16> = exchange.answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [405, 200, 405, 200, 405, 200], "{exchange:?}");
    let numbers: Vec<&str> = exchange.answers.iter().map(|answer| answer.header(NUMBER)).collect();
    assert_eq!(numbers, ["", "0", "", "1", "", "2"]);
}

/// Begins a request, in one of several ways, and hangs up.
async fn hang_up(door: &Door, path: &str, user: &str, number: usize) {
    let authorization = basic(user, PASSWORD);
    let begun = match number % 3 {
        0 => format!("GET {path}/gone HTTP/1.1\r\nHost: door\r\n{authorization}\r\n"),
        1 => format!("POST {path}/gone HTTP/1.1\r\nHost: door\r\n{authorization}Content-Length: 100\r\n\r\nhalf of it"),
        _ => format!(
            "POST {path}/gone HTTP/1.1\r\nHost: door\r\n{authorization}Transfer-Encoding: chunked\r\n\r\n5\r\nhal"
        ),
    };
    let mut stream = TcpStream::connect(door.public).await.unwrap();
    stream.write_all(begun.as_bytes()).await.unwrap();
}
