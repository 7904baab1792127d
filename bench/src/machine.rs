//! The machine that a run was made on.

use serde::{Deserialize, Serialize};

/// What a reader needs to know to compare figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) cache: String,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) compiler: String,
    pub(crate) commit: String,
    pub(crate) date: String,
}

impl Machine {
    /// This machine, now. What cannot be found out says so: a figure is still a figure.
    pub(crate) fn here() -> Self {
        let processor = file("/proc/cpuinfo");
        let family = |name: &str| value(&processor, name).unwrap_or_default();
        let memory_kib = value(&file("/proc/meminfo"), "MemTotal");
        let memory_kib = memory_kib.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            processor: format!("{}, family {}, model {}", family("model name"), family("cpu family"), family("model")),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cache: file("/sys/devices/system/cpu/cpu0/cache/index3/size").trim().to_owned(),
            memory_gib: memory_kib.unwrap_or_default() >> 20,
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            compiler: printed("rustc", &["--version"]),
            commit: printed("git", &["rev-parse", "--short", "HEAD"]),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn value(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
