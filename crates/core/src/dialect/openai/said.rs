//! The parts of an answer that are inspected in pass-through, streamed or not.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::lenient::string;
use crate::tokens::estimate_tokens;

/// A message, or a delta of one. Nothing is copied, and only what is asked for is parsed.
#[derive(Debug, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    /// The tool calls, as JSON.
    #[serde(borrow)]
    pub(super) tool_calls: Option<&'a RawValue>,
}

impl<'a> Said<'a> {
    /// The text, if there is neither reasoning nor a tool call.
    pub(super) fn only_text(&self) -> Option<&'a RawValue> {
        let is_alone = self.reasoning_content.is_none() && self.tool_calls.is_none();
        self.content.filter(|content| is_alone && content.get().starts_with('"'))
    }

    /// Whether there is text, or a tool call.
    pub(super) fn says_something(&self) -> bool {
        let is_text = |value: &RawValue| value.get().len() > 2 && value.get().starts_with('"');
        let is_list = |value: &RawValue| value.get().len() > 2 && value.get().starts_with('[');
        self.content.is_some_and(is_text) || self.tool_calls.is_some_and(is_list)
    }

    /// Estimated tokens of text and reasoning, without the tool calls.
    pub(super) fn text_tokens(&self) -> u64 {
        let texts = [self.content, self.reasoning_content].into_iter().flatten().filter_map(string);
        texts.map(|text| estimate_tokens(&text)).sum()
    }
}
