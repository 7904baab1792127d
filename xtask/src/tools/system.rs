//! Programs of the operating system with which tests make rooms of their own: namespaces, and links between them.

use anyhow::{Result, ensure};

use crate::process;

/// Program → Debian's package of it.
const PROGRAMS: [(&str, &str); 6] = [
    ("chroot", "coreutils"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

/// Where administrators' programs are, though users' PATHs do not name it.
const ADMINISTRATORS_PATH: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Fails with one command that installs all that is missing.
pub(super) fn require() -> Result<()> {
    let found = |program: &str| {
        let elsewhere = |directory: &str| process::is_program(&std::path::Path::new(directory).join(program));
        process::find(program).is_some() || ADMINISTRATORS_PATH.iter().any(|directory| elsewhere(directory))
    };
    let missing = missing(found);
    let names: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    ensure!(
        missing.is_empty(),
        "not on the PATH: {}. Run: sudo apt-get install {}",
        names.join(", "),
        packages.join(" ")
    );
    Ok(())
}

fn missing(found: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    PROGRAMS.into_iter().filter(|(program, _)| !found(program)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_programs_that_are_not_found_are_missing() {
        assert_eq!(missing(|_| true), []);
        assert_eq!(missing(|program| program != "ip"), [("ip", "iproute2")]);
    }
}
