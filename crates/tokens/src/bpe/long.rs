//! Merging of a piece of any length in memory of fixed size and, in all but contrived cases, linear time.
//!
//! Why it is exact: tokens in a row are the encoding of their bytes if and only if every two neighbours among them are
//! the encoding of theirs (the first merge across a border would happen in those two alone as well; this is the
//! observation behind the `bpe` crate). So a piece is merged window by window. The next window begins at the end of a
//! token some way before the end of the last one, and the two agree if the tokens at the seam are such neighbours.
//! That is checked; if they are not, the seam moves back, and if no seam will do, the piece is merged as a whole.

use alloc::vec::Vec;

use crate::bpe::{
    finder::Finder,
    large,
    merge::{Merger, PARTS},
    short,
};

/// Seams that are tried for one window.
const SEAMS: usize = 8;

/// Where tokens go.
pub trait Sink {
    /// Takes the token `text[from..to]`.
    fn token(&mut self, from: usize, to: usize);
    /// How many tokens there are.
    fn len(&self) -> usize;
    /// Forgets the tokens after the first `len`.
    fn truncate(&mut self, len: usize);
}

/// What merges a window.
trait Engine {
    /// Bytes at the end of a window whose tokens may still depend on what follows it.
    const MARGIN: usize;

    /// Merges as much of `text[start..end]` as fits, appends the ends of the tokens, and says where it stopped.
    fn merge(
        &mut self,
        finder: &mut Finder<'_>,
        text: &[u8],
        start: usize,
        end: usize,
        ends: &mut Vec<usize>,
    ) -> usize;
}

/// Windows of a few words: quick, but too small for the longest tokens.
struct Narrow;

impl Engine for Narrow {
    const MARGIN: usize = 6;

    fn merge(
        &mut self,
        finder: &mut Finder<'_>,
        text: &[u8],
        start: usize,
        end: usize,
        ends: &mut Vec<usize>,
    ) -> usize {
        let end = end.min(start + short::LONGEST);
        let mut begins = short::merge(finder, text, start, end - start);
        // The first token begins where the window does.
        begins &= begins - 1;
        while begins != 0 {
            ends.push(start + begins.trailing_zeros() as usize);
            begins &= begins - 1;
        }
        end
    }
}

/// Windows that are longer than any token.
impl Engine for Merger {
    const MARGIN: usize = 64;

    fn merge(
        &mut self,
        finder: &mut Finder<'_>,
        text: &[u8],
        start: usize,
        end: usize,
        ends: &mut Vec<usize>,
    ) -> usize {
        let end = self.run(finder, text, start, end);
        ends.extend(self.ends().map(|end| start + end));
        end
    }
}

/// The tokens of one window, in the order of the text.
struct Window {
    start: usize,
    end: usize,
    /// The end of each token.
    ends: Vec<usize>,
}

impl Window {
    fn new() -> Self {
        Self { start: 0, end: 0, ends: Vec::with_capacity(PARTS) }
    }

    fn merge(
        &mut self,
        engine: &mut impl Engine,
        finder: &mut Finder<'_>,
        text: &[u8],
        start: usize,
        end: usize,
    ) {
        self.start = start;
        self.ends.clear();
        self.end = engine.merge(finder, text, start, end, &mut self.ends);
    }

    /// Where token `index` ends; where the window begins if there is none before it.
    fn end_of(&self, index: Option<usize>) -> usize {
        index.and_then(|index| self.ends.get(index)).map_or(self.start, |&end| end)
    }

    fn hand_over(&self, count: usize, shift: usize, sink: &mut impl Sink) {
        let mut from = self.start;
        for &to in self.ends.iter().take(count) {
            sink.token(from + shift, to + shift);
            from = to;
        }
    }
}

/// Merges `text[start..end]`, which may be of any length.
#[inline(never)]
pub fn merge(
    merger: &mut Option<Merger>,
    finder: &mut Finder<'_>,
    text: &[u8],
    start: usize,
    end: usize,
    sink: &mut impl Sink,
) {
    let before = sink.len();
    if windows(&mut Narrow, finder, text, start, end, sink).is_some() {
        return;
    }
    sink.truncate(before);
    let merger = merger.get_or_insert_with(Merger::new);
    if windows(merger, finder, text, start, end, sink).is_some() {
        return;
    }
    sink.truncate(before);
    let piece = text.get(start..end).unwrap_or_default();
    large::merge(finder, piece, |from, to| sink.token(start + from, start + to));
}

/// Merges window by window; `None` if two of them do not agree.
fn windows(
    engine: &mut impl Engine,
    finder: &mut Finder<'_>,
    text: &[u8],
    start: usize,
    end: usize,
    sink: &mut impl Sink,
) -> Option<()> {
    let (mut current, mut following, mut probe) = (Window::new(), Window::new(), Window::new());
    current.merge(engine, finder, text, start, end);
    while current.end < end {
        // The last token that ends well before the end of the window.
        let margin = current.end - margin_of(engine);
        let last = current.ends.partition_point(|&to| to <= margin).checked_sub(1)?;

        // A text that repeats itself repeats its windows.
        let shift = current.end_of(Some(last)) - current.start;
        let length = current.end - current.start;
        let bytes = text.get(current.start..current.end)?;
        let repeats = |at: usize| at + length <= end && text.get(at..at + length) == Some(bytes);
        if repeats(current.start + shift) {
            let from = current.end_of(last.checked_sub(1));
            let seam = current.start + shift;
            probe.merge(engine, finder, text, from, current.end_of(Some(0)) + shift);
            let whole = probe.end == current.end_of(Some(0)) + shift;
            if whole && probe.end_of(Some(0)) == seam && probe.ends.len() == 2 {
                let mut moved = 0;
                while repeats(current.start + moved + shift) {
                    current.hand_over(last + 1, moved, sink);
                    moved += shift;
                }
                current.ends.iter_mut().for_each(|to| *to += moved);
                current.start += moved;
                current.end += moved;
                continue;
            }
        }

        let found = (0..SEAMS).find_map(|back| {
            let last = last.checked_sub(back)?;
            let seam = current.end_of(Some(last));
            following.merge(engine, finder, text, seam, end);
            let first_end = following.end_of(Some(0));
            if first_end != current.end_of(Some(last + 1)) {
                // Other tokens at the seam than the window had: they must be neighbours that no merge crosses.
                let from = current.end_of(last.checked_sub(1));
                probe.merge(engine, finder, text, from, first_end);
                if probe.end != first_end || probe.ends.len() != 2 || probe.end_of(Some(0)) != seam {
                    return None;
                }
            }
            Some(last)
        })?;
        current.hand_over(found + 1, 0, sink);
        core::mem::swap(&mut current, &mut following);
    }
    current.hand_over(current.ends.len(), 0, sink);
    Some(())
}

fn margin_of<E: Engine>(_: &E) -> usize {
    E::MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpe::{tables, vocabulary::Vocabulary};

    #[derive(Default, PartialEq, Debug)]
    struct Ends(Vec<usize>);

    impl Sink for Ends {
        fn token(&mut self, from: usize, to: usize) {
            assert_eq!(from, self.0.last().copied().unwrap_or(0));
            self.0.push(to);
        }

        fn len(&self) -> usize {
            self.0.len()
        }

        fn truncate(&mut self, len: usize) {
            self.0.truncate(len);
        }
    }

    fn as_a_whole(vocabulary: &Vocabulary, text: &[u8]) -> Ends {
        let mut ends = Ends::default();
        large::merge(&mut Finder::new(vocabulary, 0), text, |from, to| ends.token(from, to));
        ends
    }

    /// Stretches of few different parts, which are neither words nor even UTF-8: merges reach far in them.
    fn stretches() -> impl Iterator<Item = Vec<u8>> {
        let parts: [&[u8]; 20] = [
            b"a",
            b"b",
            b"ab",
            b" ",
            b"aa",
            b"er",
            b"the",
            b"=",
            b"--",
            b"\n",
            b"\xe4\xb8\xad",
            b"\xe5\x9b\xbd",
            b"\xe4",
            b"\xb8",
            b"\xd0\xb0",
            b"\xd0",
            b"\xff",
            b"\xf0\x9f\x98\x80",
            b"s",
            b"  ",
        ];
        let mut state = 1_u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        (0..600).map(move |_| {
            let few: Vec<&[u8]> = (0..=random(4)).map(|_| parts[random(parts.len())]).collect();
            let length = 1 + random(3000);
            let mut text = Vec::new();
            while text.len() < length {
                text.extend_from_slice(few[random(few.len())]);
            }
            text
        })
    }

    #[test]
    fn windows_agree_with_merging_as_a_whole() {
        let mut merger = Merger::new();
        let mut narrow = 0;
        for vocabulary in [&tables::O200K, &tables::CL100K] {
            let finder = &mut Finder::new(vocabulary, 1 << 20);
            for text in stretches() {
                let expected = as_a_whole(vocabulary, &text);
                let mut ends = Ends::default();
                let agreed = windows(&mut merger, finder, &text, 0, text.len(), &mut ends);
                assert_eq!(agreed, Some(()), "windows did not agree: {text:?}");
                assert_eq!(ends, expected, "{text:?}");
                let mut ends = Ends::default();
                if windows(&mut Narrow, finder, &text, 0, text.len(), &mut ends).is_some() {
                    assert_eq!(ends, expected, "{text:?}");
                    narrow += 1;
                }
            }
        }
        assert!(narrow > 1000, "narrow windows agree on {narrow} of 1200");
    }

    #[test]
    fn short_stretches_agree_with_merging_as_a_whole() {
        let mut merger = Merger::new();
        for vocabulary in [&tables::O200K, &tables::CL100K] {
            let finder = &mut Finder::new(vocabulary, 1 << 20);
            for text in stretches() {
                for piece in text.chunks(short::LONGEST).chain(text.chunks(13)) {
                    let expected = as_a_whole(vocabulary, piece).0;
                    let begins = short::merge(finder, piece, 0, piece.len());
                    let ends: Vec<usize> = (1..64).filter(|bit| begins >> bit & 1 == 1).collect();
                    assert_eq!(ends, expected, "{piece:?}");
                    assert_eq!(merger.run(finder, piece, 0, piece.len()), piece.len());
                    assert_eq!(merger.ends().collect::<Vec<_>>(), expected, "{piece:?}");
                }
            }
        }
    }
}
