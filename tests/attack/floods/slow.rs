//! Connections on which little or nothing is said.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{ALONE, descriptors, door, good_requests, others_are_served, resident_bytes};
use crate::{door::Door, policies::analyst};

/// Connections of the attacker: more than the sidecar serves at once, where descriptors allow.
const SLOW_CONNECTIONS: usize = 10_500;
/// Descriptors that the test needs for itself.
const DESCRIPTORS_RESERVED: usize = 500;
/// Connections with bodies that never end.
const SLOW_BODIES: usize = 300;

#[tokio::test]
async fn more_connections_than_there_is_room_for_keep_nobody_out_who_asks_for_something() {
    let _alone = ALONE.lock().await;
    let mut door = door().await;
    let before = good_requests(&door).await;
    let resident_before = resident_bytes(&door);
    let heads = ["", "G", "GET /slow HTTP/1.1\r\n", "GET /slow HTTP/1.1\r\nHost: door\r\nX-Slow: "];
    let mut slow = Vec::new();
    for number in 0..connections() {
        slow.push(say(&door, heads[number % heads.len()]).await);
    }
    let what = format!("{} slow heads", slow.len());
    others_are_served(&door, &what, before, resident_before).await;
    // A byte each, as a slow attacker sends to look alive.
    for stream in &mut slow {
        let _ = stream.write_all(b"X").await;
    }
    others_are_served(&door, "and a byte more on each", before, resident_before).await;
    drop(slow);
    assert!(door.recorder.arrived().iter().all(|request| !request.target.starts_with("/slow")));
    door.is_well().await;
}

#[tokio::test]
async fn connections_that_were_good_once_make_way_too_but_not_while_they_are_served() {
    let _alone = ALONE.lock().await;
    let door = door().await;
    let request = format!("GET /kept HTTP/1.1\r\nHost: door\r\n{}\r\n", analyst());
    let mut kept = say(&door, &request).await;
    let mut buffer = [0; 1024];
    assert!(kept.read(&mut buffer).await.unwrap() > 0);
    // Half of a body: the request is being served for as long as the rest is on its way.
    let mut busy =
        say(&door, &format!("POST /busy HTTP/1.1\r\nHost: door\r\n{}Content-Length: 10\r\n\r\nhello", analyst())).await;
    let mut slow = Vec::new();
    for _ in 0..connections() {
        slow.push(say(&door, "").await);
    }
    busy.write_all(b"world").await.unwrap();
    let length = timeout(Duration::from_secs(5), busy.read(&mut buffer)).await.unwrap().unwrap();
    assert!(buffer[..length].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..length]));
    assert_eq!(door.recorder.arrived().last().unwrap().body, b"helloworld");
}

#[tokio::test]
async fn bodies_that_never_end_keep_nobody_out_and_are_not_waited_for_without_credentials() {
    let _alone = ALONE.lock().await;
    let mut door = door().await;
    let before = good_requests(&door).await;
    let resident_before = resident_bytes(&door);
    let mut refused = say(&door, "POST /slow HTTP/1.1\r\nHost: door\r\nContent-Length: 1000000\r\n\r\nx").await;
    let mut buffer = [0; 1024];
    let length = timeout(Duration::from_secs(5), refused.read(&mut buffer)).await.expect("refused at once").unwrap();
    assert!(buffer[..length].starts_with(b"HTTP/1.1 401 "));

    let mut slow = Vec::new();
    let framings = ["Content-Length: 1000000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"];
    let credentials = [analyst(), String::new()];
    for number in 0..SLOW_BODIES {
        let (credentials, framing) = (&credentials[number % 2], framings[number / 2 % 2]);
        slow.push(say(&door, &format!("POST /slow HTTP/1.1\r\nHost: door\r\n{credentials}{framing}")).await);
    }
    others_are_served(&door, &format!("{SLOW_BODIES} slow bodies"), before, resident_before).await;
    drop(slow);
    let arrived = door.recorder.arrived();
    assert!(arrived.iter().all(|request| request.target != "/slow"), "half a body is no request");
    assert!(descriptors(&door) < SLOW_BODIES * 3);
    door.is_well().await;
}

async fn say(door: &Door, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(door.public).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

fn connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    SLOW_CONNECTIONS.min(descriptors.saturating_sub(DESCRIPTORS_RESERVED))
}
