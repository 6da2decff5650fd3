//! The class of every character, as the patterns of the encodings distinguish them.
//!
//! A two-stage table: the block of 128 characters, then four bits for the character in it. Equal blocks are kept once.

use std::{collections::HashMap, fmt::Write as _, ops::RangeInclusive};

use regex_syntax::hir::{Class, HirKind};

use super::tables::Tables;

/// The classes in the order of their numbers; what none of them has is 0. See `src/scan/classes.rs`.
const PATTERNS: [(&str, u8); 6] = [
    (r"[\p{Lu}\p{Lt}]", 1),
    (r"\p{Ll}", 2),
    (r"[\p{Lm}\p{Lo}]", 3),
    (r"\p{M}", 4),
    (r"\p{N}", 5),
    (r"\s", 6),
];
const NEWLINE: u8 = 7;
const BLOCK: usize = 128;

/// The numbers of the characters of a class.
fn ranges(pattern: &str) -> Vec<RangeInclusive<usize>> {
    let hir = regex_syntax::parse(pattern).expect("the pattern is a class");
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!("{pattern} is not a class") };
    class.ranges().iter().map(|range| range.start() as usize..=range.end() as usize).collect()
}

/// Writes the classes of all characters.
pub fn write(tables: &mut Tables) {
    let mut classes = vec![0_u8; 0x11_0000];
    for (pattern, number) in PATTERNS {
        for range in ranges(pattern) {
            for class in &mut classes[range] {
                assert_eq!(*class, 0, "the classes overlap");
                *class = number;
            }
        }
    }
    assert_eq!((classes[0x0a], classes[0x0d]), (6, 6));
    classes[0x0a] = NEWLINE;
    classes[0x0d] = NEWLINE;

    let (stages, blocks) = two_stages(&classes, 2);
    let (stages_file, blocks_file) =
        (tables.file("class_stages", &stages), tables.file("class_blocks", &blocks));
    writeln!(
        tables.source,
        "/// For every block of 128 characters the number of its classes.\n\
         pub static CLASS_STAGES: &[u8; {}] = {stages_file};\n\
         /// Two classes a byte, 128 to a block.\n\
         pub static CLASS_BLOCKS: &[u8; {}] = {blocks_file};\n\
         /// The classes of ASCII, a byte each.\n\
         pub static ASCII_CLASSES: &[u8; 256] = &{:?};",
        stages.len(),
        blocks.len(),
        [&classes[..128], &[0; 128]].concat(),
    )
    .unwrap();
}

/// Writes one class of characters as the set `name`: `src/bpe/scan/set.rs` reads it.
#[cfg(any(feature = "deepseek", feature = "kimi"))]
pub fn write_set(tables: &mut Tables, name: &str, pattern: &str) {
    let mut members = vec![0_u8; 0x11_0000];
    for range in ranges(pattern) {
        members[range].fill(1);
    }
    let (stages, blocks) = two_stages(&members, 8);
    let file = |part: &str, bytes: &[u8]| tables.file(&format!("{}_{part}", name.to_lowercase()), bytes);
    let (stages, blocks) = (file("stages", &stages), file("blocks", &blocks));
    writeln!(
        tables.source,
        "/// `{pattern}`.\npub static {name}: Set = Set {{ stages: {stages}, blocks: {blocks} }};"
    )
    .unwrap();
}

/// A table of small numbers in two: for every block the number of its contents, and all different contents, in which a
/// byte holds `each` of the numbers.
fn two_stages(all: &[u8], each: usize) -> (Vec<u8>, Vec<u8>) {
    let used = all.iter().rposition(|&number| number != 0).map_or(0, |last| last + 1).next_multiple_of(BLOCK);
    let mut blocks = Vec::new();
    let mut numbers = HashMap::new();
    let mut stages = Vec::new();
    for block in all[..used].chunks(BLOCK) {
        let number = *numbers.entry(block).or_insert_with(|| {
            let pack = |some: &[u8]| some.iter().rev().fold(0, |byte, number| (byte << (8 / each)) | number);
            blocks.extend(block.chunks(each).map(pack));
            blocks.len() / (BLOCK / each) - 1
        });
        stages.push(u8::try_from(number).expect("there are at most 256 different blocks"));
    }
    (stages, blocks)
}
