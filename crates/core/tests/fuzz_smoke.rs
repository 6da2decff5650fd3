//! The fuzz targets of `fuzz/`, on a stable compiler: the golden fixtures, mutated by a generator of pseudo-random
//! numbers that always starts from the same seed. `FUZZ_ROUNDS=20000 cargo test -p nexus-edge-core --test fuzz_smoke`
//! runs it for longer, `FUZZ_SEED` elsewhere.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that finds something has to say what"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Mutants of each target in an ordinary test run.
const ROUNDS: usize = 1000;

/// What parsers trip over.
const TOKENS: &[&[u8]] = &[
    b"null",
    b"[]",
    b"{}",
    b"\"\"",
    b"0",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"true",
    b"[null]",
    b"[[[[[[[[",
    b"\"\\ud800\"",
    b"\"\\u0000\"",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"data:",
    b"data: [DONE]\n\n",
    b"event: error\n",
    b": c\n",
    b"\xff",
    b"\xe6\xbc",
    b",",
    b"}",
    b"\"index\":999999999999,",
    b"\"index\":1,",
    b"\"choices\":[],",
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// Changes `seed` in one to four places.
fn mutate(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        let end = (at + random.below(24)).min(data.len());
        match random.below(8) {
            0 => drop(data.splice(at..end, [])),
            1 => drop(data.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
            2 => data.truncate(at),
            3 if at < data.len() => data[at] ^= 1 << random.below(8),
            4 => {
                let from = random.below(other.len() + 1);
                let piece = &other[from..(from + random.below(200)).min(other.len())];
                drop(data.splice(at..end, piece.iter().copied()));
            }
            5 => {
                let piece = data[at..].iter().copied().take(random.below(300)).collect::<Vec<_>>();
                drop(data.splice(at..at, piece));
            }
            _ => swap_value(&mut data, at, random),
        }
    }
    data
}

/// Puts another JSON value in the place of the one that begins behind the next colon.
fn swap_value(data: &mut Vec<u8>, from: usize, random: &mut Random) {
    let Some(colon) = data[from..].iter().position(|byte| *byte == b':') else { return };
    let start = from + colon + 1;
    let length = data[start..].iter().position(|byte| b",}]\n".contains(byte)).unwrap_or(0);
    let token = TOKENS[random.below(12)];
    drop(data.splice(start..start + length, token.iter().copied()));
}

fn seeds(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            seeds(&path, found);
        } else {
            found.push(fs::read(path).unwrap());
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Shows the bytes that broke a promise before the panic goes on.
struct Shown<'a>(&'a str, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("fuzz-{}", self.0));
            let _ = fs::write(&path, self.1);
            eprintln!(
                "{} does not hold for {}, which begins:\n{}",
                self.0,
                path.display(),
                String::from_utf8_lossy(self.1).chars().take(2000).collect::<String>()
            );
        }
    }
}

#[test]
fn promises_hold_for_mutants_of_the_fixtures() {
    let rounds = number("FUZZ_ROUNDS", ROUNDS as u64);
    let only = std::env::var("FUZZ_TARGET").ok();
    for (name, folder, target) in targets::TARGETS {
        if only.as_deref().is_some_and(|only| only != *name) {
            continue;
        }
        let mut found = Vec::new();
        seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder), &mut found);
        assert!(!found.is_empty(), "{name} has seeds");
        let mut random = Random(number("FUZZ_SEED", 0x9e37_79b9_7f4a_7c15) | 1);
        for seed in &found {
            let _shown = Shown(name, seed);
            target(seed);
        }
        for _ in 0..rounds {
            let (seed, other) = (random.below(found.len()), random.below(found.len()));
            let mutant = mutate(&found[seed], &found[other], &mut random);
            let _shown = Shown(name, &mutant);
            target(&mutant);
        }
    }
}

#[test]
fn every_target_is_a_binary_of_cargo_fuzz() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    for (name, ..) in targets::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
