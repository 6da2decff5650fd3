//! Encodes the messages: the system prompt separately, the rest as alternating turns of user and assistant.
//!
//! Instructions inside the conversation move to the system prompt, in order. Blocks without text are left out,
//! because the service refuses them, and so is reasoning at the end of a turn: an answer that broke off while it was
//! thinking. A result and a turn with a document have text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::family::Family;
use super::media;
use super::wire::{Block, CachePoint, Reasoning, ToolResult, ToolUse};
use crate::dialect::canonical::{CacheControl, Citation, Json, Part, Role};
use crate::dialect::upstream::history::{ACKNOWLEDGED, EMPTY_FAILURE, EMPTY_RESULT, FILLER, History};
use crate::dialect::upstream::turns::{self, ASSISTANT, USER};

/// The text that the service requires beside a document.
const DOCUMENT_ONLY: &str = "See the attached document.";

/// One turn.
pub type Turn<'a> = turns::Turn<Block<'a>>;

/// The encoded messages.
#[derive(Debug, Default)]
pub struct Conversation<'a> {
    pub system: Vec<Block<'a>>,
    pub turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// Encodes the messages for a model of this family.
    pub fn encode(history: &'a History<'_>, family: Family, dropped: &mut Vec<String>) -> Self {
        let mut conversation = Self::default();
        let mut names = Vec::new();
        for (index, message) in history.messages.iter().enumerate() {
            let role = history.role_of(index);
            if message.name.is_some() {
                dropped.push(format!("messages[{index}].name"));
            }
            for (number, part) in message.parts.iter().enumerate() {
                let mut place = Place { message: index, part: number, family, dropped, names: &mut names };
                let Some(block) = place.block(part, role) else { continue };
                let mark = place.mark(part);
                let blocks = std::iter::once(block).chain(mark.map(Block::CachePoint));
                let turn = match role {
                    Role::System | Role::Developer => {
                        conversation.system.extend(blocks);
                        continue;
                    }
                    Role::User | Role::Tool => USER,
                    Role::Assistant => ASSISTANT,
                };
                for block in blocks {
                    turns::say(&mut conversation.turns, turn, block, (index, number), dropped);
                }
            }
        }
        turns::cut_thoughts(&mut conversation.turns, dropped);
        let filler = Block::Text(FILLER.into());
        turns::ensure_user_begins(&mut conversation.turns, &mut conversation.system, filler);
        conversation.add_text_to_documents();
        conversation
    }

    /// Gives calls and results turns of their own, for models that refuse them beside other content.
    pub fn keep_tools_apart(&mut self) {
        for turn in std::mem::take(&mut self.turns) {
            let Turn { role, content, places } = turn;
            let is_tool = |block: &Block<'_>| matches!(block, Block::ToolUse(_) | Block::ToolResult(_));
            if !content.iter().any(is_tool) || content.iter().all(is_tool) {
                self.turns.push(Turn { role, content, places });
                continue;
            }
            let (tools, others): (Vec<_>, Vec<_>) = content.into_iter().partition(is_tool);
            let between = |text: &'static str| vec![Block::Text(text.into())];
            self.turns.extend(if role == USER {
                [Turn::new(USER, tools), Turn::new(ASSISTANT, between(ACKNOWLEDGED)), Turn::new(USER, others)]
            } else {
                [Turn::new(ASSISTANT, others), Turn::new(USER, between(FILLER)), Turn::new(ASSISTANT, tools)]
            });
        }
    }

    /// A turn with a document must have text.
    fn add_text_to_documents(&mut self) {
        for turn in &mut self.turns {
            let has = |is: fn(&Block<'_>) -> bool| turn.content.iter().any(is);
            if has(|block| matches!(block, Block::Document(_)))
                && !has(|block| matches!(block, Block::Text(_)))
            {
                turn.content.push(Block::Text(DOCUMENT_ONLY.into()));
            }
        }
    }

    /// Makes the end of the conversation acceptable for the model. A model that does not support a prefilled answer
    /// is instructed to continue it; where it is supported, it must not end in white space, and without thinking it
    /// must not contain reasoning.
    pub fn end(&mut self, may_prefill: bool, dropped: &mut Vec<String>) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == ASSISTANT) else { return };
        if !may_prefill {
            let content = vec![Block::Text(FILLER.into())];
            self.turns.push(Turn::new(USER, content));
            return;
        }
        turn.drop_thoughts(dropped);
        if let Some(Block::Text(text)) = turn.content.last_mut() {
            *text = Cow::Owned(text.trim_end().to_owned());
        }
    }

    /// The names of all tools that were called.
    pub fn called_tools(&self) -> Vec<&'a str> {
        let blocks = self.turns.iter().flat_map(|turn| &turn.content);
        blocks
            .filter_map(|block| if let Block::ToolUse(call) = block { Some(call.name) } else { None })
            .collect()
    }

    /// Whether there are calls or results, which a request may contain only if it declares tools.
    pub fn has_tool_blocks(&self) -> bool {
        let mut blocks = self.turns.iter().flat_map(|turn| &turn.content);
        blocks.any(|block| matches!(block, Block::ToolUse(_) | Block::ToolResult(_)))
    }

    /// Whether the last round of tool calls, if it is not complete, began without a thinking block.
    pub fn has_thoughtless_tool_calls(&self) -> bool {
        let Some(turn) = self.turns.iter().rev().find(|turn| turn.role == ASSISTANT) else { return false };
        turn.content.iter().any(|block| matches!(block, Block::ToolUse(_)))
            && !turn.content.first().is_some_and(turns::Block::is_thought)
    }
}

impl turns::Block for Block<'_> {
    fn is_thought(&self) -> bool {
        matches!(self, Block::ReasoningContent(_))
    }
}

/// A part's position in the conversation, to report what cannot be expressed.
struct Place<'d> {
    message: usize,
    part: usize,
    family: Family,
    dropped: &'d mut Vec<String>,
    /// Names of the documents so far.
    names: &'d mut Vec<String>,
}

impl Place<'_> {
    fn drop_field(&mut self, field: &str) {
        let Self { message, part, .. } = *self;
        self.dropped.push(format!("messages[{message}].content[{part}]{field}"));
    }

    /// The block of the part; `None` if it is empty or cannot be expressed.
    fn block<'a>(&mut self, part: &'a Part, role: Role) -> Option<Block<'a>> {
        let is_assistant = role == Role::Assistant;
        let is_user = matches!(role, Role::User | Role::Tool);
        let block = match part {
            Part::Text { text, citations, .. } => return self.text(text, citations),
            Part::Refusal { text } if is_assistant => return self.text(text, &[]),
            Part::Image { media, detail, .. } if is_user => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.drop_field(".image_url.detail");
                }
                media::block(media, None, self.names)
            }
            Part::Audio { media } if is_user => media::block(media, None, self.names),
            Part::File { media, name, .. } if is_user => media::block(media, name.as_deref(), self.names),
            Part::ToolCall { id, name, arguments, signature, .. } if is_assistant => {
                if signature.is_some() {
                    self.drop_field(".thought_signature");
                }
                Some(Block::ToolUse(ToolUse {
                    tool_use_id: Cow::Borrowed(id),
                    name,
                    input: Json::arguments_object(arguments),
                }))
            }
            Part::ToolResult { call_id, parts, is_error, .. } if is_user => {
                let mut content = self.result(parts);
                if content.is_empty() {
                    let text = if *is_error { EMPTY_FAILURE } else { EMPTY_RESULT };
                    content.push(Block::Text(text.into()));
                }
                Some(Block::ToolResult(ToolResult {
                    tool_use_id: Cow::Borrowed(call_id),
                    content,
                    status: is_error.then_some("error"),
                }))
            }
            Part::Thinking { text, signature: Some(signature) }
                if is_assistant && self.family.takes_thoughts() =>
            {
                Some(Block::ReasoningContent(Reasoning::ReasoningText { text, signature }))
            }
            Part::RedactedThinking { data }
                if is_assistant && self.family.takes_thoughts() && STANDARD.decode(data).is_ok() =>
            {
                Some(Block::ReasoningContent(Reasoning::RedactedContent(data)))
            }
            _ => None,
        };
        if block.is_none() {
            self.drop_field("");
        }
        block
    }

    fn text<'a>(&mut self, text: &'a str, citations: &[Citation]) -> Option<Block<'a>> {
        if text.trim().is_empty() {
            return None;
        }
        if !citations.is_empty() {
            self.drop_field(".annotations");
        }
        Some(Block::Text(Cow::Borrowed(text)))
    }

    fn result<'a>(&mut self, parts: &'a [Part]) -> Vec<Block<'a>> {
        let mut blocks = Vec::with_capacity(parts.len());
        for part in parts {
            let is_content = matches!(part, Part::Text { .. } | Part::Image { .. } | Part::File { .. });
            match is_content.then(|| self.block(part, Role::Tool)) {
                // Results may contain anything but audio.
                Some(Some(Block::Audio(_))) | None => self.drop_field(""),
                Some(block) => blocks.extend(block),
            }
        }
        blocks
    }

    /// The cache mark of a part.
    fn mark(&mut self, part: &Part) -> Option<CachePoint> {
        let cache: Option<&CacheControl> = match part {
            Part::Text { cache, .. }
            | Part::Image { cache, .. }
            | Part::File { cache, .. }
            | Part::ToolCall { cache, .. }
            | Part::ToolResult { cache, .. } => cache.as_ref(),
            _ => None,
        };
        let mark = CachePoint::of(cache?);
        if !self.family.takes_cache_points() {
            self.drop_field(".cache_control");
            return None;
        }
        Some(mark)
    }
}
