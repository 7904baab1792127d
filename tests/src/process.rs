//! Processes that end with the test that started them, and whose logs are shown when it fails.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::limits::{COMMAND_MAX, LOG_TAIL_LINES, POLL, STARTS_MAX, STOP_MAX};

/// A directory for one test: state and logs. Removed at the end; the logs are shown first when the test panics.
#[derive(Debug)]
pub struct RunDirectory {
    directory: tempfile::TempDir,
}

/// A running process with its whole process group. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// Runs a command that does its work and exits; a failure is an error with its output.
pub async fn run(command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = output(command).await?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{shown}: {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

/// Runs a command that does its work and exits, whether it fails or not.
pub async fn output(command: Command) -> Result<Output> {
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(COMMAND_MAX, command.output())
        .await
        .with_context(|| format!("{shown} took longer than {COMMAND_MAX:?}"))?
        .with_context(|| format!("failed to run {shown}"))
}

// === impl RunDirectory ===

impl RunDirectory {
    /// Makes an empty directory. Everybody may pass through it, because pods do not run as us.
    pub fn new() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let directory =
            tempfile::Builder::new().prefix("cubegate-test-").tempdir().context("failed to make a directory")?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(directory.path().join("log"))?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a directory in it.
    pub fn make(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir_all(&path).with_context(|| format!("failed to make {}", path.display()))?;
        Ok(path)
    }

    /// Starts a process whose output goes to `log/NAME.out` and `log/NAME.err`; the second of a name to `NAME-2`, and so on.
    pub fn start(&self, name: &str, command: Command) -> Result<Process> {
        let logs = self.path().join("log");
        let numbered = |number: u32| if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let free = (1..=STARTS_MAX).map(numbered).find(|name| !logs.join(format!("{name}.out")).exists());
        Process::start(&free.context("the process was started too often")?, command, &logs)
    }
}

impl Drop for RunDirectory {
    #[expect(clippy::print_stderr, reason = "logs are shown when a test fails")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Ok(entries) = fs::read_dir(self.path().join("log")) else { return };
        let mut logs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        logs.sort();
        for log in logs {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let telling: Vec<&str> = text.lines().filter(|line| !is_small_talk(line)).collect();
            let tail = tail(&telling.join("\n"));
            if !tail.is_empty() {
                eprintln!("---- {} ----\n{tail}", log.file_name().unwrap_or_default().display());
            }
        }
    }
}

// === impl Process ===

impl Process {
    /// Starts a process in a group of its own, its output in `NAME.out` and `NAME.err` of `logs`.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Result<Self> {
        let (stdout, stderr) = (logs.join(format!("{name}.out")), logs.join(format!("{name}.err")));
        let append = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("failed to open {}", path.display()))
        };
        command.stdin(Stdio::null()).stdout(append(&stdout)?).stderr(append(&stderr)?).process_group(0);
        let child = command.spawn().with_context(|| format!("failed to start {name}: {command:?}"))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
        Ok(Self { name: name.to_owned(), child, group, stdout, stderr })
    }

    /// Process id, which is also that of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Its exit, if it has ended.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("failed to ask whether {} runs", self.name))
    }

    /// An error when it has ended.
    pub fn check_running(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => {
                bail!("{} ended by itself: {status}\n{}{}", self.name, tail(&self.stdout()), tail(&self.stderr()))
            }
        }
    }

    /// Waits until what it wrote to standard output satisfies `find`.
    pub async fn wait_for_output<T>(&mut self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = find(&self.stdout()) {
                return Ok(found);
            }
            self.check_running()?;
            if started.elapsed() > limit {
                bail!(
                    "{} did not write what was expected within {limit:?}:\n{}{}",
                    self.name,
                    self.stdout(),
                    self.stderr()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it ends by itself.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            if started.elapsed() > limit {
                bail!("{} still runs after {limit:?}\n{}{}", self.name, tail(&self.stdout()), tail(&self.stderr()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks it to end (SIGTERM to it alone) and waits; an error when it does not.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        kill_process(self.group, Signal::TERM).with_context(|| format!("failed to signal {}", self.name))?;
        self.wait(STOP_MAX).await
    }

    /// Freezes its group, or lets it go on.
    pub fn set_paused(&mut self, paused: bool) -> Result<()> {
        let signal = if paused { Signal::STOP } else { Signal::CONT };
        kill_process_group(self.group, signal).with_context(|| format!("failed to signal {}", self.name))
    }

    /// Ends it without asking (SIGKILL to its group).
    pub fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // The group may be gone already; there is nobody left to tell.
        kill_process_group(self.group, Signal::KILL).ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kubernetes programs log what goes well as `I1231 …`, and what mends itself as `W1231 …`.
fn is_small_talk(line: &str) -> bool {
    line.strip_prefix(['I', 'W']).is_some_and(|rest| rest.bytes().take(4).all(|byte| byte.is_ascii_digit()))
}

/// The last lines of a log.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_process_takes_its_children_with_it() {
        let run = RunDirectory::new().unwrap();
        let mut process = run.start("parent", shell("sleep 1000 & echo child $!; wait")).unwrap();
        let child = |output: &str| output.trim().strip_prefix("child ").and_then(|id| id.parse::<u32>().ok());
        let child = process.wait_for_output(STOP_MAX, child).await.unwrap();
        drop(process);
        let state = || fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let started = Instant::now();
        while !state().is_empty() && !state().contains(" Z ") {
            assert!(started.elapsed() < STOP_MAX, "the child lives: {}", state());
            tokio::time::sleep(POLL).await;
        }
    }

    #[tokio::test]
    async fn a_process_that_ends_by_itself_is_an_error_with_its_last_words() {
        let run = RunDirectory::new().unwrap();
        let mut process = run.start("brief", shell("echo last words >&2; exit 3")).unwrap();
        let error = process.wait_for_output(STOP_MAX, |_| None::<()>).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("last words"), "{error}");
    }

    #[tokio::test]
    async fn the_second_process_of_a_name_has_logs_of_its_own() {
        let run = RunDirectory::new().unwrap();
        for text in ["first", "second"] {
            let mut process = run.start("same", shell(&format!("echo {text}"))).unwrap();
            process.wait(STOP_MAX).await.unwrap();
            assert_eq!(process.stdout().trim(), text);
        }
    }

    #[test]
    fn small_talk_of_kubernetes_is_told_from_what_matters() {
        assert!(is_small_talk("I1121 08:36:34.530447       8 apf_controller.go:377] Starting"));
        assert!(!is_small_talk("E1121 08:36:34.631658       8 controller.go:95] Found stale data"));
        assert!(!is_small_talk("Info: nothing"));
    }
}
