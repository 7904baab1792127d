//! The Sessions that are being served.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use cubegate_engine::{Engine, ModelSpec, TableKeeper};
use cubegate_policy::{
    bind::BindProblem,
    publication::{CookieKeys, Publication, PublicationId},
};
use cubegate_sidecar::{Config, PolicyUpdate, Tls};
use futures::future::join_all;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    announce,
    model::{Fingerprint, TableFiles},
};
use crate::{
    args::UpOptions,
    limits::{DRAIN_MAX, HAND_OVER_MAX, SIDECARS},
    manifests::{Diagnostic, Manifests},
    passwords::Passwords,
    sessions::{self, Declared},
    terminal::{complain, say},
};

/// Every Session that is being served, and what they were made from.
pub(crate) struct Running {
    directory: PathBuf,
    passwords: Passwords,
    sessions: BTreeMap<String, RunningSession>,
    /// Where the next Session would listen.
    next: SocketAddr,
    reported: BTreeSet<Diagnostic>,
    /// Holds the engines' sockets; deleted at the end.
    sockets: tempfile::TempDir,
}

struct RunningSession {
    address: SocketAddr,
    engine: Engine,
    tls: Tls,
    policies: watch::Sender<Option<Arc<PolicyUpdate>>>,
    cookie_keys: CookieKeys,
    published: Option<PublicationId>,
    revision: u64,
    /// The newest revision that the user was told of.
    announced: u64,
    loading: Option<Loading>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// A model that is being loaded, or was.
struct Loading {
    fingerprint: Fingerprint,
    /// Absent until the load has ended; empty when it went well.
    errors: watch::Receiver<Option<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What became of a Session's manifests.
pub(crate) struct Settled {
    declared: Declared,
    load_errors: Vec<String>,
    unbound: Vec<BindProblem>,
}

impl Running {
    /// Listens for every Session of the manifests. Nothing is answered before [`apply`](Self::apply).
    pub(crate) async fn start(options: &UpOptions, manifests: &Manifests) -> anyhow::Result<Self> {
        let mut running = Self {
            directory: options.directory.clone(),
            passwords: Passwords::default(),
            sessions: BTreeMap::new(),
            next: options.listen,
            reported: BTreeSet::new(),
            sockets: tempfile::tempdir().context("failed to make a directory for sockets")?,
        };
        for name in manifests.session_names() {
            running.listen(&name).await?;
        }
        if running.sessions.is_empty() {
            running.report(manifests.diagnostics.clone());
            bail!("there is no Session in {}", options.directory.display());
        }
        Ok(running)
    }

    /// Publishes every policy at once, and starts to load what changed. The future waits for both to have taken effect;
    /// whoever drops it for the next edit loses nothing but what it would have said.
    pub(crate) async fn apply(&mut self, manifests: &Manifests) -> impl Future<Output = Vec<Settled>> + use<> {
        let named: BTreeSet<String> = manifests.session_names().collect();
        self.stop_sessions_that_are_gone(&named).await;
        for name in &named {
            if !self.sessions.contains_key(name)
                && let Err(error) = self.listen(name).await
            {
                complain!("error: Session/{name}: {error:#}");
            }
        }
        let addresses = self.sessions.iter().map(|(name, session)| (name.clone(), session.address)).collect();
        let declared = sessions::declared_at(manifests, &mut self.passwords, &addresses);
        self.refuse_sessions_that_are_invalid(&declared);
        let mut settling = Vec::new();
        for declared in declared {
            if let Some(session) = self.sessions.get_mut(declared.name()) {
                session.encrypt(&declared);
                session.publish(&declared);
                session.load(&declared, TableFiles::of_directory(&self.directory, manifests));
                settling.push(session.settle(declared));
            }
        }
        join_all(settling)
    }

    /// Says what has taken effect, and what is wrong.
    pub(crate) fn settled(&mut self, settled: Vec<Settled>, manifests: &Manifests) {
        let mut diagnostics = manifests.diagnostics.clone();
        diagnostics.extend(sessions::strays(manifests));
        for Settled { declared, load_errors, unbound } in settled {
            diagnostics.extend(declared.diagnostics.iter().cloned());
            let of_model = load_errors.into_iter().map(|message| (declared.object(), message));
            let of_policy = unbound.into_iter().map(|problem| (problem.object, problem.message));
            diagnostics.extend(of_model.chain(of_policy).filter_map(|(object, message)| {
                manifests.find(&object).map(|entry| entry.diagnostic(format!("{object}: {message}")))
            }));
            if let Some(session) = self.sessions.get_mut(declared.name()) {
                session.announce(&declared, manifests);
            }
        }
        self.report(diagnostics);
    }

    /// Finishes requests in flight.
    pub(crate) async fn drain(self) {
        for (_, session) in self.sessions {
            session.stop().await;
        }
    }

    async fn listen(&mut self, name: &str) -> anyhow::Result<()> {
        let listener =
            TcpListener::bind(self.next).await.with_context(|| format!("failed to listen on {}", self.next))?;
        let address = listener.local_addr()?;
        if self.next.port() != 0 {
            self.next.set_port(self.next.port().checked_add(1).context("there is no further port")?);
        }
        // The name of a Session may be longer than a socket's path can be.
        let socket = self.sockets.path().join(format!("{}.sock", address.port()));
        self.sessions.insert(name.to_owned(), RunningSession::start(listener, address, socket)?);
        Ok(())
    }

    async fn stop_sessions_that_are_gone(&mut self, named: &BTreeSet<String>) {
        let gone: Vec<String> = self.sessions.keys().filter(|name| !named.contains(*name)).cloned().collect();
        for name in gone {
            if let Some(session) = self.sessions.remove(&name) {
                say!("stopped {name}");
                session.stop().await;
            }
        }
    }

    /// A Session whose manifest is invalid says nothing about who may come in, so nobody may.
    fn refuse_sessions_that_are_invalid(&mut self, declared: &[Declared]) {
        for (name, session) in &mut self.sessions {
            if declared.iter().all(|declared| declared.name() != name) {
                session.published = None;
                session.policies.send_replace(None);
            }
        }
    }

    /// Prints what is newly wrong, and when all is well again.
    fn report(&mut self, diagnostics: Vec<Diagnostic>) {
        let current: BTreeSet<Diagnostic> = diagnostics.into_iter().collect();
        for diagnostic in current.difference(&self.reported) {
            complain!("{diagnostic}");
        }
        if current.is_empty() && !self.reported.is_empty() {
            complain!("all errors are mended");
        }
        self.reported = current;
    }
}

impl RunningSession {
    fn start(listener: TcpListener, address: SocketAddr, socket: PathBuf) -> anyhow::Result<Self> {
        let engine = Engine::new();
        let engine_listener =
            UnixListener::bind(&socket).with_context(|| format!("failed to listen on {}", socket.display()))?;
        let (policies, updates) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let stop_signal = |mut stopped: watch::Receiver<bool>| async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let engine_task = tokio::spawn({
            let (engine, signal) = (engine.clone(), stop_signal(stopped.clone()));
            async move { report_end("engine", engine.serve(engine_listener, signal).await) }
        });
        let tls = Tls::default();
        // Until its manifest has been read, a Session may be one that nobody speaks to in the clear.
        tls.require();
        let sidecar_task = tokio::spawn({
            let config = Config { sidecars: SIDECARS, tls: tls.clone(), ..Config::new(socket) };
            let signal = stop_signal(stopped);
            async move { report_end("sidecar", cubegate_sidecar::run(config, listener, None, updates, signal).await) }
        });
        let mut cookie_key = [0; 32];
        aws_lc_rs::rand::fill(&mut cookie_key).context("the operating system has no randomness")?;
        Ok(Self {
            address,
            engine,
            tls,
            policies,
            cookie_keys: CookieKeys::one(cookie_key),
            published: None,
            revision: 0,
            announced: 0,
            loading: None,
            stop,
            tasks: vec![engine_task, sidecar_task],
        })
    }

    /// New connections are encrypted as the manifest says. What cannot be used leaves the certificate before.
    fn encrypt(&self, declared: &Declared) {
        match &declared.certificate {
            None => self.tls.turn_off(),
            // It has been checked, so all that can be wrong is that it has expired since.
            Some(Ok(files)) => drop(self.tls.offer(files)),
            Some(Err(_)) => self.tls.require(),
        }
    }

    /// Publishes a policy when it differs from the one in force.
    fn publish(&mut self, declared: &Declared) {
        let publication = Publication::new(self.revision + 1, declared.compiled.snapshot.clone());
        if self.published.as_ref().is_some_and(|published| published.sha256 == publication.id().sha256) {
            return;
        }
        self.revision += 1;
        self.published = Some(publication.id().clone());
        let update = PolicyUpdate { publication, cookie_keys: self.cookie_keys.clone() };
        self.policies.send_replace(Some(Arc::new(update)));
    }

    /// Starts to load the model when it or its files changed. When that fails, the model before stays.
    fn load(&mut self, declared: &Declared, files: TableFiles) {
        let spec = ModelSpec::from(&declared.session.spec);
        let fingerprint = files.fingerprint(&spec);
        if self.loading.as_ref().is_some_and(|loading| loading.fingerprint == fingerprint) {
            return;
        }
        if let Some(superseded) = self.loading.take() {
            superseded.task.abort();
        }
        let (sender, errors) = watch::channel(None);
        let mut tables = self.engine.tables(spec, files);
        let name = declared.name().to_owned();
        let task = tokio::spawn(async move {
            let errors = tables.load().await.err().map(|failure| failure.errors);
            sender.send_replace(Some(errors.unwrap_or_default()));
            keep_fresh(&name, tables).await;
        });
        self.loading = Some(Loading { fingerprint, errors, task });
    }

    /// Waits until the model is loaded (or is not) and the engine has the published policy.
    fn settle(&self, declared: Declared) -> impl Future<Output = Settled> + use<> {
        let engine = self.engine.clone();
        let published = self.published.clone();
        let errors = self.loading.as_ref().map(|loading| loading.errors.clone());
        async move {
            let mut load_errors = Vec::new();
            if let Some(mut errors) = errors
                && let Ok(found) = errors.wait_for(Option::is_some).await
            {
                load_errors = found.clone().unwrap_or_default();
            }
            let latest = Instant::now() + HAND_OVER_MAX;
            while engine.report().policy != published && Instant::now() < latest {
                sleep(Duration::from_millis(2)).await;
            }
            Settled { declared, load_errors, unbound: engine.report().problems }
        }
    }

    fn announce(&mut self, declared: &Declared, manifests: &Manifests) {
        if self.announced == 0 {
            announce::ready(declared, self.address, &self.engine.cubes(), manifests);
        } else if self.announced != self.revision {
            say!("edited {} revision {}", declared.name(), self.revision);
        }
        self.announced = self.revision;
    }

    async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = timeout(DRAIN_MAX, task).await;
        }
    }
}

/// Says when the tables of a Session are read again, and, once, that they cannot be.
async fn keep_fresh(session: &str, mut tables: TableKeeper) {
    let mut told = Vec::new();
    loop {
        match tables.refreshed().await {
            Ok(is_new) => {
                if is_new {
                    say!("refreshed {session}");
                }
                told.clear();
            }
            Err(failure) if failure.errors != told => {
                for error in &failure.errors {
                    complain!("error: Session/{session}: {error}; the rows before are shown on");
                }
                told = failure.errors;
            }
            Err(_) => {}
        }
    }
}

fn report_end<E: std::error::Error + Send + Sync + 'static>(part: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        complain!("error: the {part} ended: {:#}", anyhow::Error::from(error));
    }
}
