//! Frames of HTTP/2 that cost their sender next to nothing.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{ALONE, GOOD_P99_MAX, door, good_requests, others_are_served, resident_bytes};
use crate::{door::Door, policies};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET http://door/` by the static table of HPACK (RFC 7541, appendix A).
const HEAD: &[u8] = b"\x82\x86\x84\x41\x04door";
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// Frames of one flood.
const FRAMES: u32 = 100_000;
/// Bytes that are written at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Time for which a flood goes on when nobody stops it.
const FLOOD_MAX: Duration = Duration::from_secs(4);
/// Connections of one flood.
const CONNECTIONS: usize = 8;

/// Descriptors of a sidecar that soon has no more room.
const FEW_DESCRIPTORS: usize = 300;
/// Connections that take no answer: some more than there is room for with so few descriptors.
const STUCK_CONNECTIONS: usize = 100;
/// Time for all of them to be heard.
const HEARD: Duration = Duration::from_millis(300);
/// Time after which answers that nobody takes give room: the sidecar's own, and some to act in.
const STUCK: Duration = Duration::from_secs(15);

/// Frame types (RFC 9113 §6).
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const PRIORITY: u8 = 2;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
}

/// A flood: what goes first, and the frames of each round by the number of the round.
struct Flood {
    name: &'static str,
    first: Vec<u8>,
    round: fn(u32) -> Vec<u8>,
}

#[tokio::test]
async fn floods_of_frames_are_cut_off_or_held_back_and_others_are_served() {
    let _alone = ALONE.lock().await;
    let mut door = door().await;
    let before = good_requests(&door).await;
    let resident_before = resident_bytes(&door);
    for flood in floods() {
        let senders = (0..CONNECTIONS).map(|_| send(&door.public, &flood));
        let (sent, ()) = tokio::join!(futures::future::join_all(senders), async {
            others_are_served(&door, flood.name, before, resident_before).await;
        });
        let (cut_off, frames) = (
            sent.iter().filter(|(is_cut_off, _)| *is_cut_off).count(),
            sent.iter().map(|(_, frames)| frames).sum::<u32>(),
        );
        println!("    {cut_off} of {CONNECTIONS} connections cut off, after {frames} rounds together");
        door.is_well().await;
    }
    let passed = door
        .recorder
        .arrived()
        .iter()
        .filter(|request| !request.target.starts_with("/good") && request.target != "/warm")
        .count();
    assert_eq!(passed, 0, "nobody in a flood has credentials");
}

#[tokio::test]
async fn answers_that_nobody_takes_keep_nobody_out() {
    let _alone = ALONE.lock().await;
    let mut door = Door::with_descriptors(FEW_DESCRIPTORS, policies::closed()).await.unwrap();
    let no_window = frame(kind::SETTINGS, 0, 0, b"\0\x04\0\0\0\0");
    let asked = [PREFACE, &no_window, &frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, HEAD)].concat();
    let mut stuck = Vec::new();
    for _ in 0..STUCK_CONNECTIONS {
        let mut stream = TcpStream::connect(door.public).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        stuck.push(stream);
    }
    // One that has not been heard yet is idle, and would make way.
    tokio::time::sleep(HEARD).await;
    assert!(timeout(Duration::from_millis(500), good_requests(&door)).await.is_err(), "there is no room");
    tokio::time::sleep(STUCK).await;
    let (_, p99) = good_requests(&door).await;
    assert!(p99 < GOOD_P99_MAX, "{p99:?}");
    drop(stuck);
    door.is_well().await;
}

fn floods() -> Vec<Flood> {
    let open = |stream: u32, flags: u8| frame(kind::HEADERS, END_HEADERS | flags, stream, HEAD);
    let opened = open(1, 0);
    vec![
        Flood {
            name: "rapid reset",
            first: Vec::new(),
            round: |number| {
                let stream = 2 * number + 1;
                let opened = frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, HEAD);
                [opened, frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
            },
        },
        Flood {
            name: "resets that the server must make (window of zero)",
            first: Vec::new(),
            round: |number| {
                let stream = 2 * number + 1;
                let opened = frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, HEAD);
                [opened, frame(kind::WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
            },
        },
        Flood {
            name: "continuations",
            first: frame(kind::HEADERS, 0, 1, HEAD),
            round: |number| frame(kind::CONTINUATION, 0, 1, format!("\0\x04x{:03}\x01y", number % 1000).as_bytes()),
        },
        Flood {
            name: "empty continuations",
            first: frame(kind::HEADERS, 0, 1, HEAD),
            round: |_| frame(kind::CONTINUATION, 0, 1, b""),
        },
        Flood { name: "settings", first: Vec::new(), round: |_| frame(kind::SETTINGS, 0, 0, b"\0\x04\0\0\xff\xff") },
        Flood { name: "empty settings", first: Vec::new(), round: |_| frame(kind::SETTINGS, 0, 0, b"") },
        Flood { name: "pings", first: Vec::new(), round: |_| frame(kind::PING, 0, 0, b"12345678") },
        Flood { name: "empty data", first: opened.clone(), round: |_| frame(kind::DATA, 0, 1, b"") },
        Flood {
            name: "priorities",
            first: Vec::new(),
            round: |number| frame(kind::PRIORITY, 0, 2 * number + 1, b"\0\0\0\0\x10"),
        },
        Flood { name: "windows", first: opened, round: |_| frame(kind::WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()) },
        Flood {
            name: "a table of headers that grows with each request",
            first: Vec::new(),
            round: |number| {
                let cookie = [b"\x60\x7f\x81\x1e".as_slice(), &vec![b'x'; 4000]].concat();
                frame(
                    kind::HEADERS,
                    END_HEADERS | END_STREAM,
                    2 * number + 1,
                    &[HEAD, &cookie, &b"\xbe".repeat(3000)].concat(),
                )
            },
        },
    ]
}

/// Sends a flood until it is cut off, all of it is sent, or its time is over. Reads nothing meanwhile, as such senders do;
/// whether it was cut off, and how many rounds were sent.
async fn send(address: &std::net::SocketAddr, flood: &Flood) -> (bool, u32) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut piece = [PREFACE, &frame(kind::SETTINGS, 0, 0, b""), &flood.first].concat();
    let (deadline, mut sent) = (Instant::now() + FLOOD_MAX, 0);
    for number in 1..=FRAMES {
        piece.extend((flood.round)(number));
        if piece.len() < PIECE_BYTES && number < FRAMES {
            continue;
        }
        match tokio::time::timeout_at(deadline, stream.write_all(&piece)).await {
            Ok(Ok(())) => sent = number,
            Ok(Err(_)) => return (true, sent),
            Err(_) => break,
        }
        piece.clear();
    }
    // A connection that was cut off has an end; one that was held back has not.
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_millis(500), stream.read_to_end(&mut rest)).await;
    (ended.is_ok(), sent)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
