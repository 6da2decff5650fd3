//! The open blocks of a streamed answer whose service numbers its blocks (Anthropic, Bedrock): which of them are parts, and which
//! may be open at once.
//!
//! Guarantees: parts are numbered from 0 in the order in which they begin, each ends once, and besides tool calls at most one part is
//! open. Not more than 256 blocks are open.

use crate::dialect::canonical::{PartStart, StreamEvent};

/// Most blocks that may be open at once.
const MAX_OPEN_BLOCKS: usize = 256;

/// How far a stream is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing has arrived.
    #[default]
    NotBegun,
    /// Content may arrive.
    Begun,
    /// The stop reason has arrived.
    Finished,
    /// It has ended, properly or not.
    Over,
}

/// What a block contains.
pub trait BlockKind {
    /// Whether it is a tool call: these may overlap.
    fn is_call(&self) -> bool;

    /// At the end of a block that is no part: the start of the part that it has become by then, if it has.
    fn late_start(&mut self) -> Option<PartStart>;

    /// At the end of a part: arguments of a tool call that no delta brought.
    fn rest_of_arguments(&mut self) -> Option<String>;
}

/// An open block.
#[derive(Debug)]
pub struct Open<K> {
    /// Its index in the stream.
    pub block: usize,
    /// Its index among the parts; `None` if it is left out, or not a part yet.
    pub part: Option<usize>,
    /// What it contains.
    pub kind: K,
}

/// More blocks are open than may be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

/// The open blocks of a stream.
#[derive(Debug)]
pub struct OpenBlocks<K> {
    open: Vec<Open<K>>,
    parts: usize,
}

impl<K> Default for OpenBlocks<K> {
    fn default() -> Self {
        Self { open: Vec::new(), parts: 0 }
    }
}

impl<K: BlockKind> OpenBlocks<K> {
    /// How many parts have begun.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// The open block with this index.
    pub fn find(&mut self, block: usize) -> Option<&mut Open<K>> {
        self.open.iter_mut().find(|open| open.block == block)
    }

    /// Begins a part, and ends the other open parts: only tool calls may overlap. The number of the part.
    pub fn open_part(
        &mut self,
        block: usize,
        start: PartStart,
        kind: K,
        events: &mut Vec<StreamEvent>,
    ) -> Result<usize, TooMany> {
        let is_call = kind.is_call();
        self.close(|open| open.block == block || !(is_call && open.kind.is_call()), events);
        let part = self.parts;
        self.push(Open { block, part: Some(part), kind })?;
        self.parts += 1;
        events.push(StreamEvent::PartStart { choice: 0, part, start });
        Ok(part)
    }

    /// Begins a block that is no part, or not yet.
    pub fn open_other(&mut self, block: usize, kind: K) -> Result<(), TooMany> {
        self.push(Open { block, part: None, kind })
    }

    fn push(&mut self, open: Open<K>) -> Result<(), TooMany> {
        if self.open.len() >= MAX_OPEN_BLOCKS {
            return Err(TooMany);
        }
        self.open.push(open);
        Ok(())
    }

    /// Ends the blocks that `is_meant` selects.
    pub fn close(&mut self, is_meant: impl Fn(&Open<K>) -> bool, events: &mut Vec<StreamEvent>) {
        let parts = &mut self.parts;
        self.open.retain_mut(|open| {
            if !is_meant(open) {
                return true;
            }
            if open.part.is_none()
                && let Some(start) = open.kind.late_start()
            {
                events.push(StreamEvent::PartStart { choice: 0, part: *parts, start });
                open.part = Some(*parts);
                *parts += 1;
            }
            if let Some(part) = open.part {
                let rest = open.kind.rest_of_arguments();
                events.extend(rest.map(|text| StreamEvent::ArgumentsDelta { choice: 0, part, text }));
                events.push(StreamEvent::PartEnd { choice: 0, part });
            }
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Kind {
        Text,
        Call,
        Late,
    }

    impl BlockKind for Kind {
        fn is_call(&self) -> bool {
            matches!(self, Self::Call)
        }

        fn late_start(&mut self) -> Option<PartStart> {
            matches!(self, Self::Late).then_some(PartStart::Text)
        }

        fn rest_of_arguments(&mut self) -> Option<String> {
            self.is_call().then(|| "{}".to_owned())
        }
    }

    /// Events in short: `+0` begins a part, `-0` ends it, `a0` is an argument.
    fn short(events: &[StreamEvent]) -> Vec<String> {
        let one = |event: &StreamEvent| match event {
            StreamEvent::PartStart { part, .. } => format!("+{part}"),
            StreamEvent::PartEnd { part, .. } => format!("-{part}"),
            StreamEvent::ArgumentsDelta { part, .. } => format!("a{part}"),
            other => format!("{other:?}"),
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn only_calls_overlap() {
        let (mut blocks, mut events) = (OpenBlocks::default(), Vec::new());
        blocks.open_part(0, PartStart::Text, Kind::Text, &mut events).unwrap();
        blocks.open_part(1, PartStart::Text, Kind::Call, &mut events).unwrap();
        blocks.open_part(2, PartStart::Text, Kind::Call, &mut events).unwrap();
        blocks.open_part(3, PartStart::Text, Kind::Text, &mut events).unwrap();
        assert_eq!(short(&events), ["+0", "-0", "+1", "+2", "a1", "-1", "a2", "-2", "+3"]);
        assert_eq!(blocks.parts(), 4);
    }

    #[test]
    fn a_block_may_become_a_part_at_its_end() {
        let (mut blocks, mut events) = (OpenBlocks::default(), Vec::new());
        blocks.open_other(0, Kind::Late).unwrap();
        blocks.open_other(1, Kind::Text).unwrap();
        blocks.close(|_| true, &mut events);
        assert_eq!(short(&events), ["+0", "-0"]);
        assert!(blocks.find(0).is_none());
    }

    #[test]
    fn open_blocks_are_bounded() {
        let mut blocks = OpenBlocks::default();
        for block in 0..MAX_OPEN_BLOCKS {
            blocks.open_other(block, Kind::Text).unwrap();
        }
        assert_eq!(blocks.open_other(0, Kind::Text), Err(TooMany));
    }
}
