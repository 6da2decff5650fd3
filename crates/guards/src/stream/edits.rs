//! Changes to the data of an event, for the caller and for the record.

use std::ops::Range;

use nexus_edge_core::json::splice::{Edit, apply, quote};

use crate::document::{self, Leaf};
use crate::scanner::Output;

/// Changes to the data of an event.
#[derive(Default)]
pub(super) struct Edits {
    list: Vec<(Range<usize>, Output)>,
    number: Option<Range<usize>>,
    has_number: bool,
}

impl Edits {
    pub(super) fn text(&mut self, leaf: &Leaf, output: Output) {
        let Output { told, kept } = output;
        self.list.push((leaf.range.clone(), Output { told: quote(&told), kept: quote(&kept) }));
    }

    /// Where the event is numbered.
    pub(super) fn number(&mut self, leaf: &Leaf) {
        self.number = Some(leaf.range.clone());
    }

    /// Makes the number larger.
    pub(super) fn renumber(&mut self, data: &[u8], shift: u64) {
        let Some(range) = self.number.take().filter(|_| shift > 0 && !self.has_number) else { return };
        let number =
            data.get(range.clone()).and_then(|raw| std::str::from_utf8(raw).ok()?.parse::<u64>().ok());
        if let Some(number) = number {
            let shown = number.saturating_add(shift).to_string();
            self.list.push((range, Output { told: shown.clone(), kept: shown }));
            self.has_number = true;
        }
    }

    pub(super) fn logprobs(&mut self, data: &[u8]) {
        for range in document::logprobs(data) {
            self.list.push((range, Output { told: "null".to_owned(), kept: "null".to_owned() }));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn apply(&self, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let edited = |text: fn(&Output) -> &String| {
            let edit = |(range, output): &(Range<usize>, Output)| Edit {
                at: range.start,
                removed: range.len(),
                inserted: text(output).clone(),
            };
            apply(data, self.list.iter().map(edit).collect())
        };
        (edited(|output| &output.told), edited(|output| &output.kept))
    }
}
