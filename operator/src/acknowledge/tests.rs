use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use cubegate_policy::publication::EngineReport;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::queue::{Queue, Work};

fn id(revision: u64) -> PublicationId {
    PublicationId { revision, sha256: "s".into() }
}

fn report(revision: u64) -> SidecarReport {
    SidecarReport { state: PolicyState::Current, policy: Some(id(revision)), engine: None::<EngineReport> }
}

fn pod(name: &str, address: SocketAddr, ready: bool) -> Arc<Pod> {
    let port = json!({"name": "private", "containerPort": address.port()});
    Arc::new(
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"initContainers": [{"name": "sidecar", "ports": [port]}], "containers": [{"name": "engine"}]},
            "status": {
                "podIP": address.ip().to_string(),
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            },
        }))
        .unwrap(),
    )
}

/// A sidecar that says revision 1 so many times and revision 2 from then on.
async fn sidecar(lags: u64) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let revision = if counter.fetch_add(1, Ordering::SeqCst) < lags { 1 } else { 2 };
            let body = serde_json::to_string(&report(revision)).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

async fn work(queue: &Queue<&'static str>) -> Work<&'static str> {
    queue.add("retail");
    queue.next().await
}

#[tokio::test]
async fn pods_are_asked_until_all_have_it_and_those_that_have_it_only_once() {
    let ((quick, quick_asked), (slow, _)) = (sidecar(0).await, sidecar(3).await);
    let pods = || vec![pod("a", quick, true), pod("b", slow, true)];
    let mut work = work(&Queue::default()).await;
    let (ended, answers) = Acknowledger::default().acknowledge(pods, &id(2), &mut work.interrupt).await;
    assert_eq!(ended, Ended::Complete);
    assert!(answers.iter().all(|answer| answer.policy() == Some(&id(2))));
    assert_eq!(quick_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_pod_that_is_not_ready_is_asked_but_not_waited_for() {
    let (lagging, _) = sidecar(u64::MAX).await;
    let mut work = work(&Queue::default()).await;
    let pods = || vec![pod("a", lagging, false)];
    let (ended, answers) = Acknowledger::default().acknowledge(pods, &id(2), &mut work.interrupt).await;
    assert_eq!((ended, answers[0].policy()), (Ended::Complete, Some(&id(1))));
}

#[tokio::test]
async fn newer_changes_end_the_asking() {
    let (lagging, _) = sidecar(u64::MAX).await;
    let queue = Queue::default();
    let mut work = work(&queue).await;
    queue.add("retail");
    let pods = || vec![pod("a", lagging, true)];
    let (ended, _) = Acknowledger::default().acknowledge(pods, &id(2), &mut work.interrupt).await;
    assert_eq!(ended, Ended::Interrupted);
}

#[tokio::test]
async fn a_pod_that_never_has_it_is_given_up_after_a_while_and_named() {
    let (lagging, _) = sidecar(u64::MAX).await;
    let nobody = "127.0.0.1:1".parse().unwrap();
    let mut work = work(&Queue::default()).await;
    let pods = || vec![pod("a", lagging, true), pod("b", nobody, true)];
    let (ended, answers) = Acknowledger::default().acknowledge(pods, &id(2), &mut work.interrupt).await;
    assert_eq!(ended, Ended::Incomplete);
    assert!(answers[1].report.as_ref().unwrap_err().contains("127.0.0.1:1 cannot be reached"));
}

#[test]
fn a_pod_says_what_hinders_its_containers() {
    let status = |waiting: serde_json::Value| {
        let status = json!({"containerStatuses": [{"name": "engine", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {"waiting": waiting}}]});
        trouble(&serde_json::from_value(json!({"status": status})).unwrap())
    };
    assert_eq!(status(json!({"reason": "PodInitializing"})), None);
    let crashing = status(json!({"reason": "CrashLoopBackOff", "message": "back-off 10s"}));
    assert_eq!(crashing.as_deref(), Some("engine CrashLoopBackOff: back-off 10s"));
}
