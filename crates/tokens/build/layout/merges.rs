//! What the merges of a vocabulary look like: how each token comes about, and where merges cross characters.

use std::collections::HashMap;

use super::boundary;

/// Checks what the crate relies on, and returns the bitmap of [`boundary`] for this vocabulary.
///
/// A token comes about by one last merge of two tokens, wherever it stands. The crate starts from whole characters
/// where it may: that is right if every merge makes a token of a higher rank than its parts (so that merges happen in
/// the order of their ranks), and if no merge joins a part of the character with anything else. The second depends on
/// the neighbours; the bitmap says at which boundaries it is in doubt.
pub fn boundaries(tokens: &[Vec<u8>]) -> Vec<u8> {
    let ranks: HashMap<&[u8], u32> =
        tokens.iter().zip(0..).map(|(bytes, rank)| (bytes.as_slice(), rank)).collect();
    let mut bitmap = vec![0_u8; boundary::BYTES];
    for (token, rank) in tokens.iter().zip(0_u32..) {
        let Some(middle) = last_merge(&ranks, token) else {
            let one_character = std::str::from_utf8(token).is_ok_and(|text| text.chars().count() == 1);
            assert!(!one_character || token.len() == 1, "{token:?} would be found, but is never merged");
            continue;
        };
        let (left, right) = token.split_at(middle);
        assert!(ranks[left] < rank && ranks[right] < rank, "{token:?} comes before its parts");
        if is_continuation(right[0]) {
            continue;
        }
        let mut set = |bit: usize| bitmap[bit / 8] |= 1 << (bit % 8);
        let last = left[left.len() - 1];
        // What is not part of the token may be anything.
        let any_if_none = |byte: Option<&u8>| byte.map_or(0..=0xff, |&byte| byte..=byte);
        if left.iter().all(|&byte| is_continuation(byte)) {
            any_if_none(right.get(1)).for_each(|after| set(boundary::left_partial(last, right[0], after)));
        } else if right.len() < character_length(right[0]) {
            let before = left.len().checked_sub(2).and_then(|index| left.get(index));
            any_if_none(before).for_each(|before| set(boundary::right_partial(before, last, right[0])));
        }
    }
    bitmap
}

/// Where the two parts meet whose merge makes `token`; `None` if the merges of its bytes end in something else.
fn last_merge(ranks: &HashMap<&[u8], u32>, token: &[u8]) -> Option<usize> {
    let mut ends: Vec<usize> = (0..=token.len()).collect();
    while ends.len() > 3 {
        let (_, at) = (0..ends.len() - 2)
            .filter_map(|at| ranks.get(&token[ends[at]..ends[at + 2]]).map(|&rank| (rank, at)))
            .min()?;
        ends.remove(at + 1);
    }
    (ends.len() == 3).then(|| ends[1])
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn character_length(lead: u8) -> usize {
    match lead {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}
