//! One container: a root directory with the image's binary, mounts in a private namespace, a user.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Container as ContainerSpec, Probe};

use super::{Context, Order, environment, network::PodNetwork, probe, volumes::Volumes};
use crate::{
    limits::{POD_READY_MAX, POLL},
    process::Process,
    tools,
};

/// `USER` of our images.
pub(super) const IMAGE_USER: u32 = 65532;

/// Mounts, then becomes the container's program. Arguments: mount, chroot, root, then `source target ro|rw`
/// for each mount, `--`, `ro|rw` for the root itself, `user:group`, supplementary groups, program and arguments.
const START: &str = r#"
set -eu
mount=$1 chroot=$2 root=$3; shift 3
"$mount" --bind "$root" "$root"
while [ "$1" != -- ]; do
    "$mount" --bind "$1" "$root$2"
    if [ "$3" = ro ]; then "$mount" -o remount,bind,ro "$root$2"; fi
    shift 3
done
shift
if [ "$1" = ro ]; then "$mount" -o remount,bind,ro "$root"; fi
user=$2 groups=$3; shift 3
exec "$chroot" --userspec="$user" --groups="$groups" "$root" "$@"
"#;

/// A container that runs, or is about to run again.
#[derive(Debug)]
pub(super) struct Container {
    spec: ContainerSpec,
    process: Process,
    started: Instant,
    restarts: u32,
    readiness: Watched,
    liveness: Watched,
}

/// A probe in use.
#[derive(Debug, Default)]
struct Watched {
    passed: bool,
    failures: u32,
    performed: Option<Instant>,
}

impl Container {
    /// Starts a container.
    pub(super) async fn start(
        context: &Context<'_>,
        network: &PodNetwork,
        volumes: &Volumes,
        spec: &ContainerSpec,
    ) -> Result<Self> {
        let process =
            spawn(context, network, volumes, spec).await.with_context(|| format!("container {}", spec.name))?;
        Ok(Self {
            spec: spec.clone(),
            process,
            started: Instant::now(),
            restarts: 0,
            readiness: Watched::default(),
            liveness: Watched::default(),
        })
    }

    /// Waits until a sidecar has started: until its startup probe passes, if it has one.
    pub(super) async fn wait_started(&mut self, context: &Context<'_>) -> Result<()> {
        let Some(startup) = self.spec.startup_probe.clone() else { return Ok(()) };
        let started = Instant::now();
        while let Err(error) = probe::perform(&startup, &self.spec, context.ip).await {
            self.process.check_running()?;
            ensure!(started.elapsed() < POD_READY_MAX, "container {} does not start: {error:#}", self.spec.name);
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until an init container has done its work.
    pub(super) async fn wait_completed(&mut self) -> Result<()> {
        let status = self.process.wait(POD_READY_MAX).await?;
        ensure!(status.success(), "init container {} failed: {status}\n{}", self.spec.name, self.process.stderr());
        Ok(())
    }

    /// Restarts it when it has ended or its liveness probe fails; performs the probes that are due.
    pub(super) async fn supervise(
        &mut self,
        context: &Context<'_>,
        network: &PodNetwork,
        volumes: &Volumes,
    ) -> Result<()> {
        let (readiness, liveness) = (self.spec.readiness_probe.clone(), self.spec.liveness_probe.clone());
        if let Some(liveness) = &liveness {
            self.liveness.look(liveness, &self.spec, context).await;
        }
        if let Some(readiness) = &readiness {
            self.readiness.look(readiness, &self.spec, context).await;
        }
        let unhealthy = liveness.is_some_and(|liveness| self.liveness.failures >= probe::failures_max(&liveness));
        if unhealthy {
            self.process.kill();
        }
        if self.process.exited()?.is_some() {
            self.restarts += 1;
            self.process = spawn(context, network, volumes, &self.spec).await?;
            self.started = Instant::now();
            (self.readiness, self.liveness) = (Watched::default(), Watched::default());
        }
        Ok(())
    }

    /// Ends it as a node does: what `preStop` asks for, then SIGTERM; it must end in order.
    pub(super) async fn terminate(&mut self) -> Result<()> {
        if let Some(hook) = self.spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref()) {
            let sleep = hook.sleep.as_ref().context("the double knows only preStop.sleep")?;
            tokio::time::sleep(Duration::from_secs(sleep.seconds.try_into().context("seconds are positive")?)).await;
        }
        if self.process.exited()?.is_none() {
            let status = self.process.terminate().await?;
            ensure!(status.success(), "container {} does not end in order: {status}", self.spec.name);
        }
        Ok(())
    }

    /// Obeys an order that is for it.
    pub(super) fn obey(&mut self, order: &Order) -> Result<()> {
        match order {
            Order::Pause(name) if *name == self.spec.name => self.process.set_paused(true),
            Order::Resume(name) if *name == self.spec.name => self.process.set_paused(false),
            Order::Kill(name) if *name == self.spec.name => {
                self.process.kill();
                Ok(())
            }
            Order::Pause(_) | Order::Resume(_) | Order::Kill(_) => Ok(()),
        }
    }

    /// Whether it may get requests.
    pub(super) fn is_ready(&self) -> bool {
        self.spec.readiness_probe.is_none() || self.readiness.passed
    }

    /// What the pod's status says of it.
    pub(super) fn status(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.spec.name,
            "image": self.spec.image,
            "imageID": "",
            "ready": self.is_ready(),
            "started": true,
            "restartCount": self.restarts,
            "state": {"running": {}},
        })
    }

    /// Whether it is a sidecar, that is, listed among the init containers.
    pub(super) fn is_sidecar(&self) -> bool {
        super::is_sidecar(&self.spec)
    }
}

impl Watched {
    /// Performs the probe when it is due. Until it first passes, it is due all the time: a test need not wait for its period.
    async fn look(&mut self, probe: &Probe, spec: &ContainerSpec, context: &Context<'_>) {
        let due = if self.passed { probe::period(probe) } else { Duration::ZERO };
        if self.performed.is_some_and(|performed| performed.elapsed() < due) {
            return;
        }
        self.performed = Some(Instant::now());
        match probe::perform(probe, spec, context.ip).await {
            Ok(()) => (self.passed, self.failures) = (true, 0),
            Err(_) if self.passed => {
                self.failures += 1;
                self.passed = self.failures < probe::failures_max(probe);
            }
            Err(_) => {}
        }
    }
}

async fn spawn(
    context: &Context<'_>,
    network: &PodNetwork,
    volumes: &Volumes,
    spec: &ContainerSpec,
) -> Result<Process> {
    let binary = context.images.binary(spec.image.as_deref().unwrap_or_default())?;
    let environment = environment::of(context, spec).await?;
    let root = context.directory.join(&spec.name);
    let mut mounts = make_root(&root, binary)?;
    for mount in spec.volume_mounts.iter().flatten() {
        ensure!(mount.sub_path_expr.is_none(), "the double does not know subPathExpr");
        let source = volumes.directory(&mount.name)?.join(mount.sub_path.as_deref().unwrap_or_default());
        let target = root.join(mount.mount_path.trim_start_matches('/'));
        if source.is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::create_dir_all(target.parent().context("a mount lies in a directory")?)?;
            fs::write(&target, "")?;
        }
        mounts.push(Mount { source, target: mount.mount_path.clone(), writable: mount.read_only != Some(true) });
    }

    let mut command = network.command(&tools::system("unshare")?)?;
    command.args(["--mount", "--propagation", "private", "--"]);
    command.arg(tools::system("sh")?).args(["-c", START, "start"]);
    command.arg(tools::system("mount")?).arg(tools::system("chroot")?).arg(&root);
    for Mount { source, target, writable } in mounts {
        command.arg(source).arg(target).arg(if writable { "rw" } else { "ro" });
    }
    let security = Security::of(context, spec)?;
    command.args(["--", if security.read_only_root { "ro" } else { "rw" }]);
    command.args([format!("{}:{}", security.user, security.group), security.groups]);
    command.args(program(spec, binary).into_iter().map(|argument| environment::expand(&argument, &environment)));
    command.env_clear().envs(&environment);
    let name = format!("{}.{}", context.pod.metadata.name.as_deref().unwrap_or_default(), spec.name);
    Process::start(&name, command, context.logs)
}

/// `command` and `args` of the spec; without `command`, the image's own.
fn program(spec: &ContainerSpec, binary: &Path) -> Vec<String> {
    let own = || vec![path_in_image(binary)];
    let command = spec.command.clone().filter(|command| !command.is_empty()).unwrap_or_else(own);
    command.into_iter().chain(spec.args.iter().flatten().cloned()).collect()
}

/// Who a container runs as.
struct Security {
    user: u32,
    group: u32,
    groups: String,
    read_only_root: bool,
}

impl Security {
    fn of(context: &Context<'_>, spec: &ContainerSpec) -> Result<Self> {
        let (own, pod) = (spec.security_context.as_ref(), context.spec.security_context.as_ref());
        let id = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let user =
            id(own.and_then(|own| own.run_as_user).or(pod.and_then(|pod| pod.run_as_user))).unwrap_or(IMAGE_USER);
        let group =
            id(own.and_then(|own| own.run_as_group).or(pod.and_then(|pod| pod.run_as_group))).unwrap_or(IMAGE_USER);
        let non_root = own.and_then(|own| own.run_as_non_root).or(pod.and_then(|pod| pod.run_as_non_root));
        if non_root == Some(true) && user == 0 {
            bail!("container {} would run as root", spec.name);
        }
        let fs_group = id(pod.and_then(|pod| pod.fs_group));
        let groups = [Some(group), fs_group].into_iter().flatten().map(|group| group.to_string()).collect::<Vec<_>>();
        let read_only_root = own.and_then(|own| own.read_only_root_filesystem) == Some(true);
        Ok(Self { user, group, groups: groups.join(","), read_only_root })
    }
}

/// One bind mount of a container.
struct Mount {
    source: PathBuf,
    target: String,
    writable: bool,
}

/// Makes the root directory of an image: the binary, the host's libraries for it, and the little that every container has.
fn make_root(root: &Path, binary: &Path) -> Result<Vec<Mount>> {
    let read_only = |path: &str| Mount { source: path.into(), target: path.to_owned(), writable: false };
    let mut mounts = Vec::new();
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    for directory in ["proc", "dev", "etc", "tmp", "run", "usr/bin"] {
        fs::create_dir_all(root.join(directory))?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    for library in ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ssl"] {
        let (host, inside) = (Path::new(library), root.join(library.trim_start_matches('/')));
        if host.is_symlink() {
            symlink(fs::read_link(host)?, inside)?;
        } else if host.is_dir() {
            fs::create_dir_all(inside)?;
            mounts.push(read_only(library));
        }
    }
    for device in ["/dev/null", "/dev/zero", "/dev/urandom"] {
        fs::write(root.join(device.trim_start_matches('/')), "")?;
        mounts.push(Mount { source: device.into(), target: device.into(), writable: true });
    }
    mounts.push(read_only("/proc"));
    fs::write(root.join(path_in_image(binary).trim_start_matches('/')), "")?;
    mounts.push(Mount { source: binary.to_owned(), target: path_in_image(binary), writable: false });
    Ok(mounts)
}

/// Where `cargo xtask images` puts the binary, and what it makes the entry point.
fn path_in_image(binary: &Path) -> String {
    format!("/usr/bin/{}", binary.file_name().unwrap_or_default().display())
}
