//! The archive of conversations.

use serde::{Deserialize, Serialize};

use crate::archived_message::ArchivedMessage;
use crate::declare::operations;

#[cfg(feature = "openapi")]
const OF_KEY: &str = "The API key whose conversation it is. Required of those who may see their own only.";

operations! {
    "Conversations";

    /// List conversations.
    ///
    /// Those that went on last first.
    LIST: Get "/conversations" ViewAllConversations / ViewOwnConversations, |it| it.text("search", "Only those in which this was said; `q` is the same.")
        .text("q", "The same as `search`.").text("key_id", "Only those of this API key. Required of those who may see their own only.").text("model", "Only those of this model.")
        .number("from", 0..=1 << 53, "Only those that went on after this time, in milliseconds since the epoch.")
        .number("to", 0..=1 << 53, "Only those that began before this time.")
        .number("limit", 1..=200, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Conversations>(200, "A page.").errors(&[(404, "key_not_found")]);

    /// Show a conversation.
    ///
    /// Its sums and a page of what was said.
    STATS: Get "/stats/conversation/{id}" ViewAllConversations / ViewOwnConversations, |it| it.text("key_id", OF_KEY)
        .text("after", "`next_after` of the page before.").number("limit", 1..=1000, "Messages of a page; 200 is the default.")
        .answer::<ConversationStats<'_>>(200, "The conversation.")
        .errors(&[(404, "conversation_not_found, key_not_found"), (409, "ambiguous_conversation")]);

    /// Export a conversation.
    ///
    /// A row for each message, in their order.
    EXPORT: Get "/conversations/{id}/export" ViewAllConversations / ViewOwnConversations, |it| crate::parameters::export(it)
        .text("key_id", OF_KEY).errors(&[(404, "conversation_not_found, key_not_found"), (409, "ambiguous_conversation")]);

    /// Delete a conversation.
    DELETE: Delete "/conversations/{id}" ManageAllConversations / ManageOwnConversations, |it| it.text("key_id", OF_KEY).deleted("string")
        .errors(&[(404, "conversation_not_found, key_not_found")]);
}

/// A page of conversations.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Conversations {
    /// The conversations.
    pub conversations: Vec<ConversationRow>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// A conversation in the list. Times are milliseconds since the epoch.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ConversationRow {
    /// Its id.
    #[serde(rename(deserialize = "id"))]
    pub conversation_id: String,
    /// The API key.
    pub key_id: String,
    /// The conversation that it branched off.
    pub parent_id: Option<String>,
    /// How it began.
    pub title: Option<String>,
    /// The model that was asked last.
    pub model_name: String,
    /// The first request.
    pub first_seen: u64,
    /// The last request.
    pub last_seen: u64,
    /// Rounds of question and answer.
    pub rounds: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
}

/// A conversation with what was said.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ConversationStats<'a> {
    /// Its id.
    pub conversation_id: &'a str,
    /// The API key.
    pub key_id: String,
    /// Rounds of question and answer.
    pub rounds: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// A page of what was said, the oldest first.
    pub messages: Vec<ArchivedMessage>,
    /// Give it as `after` for the next page; `null` on the last.
    pub next_after: Option<String>,
}
