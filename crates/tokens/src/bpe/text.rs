//! Counting and encoding of ordinary text: pieces, whole tokens, merges.

use alloc::vec::Vec;

use crate::bpe::{bytes, long, memo::Memo, merge::Merger, scan::Scanner, short, vocabulary::Vocabulary};

/// How many tokens `text` is, if that is at most `limit`. Stops at the piece that exceeds it.
#[inline]
pub fn count<S: Scanner>(vocabulary: &Vocabulary, text: &[u8], limit: usize) -> Option<usize> {
    let mut memory = Merges::new(text.len());
    let mut total = 0;
    let mut start = 0;
    while start < text.len() {
        let end = S::piece_end(text, start);
        let length = end - start;
        let whole = if length <= 8 {
            // A single byte is always a token.
            length == 1 || vocabulary.contains_up_to_8(bytes::load(text, start, length), length)
        } else {
            vocabulary.contains(text, start, end)
        };
        total +=
            if whole { 1 } else { count_piece(&mut memory, vocabulary, text, start, end, limit - total)? };
        if total > limit {
            return None;
        }
        start = end;
    }
    Some(total)
}

/// How many tokens the piece `text[start..end]` is, unless that is surely more than `limit`.
#[inline(never)]
fn count_piece(
    memory: &mut Merges,
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    limit: usize,
) -> Option<usize> {
    if end - start <= short::LONGEST {
        return Some(memory.short(vocabulary, text, start, end - start).count_ones() as usize - 1);
    }
    if (end - start) / vocabulary.longest > limit {
        return None;
    }
    let mut counted = Counted(0);
    long::merge(&mut memory.merger, vocabulary, text, start, end, &mut counted);
    Some(counted.0)
}

/// Appends the tokens of `text`.
pub fn encode<S: Scanner>(vocabulary: &'static Vocabulary, text: &[u8], tokens: &mut Vec<u32>) {
    let mut memory = Merges::new(text.len());
    let mut start = 0;
    let mut sink = Ranks { vocabulary, text, tokens };
    while start < text.len() {
        let end = S::piece_end(text, start);
        if let Some(rank) = vocabulary.find(text, start, end) {
            sink.tokens.push(rank);
        } else if end - start <= short::LONGEST {
            let mut begins = memory.short(vocabulary, text, start, end - start);
            while begins & (begins - 1) != 0 {
                let from = start + begins.trailing_zeros() as usize;
                begins &= begins - 1;
                let to = start + begins.trailing_zeros() as usize;
                long::Sink::token(&mut sink, from, to);
            }
        } else {
            long::merge(&mut memory.merger, vocabulary, text, start, end, &mut sink);
        }
        start = end;
    }
}

/// What merging needs, made when a text first needs it: most texts of a few words do not.
struct Merges {
    length: usize,
    memo: Option<Memo>,
    merger: Option<Merger>,
}

impl Merges {
    fn new(length: usize) -> Self {
        Self { length, memo: None, merger: None }
    }

    #[inline(always)]
    fn short(&mut self, vocabulary: &Vocabulary, text: &[u8], start: usize, length: usize) -> u64 {
        self.memo.get_or_insert_with(|| Memo::new(self.length)).merge(vocabulary, text, start, length)
    }
}

struct Counted(usize);

impl long::Sink for Counted {
    fn token(&mut self, _from: usize, _to: usize) {
        self.0 += 1;
    }

    fn len(&self) -> usize {
        self.0
    }

    fn truncate(&mut self, len: usize) {
        self.0 = len;
    }
}

struct Ranks<'a> {
    vocabulary: &'static Vocabulary,
    text: &'a [u8],
    tokens: &'a mut Vec<u32>,
}

impl long::Sink for Ranks<'_> {
    fn token(&mut self, from: usize, to: usize) {
        // What merging ends with are tokens, so there is a rank.
        self.tokens.push(self.vocabulary.find(self.text, from, to).unwrap_or_default());
    }

    fn len(&self) -> usize {
        self.tokens.len()
    }

    fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
    }
}
