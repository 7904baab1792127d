//! Defects of libraries that others have found: the versions in use do not have them. (`deny.toml` says which libraries are
//! not to be used at all.)

use cubegate_tests::tools;

/// Library, the first version of each line that is mended, and what was wrong.
const MENDED: [(&str, &[&str], &str); 9] = [
    ("h2", &["0.4.16"], "RUSTSEC-2023-0034, 2024-0003, 2024-0332, 2026-0258: floods of resets and continuations"),
    ("hyper", &["0.14.10", "1.0.0"], "RUSTSEC-2021-0078, 2021-0079: lenient lengths"),
    ("rustls", &["0.23.18"], "RUSTSEC-2024-0336, 2024-0399: endless loop and panic at a handshake"),
    ("rustls-webpki", &["0.103.13"], "RUSTSEC-2026-0049, 2026-0098, 2026-0099, 2026-0104: names and revocation"),
    ("aws-lc-sys", &["0.39.0"], "RUSTSEC-2026-0044 to 2026-0048"),
    ("tracing-subscriber", &["0.3.20"], "RUSTSEC-2025-0055: escape sequences in logs"),
    ("bcrypt", &["0.19.2"], "RUSTSEC-2026-0199: panic at hostile input"),
    ("jsonwebtoken", &["10.3.0"], "times of another type count as absent"),
    ("zeroize", &["1.1.0"], "secrets that stay in memory"),
];

#[test]
fn libraries_are_of_versions_without_the_defects_that_were_published() {
    let lock = std::fs::read_to_string(tools::repository().join("Cargo.lock")).unwrap();
    let packages: Vec<(&str, &str)> = lock.split("[[package]]").skip(1).filter_map(package).collect();
    assert!(packages.len() > 100, "the lock file is not read as it is written");
    for (name, mended, defect) in MENDED {
        let versions: Vec<&str> =
            packages.iter().filter(|(found, _)| *found == name).map(|(_, version)| *version).collect();
        assert!(!versions.is_empty(), "{name} is not used any more; take it off the list");
        for version in versions {
            let is_mended = mended.iter().any(|first| numbers(version) >= numbers(first));
            assert!(is_mended, "{name} {version}: {defect}");
        }
    }
}

fn package(text: &str) -> Option<(&str, &str)> {
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'));
    Some((field("name")?, field("version")?))
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}
