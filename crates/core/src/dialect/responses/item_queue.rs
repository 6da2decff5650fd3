//! The items of a streamed answer in the order that the canonical stream promises: one part open at a time.
//!
//! Services send items one after the other, but not all of them number them, end them, or keep to one at a time. The
//! content of an item is passed on while it is the first that is not complete; that of later ones waits. An item is
//! complete at its end, or, if it is not a call, when another one begins.

use super::answer_item::{SUMMARY_SEPARATOR, all_logprobs};
use crate::dialect::canonical::{Citation, Json, Media, PartStart, StreamEvent};
use crate::dialect::upstream::call_id;
use crate::json::lenient::Joint;

/// Most items and bytes that wait for an item before them.
const MAX_WAITING_ITEMS: usize = 128;
const MAX_WAITING_BYTES: usize = 1 << 20;

/// What an event says of the item that it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ItemKey {
    /// `output_index`
    pub(super) index: Option<u64>,
    /// `item_id`; empty if it is not given. Some services change it with every event, so the index takes precedence.
    pub(super) id: String,
}

/// The kind of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum PieceKind {
    #[default]
    Text,
    Refusal,
    /// Reasoning in the model's own words.
    Thought,
    /// A summary of reasoning.
    Summary,
    Call,
    Image,
}

impl PieceKind {
    /// Whether both occur in one item.
    fn is_akin(self, other: Self) -> bool {
        let rank = |kind| match kind {
            Self::Text | Self::Refusal => 0,
            Self::Thought | Self::Summary => 1,
            Self::Call => 2,
            Self::Image => 3,
        };
        rank(self) == rank(other)
    }

    fn is_thought(self) -> bool {
        matches!(self, Self::Thought | Self::Summary)
    }
}

/// A piece of an item: it becomes one part of the answer.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of what was told, and none depends on another"
)]
pub(super) struct Piece {
    kind: PieceKind,
    /// Its index in the item; of a summary, that of the part of it that is being told.
    position: u64,
    /// Text that is not passed on yet.
    held: String,
    joint: Joint,
    /// Whether there was any text, and whether there was any at this position.
    has_text: bool,
    has_text_here: bool,
    /// Citations that are not passed on yet.
    pub(super) citations: Vec<Citation>,
    is_cited: bool,
    tokens: Vec<Json>,
    has_tokens: bool,
    /// The signature of reasoning, told at its end.
    pub(super) seal: Option<String>,
    id: String,
    name: String,
    pub(super) image: Option<Media>,
    /// Its number in the answer, once it has begun there.
    part: Option<usize>,
    /// Whether it has ended there.
    is_over: bool,
}

impl Piece {
    /// More text: a piece, whose edges may be halves of a character.
    pub(super) fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.has_text && !self.has_text_here {
            self.held.push_str(SUMMARY_SEPARATOR);
        }
        (self.has_text, self.has_text_here) = (true, true);
        self.held.push_str(&self.joint.add(text.to_owned()));
    }

    /// The whole text, if none of it came before.
    pub(super) fn fill(&mut self, text: &str) {
        if !self.has_text_here {
            self.push(text);
        }
    }

    /// Another part of a summary begins, whether or not it is numbered.
    pub(super) fn begin_paragraph(&mut self) {
        self.has_text_here = false;
    }

    /// The whole of an item's reasoning, if none of it came before.
    pub(super) fn fill_thought(&mut self, text: &str) {
        if !self.has_text {
            self.push(text);
        }
    }

    /// All citations, if none came before.
    pub(super) fn fill_citations(&mut self, citations: Vec<Citation>) {
        if !self.is_cited && self.citations.is_empty() {
            self.citations = citations;
        }
    }

    /// More log probabilities.
    pub(super) fn add_logprobs(&mut self, tokens: Vec<Json>) {
        self.has_tokens |= !tokens.is_empty();
        self.tokens.extend(tokens);
    }

    /// All log probabilities, if none came before.
    pub(super) fn fill_logprobs(&mut self, tokens: Vec<Json>) {
        if !self.has_tokens {
            self.add_logprobs(tokens);
        }
    }

    /// Id and name of a call, as far as they are known.
    pub(super) fn name_call(&mut self, id: &str, name: &str) {
        if self.part.is_none() {
            if !id.is_empty() {
                id.clone_into(&mut self.id);
            }
            if !name.is_empty() {
                name.clone_into(&mut self.name);
            }
        }
    }

    /// Whether it is a call of which nothing else is needed.
    fn is_whole_call(&self) -> bool {
        self.kind == PieceKind::Call && self.has_text && !self.name.is_empty()
    }
}

#[derive(Debug)]
struct Item {
    key: ItemKey,
    pieces: Vec<Piece>,
    is_complete: bool,
    /// Whether its end was told, so that another end on its index is that of another item.
    has_ended: bool,
}

impl Item {
    fn is_named(&self, key: &ItemKey) -> bool {
        match (self.key.index, key.index) {
            (Some(own), Some(other)) => own == other,
            _ if !self.key.id.is_empty() && !key.id.is_empty() => self.key.id == key.id,
            _ => key.index.is_none() && key.id.is_empty(),
        }
    }

    fn is_call(&self) -> bool {
        self.pieces.iter().any(|piece| piece.kind == PieceKind::Call)
    }
}

/// The items of an answer.
#[derive(Debug, Default)]
pub(super) struct ItemQueue {
    items: Vec<Item>,
    /// The first item that is not passed on completely.
    front: usize,
    next_part: usize,
    /// Whether the answer contains a call.
    pub(super) has_calls: bool,
    /// For the ids of calls without one.
    pub(super) unique: String,
    /// What is told once more of an item that is complete.
    ignored: Piece,
}

impl ItemQueue {
    /// An item begins.
    pub(super) fn add(&mut self, key: &ItemKey) {
        if self.open_item(key).is_none() {
            self.begin(key);
        }
    }

    /// Whether an item in the list at the end of the response, at this index, has news.
    pub(super) fn wants(&self, key: &ItemKey, index: u64) -> bool {
        self.open_item(key).is_some()
            || (!self.items.iter().any(|item| item.is_named(key) || is_same_id(item, key))
                && self.items.len() as u64 <= index)
    }

    /// A piece of an item, which is created if there is none. What is repeated of a complete item goes nowhere.
    pub(super) fn piece(&mut self, key: &ItemKey, kind: PieceKind, position: u64) -> &mut Piece {
        self.find(key, kind, position, false)
    }

    /// The same for text that nothing repeats: where the piece is over, another one begins.
    pub(super) fn growing(&mut self, key: &ItemKey, kind: PieceKind, position: u64) -> &mut Piece {
        self.find(key, kind, position, true)
    }

    fn find(&mut self, key: &ItemKey, kind: PieceKind, position: u64, is_news: bool) -> &mut Piece {
        let Some(at) = self.item_for(key, kind, is_news) else {
            self.ignored = Piece::default();
            return &mut self.ignored;
        };
        let Some(item) = self.items.get_mut(at) else { return &mut self.ignored };
        let found = item.pieces.iter().rposition(|piece| {
            piece.kind == kind && piece.position == position || piece.kind.is_thought() && kind.is_thought()
        });
        let found = found.filter(|at| !is_news || item.pieces.get(*at).is_some_and(|piece| !piece.is_over));
        let at = found.unwrap_or_else(|| {
            item.pieces.push(Piece { kind, position, ..Piece::default() });
            item.pieces.len() - 1
        });
        let Some(piece) = item.pieces.get_mut(at) else { return &mut self.ignored };
        if piece.kind != kind {
            // Reasoning is told in one way: the way in which it began.
            if piece.has_text {
                self.ignored = Piece::default();
                return &mut self.ignored;
            }
            piece.kind = kind;
        }
        if piece.position != position {
            piece.position = position;
            piece.has_text_here = false;
        }
        piece
    }

    /// The reasoning of an item.
    pub(super) fn thought(&mut self, key: &ItemKey) -> &mut Piece {
        let known = self.open_item(key).and_then(|at| self.items.get(at)).and_then(|item| item.pieces.last());
        let (kind, position) = match known {
            Some(piece) if piece.kind.is_thought() => (piece.kind, piece.position),
            _ => (PieceKind::Thought, 0),
        };
        self.piece(key, kind, position)
    }

    /// An item has ended.
    pub(super) fn complete(&mut self, key: &ItemKey) {
        let not_ended = || self.items.iter().rposition(|item| !item.has_ended && item.is_named(key));
        if let Some(item) = self.open_item(key).or_else(not_ended).and_then(|at| self.items.get_mut(at)) {
            (item.is_complete, item.has_ended) = (true, true);
        }
    }

    /// The arguments of a call are complete.
    pub(super) fn complete_call(&mut self, key: &ItemKey) {
        if let Some(item) = self.open_item(key).and_then(|at| self.items.get_mut(at)) {
            item.is_complete = item.pieces.iter().any(Piece::is_whole_call);
        }
    }

    /// Whether there is an answer, and nothing of it is missing.
    pub(super) fn is_settled(&self) -> bool {
        !self.items.is_empty() && self.items.iter().all(|item| item.is_complete)
    }

    /// Passes on what is next.
    pub(super) fn flush(&mut self, events: &mut Vec<StreamEvent>) {
        loop {
            self.pass_on(events);
            let waiting = self.items.get(self.front + 1..).unwrap_or_default();
            let is_too_much = waiting.len() > MAX_WAITING_ITEMS
                || waiting.iter().flat_map(|item| &item.pieces).map(|piece| piece.held.len()).sum::<usize>()
                    > MAX_WAITING_BYTES;
            match self.items.get_mut(self.front) {
                Some(first) if is_too_much => first.is_complete = true,
                _ => return,
            }
        }
    }

    /// Passes on everything; all items are complete.
    pub(super) fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        for item in &mut self.items {
            item.is_complete = true;
        }
        self.pass_on(events);
    }

    fn open_item(&self, key: &ItemKey) -> Option<usize> {
        self.items.iter().rposition(|item| !item.is_complete && item.is_named(key))
    }

    fn begin(&mut self, key: &ItemKey) -> usize {
        // Only calls are made side by side.
        for item in self.items.iter_mut().rev().take_while(|item| !item.is_complete) {
            item.is_complete = !item.is_call();
        }
        self.items.push(Item { key: key.clone(), pieces: Vec::new(), is_complete: false, has_ended: false });
        self.items.len() - 1
    }

    /// The item for a piece of this kind; `None` if it is complete.
    fn item_for(&mut self, key: &ItemKey, kind: PieceKind, is_news: bool) -> Option<usize> {
        if let Some(at) = self.open_item(key) {
            let item = self.items.get_mut(at)?;
            if item.pieces.iter().all(|piece| piece.kind.is_akin(kind)) {
                return Some(at);
            }
            // A service that does not number its items.
            item.is_complete = true;
            return Some(self.begin(key));
        }
        let is_known = self.items.iter().any(|item| {
            is_same_id(item, key) || (item.is_named(key) && (!item.has_ended || key.id.is_empty()))
        });
        (is_news || !is_known).then(|| self.begin(key))
    }

    fn pass_on(&mut self, events: &mut Vec<StreamEvent>) {
        while let Some(item) = self.items.get_mut(self.front) {
            let count = item.pieces.len();
            for (index, piece) in item.pieces.iter_mut().enumerate() {
                let is_over = item.is_complete || index + 1 < count;
                if !piece.is_over {
                    self.has_calls |= pass_piece(piece, is_over, &mut self.next_part, &self.unique, events);
                    piece.is_over = is_over;
                }
            }
            if !item.is_complete {
                return;
            }
            item.pieces = Vec::new();
            self.front += 1;
        }
    }
}

fn is_same_id(item: &Item, key: &ItemKey) -> bool {
    !key.id.is_empty() && item.key.id == key.id
}

/// Passes on what is known of a piece. Returns whether a call has begun.
fn pass_piece(
    piece: &mut Piece,
    is_over: bool,
    next_part: &mut usize,
    unique: &str,
    events: &mut Vec<StreamEvent>,
) -> bool {
    let choice = 0;
    let mut begun = false;
    let has_content = match piece.kind {
        PieceKind::Text => !piece.held.is_empty() || !piece.citations.is_empty(),
        PieceKind::Refusal => !piece.held.is_empty(),
        PieceKind::Thought | PieceKind::Summary => {
            !piece.held.is_empty() || (is_over && piece.seal.is_some())
        }
        PieceKind::Call => !piece.name.is_empty() || is_over,
        PieceKind::Image => piece.image.is_some(),
    };
    if piece.part.is_none() && has_content {
        let part = *next_part;
        *next_part += 1;
        piece.part = Some(part);
        let start = match piece.kind {
            PieceKind::Text => PartStart::Text,
            PieceKind::Refusal => PartStart::Refusal,
            PieceKind::Thought | PieceKind::Summary => PartStart::Thinking,
            PieceKind::Call => {
                begun = true;
                if piece.id.is_empty() {
                    piece.id = call_id(unique, choice, part);
                }
                PartStart::ToolCall { id: std::mem::take(&mut piece.id), name: piece.name.clone() }
            }
            PieceKind::Image => match piece.image.take() {
                Some(media) => PartStart::Image { media },
                None => return false,
            },
        };
        events.push(StreamEvent::PartStart { choice, part, start });
    }
    let Some(part) = piece.part else { return begun };
    if is_over {
        piece.held.extend(piece.joint.end());
    }
    if !piece.held.is_empty() {
        let text = std::mem::take(&mut piece.held);
        events.push(match piece.kind {
            PieceKind::Call => StreamEvent::ArgumentsDelta { choice, part, text },
            _ => StreamEvent::TextDelta { choice, part, text },
        });
    }
    piece.is_cited |= !piece.citations.is_empty();
    events.extend(piece.citations.drain(..).map(|citation| StreamEvent::Citation { choice, part, citation }));
    if let Some(logprobs) = all_logprobs(&std::mem::take(&mut piece.tokens)) {
        events.push(StreamEvent::Logprobs { choice, logprobs });
    }
    if is_over {
        events.extend(piece.seal.take().map(|signature| StreamEvent::SignatureDelta {
            choice,
            part,
            signature,
        }));
        events.push(StreamEvent::PartEnd { choice, part });
    }
    begun
}
