//! The sidecar beside nginx, `HAProxy`, and Apache with `mod_auth_openidc`: one backend, one machine, one run.
//!
//! ```text
//!              ┌── nginx, HAProxy, Apache ──┐
//! wrk ──TCP────┼── ours: open, cookie, …  ──┼──Unix socket──▶ backend (nginx)
//!              └────────── direct ──────────┘
//! ```
//!
//! Rounds are interleaved: everybody is measured once before anybody is measured again.

mod exchange;
mod load;
mod ours;
mod page;
mod provider;
mod proxies;
mod servers;
mod sizes;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{machine::Machine, report::print_gates};
use load::Load;
use servers::Servers;
use sizes::Sizes;

/// The sidecar beside other proxies
#[derive(Debug, Args)]
pub(crate) struct DoorOptions {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds; of each figure the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The sidecar's program, optimised
    #[arg(long, value_name = "PROGRAM")]
    sidecar: PathBuf,
    /// Directory with the other proxies and wrk, laid out as a machine's root
    #[arg(long, value_name = "DIRECTORY")]
    proxies: PathBuf,
    /// Write the page into this directory, after a whole run
    #[arg(long, value_name = "DIRECTORY")]
    docs: Option<PathBuf>,
}

/// What a published page is made of, at least.
const PUBLISHED_SECONDS: u64 = 3;
const PUBLISHED_ROUNDS: usize = 3;
/// Connections at once of each measurement.
const CONNECTIONS: [usize; 2] = [1, 32];

/// What a run has found out.
pub(crate) struct Figures {
    machine: Machine,
    seconds: u64,
    rounds: usize,
    versions: Vec<(&'static str, String)>,
    /// By target, in the order of [`Servers::targets`]; for each of [`CONNECTIONS`] a load.
    loads: Vec<(&'static str, [Load; 2])>,
    sizes: Sizes,
}

// === impl DoorOptions ===

impl DoorOptions {
    fn page_directory(&self) -> Option<&Path> {
        let is_whole = self.seconds >= PUBLISHED_SECONDS && self.rounds >= PUBLISHED_ROUNDS;
        self.docs.as_deref().filter(|_| is_whole)
    }
}

/// Measures, prints, and fails when a gate does not hold.
pub(crate) fn run(options: &DoorOptions) -> Result<()> {
    let figures = measure(options)?;
    page::print(&figures);
    let gates = page::gates(&figures);
    print_gates(&gates);
    if let Some(directory) = options.page_directory() {
        page::write(&figures, &gates, directory)?;
    }
    let failed = gates.iter().filter(|gate| gate.holds != Some(true)).count();
    ensure!(failed == 0, "{failed} of {} gates do not hold", gates.len());
    Ok(())
}

fn measure(options: &DoorOptions) -> Result<Figures> {
    let sizes = Sizes::measure(options)?;
    let servers = Servers::start(options)?;
    let targets = servers.targets();
    let mut rounds: Vec<[Vec<Load>; 2]> = targets.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for round in 1..=options.rounds {
        for (target, measured) in targets.iter().zip(&mut rounds) {
            for (connections, loads) in CONNECTIONS.into_iter().zip(measured) {
                let load = load::run(options, target, connections)?;
                println!("round {round}, {:26} c={connections:2}: {load}", target.name);
                loads.push(load);
            }
        }
    }
    let loads =
        targets.iter().zip(rounds).map(|(target, loads)| (target.name, loads.map(|loads| Load::median(&loads))));
    Ok(Figures {
        machine: Machine::here(),
        seconds: options.seconds,
        rounds: options.rounds,
        versions: proxies::versions(options)?,
        loads: loads.collect(),
        sizes,
    })
}

impl Figures {
    /// The loads of a target, by connections.
    fn of(&self, name: &str) -> Option<&[Load; 2]> {
        self.loads.iter().find(|(found, _)| *found == name).map(|(_, loads)| loads)
    }
}
