//! `cubegate up` on a copy of an example.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    limits::{POLL, REPORT_MAX, START_MAX},
    process::{Process, RunDirectory},
    tools,
};

/// What marks the lines of the audit log.
const AUDIT: &str = "cubegate::audit";

/// A running `cubegate up`.
#[derive(Debug)]
pub struct Up {
    /// The process.
    pub process: Process,
    sessions: BTreeMap<String, String>,
}

impl Up {
    /// Starts `cubegate up DIRECTORY --listen ADDRESS` and waits for its first Session.
    pub async fn start(run: &RunDirectory, directory: &Path, listen: &str) -> Result<Self> {
        let mut process = spawn(run, directory, listen)?;
        let sessions = process
            .wait_for_output(START_MAX, |output| {
                let ready: BTreeMap<String, String> = output.lines().filter_map(ready_line).collect();
                (!ready.is_empty()).then_some(ready)
            })
            .await?;
        Ok(Self { process, sessions })
    }

    /// Waits until something is reported after the first `from` bytes of reports that contains all of `fragments`; the new length.
    pub async fn wait_for_report(&mut self, from: usize, fragments: &[&str]) -> Result<usize> {
        let started = Instant::now();
        loop {
            let reports = self.lines_of_stderr(|line| !line.contains(AUDIT));
            let new = reports.get(from..).unwrap_or_default();
            if fragments.iter().all(|fragment| new.contains(fragment)) {
                return Ok(reports.len());
            }
            self.process.check_running()?;
            ensure!(started.elapsed() < REPORT_MAX, "expected all of {fragments:?} on standard error, got:\n{new}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for the audit record of a decision.
    pub async fn wait_for_audit(&mut self, decision_id: &str) -> Result<String> {
        let started = Instant::now();
        loop {
            let record = self.lines_of_stderr(|line| line.contains(AUDIT) && line.contains(decision_id));
            if !record.is_empty() {
                return Ok(record);
            }
            self.process.check_running()?;
            ensure!(started.elapsed() < REPORT_MAX, "no audit record of decision {decision_id}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// What was written to standard error, of whole lines those that are wanted.
    fn lines_of_stderr(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let stderr = self.process.stderr();
        stderr.split_inclusive('\n').filter(|line| line.ends_with('\n') && is_wanted(line)).collect()
    }

    /// Name and URL of the Session, when there is one.
    pub fn only_session(&self) -> Result<(&str, &str)> {
        let mut sessions = self.sessions.iter().map(|(name, url)| (name.as_str(), url.as_str()));
        match (sessions.next(), sessions.next()) {
            (Some(session), None) => Ok(session),
            _ => bail!("expected one Session, found {:?}", self.sessions),
        }
    }

    /// The URL of a Session.
    pub fn url(&self, session: &str) -> Result<&str> {
        let url = self.sessions.get(session).map(String::as_str);
        url.with_context(|| format!("no `ready {session} …`, only {:?}", self.sessions))
    }
}

/// Starts `cubegate up`, with its audit log, without waiting for anything.
pub fn spawn(run: &RunDirectory, directory: &Path, listen: &str) -> Result<Process> {
    let mut command = tools::mortal(&tools::cubegate("cubegate")?);
    command.arg("up").arg(directory).args(["--listen", listen]);
    command.env("RUST_LOG", format!("error,{AUDIT}=info"));
    run.start("up", command)
}

/// Copies an example, so that a test may edit it.
pub fn copy_example(run: &RunDirectory, example: &str) -> Result<PathBuf> {
    let copy = run.make(example)?;
    copy_directory(&tools::repository().join("examples").join(example), &copy)?;
    Ok(copy)
}

/// Copies all examples into `examples` of the run, side by side as they are: some use the tables of another.
pub fn copy_examples(run: &RunDirectory) -> Result<()> {
    copy_directory(&tools::repository().join("examples"), &run.make("examples")?)
}

/// Replaces a piece of a file, which must be there exactly once, as an editor does: by a new file under the old name.
pub fn edit(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    ensure!(text.matches(from).count() == 1, "{from:?} is not exactly once in {}", file.display());
    replace(file, text.replace(from, to).as_bytes())
}

/// Replaces a file by a new one under the old name.
pub fn replace(file: &Path, content: &[u8]) -> Result<()> {
    // A name that nobody takes for a manifest or a table.
    let new = file.with_extension("new~");
    fs::write(&new, content).with_context(|| format!("failed to write {}", new.display()))?;
    fs::rename(&new, file).with_context(|| format!("failed to replace {}", file.display()))
}

/// `ready NAME URL`.
fn ready_line(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next(), words.next()) {
        ("ready", Some(session), Some(url)) => Some((session.to_owned(), url.trim_end_matches('/').to_owned())),
        _ => None,
    }
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir_all(&target)?;
            copy_directory(&source, &target)?;
        } else if source.is_file() {
            fs::copy(&source, &target)?;
        } else {
            bail!("{} is neither a file nor a directory", source.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_says_ready_names_a_session() {
        let session = ("retail".to_owned(), "http://127.0.0.1:8080".to_owned());
        assert_eq!(ready_line("ready retail http://127.0.0.1:8080/"), Some(session));
        assert_eq!(ready_line("edited retail revision 2"), None);
        assert_eq!(ready_line("ready"), None);
    }

    #[test]
    fn an_edit_must_hit_exactly_one_place() {
        let run = RunDirectory::new().unwrap();
        let file = run.path().join("a.yaml");
        fs::write(&file, "one two two").unwrap();
        edit(&file, "one", "1").unwrap();
        assert!(edit(&file, "two", "2").is_err() && edit(&file, "three", "3").is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "1 two two");
    }
}
