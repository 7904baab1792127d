//! The real sidecar, in front of an engine that keeps every byte that it is sent.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cubegate_policy::{
    publication::{Publication, secret_key},
    snapshot::{Access, Door as DoorPolicy, Snapshot},
};
use cubegate_tests::{
    http::{self, Credentials},
    limits::{REPORT_MAX, START_MAX},
    process::{Process, RunDirectory},
    recorder::Recorder,
    story::eventually,
    tools,
    wire::{self, WireAnswer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Silence after which a connection has said what it had to say.
const SILENCE: Duration = Duration::from_secs(1);
/// Whatever happens, a connection is given up after this.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);

/// A sidecar that runs as its own process.
pub(crate) struct Door {
    pub(crate) process: Process,
    pub(crate) recorder: Recorder,
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    policies: PathBuf,
    _run: RunDirectory,
}

/// What came back on a connection until it was closed or fell silent.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) answers: Vec<WireAnswer>,
    /// Whether the other side ended it by itself.
    pub(crate) is_closed: bool,
}

// === impl Door ===

impl Door {
    /// Starts it without a policy, and waits until it listens.
    pub(crate) async fn bare() -> Result<Self> {
        Self::bare_as(tools::mortal(&tools::cubegate("cubegate-sidecar")?)).await
    }

    /// Starts it with room for few connections, and waits until it decides by this policy.
    pub(crate) async fn with_descriptors(descriptors: usize, policy: DoorPolicy) -> Result<Self> {
        let mut command = tools::mortal(Path::new("/bin/sh"));
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]);
        command.arg(tools::cubegate("cubegate-sidecar")?);
        let door = Self::bare_as(command).await?;
        door.enforce(1, policy).await?;
        Ok(door)
    }

    async fn bare_as(mut command: Command) -> Result<Self> {
        let run = RunDirectory::new()?;
        let policies = run.make("policy")?;
        let socket = run.path().join("engine.sock");
        let recorder = Recorder::start(&socket)?;
        command.args(["--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0"]);
        command.arg("--engine-socket").arg(&socket).arg("--policy-dir").arg(&policies);
        let mut process = run.start("sidecar", command)?;
        let (public, private) = process.wait_for_output(START_MAX, |log| log.lines().find_map(addresses)).await?;
        Ok(Self { process, recorder, public, private, policies, _run: run })
    }

    /// Starts it, and waits until it decides by this policy.
    pub(crate) async fn with(policy: DoorPolicy) -> Result<Self> {
        let door = Self::bare().await?;
        door.enforce(1, policy).await?;
        Ok(door)
    }

    /// Mounts a policy as a kubelet would: a new directory, and a link that is swapped.
    pub(crate) fn mount(&self, name: &str, parts: &[(&str, Vec<u8>)]) -> Result<()> {
        let directory = self.policies.join(name);
        fs::create_dir(&directory)?;
        for (key, value) in parts {
            fs::write(directory.join(key), value)?;
        }
        let link = self.policies.join("..data.new");
        symlink(&directory, &link)?;
        fs::rename(link, self.policies.join("..data")).context("failed to swap the mounted policy")
    }

    /// Mounts a policy and waits until it is the one that decides.
    pub(crate) async fn enforce(&self, revision: u64, policy: DoorPolicy) -> Result<()> {
        self.mount(&format!("revision-{revision}"), &mounted(revision, policy))?;
        let is_enforced = || async {
            let report = self.report().await?;
            ensure!(report["policy"]["revision"] == revision && report["engine"]["policy"]["revision"] == revision);
            Ok(())
        };
        eventually("the policy is enforced", REPORT_MAX, is_enforced).await?;
        Ok(())
    }

    /// What it says of itself.
    pub(crate) async fn report(&self) -> Result<serde_json::Value> {
        http::get(&format!("http://{}/policy", self.private), Credentials::None).await?.json()
    }

    /// Sends bytes as they are on a connection of its own, and reads what comes back.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Exchange {
        exchange(self.public, bytes).await
    }

    /// One request as it is; its answer.
    pub(crate) async fn ask(&self, request: &str) -> WireAnswer {
        let exchange = self.exchange(request.as_bytes()).await;
        assert_eq!(exchange.answers.len(), 1, "{request:?}: {exchange:?}");
        exchange.answers[0].clone()
    }

    /// A GET with these header lines, on a connection of its own.
    pub(crate) async fn get(&self, target: &str, headers: &str) -> WireAnswer {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: door\r\nConnection: close\r\n{headers}\r\n")).await
    }

    /// Fails when the sidecar has ended, or serves no more.
    pub(crate) async fn is_well(&mut self) {
        self.process.check_running().unwrap();
        assert_eq!(http::get(&format!("http://{}/livez", self.private), Credentials::None).await.unwrap().status, 200);
    }
}

/// A policy as it lies in the mounted Secret.
pub(crate) fn mounted(revision: u64, door: DoorPolicy) -> Vec<(&'static str, Vec<u8>)> {
    let snapshot = Snapshot { session: "retail".into(), sources: Vec::new(), door, access: Access::default() };
    let parts = Publication::new(revision, snapshot).to_secret();
    parts.into_iter().chain([(secret_key::COOKIE_KEY, vec![9; 32])]).collect()
}

/// Sends bytes as they are, and reads until the other side closes or falls silent; then hangs up, and reads on.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Exchange {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut received, mut is_closed) = (Vec::new(), false);
    let talk = async {
        // Whoever refuses early may close before everything is sent.
        let _ = stream.write_all(bytes).await;
        is_closed = read_until_silence(&mut stream, &mut received).await;
        if !is_closed {
            let _ = stream.shutdown().await;
            read_until_silence(&mut stream, &mut received).await;
        }
    };
    let _ = timeout(EXCHANGE_MAX, talk).await;
    let is_to_head = bytes.starts_with(b"HEAD ");
    let (mut answers, mut at) = (Vec::new(), 0);
    while let Ok(Some((answer, length))) = wire::read_answer(&received[at..], is_to_head && answers.is_empty()) {
        if length == 0 || received[at..].is_empty() {
            break;
        }
        answers.push(answer);
        at += length;
    }
    Exchange { answers, is_closed }
}

async fn read_until_silence(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    loop {
        match timeout(SILENCE, stream.read_buf(received)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

/// The addresses in the line of the log that says `listening`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").filter(|fields| fields["message"] == "listening")?;
    let address = |name: &str| fields[name].as_str()?.parse().ok();
    Some((address("public")?, address("private")?))
}
