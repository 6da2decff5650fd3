//! Lays out the vocabularies and the Unicode classes as static tables, which the crate reads where they lie.
//!
//! The vocabularies come from `tiktoken-rs` and the classes from the `regex-syntax` that it matches its patterns with,
//! so there is one source of truth and no copy of it in this repository.

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
#[cfg(feature = "qwen")]
mod qwen;
mod tables;
mod vocabulary;

use tables::Tables;

/// Writes all tables.
pub fn write() {
    println!("cargo::rerun-if-changed=src/bpe/hash.rs");
    println!("cargo::rerun-if-changed=src/bpe/boundary.rs");
    println!("cargo::rerun-if-changed=src/bpe/group.rs");
    let o200k = tiktoken_rs::o200k_base().expect("o200k_base is embedded in tiktoken-rs");
    let harmony = tiktoken_rs::o200k_harmony().expect("o200k_harmony is embedded in tiktoken-rs");
    let cl100k = tiktoken_rs::cl100k_base().expect("cl100k_base is embedded in tiktoken-rs");
    #[cfg(feature = "qwen")]
    let qwen = tiktoken::get_encoding("qwen2").expect("qwen2 is embedded in tiktoken");
    let vocabularies = [
        ("o200k", vocabulary::ordinary_tokens(&o200k)),
        ("cl100k", vocabulary::ordinary_tokens(&cl100k)),
        #[cfg(feature = "qwen")]
        ("qwen", qwen::ordinary_tokens(qwen)),
    ];
    let specials = [
        ("O200K_SPECIALS", vocabulary::special_tokens(&o200k)),
        ("O200K_HARMONY_SPECIALS", vocabulary::special_tokens(&harmony)),
        ("CL100K_SPECIALS", vocabulary::special_tokens(&cl100k)),
        #[cfg(feature = "qwen")]
        ("QWEN_SPECIALS", qwen::special_tokens(qwen)),
    ];

    let mut tables = Tables::new(PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")));
    classes::write(&mut tables);
    let lexicon = lexicon::write(&mut tables, &vocabularies.each_ref().map(|(_, tokens)| tokens.as_slice()));
    for (name, tokens) in &vocabularies {
        vocabulary::write(&mut tables, name, tokens, &lexicon);
    }
    for (constant, all) in &specials {
        vocabulary::write_specials(&mut tables, constant, all);
    }
    tables.finish();
}
