//! Counting a text that arrives bit by bit.

use alloc::string::String;

use crate::encoding::Encoding;

/// Bytes that are gathered before any of them is counted.
const BATCH: usize = 1024;

/// Counts the tokens of a text that arrives in any number of parts: exactly what [`Encoding::count`] says of the whole.
///
/// Where a part ends says nothing about where tokens end, so the last piece or two are kept until it is clear what
/// follows: about a kilobyte, more only within a run without any border (a megabyte of one letter is kept as a
/// whole). The time is linear in the text however it is split.
#[derive(Debug, Clone)]
pub struct Counter {
    encoding: Encoding,
    counted: usize,
    pending: String,
    /// Length at which `pending` is next looked at.
    threshold: usize,
}

impl Counter {
    /// A counter that has seen nothing.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self { encoding, counted: 0, pending: String::new(), threshold: BATCH }
    }

    /// Takes the next part of the text.
    pub fn push(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() < self.threshold {
            return;
        }
        if let Some(cut) = self.encoding.last_cut(&self.pending) {
            self.counted += self.encoding.count(self.pending.get(..cut).unwrap_or_default());
            self.pending.drain(..cut);
        }
        // Twice what is left, so that a run without a border is not looked at again for every part.
        self.threshold = BATCH.max(2 * self.pending.len());
    }

    /// How many tokens the text is so far, as if it ended here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counted + self.encoding.count(&self.pending)
    }

    /// How many tokens the text is.
    #[must_use]
    pub fn finish(self) -> usize {
        self.count()
    }
}
