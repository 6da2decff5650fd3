//! The tables of the lexicon. `src/lexicon.rs` reads them and says what they are for.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    ops::Range,
};

use super::{
    hash, perfect_hash,
    region::{self, Region},
    tables::Tables,
};

const BUCKET_BITS: u32 = 17;
/// Zeros after the last token, so that sixteen bytes can be read at any place of any token.
const PADDING: usize = 16;

/// Every token of any vocabulary, and the slot that it got.
pub struct Lexicon {
    pub slots: HashMap<Vec<u8>, usize>,
    pub slot_count: usize,
}

/// Lays out the tokens of all vocabularies, and describes the tables as the constant `LEXICON`.
pub fn write(tables: &mut Tables, vocabularies: &[&[Vec<u8>]]) -> Lexicon {
    let tokens: BTreeSet<&Vec<u8>> = vocabularies.iter().copied().flatten().collect();
    let tokens: Vec<&Vec<u8>> = tokens.into_iter().collect();
    let regions: Vec<usize> =
        tokens.iter().map(|token| region::number(beginning(token), token.len())).collect();
    let hashes: Vec<u64> = tokens.iter().map(|token| hash::of(token)).collect();
    let placement = perfect_hash::place(&hashes, &regions, region::MOST, BUCKET_BITS);

    let mut text = Vec::new();
    let mut fingerprints = Vec::new();
    let mut words = Vec::new();
    let mut slots = HashMap::new();
    for (number, range) in placement.regions.iter().enumerate() {
        words.push(pack(range, text.len()));
        for slot in range.clone() {
            let key = placement.slots[slot];
            fingerprints.push(key.map_or(0, |key| hash::fingerprint(hashes[key])));
            match key {
                Some(key) => {
                    assert_eq!(
                        tokens[key].len(),
                        region::length(number),
                        "a region has tokens of one length"
                    );
                    text.extend(tokens[key]);
                }
                None => text.resize(text.len() + region::length(number), 0),
            }
            slots.extend(key.map(|key| (tokens[key].clone(), slot)));
        }
    }
    text.resize(text.len() + PADDING, 0);
    let used = words.iter().rposition(|&word| Region(word).size() > 0).map_or(0, |last| last + 1);
    let words: Vec<u8> = words[..used].iter().flat_map(|word| word.to_le_bytes()).collect();

    let description = format!(
        "pilots: {},\n fingerprints: {},\n regions: {},\n text: {},\n bucket_bits: {BUCKET_BITS},\n",
        tables.file("pilots", &placement.pilots),
        tables.file("fingerprints", &fingerprints),
        tables.file("regions", &words),
        tables.file("text", &text),
    );
    writeln!(tables.source, "/// All tokens.\npub static LEXICON: Lexicon = Lexicon {{\n{description}}};")
        .unwrap();
    Lexicon { slots, slot_count: placement.slots.len() }
}

fn pack(slots: &Range<usize>, text: usize) -> u64 {
    let text_and_size = ((text << Region::SIZE_BITS) | slots.len()) as u64;
    let region = Region((text_and_size << Region::SLOT_BITS) | slots.start as u64);
    assert_eq!((region.slot()..region.slot() + region.size(), region.text()), (slots.clone(), text));
    region.0
}

/// The first bytes of a token as a number, with zeros above them.
fn beginning(token: &[u8]) -> u64 {
    token.iter().take(8).rev().fold(0, |number, &byte| (number << 8) | u64::from(byte))
}
