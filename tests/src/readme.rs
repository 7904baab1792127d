//! A README as a test: its commands are run in order, and print what it says.
//!
//! ````text
//! ```console
//! $ cubegate up examples/retail            on a free port, and stopped at the end
//! ready retail http://127.0.0.1:8080
//! ```
//! ````
//!
//! A line that begins with `$ ` is a command, with the lines below it as long as they end with `\`; what follows until the next
//! command is all that it prints. The commands before `cubegate up` run in one bash and those behind it in another, so that
//! functions and variables last. Where `cubegate` is called through cargo, the program that was built is called instead, and port
//! 8080 is whichever was free.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    process::{self, RunDirectory},
    tools,
    up::Up,
};

/// The address that READMEs speak of.
const WRITTEN_ADDRESS: &str = "127.0.0.1:8080";

/// How READMEs call the program before it is installed.
const BY_CARGO: &str = "cargo run --release -p cubegate -- ";

/// Stands before the number of a command in what bash prints. No text of ours has it.
const MARK: char = '\u{1}';

/// A command and what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command, perhaps of several lines.
    pub command: String,
    /// The lines that it prints, errors among them.
    pub output: String,
}

/// The commands of a README. One that shows none is an error.
pub fn steps(text: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_console = false;
    let mut continues = false;
    for line in text.lines() {
        if !is_console {
            is_console = line.trim_end() == "```console";
            continue;
        }
        if line.starts_with("```") {
            ensure!(!continues, "a command ends with `\\`, and nothing follows: {:?}", steps.last());
            is_console = false;
        } else if continues {
            let step = steps.last_mut().context("a line continues, so there was one before")?;
            step.command.push('\n');
            step.command.push_str(line);
            continues = line.ends_with('\\');
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.replace(BY_CARGO, "cubegate "), output: String::new() });
            continues = line.ends_with('\\');
        } else {
            let step = steps.last_mut().with_context(|| format!("{line:?} is the output of no command"))?;
            step.output.push_str(line);
            step.output.push('\n');
        }
    }
    ensure!(!is_console, "a block of commands has no end");
    ensure!(!steps.is_empty(), "there is no command: write at least one in a block of ```console");
    Ok(steps)
}

/// Runs the commands of a README from a directory that has a copy of `examples`, and compares what they print.
pub async fn run(run: &RunDirectory, readme: &Path, root: &Path) -> Result<()> {
    let text = std::fs::read_to_string(readme).with_context(|| format!("failed to read {}", readme.display()))?;
    let steps = steps(&text)?;
    let is_up = |step: &Step| step.command.starts_with("cubegate up ");
    let (before, rest) = steps.split_at(steps.iter().position(is_up).unwrap_or(steps.len()));
    follow(before, WRITTEN_ADDRESS, root).await?;
    let Some((served, after)) = rest.split_first() else { return Ok(()) };
    if let Some(another) = after.iter().find(|step| is_up(step)) {
        bail!("one `cubegate up` is enough, but there is {:?} too", another.command);
    }
    let (_up, address) = serve(run, served, root).await?;
    follow(after, &address, root).await
}

/// Runs commands in one bash.
async fn follow(steps: &[Step], address: &str, root: &Path) -> Result<()> {
    let lines =
        steps.iter().map(|step| format!("{}\nprintf '{MARK}'\n", step.command.replace(WRITTEN_ADDRESS, address)));
    let script = lines.collect::<Vec<_>>().concat();
    // CSV ends its lines as RFC 4180 has it, which nobody sees.
    let printed = bash(&script, root).await?.replace(address, WRITTEN_ADDRESS).replace("\r\n", "\n");
    let mut printed = printed.split(MARK);
    for Step { command, output } in steps {
        let printed = printed.next().unwrap_or_default();
        ensure!(printed.trim_end() == output.trim_end(), "$ {command}\nshould print\n{output}\nbut printed\n{printed}");
    }
    Ok(())
}

/// Starts `cubegate up`, and gives back the address that it found.
async fn serve(run: &RunDirectory, Step { command, output }: &Step, root: &Path) -> Result<(Up, String)> {
    let directory = command.trim_start_matches("cubegate up ").trim();
    let up = Up::start(run, &root.join(directory), "127.0.0.1:0").await?;
    let (name, url) = up.only_session()?;
    let address = url.trim_start_matches("http://").to_owned();
    let expected = format!("ready {name} http://{WRITTEN_ADDRESS}");
    ensure!(output.trim_end() == expected, "$ {command}\nshould say\n{expected}\nin the README, which says\n{output}");
    Ok((up, address))
}

/// Runs a script, and gives back all that it prints.
async fn bash(script: &str, root: &Path) -> Result<String> {
    let programs = tools::cubegate("cubegate")?;
    let programs = programs.parent().context("a program lies in a directory")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path)))?;
    tools::system("curl")?;
    let mut command = std::process::Command::new(tools::system("bash")?);
    command.args(["--noprofile", "--norc", "-c", &format!("exec 2>&1\n{script}")]).current_dir(root).env("PATH", path);
    let output = process::output(command).await?;
    String::from_utf8(output.stdout).context("what was printed is not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_the_lines_that_they_go_on_in_and_what_they_print() {
        let text = "# Title\n```console\n$ cargo run --release -p cubegate -- up a\nready a\n```\n```sh\n$ not run\n```\n\
            ```console\n$ one \\\n  two\n\n$ three\nx\n\ny\n```\n";
        let step = |command: &str, output: &str| Step { command: command.into(), output: output.into() };
        let expected = [step("cubegate up a", "ready a\n"), step("one \\\n  two", "\n"), step("three", "x\n\ny\n")];
        assert_eq!(steps(text).unwrap(), expected);
    }

    #[test]
    fn a_readme_without_commands_or_with_half_of_one_is_an_error() {
        for text in [
            "",
            "```sh\n$ a\n```",
            "```console\n```",
            "```console\nx\n```",
            "```console\n$ a",
            "```console\n$ a \\\n```",
        ] {
            assert!(steps(text).is_err(), "{text}");
        }
    }
}
