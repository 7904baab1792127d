//! The cube stays free of input and output.

/// Crates that neither do input or output nor bring a runtime for it.
const PURE: [&str; 15] = [
    "arrow-array",
    "arrow-ipc",
    "arrow-schema",
    "bytes",
    "ethnum",
    "foldhash",
    "hashbrown",
    "jiff",
    "memchr",
    "parquet",
    "rayon",
    "serde",
    "serde_json",
    "strsim",
    "thiserror",
];

#[test]
fn the_cube_depends_on_nothing_that_does_input_or_output() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, after) = manifest.split_once("[dependencies]\n").unwrap();
    let dependencies = after.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
    let names: Vec<&str> = dependencies.map(|line| line.split(['.', ' ', '=']).next().unwrap()).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(PURE.contains(&name), "{name} is not known to be pure");
    }
}
