//! The tokens of Qwen, as the crate `tiktoken` has them.

use tiktoken::CoreBpe;

/// The ordinary tokens in the order of their ranks; the special ones follow upon them.
pub fn ordinary_tokens(bpe: &CoreBpe) -> Vec<Vec<u8>> {
    (0..first_special(bpe)).map(|rank| bpe.decode(&[rank])).collect()
}

/// The special tokens that have a name.
pub fn special_tokens(bpe: &CoreBpe) -> Vec<(String, u32)> {
    let first = first_special(bpe);
    let last = first + u32::try_from(bpe.num_special_tokens()).expect("they are few");
    let name = |rank| String::from_utf8(bpe.decode(&[rank])).expect("names are text");
    (first..last).map(|rank| (name(rank), rank)).collect()
}

fn first_special(bpe: &CoreBpe) -> u32 {
    let rank = bpe.encode_with_special_tokens("<|endoftext|>");
    assert_eq!(rank.len(), 1, "it is one token");
    rank[0]
}
