//! Secrets that are replaced while people and programs are at work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cubegate_policy::{
    password,
    snapshot::{Authentication, Checked, Door, Oidc},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    browser::Browser,
    client::{KeptAlive, get, request},
    fixture::{Sidecar, basic, closed, closed_with, oidc},
    provider::Provider,
};

fn door(provider: &Provider, client_secret: &str) -> Door {
    let config = Oidc { client_secret: Some(client_secret.into()), ..oidc(&provider.issuer()) };
    closed_with(Some(Checked::Valid(config)))
}

/// Asks all the time with these headers while secrets are replaced, and must always be let in.
async fn steadily(sidecar: &Sidecar, header: (&str, &str), replace: impl AsyncFnOnce(&AtomicUsize)) {
    let (is_over, let_in) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asking = async {
        let mut connection = KeptAlive::open(sidecar.public).await;
        while !is_over.load(Ordering::Acquire) {
            let reply = connection.send(request("GET", "/api", &[header], "")).await;
            assert_eq!(reply.status, 200, "after {let_in:?}: {reply:?}");
            let_in.fetch_add(1, Ordering::AcqRel);
        }
    };
    let replacing = async {
        replace(&let_in).await;
        is_over.store(true, Ordering::Release);
    };
    tokio::join!(asking, replacing);
}

/// Waits until a handful more were let in.
async fn a_few_more(let_in: &AtomicUsize) {
    let enough = let_in.load(Ordering::Acquire) + 5;
    until(async || let_in.load(Ordering::Acquire) >= enough).await;
}

async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 5 s");
}

/// Another pod, whose only key this is.
async fn pod_with_key(key: u8, door: Door) -> Sidecar {
    let pod = Sidecar::bare().await;
    pod.offer_keys(&[key], 1, door);
    pod.until(|report| report["policy"]["revision"] == 1).await;
    pod
}

#[tokio::test]
async fn keys_of_cookies_are_replaced_without_a_logout() {
    let provider = Provider::start().await;
    let door = || door(&provider, "client secret");
    let sidecar = Sidecar::with(door()).await;
    let before = Browser::logged_in(&provider, &sidecar).await;
    let cookie = before.jar.header();
    let is_newest = async |pod: &Sidecar| {
        let browser = Browser::logged_in(&provider, &sidecar).await;
        browser.asks(pod, "/api").await.status == 200
    };
    let (tenth, eleventh) = (pod_with_key(10, door()).await, pod_with_key(11, door()).await);
    steadily(&sidecar, ("cookie", &cookie), async |let_in| {
        a_few_more(let_in).await;
        sidecar.offer_keys(&[10, 9], 1, door());
        until(async || is_newest(&tenth).await).await;
        a_few_more(let_in).await;
        sidecar.offer_keys(&[11, 10, 9], 1, door());
        until(async || is_newest(&eleventh).await).await;
        a_few_more(let_in).await;
    })
    .await;
    let after = Browser::logged_in(&provider, &sidecar).await;
    sidecar.offer_keys(&[11, 10], 1, door());
    until(async || before.asks(&sidecar, "/api").await.status == 302).await;
    assert_eq!(after.asks(&sidecar, "/api").await.status, 200);
}

#[tokio::test]
async fn the_client_secret_is_replaced_without_a_refusal() {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(door(&provider, "client secret")).await;
    let browser = Browser::logged_in(&provider, &sidecar).await;
    let user = json!({"active": true, "sub": "u1", "client_id": "cubegate", "preferred_username": "u", "resource_access": {"cubegate": {"roles": ["atoti"]}}});
    provider.script.lock().unwrap().introspection.insert("token".into(), user);
    let cookie = browser.jar.header();
    for (revision, header) in [(2, ("cookie", cookie.as_str())), (4, ("authorization", "Bearer token"))] {
        steadily(&sidecar, header, async |let_in| {
            a_few_more(let_in).await;
            sidecar.enforce(revision, door(&provider, "client secret 2")).await;
            a_few_more(let_in).await;
            sidecar.enforce(revision + 1, door(&provider, "client secret")).await;
            a_few_more(let_in).await;
        })
        .await;
    }
}

/// As an operator would do it: the other password beside the old one, then the clients, then the old one goes.
#[tokio::test]
async fn a_password_is_replaced_while_its_user_is_at_work_and_nobody_is_refused() {
    let (old, new) = ("the old one", "the new one");
    let [old_hash, new_hash] = [old, new].map(|password| password::hash(password.as_bytes(), [5; 16]));
    let door = |current: &str, previous: Option<&str>| {
        let mut door = closed();
        let Authentication::Closed(ways) = &mut door.authentication else { panic!("it is closed") };
        let Some(Checked::Valid(user)) = ways.technical_users.get_mut("technical-user") else { panic!("it is there") };
        (user.password_hash, user.previous_password_hash) = (current.to_owned(), previous.map(str::to_owned));
        door
    };
    let sidecar = Sidecar::with(door(&old_hash, None)).await;
    let (password, current) = watch::channel(old);
    let (public, answered) = (sidecar.public, Arc::new([const { AtomicUsize::new(0) }; 2]));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (current, answered) = (current.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut connection = KeptAlive::open(public).await;
                while current.has_changed().is_ok() {
                    let password = *current.borrow();
                    let authorization = basic("technical-user", password);
                    let asked = request("GET", "/whoami", &[("authorization", &authorization)], "");
                    assert_eq!(connection.send(asked).await.status, 200, "{password}");
                    answered[usize::from(password == new)].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // Some more requests are answered, by the policy and with the password of the moment.
    let at_work = async |password: usize| {
        let before = answered[password].load(Ordering::Relaxed);
        while answered[password].load(Ordering::Relaxed) < before + 40 {
            assert!(!clients.iter().any(JoinHandle::is_finished), "a client was refused");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    at_work(0).await;
    sidecar.enforce(2, door(&new_hash, Some(&old_hash))).await;
    at_work(0).await;
    password.send_replace(new);
    at_work(1).await;
    sidecar.enforce(3, door(&new_hash, None)).await;
    at_work(1).await;
    drop(password);
    for client in clients {
        client.await.unwrap();
    }
    let late = get(public, "/whoami", &[("authorization", &basic("technical-user", old))]).await;
    assert_eq!(late.status, 401);
}
