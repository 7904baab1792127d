//! Every property, over every file of its corpus and some thousand changes of them that are the same each time.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
};

use cubegate_properties::{Property, TARGETS};

/// Changes that are tried for each property.
const CHANGES: usize = 2_000;
/// Longest input that is made of others.
const BYTES_MAX: usize = 8 * 1024;
/// What parsers take apart.
const TELLING: [&[u8]; 28] = [
    b"\0",
    b"\r\n",
    b"\n",
    b" ",
    b"\t",
    b"%2e",
    b"%2f",
    b"%00",
    b"..",
    b"//",
    b"\\",
    b":",
    b";",
    b",",
    b"=",
    b"-",
    b"~",
    b"\"",
    b"[]",
    b"{}",
    b"null",
    b"\xff",
    b"\xef\xbb\xbf",
    b"0",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"x-cubegate-user",
];

#[test]
fn every_property_holds_of_its_corpus_and_of_what_is_near() {
    let corpora = corpora();
    let (first, second) = TARGETS.split_at(TARGETS.len() / 2);
    let failures: Vec<String> = thread::scope(|scope| {
        let workers = [first, second].map(|targets| scope.spawn(|| failures(targets, &corpora)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_target_has_a_corpus_and_a_program_and_there_is_no_other() {
    let names: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(sorted_names(&corpora()), names);
    let programs = corpora().with_file_name("fuzz_targets");
    let expected: Vec<String> = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(sorted_names(&programs), expected);
    for name in names {
        let program = fs::read_to_string(programs.join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("cubegate_properties::{name}(")), "{name}.rs does not run its property");
    }
}

/// Of each target the first input that breaks it.
fn failures(targets: &[(&str, Property)], corpora: &Path) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, property) in targets {
        let seeds = seeds(&corpora.join(name));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let changed = (0..CHANGES).map(|_| random.change(&seeds));
        let broken = seeds
            .iter()
            .cloned()
            .chain(changed.collect::<Vec<_>>())
            .find(|input| catch_unwind(AssertUnwindSafe(|| property(input))).is_err());
        failures.extend(broken.map(|input| format!("{name} does not hold of b\"{}\"", input.escape_ascii())));
    }
    failures
}

fn seeds(directory: &Path) -> Vec<Vec<u8>> {
    let names = sorted_names(directory);
    assert!(!names.is_empty(), "{} has no file", directory.display());
    names.iter().map(|name| fs::read(directory.join(name)).unwrap()).collect()
}

fn sorted_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz/corpus")
}

/// Numbers that look random and are the same each time (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// A seed with one to four changes.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let (from, length) = (self.below(input.len() + 1), self.below(16));
            let to = (from + length).min(input.len());
            match self.below(6) {
                0 => drop(input.drain(from..to)),
                1 => {
                    let again = input[from..to].to_vec();
                    input.splice(from..from, again);
                }
                2 => {
                    let telling = TELLING[self.below(TELLING.len())];
                    input.splice(from..from, telling.iter().copied());
                }
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let tail = other[self.below(other.len() + 1)..].to_vec();
                    input.splice(from.., tail);
                }
                4 if from < input.len() => input[from] ^= 1 << self.below(8),
                _ => input.truncate(from),
            }
        }
        input.truncate(BYTES_MAX);
        input
    }
}
