//! Where policies come from: a stand-in for the API server that serves one Secret and its watch.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cubegate_sidecar::{ApiServer, Policies, SecretSource, SourceHealth, Sources};
use futures::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::fixture::{closed, update};

const PATH: &str = "/api/v1/namespaces/shop/secrets";

/// The Secret as it is now; changing it tells all watchers.
struct Api {
    address: SocketAddr,
    secret: watch::Sender<Value>,
    /// Requests as they came, with their `Authorization`.
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Api {
    async fn start(secret: Value) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), secret).await
    }

    async fn start_at(address: SocketAddr, secret: Value) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (secret, watched) = watch::channel(secret);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (watched, seen) = (watched.clone(), Arc::clone(&seen));
                let service = service_fn(move |request| {
                    std::future::ready(Ok::<_, Infallible>(answer(watched.clone(), &seen, &request)))
                });
                connections
                    .spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
            }
        });
        Self { address, secret, asked, task }
    }

    fn follow(&self, service_account: &Path, health: &SourceHealth) -> Policies {
        std::fs::write(service_account.join("token"), "pod token").unwrap();
        std::fs::write(service_account.join("ca.crt"), "").unwrap();
        let secret = SecretSource {
            name: "retail-policy".into(),
            namespace: "shop".into(),
            api_server: ApiServer {
                server: Some(format!("http://{}", self.address)),
                service_account: service_account.to_owned(),
            },
        };
        Sources { directory: None, secret: Some(secret) }.start(health)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn secret(revision: u64) -> Value {
    let update = update(revision, closed());
    let parts = update.publication.to_secret().into_iter().chain([("cookie-key", update.cookie_keys.to_bytes())]);
    let data: BTreeMap<&str, String> = parts.map(|(key, bytes)| (key, STANDARD.encode(bytes))).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "retail-policy", "namespace": "shop", "resourceVersion": revision.to_string()},
        "data": data,
    })
}

fn answer(
    watched: watch::Receiver<Value>,
    seen: &Mutex<Vec<String>>,
    request: &Request<Incoming>,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let token = request.headers().get("authorization").map(|value| value.to_str().unwrap()).unwrap_or_default();
    seen.lock().unwrap().push(format!("{} {} {token}", request.method(), request.uri()));
    let query = request.uri().query().unwrap_or_default();
    if request.uri().path() == format!("{PATH}/retail-policy") {
        let body = watched.borrow().to_string();
        return Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    }
    assert!(query.contains("watch=true") && query.contains("fieldSelector=metadata.name%3Dretail-policy"), "{query}");
    let changes = futures::stream::unfold(watched, |mut watched| async move {
        watched.changed().await.ok()?;
        let event = json!({"type": "MODIFIED", "object": watched.borrow_and_update().clone()});
        Some((Ok(Frame::data(Bytes::from(format!("{event}\n")))), watched))
    });
    Response::new(StreamBody::new(changes.boxed()).boxed_unsync())
}

fn revision(policies: &Policies) -> Option<u64> {
    policies.updates.borrow().as_ref().map(|update| update.publication.id().revision)
}

async fn until(policies: &mut Policies, wanted: u64) {
    let found = policies
        .updates
        .wait_for(|update| update.as_ref().is_some_and(|update| update.publication.id().revision == wanted));
    tokio::time::timeout(Duration::from_secs(5), found).await.expect("no such policy within 5 s").unwrap();
}

#[tokio::test]
async fn the_one_secret_is_read_and_watched_with_the_pods_token() {
    let (api, account, health) = (Api::start(secret(1)).await, tempfile::tempdir().unwrap(), SourceHealth::default());
    let mut policies = api.follow(account.path(), &health);
    until(&mut policies, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut latencies = Vec::new();
    for revision in 2..7 {
        let changed = Instant::now();
        api.secret.send_replace(secret(revision));
        until(&mut policies, revision).await;
        latencies.push(changed.elapsed());
    }
    // The best of five, because the machine may have other work.
    assert!(latencies.iter().min().unwrap() < &Duration::from_millis(50), "{latencies:?}");
    let asked = api.asked.lock().unwrap().clone();
    assert!(
        asked.iter().all(|request| request.starts_with("GET ")
            && request.contains(PATH)
            && request.ends_with("Bearer pod token")),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 2, "one get, one watch: {asked:?}");
}

#[tokio::test]
async fn a_secret_that_is_no_policy_leaves_the_last_good_one() {
    let (api, account, health) = (Api::start(secret(1)).await, tempfile::tempdir().unwrap(), SourceHealth::default());
    let mut policies = api.follow(account.path(), &health);
    until(&mut policies, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut forged = secret(2);
    forged["data"]["snapshot.json.zst"] = json!(STANDARD.encode("{}"));
    api.secret.send_replace(forged);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(revision(&policies), Some(1));
    api.secret.send_replace(secret(3));
    until(&mut policies, 3).await;
}

#[tokio::test]
async fn a_server_that_goes_away_is_tried_again_and_changes_are_not_missed() {
    let (api, account, health) = (Api::start(secret(7)).await, tempfile::tempdir().unwrap(), SourceHealth::default());
    let address = api.address;
    let mut policies = api.follow(account.path(), &health);
    until(&mut policies, 7).await;
    drop(api);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(revision(&policies), Some(7));
    let _again = Api::start_at(address, secret(8)).await;
    until(&mut policies, 8).await;
}
