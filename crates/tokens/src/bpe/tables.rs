//! The tables that the build script lays out. They are part of the program's image: nothing reads them at start.

#![expect(clippy::unreadable_literal, reason = "written by the build script")]

#[cfg(any(feature = "deepseek", feature = "kimi"))]
use crate::bpe::scan::set::Set;
use crate::bpe::{
    group::Group,
    lexicon::Lexicon,
    special::{Series, Specials},
    vocabulary::Vocabulary,
};

include!(concat!(env!("OUT_DIR"), "/tables.rs"));
