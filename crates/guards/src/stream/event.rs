//! An event, as its dialect understands it: which texts of the answer it goes on with, and which it ends.

use nexus_edge_core::dialect::caller::CallerDialect;

use crate::document::{Frame, Leaf, field, is_json};

/// Fields of a `delta` whose texts go on from event to event.
const CONTINUED: &[&[u8]] = &[
    b"content",
    b"reasoning_content",
    b"reasoning",
    b"refusal",
    b"arguments",
    b"input",
    b"transcript",
    b"text",
    b"summary",
    b"thinking",
    b"partial_json",
];

/// Which text of an answer: by the number of the choice, block or item, and what it is of that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChannelName {
    /// The number of the choice, block or item.
    pub(super) scope: u64,
    detail: Vec<u8>,
}

/// An event, as its dialect understands it.
pub(super) struct Event<'a> {
    pub(super) dialect: CallerDialect,
    pub(super) data: &'a [u8],
    pub(super) frames: &'a [Frame],
    /// Whether it is an item of a list.
    pub(super) is_item: bool,
}

/// The texts that an event ends.
#[derive(Default)]
pub(super) struct Ends {
    all: bool,
    scopes: Vec<u64>,
}

impl Ends {
    pub(super) fn covers(&self, scope: u64) -> bool {
        self.all || self.scopes.contains(&scope)
    }
}

impl Event<'_> {
    fn kind(&self) -> &[u8] {
        self.frames.first().map_or(b"", |frame| field(self.data, &frame.kind))
    }

    /// Whether it carries sound or pictures.
    pub(super) fn is_data(&self) -> bool {
        let has = |word: &[u8]| self.kind().windows(word.len()).any(|window| window == word);
        self.dialect == CallerDialect::OpenaiResponses && (has(b".audio.delta") || has(b"partial_image"))
    }

    pub(super) fn is_number_of_event(&self, leaf: &Leaf) -> bool {
        self.dialect == CallerDialect::OpenaiResponses
            && leaf.frame == 0
            && field(self.data, &leaf.name) == b"sequence_number"
    }

    pub(super) fn is_json(&self, leaf: &Leaf) -> bool {
        is_json(self.data, leaf)
            || (self.dialect == CallerDialect::OpenaiResponses
                && self.kind().windows(9).any(|window| window == b"arguments"))
    }

    /// The frames that a leaf is in, from the outermost.
    fn path(&self, leaf: &Leaf) -> Vec<&Frame> {
        let mut path: Vec<&Frame> = Vec::new();
        let mut next = Some(leaf.frame);
        while let Some(frame) = next.and_then(|at| self.frames.get(at)) {
            path.push(frame);
            next = frame.parent;
        }
        path.reverse();
        path
    }

    /// The text of the answer that a leaf goes on with, if it goes on with one.
    pub(super) fn channel(&self, leaf: &Leaf) -> Option<ChannelName> {
        let path = self.path(leaf);
        let last = field(self.data, &leaf.name);
        let is_in = |name: &[u8]| path.iter().any(|frame| field(self.data, &frame.name) == name);
        let is_delta = match self.dialect {
            CallerDialect::OpenaiChat | CallerDialect::Anthropic => {
                is_in(b"delta") && CONTINUED.contains(&last)
            }
            CallerDialect::OpenaiCompletions => is_in(b"choices") && last == b"text",
            CallerDialect::OpenaiResponses => last == b"delta" && path.len() == 1,
            CallerDialect::Gemini => is_in(b"parts") && last == b"text",
        };
        if !is_delta {
            return None;
        }
        let mut detail = last.to_vec();
        if self.dialect == CallerDialect::OpenaiResponses {
            detail.extend_from_slice(self.kind());
        }
        if self.frames.get(leaf.frame).is_some_and(|frame| frame.is_thought) {
            detail.extend_from_slice(b"thought");
        }
        let mut scope = None;
        for frame in path {
            detail.push(b'/');
            detail.extend_from_slice(field(self.data, &frame.name));
            match (frame.index, scope) {
                (Some(index), None) => scope = Some(index),
                (Some(index), Some(_)) => detail.extend_from_slice(&index.to_le_bytes()),
                (None, _) => {}
            }
            if let Some(part) = frame.part {
                detail.extend_from_slice(&part.to_le_bytes());
            }
        }
        Some(ChannelName { scope: scope.unwrap_or(0), detail })
    }

    /// The texts that it ends.
    pub(super) fn ends(&self, leaves: &[Leaf]) -> Ends {
        let kind = self.kind();
        let index = self.frames.first().and_then(|frame| frame.index).unwrap_or(0);
        match self.dialect {
            CallerDialect::Anthropic => Ends {
                all: matches!(kind, b"message_delta" | b"message_stop" | b"error"),
                scopes: if kind == b"content_block_stop" { vec![index] } else { Vec::new() },
            },
            CallerDialect::OpenaiResponses => Ends {
                all: matches!(
                    kind,
                    b"response.completed" | b"response.incomplete" | b"response.failed" | b"error"
                ),
                scopes: if kind.ends_with(b".done") { vec![index] } else { Vec::new() },
            },
            CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions | CallerDialect::Gemini => {
                let is_reason =
                    |leaf: &&Leaf| matches!(field(self.data, &leaf.name), b"finish_reason" | b"finishReason");
                let scope = |leaf: &Leaf| self.frames.get(leaf.frame)?.index.or(Some(0));
                // Some models of Gemini's give a reason with every event. The gateway, which writes the lists, does not.
                let is_said_once = self.dialect != CallerDialect::Gemini || self.is_item;
                let scopes =
                    leaves.iter().filter(|leaf| is_said_once && is_reason(leaf)).filter_map(scope).collect();
                let is_error = self
                    .frames
                    .iter()
                    .any(|frame| frame.parent == Some(0) && field(self.data, &frame.name) == b"error");
                Ends { all: is_error, scopes }
            }
        }
    }
}
