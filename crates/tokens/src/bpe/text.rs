//! Counting and encoding of ordinary text: pieces, whole tokens, merges.

use alloc::vec::Vec;

use crate::bpe::{
    bytes,
    finder::Finder,
    long,
    memo::{Pieces, WORD, Words},
    merge::Merger,
    scan::Scanner,
    short,
    vocabulary::Vocabulary,
};

/// How many tokens `text` is, if that is at most `limit`. Stops at the piece that exceeds it.
#[inline]
pub fn count<S: Scanner>(vocabulary: &Vocabulary, text: &[u8], limit: usize) -> Option<usize> {
    let mut words = Words::new(text.len());
    let mut memory = Memory::new(vocabulary, text.len());
    let mut total = 0;
    let mut start = 0;
    while start < text.len() {
        let first = bytes::load_8(text, start);
        let end = S::piece_end(text, start, first);
        let length = end - start;
        total += if length <= WORD {
            words.count(text, start, length, first, || count_word(&mut memory.finder, text, start, length))
        } else {
            count_piece(&mut memory, text, start, length, limit - total)?
        };
        if total > limit {
            return None;
        }
        start = end;
    }
    Some(total)
}

/// How many tokens a piece of at most [`short::LONGEST`] bytes is.
#[inline(never)]
fn count_word(finder: &mut Finder<'_>, text: &[u8], start: usize, length: usize) -> usize {
    // A single byte is always a token.
    if length == 1 || finder.vocabulary.contains(text, start, start + length) {
        return 1;
    }
    short::merge(finder, text, start, length).count_ones() as usize - 1
}

/// How many tokens the piece `text[start..start + length]` is, unless that is surely more than `limit`.
#[inline(never)]
fn count_piece(
    memory: &mut Memory<'_>,
    text: &[u8],
    start: usize,
    length: usize,
    limit: usize,
) -> Option<usize> {
    let finder = &mut memory.finder;
    if length / finder.vocabulary.longest > limit {
        return None;
    }
    let mut piece = memory.pieces.get(text, start, length);
    if let Some(piece) = &piece
        && piece.count > 0
    {
        return Some(piece.count as usize);
    }
    let count = if length <= short::LONGEST {
        count_word(finder, text, start, length)
    } else if finder.vocabulary.contains(text, start, start + length) {
        1
    } else {
        let mut counted = Counted(0);
        long::merge(&mut memory.merger, finder, text, start, start + length, &mut counted);
        counted.0
    };
    if let Some(piece) = &mut piece {
        piece.count = u32::try_from(count).unwrap_or_default();
    }
    Some(count)
}

/// Appends the tokens of `text`.
pub fn encode<S: Scanner>(vocabulary: &'static Vocabulary, text: &[u8], tokens: &mut Vec<u32>) {
    let mut memory = Memory::new(vocabulary, text.len());
    let mut start = 0;
    while start < text.len() {
        let end = S::piece_end(text, start, bytes::load_8(text, start));
        if let Some(rank) = memory.finder.find(text, start, end) {
            tokens.push(rank);
        } else {
            encode_piece(&mut memory, vocabulary, text, start, end, tokens);
        }
        start = end;
    }
}

#[inline(never)]
fn encode_piece(
    memory: &mut Memory<'_>,
    vocabulary: &'static Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    tokens: &mut Vec<u32>,
) {
    let before = tokens.len();
    let mut piece = memory.pieces.get(text, start, end - start);
    if let Some(piece) = &piece
        && piece.count > 0
    {
        let at = piece.at as usize;
        tokens.extend_from_within(at..at + piece.count as usize);
        return;
    }
    if end - start <= short::LONGEST {
        let mut begins = short::merge(&mut memory.finder, text, start, end - start);
        while begins & (begins - 1) != 0 {
            let from = start + begins.trailing_zeros() as usize;
            begins &= begins - 1;
            let to = start + begins.trailing_zeros() as usize;
            // What merging ends with are tokens, so there is a rank.
            tokens.push(memory.finder.find(text, from, to).unwrap_or_default());
        }
    } else {
        let mut sink = Ranks { vocabulary, text, tokens };
        long::merge(&mut memory.merger, &mut memory.finder, text, start, end, &mut sink);
    }
    if let Some(piece) = &mut piece
        && let (Ok(at), Ok(count)) = (u32::try_from(before), u32::try_from(tokens.len() - before))
    {
        (piece.at, piece.count) = (at, count);
    }
}

/// What counting and encoding need besides; the merger is made when a text first needs it, which most do not.
struct Memory<'v> {
    finder: Finder<'v>,
    pieces: Pieces,
    merger: Option<Merger>,
}

impl<'v> Memory<'v> {
    fn new(vocabulary: &'v Vocabulary, length: usize) -> Self {
        Self { finder: Finder::new(vocabulary, length), pieces: Pieces::new(length), merger: None }
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
