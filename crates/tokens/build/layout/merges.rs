//! What the merges of a vocabulary look like: how each token comes about, and where merges cross characters.

use std::collections::HashMap;

use super::boundary;

/// Checks what the crate relies on, and returns the bitmap of [`boundary`] for this vocabulary.
///
/// A token comes about by one last merge of two tokens, wherever it stands. The crate starts from whole characters
/// where it may. That is right for a character if no merge joins a part of it with anything else, and if no merge that
/// the whole character takes part in may come before one that makes it. Both depend on its neighbours; the bitmap says at
/// which boundaries they are in doubt. The second is so only where a token has a lower rank than one of its parts, or
/// than what that is made of, as a few of GLM have.
///
/// Some tokens never come about by merges: a text is such a token only if it is a piece of its own.
pub fn boundaries(tokens: &[Vec<u8>]) -> Vec<u8> {
    let ranks: HashMap<&[u8], u32> =
        tokens.iter().zip(0..).map(|(bytes, rank)| (bytes.as_slice(), rank)).collect();
    assert!((0..=u8::MAX).all(|byte| ranks.contains_key([byte].as_slice())), "every byte is a token");
    let mut bitmap = vec![0_u8; boundary::BYTES];
    let mut set = |bit: usize| bitmap[bit / 8] |= 1 << (bit % 8);
    // What is not part of the token may be anything.
    let any_if_none = |byte: Option<&u8>| byte.map_or(0..=0xff, |&byte| byte..=byte);
    for (token, rank) in tokens.iter().zip(0_u32..).filter(|(token, _)| !token.is_empty()) {
        for middle in 1..token.len() {
            let (left, right) = token.split_at(middle);
            let is_late = |part: &[u8]| {
                is_wide_character(part) && ranks.contains_key(part) && last_rank(&ranks, part) > rank
            };
            if (is_late(left) || is_late(right)) && ranks.contains_key(left) && ranks.contains_key(right) {
                let before = left.len().checked_sub(2).and_then(|index| left.get(index));
                any_if_none(before)
                    .for_each(|before| set(boundary::right_partial(before, left[left.len() - 1], right[0])));
            }
        }
        let Some(middle) = last_merge(&ranks, token) else {
            assert!(!is_wide_character(token), "{token:?} would be found, but is never merged");
            continue;
        };
        let (left, right) = token.split_at(middle);
        if is_continuation(right[0]) {
            continue;
        }
        let last = left[left.len() - 1];
        if left.iter().all(|&byte| is_continuation(byte)) {
            any_if_none(right.get(1)).for_each(|after| set(boundary::left_partial(last, right[0], after)));
        } else if right.len() < character_length(right[0]) {
            let before = left.len().checked_sub(2).and_then(|index| left.get(index));
            any_if_none(before).for_each(|before| set(boundary::right_partial(before, last, right[0])));
        }
    }
    bitmap
}

/// Whether this is one character of several bytes.
fn is_wide_character(token: &[u8]) -> bool {
    token.len() > 1 && character_length(token[0]) == token.len() && std::str::from_utf8(token).is_ok()
}

/// The highest rank of the merges that a token comes about by.
fn last_rank(ranks: &HashMap<&[u8], u32>, token: &[u8]) -> u32 {
    let of_parts = last_merge(ranks, token).map_or(0, |middle| {
        let (left, right) = token.split_at(middle);
        last_rank(ranks, left).max(last_rank(ranks, right))
    });
    if token.len() > 1 { of_parts.max(ranks[token]) } else { 0 }
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
