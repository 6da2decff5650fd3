//! The tables of one vocabulary. `src/vocabulary.rs` reads them and says what they are for.

use std::{fmt::Write as _, fs, path::Path};

use tiktoken_rs::CoreBPE;

use crate::{boundary, hash, merges, perfect_hash};

/// Bytes of the token list that one entry of the rank index covers.
const INDEX_STEP: usize = 64;
/// Zeros after the last token, so that eight bytes can be read at any place of any token.
const PADDING: usize = 16;

/// Writes the tables of a vocabulary, and returns the source of the constant that describes them.
pub fn write(out: &Path, name: &str, tokens: &[Vec<u8>], bucket_bits: u32) -> String {
    let mut list = Vec::new();
    let mut offsets = Vec::new();
    let mut index = Vec::new();
    for (bytes, rank) in tokens.iter().zip(0_u32..) {
        while index.len() * INDEX_STEP <= list.len() {
            index.push((rank << 8) | (list.len() - index.len() * INDEX_STEP) as u32);
        }
        offsets.push(list.len() as u32);
        list.push(u8::try_from(bytes.len() - 1).expect("no token is longer than 256 bytes"));
        list.extend(bytes);
    }
    assert!(list.len() < 1 << 21, "a place fits the keys of the merges");
    let index_end = (tokens.len() as u32) << 8;
    while index.len() * INDEX_STEP <= list.len() {
        index.push(index_end);
    }
    let end = list.len();
    list.resize(end + PADDING, 0);

    let hashes: Vec<u64> = tokens.iter().map(|bytes| hash::of(bytes)).collect();
    let placement = perfect_hash::place(&hashes, bucket_bits);
    // A free slot points to the first token like the token's own slot does: what is found is compared in any case.
    let taken = || placement.slots.iter().map(|key| key.unwrap_or(0));
    let fingerprints: Vec<u8> = taken().map(|key| hash::fingerprint(hashes[key])).collect();
    let places: Vec<u8> = taken().flat_map(|key| offsets[key].to_le_bytes()[..3].to_vec()).collect();

    let little_endian =
        |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let file = |table: &str, bytes: &[u8]| {
        fs::write(out.join(format!("{name}_{table}.bin")), bytes).unwrap();
        format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}_{table}.bin\"))")
    };
    let longest = tokens.iter().map(Vec::len).max().unwrap();
    let mut pairs = vec![u32::MAX; 2 * 128 * 128];
    for (token, &offset) in tokens.iter().zip(&offsets) {
        if let &[first, second] = token.as_slice()
            && (first ^ second) & 0x80 == 0
        {
            pairs[(usize::from(first) << 7) | usize::from(second & 0x7f)] = offset;
        }
    }
    let mut source = String::new();
    writeln!(
        source,
        "/// The vocabulary {name}.\n\
         pub static {}: Vocabulary = Vocabulary {{\n\
             pilots: {},\n fingerprints: {},\n places: {},\n list: {},\n index: {},\n boundaries: {},\n pairs: {},\n\
             bucket_bits: {bucket_bits},\n slot_count: {},\n count: {},\n longest: {longest},\n end: {end},\n\
         }};",
        name.to_uppercase(),
        file("pilots", &placement.pilots),
        file("fingerprints", &fingerprints),
        file("places", &places),
        file("list", &list),
        file("index", &little_endian(&index)),
        file("boundaries", &merges::boundaries(tokens)),
        file("pairs", &little_endian(&pairs)),
        placement.slots.len(),
        tokens.len(),
    )
    .unwrap();
    assert_eq!(boundary::BYTES, 1 << 13);
    source
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

/// The special tokens of a vocabulary. Those which are named by their own number are written as ranges.
pub fn specials(constant: &str, all: &[(String, u32)]) -> String {
    let mut named = Vec::new();
    let mut reserved: Vec<(u32, u32)> = Vec::new();
    for (name, rank) in all {
        assert!(name.starts_with('<') && name.ends_with('>'), "{name} is written like a special token");
        let is_beginning = all.iter().any(|(other, _)| other != name && other.starts_with(name.as_str()));
        assert!(!is_beginning, "no special token begins with another");
        if *name != format!("<|reserved_{rank}|>") {
            named.push((name, rank));
        } else if let Some((_, last)) = reserved.last_mut().filter(|(_, last)| last + 1 == *rank) {
            *last = *rank;
        } else {
            reserved.push((*rank, *rank));
        }
    }
    format!(
        "/// Special tokens: those with a name, and the ranges of those which are named by their number.\n\
         pub static {constant}: Specials = Specials {{ named: &{named:?}, reserved: &{reserved:?} }};\n"
    )
}
