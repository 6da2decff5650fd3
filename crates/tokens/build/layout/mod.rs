//! Lays out the vocabularies and the Unicode classes as static tables, which the crate reads where they lie.
//!
//! The vocabularies come from registry crates ([`source`]) and the classes from the `regex-syntax` that `tiktoken-rs`
//! matches its patterns with, so there is one source of truth and no copy of it in this repository.

use std::{env, path::PathBuf};

#[path = "../../src/bpe/boundary.rs"]
mod boundary;
mod classes;
#[expect(dead_code, reason = "the crate reads what is laid out here")]
#[path = "../../src/bpe/group.rs"]
mod group;
#[expect(dead_code, reason = "what only the crate hashes")]
#[path = "../../src/bpe/hash.rs"]
mod hash;
mod lexicon;
mod merges;
mod source;
mod specials;
mod tables;
mod vocabulary;

use tables::Tables;

/// Writes all tables.
pub fn write() {
    println!("cargo::rerun-if-changed=src/bpe/hash.rs");
    println!("cargo::rerun-if-changed=src/bpe/boundary.rs");
    println!("cargo::rerun-if-changed=src/bpe/group.rs");
    let sources = source::all();
    let mut tables = Tables::new(PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")));
    classes::write(&mut tables);
    #[cfg(feature = "deepseek")]
    classes::write_set(&mut tables, "PUNCTUATION_AND_SYMBOLS", r"[\p{P}\p{S}]");
    #[cfg(feature = "kimi")]
    classes::write_set(&mut tables, "HAN", r"\p{Han}");
    let vocabularies: Vec<&[Vec<u8>]> = sources.iter().map(|source| source.tokens.as_slice()).collect();
    let lexicon = lexicon::write(&mut tables, &vocabularies);
    for source in &sources {
        vocabulary::write(&mut tables, source.name, &source.tokens, &lexicon);
        for (constant, all) in &source.specials {
            specials::write(&mut tables, constant, all);
        }
    }
    tables.finish();
}
