//! The process itself: what it prints, how it starts when it cannot, how it ends.

use std::time::Duration;

use cubegate_tests::{
    answers,
    control_plane::free_ports,
    limits::{START_MAX, STOP_MAX},
    process::RunDirectory,
    up::{self, Up},
};

use super::{ANY_PORT, ask_retail, connect};

#[tokio::test]
async fn it_says_where_it_is_who_may_come_in_and_what_to_try() {
    let run = RunDirectory::new().unwrap();
    let mut up = Up::start(&run, &up::copy_example(&run, "retail").unwrap(), ANY_PORT).await.unwrap();
    let commands = |output: &str| output.lines().filter(|line| line.trim_start().starts_with("curl ")).count();
    let printed = up
        .process
        .wait_for_output(START_MAX, |output| (commands(output) == 3).then(|| output.to_owned()))
        .await
        .unwrap();
    let url = up.url("retail").unwrap();
    assert!(printed.starts_with(&format!("ready retail {url}\n")), "{printed}");
    assert!(printed.contains("parisian-user-example"), "{printed}");
}

#[tokio::test]
async fn sigterm_ends_it_in_order_and_frees_its_port() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let [port] = free_ports().unwrap();
    let listen = format!("127.0.0.1:{port}");
    for _ in 0..2 {
        let mut up = Up::start(&run, &directory, &listen).await.unwrap();
        assert_eq!(up.url("retail").unwrap(), format!("http://{listen}"));
        let mut parisian = connect(&up, "retail", "parisian-user").await;
        answers::expect_cities(&ask_retail(&mut parisian).await, answers::PARIS).unwrap();
        // The connection stays open: an idle client must not keep the process.
        let started = std::time::Instant::now();
        let status = up.process.terminate().await.unwrap();
        assert!(status.success(), "{status}");
        assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_served_is_an_error_with_a_reason() {
    let run = RunDirectory::new().unwrap();
    let empty = run.make("empty").unwrap();
    let absent = run.path().join("absent");
    for (directory, reason) in [(&empty, "Session"), (&absent, "absent")] {
        let mut process = up::spawn(&run, directory, ANY_PORT).unwrap();
        let status = process.wait(STOP_MAX).await.unwrap();
        assert!(!status.success(), "{status}");
        assert!(process.stderr().contains(reason), "{}", process.stderr());
    }
}
