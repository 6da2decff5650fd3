//! Encodes the messages: the system prompt separately, the rest as alternating turns of user and assistant.
//!
//! Instructions inside the conversation move to the system prompt, in order: only the newest models accept them in
//! place, and only in some places. Blocks without text are left out, because the API refuses them, and so are thinking
//! blocks at the end of a turn: an answer that broke off while it was thinking.

use std::borrow::Cow;

use serde::Serializer;

use super::citation;
use super::wire::{self, Block, CacheMark, Source};
use crate::dialect::canonical::limits::MediaForm;
use crate::dialect::canonical::{Citation, Json, Media, Part, Role, SignatureOrigin};
use crate::dialect::upstream::constraints::ANTHROPIC;
use crate::dialect::upstream::history::{EMPTY_FAILURE, FILLER, History};
use crate::dialect::upstream::turns::{self, ASSISTANT, USER};

/// One turn.
pub type Turn<'a> = turns::Turn<Block<'a>>;

/// The encoded messages.
#[derive(Debug, Default)]
pub struct Conversation<'a> {
    pub system: Vec<Block<'a>>,
    pub turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// Encodes the messages.
    pub fn encode(history: &'a History<'_>, dropped: &mut Vec<String>) -> Self {
        let mut conversation = Self::default();
        for (index, message) in history.messages.iter().enumerate() {
            let role = history.role_of(index);
            if message.name.is_some() {
                dropped.push(format!("messages[{index}].name"));
            }
            for (number, part) in message.parts.iter().enumerate() {
                let mut place = Place { message: index, part: number, dropped };
                let Some(block) = place.block(part, role) else { continue };
                let at = (index, number);
                match role {
                    Role::System | Role::Developer => conversation.system.push(block),
                    Role::User | Role::Tool => turns::say(&mut conversation.turns, USER, block, at, dropped),
                    Role::Assistant => turns::say(&mut conversation.turns, ASSISTANT, block, at, dropped),
                }
            }
        }
        turns::cut_thoughts(&mut conversation.turns, dropped);
        turns::ensure_user_begins(&mut conversation.turns, &mut conversation.system, Block::text(FILLER));
        conversation
    }

    /// Makes the end of the conversation acceptable for the model. A model that does not support a prefilled answer
    /// is instructed to continue it; where it is supported, it must not end in white space, and without thinking it
    /// must not contain thinking blocks.
    pub fn end(&mut self, may_prefill: bool, dropped: &mut Vec<String>) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == ASSISTANT) else { return };
        if !may_prefill {
            let content = vec![Block::text(FILLER)];
            self.turns.push(Turn::new(USER, content));
            return;
        }
        turn.drop_thoughts(dropped);
        if let Some(Block::Text { text, .. }) = turn.content.last_mut() {
            let end = text.trim_end().len();
            match text {
                Cow::Borrowed(borrowed) => *borrowed = borrowed.get(..end).unwrap_or(borrowed),
                Cow::Owned(owned) => owned.truncate(end),
            }
        }
    }

    /// The names of all tools that were called.
    pub fn called_tools(&self) -> Vec<&'a str> {
        let blocks = self.turns.iter().flat_map(|turn| &turn.content);
        blocks
            .filter_map(|block| if let Block::ToolUse { name, .. } = block { Some(*name) } else { None })
            .collect()
    }

    /// Whether the last round of tool calls, if it is not complete, began without a thinking block.
    pub fn has_thoughtless_tool_calls(&self) -> bool {
        let Some(turn) = self.turns.iter().rev().find(|turn| turn.role == ASSISTANT) else { return false };
        turn.content.iter().any(|block| matches!(block, Block::ToolUse { .. }))
            && !turn.content.first().is_some_and(turns::Block::is_thought)
    }
}

impl turns::Block for Block<'_> {
    fn is_thought(&self) -> bool {
        matches!(self, Block::Thinking { .. } | Block::RedactedThinking { .. })
    }

    fn write_content<S: Serializer>(content: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        wire::content_of(content, serializer)
    }
}

/// A part's position in the conversation, to report what cannot be expressed.
struct Place<'d> {
    message: usize,
    part: usize,
    dropped: &'d mut Vec<String>,
}

impl Place<'_> {
    fn drop_part(&mut self) {
        self.drop_field("");
    }

    fn drop_field(&mut self, field: &str) {
        let Self { message, part, .. } = *self;
        self.dropped.push(format!("messages[{message}].content[{part}]{field}"));
    }

    /// The block of the part; `None` if it is empty or cannot be expressed.
    fn block<'a>(&mut self, part: &'a Part, role: Role) -> Option<Block<'a>> {
        let is_assistant = role == Role::Assistant;
        let is_user = matches!(role, Role::User | Role::Tool);
        let block = match part {
            Part::Text { text, citations, cache } => return self.text(text, citations, cache.as_ref()),
            Part::Refusal { text } if is_assistant => return self.text(text, &[], None),
            Part::Image { media, detail, cache } if is_user => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.drop_field(".image_url.detail");
                }
                picture(media, CacheMark::of(cache.as_ref()))
            }
            Part::File { media, name, cache } if is_user => {
                document(media, name.as_deref(), CacheMark::of(cache.as_ref()))
            }
            Part::ToolCall { id, name, arguments, signature, cache } if is_assistant => {
                if signature.is_some() {
                    self.drop_field(".thought_signature");
                }
                Some(Block::ToolUse {
                    id: Cow::Borrowed(id),
                    name,
                    input: Json::arguments_object(arguments),
                    cache_control: CacheMark::of(cache.as_ref()),
                })
            }
            Part::ToolResult { call_id, name: _, parts, is_error, cache } if is_user => {
                let mut content = self.result(parts);
                if content.is_empty() && *is_error {
                    content.push(Block::text(EMPTY_FAILURE));
                }
                Some(Block::ToolResult {
                    tool_use_id: Cow::Borrowed(call_id),
                    content,
                    is_error: *is_error,
                    cache_control: CacheMark::of(cache.as_ref()),
                })
            }
            // Thinking blocks without a signature are refused.
            Part::Thinking { text, signature: Some(signature) } if is_assistant => {
                Some(Block::Thinking { thinking: text, signature })
            }
            Part::RedactedThinking { data } if is_assistant => Some(Block::RedactedThinking { data }),
            // A block that a client has changed is no object any more.
            Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block }
                if is_assistant && block.text().starts_with('{') =>
            {
                Some(Block::Provider(Cow::Borrowed(block)))
            }
            _ => None,
        };
        if block.is_none() {
            self.drop_part();
        }
        block
    }

    fn text<'a>(
        &mut self,
        text: &'a str,
        citations: &'a [Citation],
        cache: Option<&'a crate::dialect::canonical::CacheControl>,
    ) -> Option<Block<'a>> {
        if text.trim().is_empty() {
            return None;
        }
        // The API verifies citations, so only its own may be sent back.
        let own: Vec<Json> = citations.iter().filter_map(citation::issued).cloned().collect();
        if own.len() < citations.len() {
            self.drop_field(".annotations");
        }
        Some(Block::Text { text: Cow::Borrowed(text), citations: own, cache_control: CacheMark::of(cache) })
    }

    fn result<'a>(&mut self, parts: &'a [Part]) -> Vec<Block<'a>> {
        let mut blocks = Vec::with_capacity(parts.len());
        for part in parts {
            let is_content = matches!(part, Part::Text { .. } | Part::Image { .. } | Part::File { .. });
            if is_content {
                blocks.extend(self.block(part, Role::Tool));
            } else {
                self.drop_part();
            }
        }
        blocks
    }
}

/// An image from any source.
fn picture<'a>(media: &'a Media, cache_control: Option<CacheMark<'a>>) -> Option<Block<'a>> {
    let source = match media {
        Media::Url { url, .. } => Source::Url { url: fetchable(url)? },
        Media::FileId { id } => Source::File { file_id: id },
        Media::Base64 { media_type, data } => match ANTHROPIC.media.find(media_type)? {
            (MediaForm::Picture, media_type) => Source::Base64 { media_type, data },
            _ => return document(media, None, cache_control),
        },
    };
    Some(Block::Image { source, cache_control })
}

/// A document from any source: PDF or text.
fn document<'a>(
    media: &'a Media,
    title: Option<&'a str>,
    cache_control: Option<CacheMark<'a>>,
) -> Option<Block<'a>> {
    let source = match media {
        Media::Url { url, media_type } => {
            if media_type.as_deref().is_some_and(|kind| kind.starts_with("image/")) {
                return picture(media, cache_control);
            }
            Source::Url { url: fetchable(url)? }
        }
        Media::FileId { id } => Source::File { file_id: id },
        Media::Base64 { media_type, data } => match (ANTHROPIC.media.find(media_type)?, media.words()) {
            ((MediaForm::Picture, _), _) => return picture(media, cache_control),
            ((_, "text/plain"), words) => Source::Text { media_type: "text/plain", data: words? },
            ((_, media_type), _) => Source::Base64 { media_type, data },
        },
    };
    Some(Block::Document { source, title, cache_control })
}

fn fetchable(url: &str) -> Option<&str> {
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}
