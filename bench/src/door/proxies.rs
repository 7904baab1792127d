//! nginx, `HAProxy` and Apache: as backend, and as those whom we are compared with.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use cubegate_policy::publication::{EngineReport, ModelState, PublicationId};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::{
    DoorOptions,
    provider::{CLIENT, CLIENT_SECRET, Provider},
};

/// Time for a server to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
/// Body of each small answer.
const ANSWER_BYTES: usize = 1024;
/// What is streamed.
pub(crate) const LARGE_BYTES: u64 = 1 << 30;
/// Where it is.
pub(crate) const LARGE_PATH: &str = "/large";

/// A server that ends when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    child: Child,
}

/// What everybody forwards to. It stands in for the engine too: for each policy there is a socket at which that is adopted.
pub(crate) struct Backend {
    pub(crate) running: Running,
    directory: PathBuf,
}

// === impl Running ===

impl Running {
    /// Starts a server and waits until it accepts connections.
    pub(crate) fn start(name: &str, mut command: Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let log = fs::File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut running = Self { address, child };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("{name} ended: {status}");
            }
            if started.elapsed() > PATIENCE {
                bail!("{name} does not answer at {address}");
            }
            thread::sleep(POLL);
        }
        Ok(running)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    /// Asks first: a server that is killed leaves its workers behind.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
            thread::sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Backend ===

impl Backend {
    pub(crate) fn start(options: &DoorOptions, directory: &Path, policies: &[PublicationId]) -> Result<Self> {
        let address = free_address()?;
        let file = fs::File::create(directory.join("large")).context("cannot create a large file")?;
        file.set_len(LARGE_BYTES).context("cannot make a file large")?;
        let answer = "x".repeat(ANSWER_BYTES);
        let location = format!(
            "location / {{ return 200 '{answer}'; }} location = {LARGE_PATH} {{ root {}; }}",
            directory.display()
        );
        let adopting: String = policies
            .iter()
            .map(|policy| {
                let report = EngineReport {
                    instance: "bench".into(),
                    policy: Some(policy.clone()),
                    model: ModelState::Loaded,
                    problems: Vec::new(),
                    stale: Vec::new(),
                };
                let report = serde_json::to_string(&report)?;
                let socket = socket(directory, policy);
                Ok(format!("server {{ listen unix:{}; {location} location = /internal/policy {{ return 200 '{report}'; }} }}\n", socket.display()))
            })
            .collect::<Result<_>>()?;
        let plain = directory.join("plain.sock");
        let servers = format!("server {{ listen {address}; listen unix:{}; {location} }}\n{adopting}", plain.display());
        let command = nginx(options, &directory.join("backend"), 1, &servers)?;
        let running = Running::start("the backend", command, address, &directory.join("backend.log"))?;
        Ok(Self { running, directory: directory.to_owned() })
    }

    pub(crate) fn plain(&self) -> PathBuf {
        self.directory.join("plain.sock")
    }

    pub(crate) fn adopting(&self, policy: &PublicationId) -> PathBuf {
        socket(&self.directory, policy)
    }
}

fn socket(directory: &Path, policy: &PublicationId) -> PathBuf {
    directory.join(format!("{}.sock", policy.sha256.get(..8).unwrap_or_default()))
}

pub(crate) fn nginx_proxy(options: &DoorOptions, directory: &Path, backend: &Path) -> Result<Running> {
    let address = free_address()?;
    let servers = format!(
        "upstream engine {{ server unix:{}; keepalive 64; }}
         server {{
           listen {address}; access_log /dev/null;
           location / {{ proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off; }}
         }}",
        backend.display()
    );
    let command = nginx(options, &directory.join("nginx"), 2, &servers)?;
    Running::start("nginx", command, address, &directory.join("nginx.log"))
}

fn nginx(options: &DoorOptions, directory: &Path, workers: usize, servers: &str) -> Result<Command> {
    fs::create_dir_all(directory)?;
    let shown = directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {shown}/{kind};"))
        .concat();
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let configuration = format!(
        "daemon off; {user} pid {shown}/pid; error_log stderr; worker_processes {workers}; worker_rlimit_nofile 16384;
         events {{ worker_connections 8192; }}
         http {{ access_log off; keepalive_requests 100000000; sendfile on; {temporary} {servers} }}"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = program(options, "usr/sbin/nginx");
    command.args(["-e", "stderr", "-p"]).arg(directory).arg("-c").arg(file);
    Ok(command)
}

pub(crate) fn haproxy(options: &DoorOptions, directory: &Path, backend: &Path) -> Result<Running> {
    let address = free_address()?;
    let configuration = format!(
        "global\n  nbthread 2\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         listen door\n  bind {address}\n  server engine unix@{}\n",
        backend.display()
    );
    let file = directory.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut command = program(options, "usr/sbin/haproxy");
    command.args(["-db", "-f"]).arg(file);
    Running::start("haproxy", command, address, &directory.join("haproxy.log"))
}

/// Apache, plain at its address and with `mod_auth_openidc` at the other one.
pub(crate) fn apache(
    options: &DoorOptions,
    directory: &Path,
    backend: &Path,
    provider: &Provider,
) -> Result<(Running, SocketAddr)> {
    let (address, guarded) = (free_address()?, free_address()?);
    let modules = libraries(options).join("../apache2/modules");
    let modules: String =
        ["mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"]
            .map(|name| format!("LoadModule {name}_module {}/mod_{name}.so\n", modules.display()))
            .concat();
    let configuration = format!(
        "ServerRoot {directory}
         DefaultRuntimeDir {directory}
         PidFile {directory}/apache.pid
         ErrorLog /dev/stderr
         Listen {address}
         Listen {guarded}
         ServerName 127.0.0.1
         User nobody
         Group nogroup
         MaxKeepAliveRequests 0
         KeepAliveTimeout 60
         ThreadsPerChild 64
         MaxRequestWorkers 128
         {modules}
         LogFormat \"%h %u %t %r %>s %b\" common
         ProxyPass / \"unix:{backend}|http://engine/\" enablereuse=on
         <VirtualHost {address}>
           CustomLog /dev/null common
         </VirtualHost>
         <VirtualHost {guarded}>
           CustomLog /dev/null common
           OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
           OIDCClientID {CLIENT}
           OIDCClientSecret {CLIENT_SECRET}
           OIDCRedirectURI http://{guarded}/callback
           OIDCCryptoPassphrase bench
           OIDCScope openid
           OIDCRemoteUserClaim sub
           <Location />
             AuthType openid-connect
             Require valid-user
           </Location>
         </VirtualHost>
",
        directory = directory.display(),
        backend = backend.display(),
        issuer = provider.issuer,
    );
    let file = directory.join("apache.conf");
    fs::write(&file, configuration)?;
    let mut command = program(options, "usr/sbin/apache2");
    command.args(["-DFOREGROUND", "-f"]).arg(file);
    let running = Running::start("apache2", command, address, &directory.join("apache.log"))?;
    Ok((running, guarded))
}

/// What the proxies say of themselves.
pub(crate) fn versions(options: &DoorOptions) -> Result<Vec<(&'static str, String)>> {
    [("nginx", "usr/sbin/nginx", "-v"), ("HAProxy", "usr/sbin/haproxy", "-v"), ("Apache", "usr/sbin/apache2", "-v")]
        .map(|(name, path, flag)| {
            let output = program(options, path).arg(flag).output().with_context(|| format!("cannot start {name}"))?;
            let text = [output.stdout, output.stderr].concat();
            let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
            Ok::<_, anyhow::Error>((name, first))
        })
        .into_iter()
        .collect()
}

/// Where the libraries of the proxies are.
pub(crate) fn libraries(options: &DoorOptions) -> PathBuf {
    options.proxies.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH))
}

/// A directory that everybody may pass through: Apache serves as nobody.
pub(crate) fn directory() -> Result<TempDir> {
    let directory = tempfile::tempdir().context("cannot create a directory")?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).context("cannot open a directory")?;
    Ok(directory)
}

/// An address of loopback that nobody has at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no port is free")?.local_addr()?)
}

fn program(options: &DoorOptions, path: &str) -> Command {
    let mut command = Command::new(options.proxies.join(path));
    command.env("LD_LIBRARY_PATH", libraries(options));
    command
}
