//! Byte-pair encoding by definition: the vendor's pattern in a regular expression engine, and one merge after
//! another.
//! Slow, and simple enough to be believed.

#![expect(clippy::indexing_slicing, clippy::string_slice, clippy::panic, reason = "a test may panic")]

use std::collections::HashMap;

use fancy_regex::Regex;
use nexus_edge_tokens::Encoding;
use tiktoken::CoreBpe;
use unicode_normalization::UnicodeNormalization;

const CL100K_BUT_SPACES: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];
const KIMI: &str = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const MINIMAX: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// One encoding.
pub struct Reference {
    encoding: Encoding,
    splits: Vec<Regex>,
    ranks: HashMap<Vec<u8>, u32>,
}

impl Reference {
    /// The encoding with the tokens that the crate has for it.
    pub fn new((encoding, bpe): (Encoding, &CoreBpe)) -> Self {
        let (patterns, first) = match encoding.name() {
            "qwen2" => ([QWEN].as_slice(), 0),
            "deepseek_v3" => (DEEPSEEK.as_slice(), 3),
            "kimi_k2" => ([KIMI].as_slice(), 0),
            "glm4" | "glm5" => ([CL100K_BUT_SPACES].as_slice(), 0),
            "tekken" => ([TEKKEN].as_slice(), 1000),
            "minimax_m2" => ([MINIMAX].as_slice(), 0),
            other => panic!("{other} has no pattern here"),
        };
        let end = u32::try_from(bpe.vocab_size()).unwrap_or_default();
        Self {
            encoding,
            splits: patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect(),
            ranks: (first..end).map(|rank| (bpe.decode(&[rank]), rank)).collect(),
        }
    }

    /// Our tokens of a text are those of the reference.
    pub fn compare(&self, text: &str) {
        let normal = if self.encoding.name() == "qwen2" { text.nfc().collect() } else { text.to_owned() };
        let mut pieces = vec![normal.as_str()];
        for split in &self.splits {
            pieces = pieces.into_iter().flat_map(|piece| isolate(split, piece)).collect();
        }
        let expected: Vec<u32> = pieces.iter().flat_map(|piece| self.merge(piece.as_bytes())).collect();
        let tokens = self.encoding.encode(text);
        if tokens != expected {
            let same = tokens.iter().zip(&expected).take_while(|(ours, theirs)| ours == theirs).count();
            let before = self.encoding.decode_bytes(&expected[..same]).map_or(0, |bytes| bytes.len());
            let name = self.encoding.name();
            panic!("{name} differs at byte {before} of {text:?}: {pieces:?}");
        }
        assert_eq!(self.encoding.count(text), expected.len(), "{}: {text:?}", self.encoding.name());
    }

    fn merge(&self, piece: &[u8]) -> Vec<u32> {
        if let Some(&rank) = self.ranks.get(piece) {
            return vec![rank];
        }
        let mut ends: Vec<usize> = (0..=piece.len()).collect();
        let rank = |ends: &[usize]| self.ranks.get(&piece[ends[0]..ends[ends.len() - 1]]).copied();
        while let Some((_, at)) =
            ends.windows(3).enumerate().filter_map(|(at, ends)| Some((rank(ends)?, at))).min()
        {
            ends.remove(at + 1);
        }
        ends.windows(2).filter_map(rank).collect()
    }
}

/// What a pattern matches, and what is between that.
fn isolate<'a>(split: &Regex, text: &'a str) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut end = 0;
    for found in split.find_iter(text).filter_map(Result::ok) {
        pieces.extend([&text[end..found.start()], found.as_str()]);
        end = found.end();
    }
    pieces.push(&text[end..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
