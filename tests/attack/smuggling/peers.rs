//! The same rows, sent to nginx, `HAProxy` and Apache in front of a recorder of their own.
//!
//! Nobody is right because others agree. But what all three refuse is refused here too, and where all three pass on what
//! we refuse, the row says why.

use std::{fmt::Write as _, fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::Result;
use cubegate_tests::{
    control_plane::free_ports,
    limits::START_MAX,
    process::{Process, RunDirectory},
    recorder::Recorder,
    story::eventually,
    tools,
};
use futures::{StreamExt as _, stream};
use tokio::net::TcpStream;

use super::{Case, ROWS_AT_ONCE, cases, is_at, table::Expected};
use crate::door;

/// A proxy in front of its recorder.
struct Peer {
    name: &'static str,
    address: SocketAddr,
    recorder: Recorder,
    _process: Process,
}

#[tokio::test]
async fn nothing_is_accepted_that_all_other_proxies_refuse_and_whatever_we_alone_refuse_has_its_reason() {
    let run = RunDirectory::new().unwrap();
    let peers = [
        Peer::start(&run, "nginx", nginx).await.unwrap(),
        Peer::start(&run, "haproxy", haproxy).await.unwrap(),
        Peer::start(&run, "apache2", apache).await.unwrap(),
    ];
    let cases = cases();
    let [nginx, haproxy, apache] = &peers;
    let (nginx, haproxy, apache) =
        tokio::join!(nginx.accepted(&cases), haproxy.accepted(&cases), apache.accepted(&cases));
    for (peer, accepted) in peers.iter().zip([&nginx, &haproxy, &apache]) {
        let different = cases.iter().zip(accepted).filter(|(case, other)| is_accepted(case.row.expected) != **other);
        println!("{}: otherwise than we in {} of {} rows", peer.name, different.count(), cases.len());
    }
    let mut failures = String::new();
    for (index, Case { row, .. }) in cases.iter().enumerate() {
        let (ours, others) = (is_accepted(row.expected), [nginx[index], haproxy[index], apache[index]]);
        let is_alone = others.iter().all(|other| *other != ours);
        let verdict = match (is_alone, ours, row.alone) {
            (true, true, _) => "accepted by us alone",
            (true, false, None) => "refused by us alone, without a reason",
            (false, _, Some(_)) => "has a reason for being alone, and is not",
            _ => continue,
        };
        writeln!(failures, "{}: {verdict} (nginx, HAProxy, Apache: {others:?})", row.name).unwrap();
    }
    assert!(failures.is_empty(), "{failures}");
}

fn is_accepted(expected: Expected) -> bool {
    match expected {
        Expected::Refused | Expected::Denied => false,
        Expected::Passed(_) | Expected::PassedLast(_) | Expected::PassedTwice => true,
    }
}

// === impl Peer ===

impl Peer {
    async fn start(
        run: &RunDirectory,
        name: &'static str,
        command: fn(&Path, &Path, u16) -> Result<Command>,
    ) -> Result<Self> {
        let directory = run.make(name)?;
        let socket = directory.join("engine.sock");
        let recorder = Recorder::start(&socket)?;
        // Whoever is started by an administrator serves as somebody else.
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777))?;
        let [port] = free_ports()?;
        let process = run.start(name, command(&directory, &socket, port)?)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        eventually(name, START_MAX, || async { Ok(TcpStream::connect(address).await?) }).await?;
        Ok(Self { name, address, recorder, _process: process })
    }

    /// Of each row, whether it came through.
    async fn accepted(&self, cases: &[Case]) -> Vec<bool> {
        let exchanges = stream::iter(cases).map(|case| async move {
            door::exchange(self.address, &case.row.bytes(&case.path)).await;
        });
        exchanges.buffer_unordered(ROWS_AT_ONCE).collect::<Vec<()>>().await;
        let seen = self.recorder.seen();
        assert!(seen.arrived.iter().any(|request| request.target == "/row-0"), "{} passes nothing on", self.name);
        let came_through = |Case { path, .. }: &Case| {
            let is_row = |target: &str| is_at(target, path) && target != format!("{path}/marker");
            let is_whole = seen.arrived.iter().any(|request| is_row(&request.target));
            // What another proxy passed on although nobody could read it with certainty, it accepted.
            let beginnings = [" ", "?", "#", "/\u{e9}"].map(|next| format!("{path}{next}"));
            let is_malformed = seen.malformed.iter().any(|(bytes, _)| {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                beginnings.iter().any(|beginning| text.contains(beginning))
            });
            is_whole || is_malformed
        };
        cases.iter().map(came_through).collect()
    }
}

fn nginx(directory: &Path, socket: &Path, port: u16) -> Result<Command> {
    let (directory, socket) = (directory.display(), socket.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {directory}/{kind};"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; pid {directory}/pid; error_log stderr;
         events {{ worker_connections 512; }}
         http {{
           access_log off; {temporary}
           upstream engine {{ server unix:{socket}; keepalive 16; }}
           server {{
             listen 127.0.0.1:{port};
             location / {{
               proxy_pass http://engine; proxy_http_version 1.1; proxy_request_buffering off;
               proxy_set_header Connection '';
             }}
           }}
         }}"
    );
    let file = format!("{directory}/nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = tools::proxy("usr/sbin/nginx")?;
    command.args(["-e", "stderr", "-p", &directory.to_string(), "-c", &file]);
    Ok(command)
}

fn haproxy(directory: &Path, socket: &Path, port: u16) -> Result<Command> {
    let configuration = format!(
        "defaults
           mode http
           timeout connect 5s
           timeout client 5s
           timeout server 5s
         listen door
           bind 127.0.0.1:{port}
           server engine unix@{socket}
",
        socket = socket.display()
    );
    let file = directory.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut command = tools::proxy("usr/sbin/haproxy")?;
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}

fn apache(directory: &Path, socket: &Path, port: u16) -> Result<Command> {
    let modules = tools::proxy_libraries()?.join("../apache2/modules");
    let modules: String = ["mpm_event", "authz_core", "proxy", "proxy_http"]
        .map(|name| format!("LoadModule {name}_module {}/mod_{name}.so\n", modules.display()))
        .concat();
    let configuration = format!(
        "ServerRoot {directory}
         DefaultRuntimeDir {directory}
         PidFile {directory}/pid
         ErrorLog /dev/stderr
         Listen 127.0.0.1:{port}
         ServerName door
         User nobody
         Group nogroup
         {modules}
         ProxyPass / \"unix:{socket}|http://engine/\"
",
        directory = directory.display(),
        socket = socket.display()
    );
    let file = directory.join("apache.conf");
    fs::write(&file, configuration)?;
    let mut command = tools::proxy("usr/sbin/apache2")?;
    command.arg("-f").arg(file).arg("-DFOREGROUND");
    Ok(command)
}
