//! The response object of an answer: everything but its items.

use super::answer_item::word_at;
use crate::dialect::canonical::FinishReason;
use crate::dialect::upstream::seconds;
use crate::dialect::upstream::usage::Tally;
use crate::json::lenient::Object;
use crate::tokens::TokenUsage;

/// The fields of a response that are used.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) id: Option<String>,
    /// Seconds since the epoch.
    pub(super) created: Option<u64>,
    pub(super) model: Option<String>,
    pub(super) status: Option<String>,
    /// Why it is incomplete.
    reason: Option<String>,
    pub(super) service_tier: Option<String>,
    /// Usage, once it is reported.
    pub(super) usage: Option<TokenUsage>,
    pub(super) background: bool,
    has_output: bool,
    has_error: bool,
}

impl Answer {
    /// Reads a response object. What has an unexpected type counts as absent.
    pub(super) fn of(response: &Object<'_>) -> Self {
        Self {
            id: word_at(response, "id"),
            created: response.integer("created_at").and_then(seconds),
            model: word_at(response, "model"),
            status: word_at(response, "status"),
            reason: response.object("incomplete_details").and_then(|details| word_at(&details, "reason")),
            service_tier: word_at(response, "service_tier"),
            usage: usage(response),
            background: response.boolean("background") == Some(true),
            has_output: !response.items("output").is_empty(),
            has_error: response.get_set("error").is_some(),
        }
    }

    /// Why the answer ended, and `None` where it has not ended: it is in progress, failed, or was cancelled. Services
    /// that leave the status out answer at once.
    pub(super) fn finish(&self, has_calls: bool) -> Option<FinishReason> {
        Some(match (self.status.as_deref().unwrap_or("completed"), self.reason.as_deref()) {
            ("completed", _) if has_calls => FinishReason::ToolCalls,
            ("completed", _) => FinishReason::Stop,
            ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
            ("incomplete", None | Some("max_output_tokens" | "max_messages" | "max_tokens" | "length")) => {
                FinishReason::Length
            }
            // Another response goes on with what was said meanwhile.
            ("incomplete", Some("steered")) => FinishReason::Pause,
            ("incomplete", Some(reason)) => FinishReason::Other(reason.to_owned()),
            ("queued" | "in_progress" | "failed" | "cancelled", _) => return None,
            (status, _) => FinishReason::Other(status.to_owned()),
        })
    }

    /// Whether it is in progress, or completed with content.
    pub(super) fn is_plainly_good(&self) -> bool {
        let is_good = match self.status.as_deref() {
            Some("completed" | "incomplete") => self.has_output,
            Some("queued" | "in_progress") => true,
            _ => false,
        };
        is_good && !self.has_error
    }
}

/// The usage of a response, with what its tools and its tier cost beside it.
fn usage(response: &Object<'_>) -> Option<TokenUsage> {
    let mut tally = Tally::default();
    tally.add(response.get_set("usage")?);
    tally.add_tier(&response.text("service_tier").unwrap_or_default());
    match response.get_set("tool_usage") {
        Some(tools) => tally.add_tools(tools),
        None => tally.add_searches(response.objects("output").filter(is_search).count() as u64),
    }
    tally.usage()
}

/// Whether an item of the output is a search of the web. Opening a page that was found is one too, and is not charged.
fn is_search(item: &Object<'_>) -> bool {
    let action = item.object("action").and_then(|action| word_at(&action, "type"));
    item.text("type").as_deref() == Some("web_search_call") && action.is_none_or(|action| action == "search")
}
