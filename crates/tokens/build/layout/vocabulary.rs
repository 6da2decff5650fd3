//! The tables of one vocabulary. `src/vocabulary.rs` reads them and says what they are for.

use std::{collections::HashMap, fmt::Write as _};

use tiktoken_rs::CoreBPE;

use super::{lexicon::Lexicon, merges, tables::Tables};

/// Bits of a rank.
const RANK_BITS: usize = 18;
/// What stands for the rank of a pair that is no token.
const NONE: u32 = (1 << RANK_BITS) - 1;

/// Writes the tables of a vocabulary, whose tokens are all in the lexicon, and describes them as the constant `name`. A
/// rank without bytes belongs to no token.
pub fn write(tables: &mut Tables, name: &str, tokens: &[Vec<u8>], lexicon: &Lexicon) {
    assert!(tokens.len() < NONE as usize, "every rank fits eighteen bits");
    let mut slots = vec![None; lexicon.slots.len()];
    for (token, rank) in tokens.iter().zip(0_u32..).filter(|(token, _)| !token.is_empty()) {
        slots[lexicon.slots[token]] = Some(rank);
    }
    let mut members = Vec::new();
    let mut ranks: Vec<u32> = Vec::new();
    for slots in slots.chunks(64) {
        let bits = (0..slots.len()).fold(0_u64, |bits, slot| bits | u64::from(slots[slot].is_some()) << slot);
        members.extend(bits.to_le_bytes());
        members.extend((ranks.len() as u32).to_le_bytes());
        ranks.extend(slots.iter().flatten());
    }
    let mut packed = vec![0_u8; (ranks.len() * RANK_BITS).div_ceil(8) + 4];
    for (index, rank) in ranks.iter().enumerate() {
        for bit in 0..RANK_BITS {
            let at = index * RANK_BITS + bit;
            packed[at / 8] |= ((rank >> bit & 1) << (at % 8)) as u8;
        }
    }
    let (pair_rows, pairs) = pairs(tokens);

    let file = |table: &str, bytes: &[u8]| tables.file(&format!("{name}_{table}"), bytes);
    let description = format!(
        "lexicon: &LEXICON,\n members: {},\n ranks: {},\n boundaries: {},\n pair_rows: {},\n pairs: {},\n count: {},\n longest: {},\n",
        file("members", &members),
        file("ranks", &packed),
        file("boundaries", &merges::boundaries(tokens)),
        file("pair_rows", &pair_rows),
        file("pairs", &pairs),
        tokens.len(),
        tokens.iter().map(Vec::len).max().unwrap(),
    );
    let constant = name.to_uppercase();
    writeln!(
        tables.source,
        "/// The vocabulary {name}.\npub static {constant}: Vocabulary = Vocabulary {{\n{description}}};"
    )
    .unwrap();
}

/// The tokens of two bytes: for each first byte the least and the most second byte and where the ranks begin; and the
/// ranks from each least to each most.
fn pairs(tokens: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let pairs: HashMap<[u8; 2], u32> = tokens
        .iter()
        .zip(0_u32..)
        .filter_map(|(token, rank)| Some((token.as_slice().try_into().ok()?, rank)))
        .collect();
    let (mut rows, mut ranks) = (Vec::new(), Vec::new());
    for first in 0..=u8::MAX {
        let rank = |second| pairs.get(&[first, second]).copied();
        let least = (0..=u8::MAX).find(|&second| rank(second).is_some());
        let most = (0..=u8::MAX).rfind(|&second| rank(second).is_some());
        // Of what begins no token the least is more than the most.
        let (least, most) = (least.unwrap_or(1), most.unwrap_or(0));
        let start = u16::try_from(ranks.len() / 3).expect("they are few");
        rows.extend([least, most, start.to_le_bytes()[0], start.to_le_bytes()[1]]);
        for second in least..=most {
            ranks.extend(&rank(second).unwrap_or(NONE).to_le_bytes()[..3]);
        }
    }
    (rows, ranks)
}

/// The ordinary tokens in the order of their ranks.
pub fn ordinary_tokens(bpe: &CoreBPE) -> Vec<Vec<u8>> {
    let specials: Vec<u32> = special_tokens(bpe).into_iter().map(|(_, rank)| rank).collect();
    (0_u32..)
        .take_while(|rank| !specials.contains(rank))
        .map_while(|rank| bpe.decode_bytes(&[rank]).ok())
        .collect()
}

/// The special tokens in the order of their ranks.
pub fn special_tokens(bpe: &CoreBPE) -> Vec<(String, u32)> {
    let mut specials: Vec<(String, u32)> = bpe
        .special_tokens()
        .into_iter()
        .map(|name| {
            let tokens = bpe.encode_with_special_tokens(name);
            assert_eq!(tokens.len(), 1, "{name} is one token");
            (name.to_owned(), tokens[0])
        })
        .collect();
    specials.sort_by_key(|(_, rank)| *rank);
    specials
}
