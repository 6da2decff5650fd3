//! Byte-pair merging of a stretch of any length: `n log n` with a heap, and some forty bytes of memory for each byte.
//!
//! [`crate::bpe::long`] merges long stretches window by window in fixed memory. Should windows ever fail to agree, it does
//! it all over here; the tests compare the two.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Reverse;

use crate::bpe::{finder::Finder, vocabulary::Rank};

const END: usize = usize::MAX;

#[derive(Clone)]
struct Part {
    end: usize,
    /// Where the part before it begins.
    previous: usize,
    /// The token that it makes with its neighbour.
    key: Option<Rank>,
}

/// Merges `text`, and hands over where each token begins and ends.
pub fn merge(finder: &mut Finder<'_>, text: &[u8], mut token: impl FnMut(usize, usize)) {
    let mut parts: Vec<Part> = (0..text.len())
        .map(|at| Part {
            end: at + 1,
            previous: at.checked_sub(1).unwrap_or(END),
            key: (at + 2 <= text.len()).then(|| finder.find(text, at, at + 2)).flatten(),
        })
        .collect();
    let mut heap: BinaryHeap<Reverse<(Rank, usize)>> = BinaryHeap::new();
    heap.extend(parts.iter().enumerate().filter_map(|(at, part)| Some(Reverse((part.key?, at)))));

    while let Some(Reverse((rank, at))) = heap.pop() {
        let Some(end) = parts.get(at).filter(|part| part.key == Some(rank)).map(|part| part.end) else {
            continue;
        };
        let Some(merged) = parts.get_mut(end) else { continue };
        merged.key = None;
        let merged_end = merged.end;
        let key = parts.get(merged_end).and_then(|after| finder.find(text, at, after.end));
        if let Some(after) = parts.get_mut(merged_end) {
            after.previous = at;
        }
        let Some(part) = parts.get_mut(at) else { continue };
        (part.end, part.key) = (merged_end, key);
        heap.extend(key.map(|key| Reverse((key, at))));
        let before_at = part.previous;
        if let Some(before) = parts.get_mut(before_at) {
            before.key = finder.find(text, before_at, merged_end);
            heap.extend(before.key.map(|key| Reverse((key, before_at))));
        }
    }

    let mut at = 0;
    while let Some(part) = parts.get(at) {
        token(at, part.end);
        at = part.end;
    }
}
