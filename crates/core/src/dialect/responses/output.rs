//! The items of an answer under construction.
//!
//! Streamed and unstreamed answers are built by the same steps, so they have the same items. Adjacent texts and
//! refusals are one message; every other part is an item of its own.

use std::collections::BTreeMap;

use super::call_names::{CallNames, input_of_arguments};
use super::input_items::output_id;
use super::opaque;
use super::wire::{Annotation, Content, Item, Status, Summary};
use crate::dialect::canonical::{Citation, FinishReason, Json, Media, PartStart};

/// The arguments of a call without any.
pub(super) const NO_ARGUMENTS: &str = "{}";

/// The position of a part of the answer among the items, and data that is complete only at its end.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) item: usize,
    /// The index in the item's content.
    pub(super) content: usize,
    citations: Vec<Citation>,
    signature: String,
    /// The arguments of a custom tool's call, which can be parsed only when complete.
    custom_arguments: Option<String>,
}

/// The items so far.
#[derive(Debug)]
pub(super) struct Output {
    unique: String,
    names: CallNames,
    pub(super) items: Vec<Item>,
    slots: BTreeMap<usize, Slot>,
    /// Signatures of tool calls: call id and signature.
    signatures: Vec<(String, String)>,
}

impl Output {
    pub(super) fn new(unique: &str, names: CallNames) -> Self {
        Self {
            unique: unique.to_owned(),
            names,
            items: Vec::new(),
            slots: BTreeMap::new(),
            signatures: Vec::new(),
        }
    }

    /// Whether a part of this kind is added to the last item.
    pub(super) fn continues(&self, start: &PartStart) -> bool {
        matches!(start, PartStart::Text | PartStart::Refusal)
            && matches!(self.items.last(), Some(Item::Message { .. }))
    }

    /// Starts a part.
    pub(super) fn start(&mut self, part: usize, start: PartStart) {
        if !self.continues(&start) {
            let item = self.new_item(&start);
            self.items.push(item);
        }
        let mut slot = Slot {
            item: self.items.len().saturating_sub(1),
            content: 0,
            citations: Vec::new(),
            signature: String::new(),
            custom_arguments: None,
        };
        match (self.items.last_mut(), start) {
            (Some(Item::Message { content, .. }), PartStart::Text) => {
                slot.content = content.len();
                content.push(Content::OutputText {
                    annotations: Vec::new(),
                    logprobs: Vec::new(),
                    text: String::new(),
                });
            }
            (Some(Item::Message { content, .. }), _) => {
                slot.content = content.len();
                content.push(Content::Refusal { refusal: String::new() });
            }
            (Some(Item::CustomToolCall { .. }), _) => slot.custom_arguments = Some(String::new()),
            _ => {}
        }
        self.slots.insert(part, slot);
    }

    fn new_item(&self, start: &PartStart) -> Item {
        let index = self.items.len();
        let id = |kind| output_id(kind, &self.unique, index);
        let status = Status::InProgress;
        match start {
            PartStart::Image { media, .. } if let Some((data, format)) = generated(media) => {
                Item::ImageGenerationCall {
                    id: id("image_generation_call"),
                    status,
                    output_format: format,
                    result: Some(data.to_owned()),
                }
            }
            // Other pictures and audio were converted to text before.
            PartStart::Text | PartStart::Refusal | PartStart::Image { .. } | PartStart::Audio { .. } => {
                Item::Message { id: id("message"), status, role: "assistant", content: Vec::new() }
            }
            PartStart::Thinking => {
                Item::Reasoning { id: id("reasoning"), summary: Vec::new(), encrypted_content: None }
            }
            PartStart::RedactedThinking { data } => Item::Reasoning {
                id: id("reasoning"),
                summary: Vec::new(),
                encrypted_content: Some(opaque::redacted(data)),
            },
            PartStart::ProviderBlock { origin, block } => Item::Reasoning {
                id: id("reasoning"),
                summary: Vec::new(),
                encrypted_content: Some(opaque::redacted(&origin.seal(block))),
            },
            PartStart::ToolCall { id: call_id, name } => {
                // Clients identify calls by it, so it must not be empty.
                let call_id = match call_id.as_str() {
                    "" => format!("call_{}_{index}", self.unique),
                    given => given.to_owned(),
                };
                let tool = self.names.caller_tool(name);
                let (name, namespace) = (tool.name, tool.namespace);
                if tool.is_custom {
                    let (id, input) = (id("custom_tool_call"), String::new());
                    Item::CustomToolCall { id, status, call_id, name, namespace, input }
                } else {
                    let (id, arguments) = (id("function_call"), String::new());
                    Item::FunctionCall { id, status, arguments, call_id, name, namespace }
                }
            }
        }
    }

    /// The position of an open part.
    pub(super) fn slot(&self, part: usize) -> Option<&Slot> {
        self.slots.get(&part)
    }

    /// The open parts.
    pub(super) fn open_parts(&self) -> Vec<usize> {
        self.slots.keys().copied().collect()
    }

    /// Adds text, reasoning or arguments.
    pub(super) fn append(&mut self, part: usize, more: &str) {
        let Some(slot) = self.slots.get_mut(&part) else { return };
        if let Some(arguments) = &mut slot.custom_arguments {
            arguments.push_str(more);
            return;
        }
        match self.items.get_mut(slot.item) {
            Some(Item::Message { content, .. }) => match content.get_mut(slot.content) {
                Some(Content::OutputText { text, .. }) => text.push_str(more),
                Some(Content::Refusal { refusal }) => refusal.push_str(more),
                None => {}
            },
            Some(Item::Reasoning { summary, .. }) => match summary.first_mut() {
                Some(Summary::SummaryText { text }) => text.push_str(more),
                None if more.is_empty() => {}
                None => summary.push(Summary::SummaryText { text: more.to_owned() }),
            },
            Some(Item::FunctionCall { arguments, .. }) => arguments.push_str(more),
            Some(Item::CustomToolCall { .. } | Item::ImageGenerationCall { .. }) | None => {}
        }
    }

    /// Adds to a signature.
    pub(super) fn sign(&mut self, part: usize, more: &str) {
        if let Some(slot) = self.slots.get_mut(&part) {
            slot.signature.push_str(more);
        }
    }

    /// Adds a citation of a text. Its range may only be known when the text is complete.
    pub(super) fn cite(&mut self, part: usize, citation: Citation) {
        if let Some(slot) = self.slots.get_mut(&part) {
            slot.citations.push(citation);
        }
    }

    /// Log probabilities of the next text. Finished items do not change any more, so later ones are lost.
    pub(super) fn add_logprobs(&mut self, more: Vec<Json>) {
        let open: Vec<(usize, usize)> = self.slots.values().map(|slot| (slot.item, slot.content)).collect();
        for (item, content) in open.into_iter().rev() {
            if let Some(Item::Message { content: parts, .. }) = self.items.get_mut(item)
                && let Some(Content::OutputText { logprobs, .. }) = parts.get_mut(content)
            {
                logprobs.extend(more);
                return;
            }
        }
    }

    /// Ends a part and returns its position. A call without arguments gets empty ones, because clients parse them.
    pub(super) fn end(&mut self, part: usize) -> Option<Slot> {
        let mut slot = self.slots.remove(&part)?;
        match self.items.get_mut(slot.item)? {
            Item::Message { content, .. } => {
                if let Some(Content::OutputText { annotations, text, .. }) = content.get_mut(slot.content) {
                    let length = text.chars().count() as u64;
                    let citations = std::mem::take(&mut slot.citations);
                    annotations.extend(citations.into_iter().filter_map(|one| annotation(one, length)));
                }
            }
            Item::Reasoning { encrypted_content, .. } => {
                if !slot.signature.is_empty() {
                    *encrypted_content = Some(std::mem::take(&mut slot.signature));
                }
            }
            Item::FunctionCall { arguments, call_id, .. } => {
                if arguments.trim().is_empty() {
                    arguments.push_str(NO_ARGUMENTS);
                }
                if !slot.signature.is_empty() {
                    self.signatures.push((call_id.clone(), std::mem::take(&mut slot.signature)));
                }
            }
            Item::ImageGenerationCall { .. } => {}
            Item::CustomToolCall { input, call_id, .. } => {
                *input = input_of_arguments(&slot.custom_arguments.take().unwrap_or_default());
                if !slot.signature.is_empty() {
                    self.signatures.push((call_id.clone(), std::mem::take(&mut slot.signature)));
                }
            }
        }
        Some(slot)
    }

    /// The refusal that an answer without a word needs to be told apart from an empty one.
    pub(super) fn missing_refusal(&self, finish: Option<&FinishReason>) -> Option<&'static str> {
        let is_silent = !self.items.iter().any(|item| matches!(item, Item::Message { .. }));
        (finish == Some(&FinishReason::Refusal) && is_silent).then_some("The model refused to answer.")
    }

    /// Adds the items with the signatures of tool calls, in the order of the calls, and returns their indexes.
    pub(super) fn add_signatures(&mut self) -> std::ops::Range<usize> {
        let first = self.items.len();
        let order: Vec<String> = self.items.iter().filter_map(call_id).map(str::to_owned).collect();
        let mut signatures = std::mem::take(&mut self.signatures);
        signatures.sort_by_key(|(call_id, _)| order.iter().position(|known| known == call_id));
        for (call_id, signature) in signatures {
            self.items.push(Item::Reasoning {
                id: output_id("reasoning", &self.unique, self.items.len()),
                summary: Vec::new(),
                encrypted_content: Some(opaque::tool_call(&call_id, &signature)),
            });
        }
        first..self.items.len()
    }
}

/// The base64 of a picture and its format, if it can be an item of its own in this dialect.
pub(super) fn generated(media: &Media) -> Option<(&str, &'static str)> {
    let Media::Base64 { media_type, data } = media else { return None };
    let format = match media_type.as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpeg",
        "image/webp" => "webp",
        _ => return None,
    };
    Some((data, format))
}

fn call_id(item: &Item) -> Option<&str> {
    match item {
        Item::FunctionCall { call_id, .. } | Item::CustomToolCall { call_id, .. } => Some(call_id),
        Item::Message { .. } | Item::Reasoning { .. } | Item::ImageGenerationCall { .. } => None,
    }
}

/// A citation in this dialect: the original if it comes from there. Without a range it applies to all of the text.
fn annotation(citation: Citation, length: u64) -> Option<Annotation> {
    let (start_index, end_index) = citation.span.unwrap_or((0, length));
    if let Some(original) = own_annotation(&citation) {
        return Some(Annotation::Own(original));
    }
    if let Some(url) = citation.url {
        let title = citation.title.unwrap_or_default();
        return Some(Annotation::UrlCitation { start_index, end_index, title, url });
    }
    // A document of the prompt has no file.
    let file_id = citation.source.clone().unwrap_or_default();
    Some(Annotation::FileCitation { file_id, filename: citation.name()?, index: end_index })
}

/// The original annotation of this dialect, for a file.
fn own_annotation(citation: &Citation) -> Option<Json> {
    let original = citation.original.as_ref()?;
    let value = original.to_value();
    let is_own =
        matches!(value.get("type")?.as_str()?, "file_citation" | "container_file_citation" | "file_path");
    is_own.then(|| original.clone())
}

/// Log probabilities in `OpenAI`'s chat form, which is the same in this dialect.
pub(super) fn token_logprobs(logprobs: &Json) -> Vec<Json> {
    #[derive(serde::Deserialize)]
    struct Tokens {
        content: Option<Vec<Json>>,
    }
    serde_json::from_str::<Tokens>(logprobs.text()).ok().and_then(|tokens| tokens.content).unwrap_or_default()
}

/// The status of a response with this finish reason, and why it is incomplete.
pub(super) fn outcome(finish: Option<&FinishReason>) -> (Status, Option<super::wire::Incomplete>) {
    let reason = match finish {
        Some(FinishReason::ContentFilter) => Some("content_filter"),
        // A paused turn may be continued. Of the two documented reasons, without which clients refuse the object, this
        // is the one that says so.
        Some(FinishReason::Length | FinishReason::Pause) => Some("max_output_tokens"),
        _ => return (Status::Completed, None),
    };
    (Status::Incomplete, Some(super::wire::Incomplete { reason }))
}
