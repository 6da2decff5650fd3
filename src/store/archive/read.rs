//! Reads the archive: list of conversations, totals of one, its messages.

use nexus_edge_api::conversations::ConversationRow;
use nexus_edge_core::conversation::archive_row::{self, Unbundled};
use serde::Deserialize;
use worker::Env;

use super::super::{StoreResult, nullable, rows, text, unsigned};
use super::large;

/// The condition that a content in the row `m` contains the text in parameter `?plain` or, in rows with a list of texts,
/// the one in `?in_json`.
pub fn matches(plain: u8, in_json: u8) -> String {
    let said = "COALESCE(m.content, m.preview)";
    format!("({} OR {})", contains(said, plain), contains(said, in_json))
}

/// The condition that a column contains the text in a parameter, whatever the case of ASCII letters. `LIKE` does the same,
/// but D1 refuses its patterns from 50 bytes on.
pub fn contains(column: &str, parameter: u8) -> String {
    format!("instr(lower({column}), lower(?{parameter})) > 0")
}

/// How a text stands in a JSON list of texts.
pub fn text_in_json(search: &str) -> String {
    let json = serde_json::Value::from(search).to_string();
    json.get(1..json.len() - 1).unwrap_or_default().to_owned()
}

/// An archived message.
#[derive(Debug)]
pub struct Message {
    pub id: String,
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    pub model_name: String,
    pub role: String,
    /// `None` where no content is stored; the beginning of a large content that is lost.
    pub content: Option<String>,
    pub tokens: u64,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MessageRow {
    id: String,
    timestamp: u64,
    model_name: String,
    role: String,
    content: Option<String>,
    preview: Option<String>,
    in_r2: u64,
    tokens_count: u64,
    finish_reason: Option<String>,
    outline: Option<String>,
}

impl MessageRow {
    /// The messages of the row.
    fn into_messages(self) -> Vec<Message> {
        let outline = self.outline.as_deref();
        let several =
            outline.and_then(|outline| archive_row::unbundle(&self.id, outline, self.content.as_deref()));
        let Some(several) = several else {
            return vec![Message {
                content: self.content.or(self.preview),
                id: self.id,
                timestamp: self.timestamp,
                model_name: self.model_name,
                role: self.role,
                tokens: self.tokens_count,
                finish_reason: self.finish_reason,
            }];
        };
        let mut messages: Vec<Message> = several.into_iter().map(|one| self.message(one)).collect();
        // If the row contains the answer to the request, that is its last message.
        if let Some(last) = messages.last_mut() {
            last.finish_reason = self.finish_reason;
        }
        messages
    }

    fn message(&self, one: Unbundled) -> Message {
        Message {
            id: one.id,
            timestamp: self.timestamp + one.after_ms,
            model_name: self.model_name.clone(),
            role: one.role.to_owned(),
            content: one.content,
            tokens: one.tokens,
            finish_reason: None,
        }
    }
}

/// Totals of a conversation.
#[derive(Debug, Deserialize)]
pub struct Sums {
    pub key_id: String,
    pub rounds: f64,
    pub prompt_tokens: f64,
    pub completion_tokens: f64,
}

/// Totals of a conversation, one row for each key that has one with this id.
pub async fn sums(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<Vec<Sums>> {
    let sql = "SELECT key_id, CAST(TOTAL(answers) AS INTEGER) AS rounds, CAST(TOTAL(prompt_tokens) AS INTEGER) AS prompt_tokens, \
        CAST(TOTAL(completion_tokens) AS INTEGER) AS completion_tokens FROM chat_messages \
        WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2) GROUP BY key_id ORDER BY key_id LIMIT 20";
    rows(env, sql, &[text(id), nullable(key_id, text)]).await
}

/// Messages of a conversation after the message `after`, oldest first, including large contents from R2.
pub async fn messages(
    env: &Env,
    key_id: &str,
    id: &str,
    after: Option<&str>,
    limit: u64,
) -> StoreResult<Vec<Message>> {
    // The message to continue after may be in the middle of a row.
    let sql = "SELECT id, timestamp, model_name, role, content, preview, in_r2, tokens_count, finish_reason, outline \
        FROM chat_messages WHERE conversation_id = ?1 AND key_id = ?2 AND id >= COALESCE((SELECT MAX(id) \
        FROM chat_messages WHERE conversation_id = ?1 AND key_id = ?2 AND id <= ?3), ?3) ORDER BY id LIMIT ?4";
    let after = after.unwrap_or_default();
    let mut found: Vec<MessageRow> =
        rows(env, sql, &[text(id), text(key_id), text(after), unsigned(limit + 1)]).await?;
    for row in found.iter_mut().filter(|row| row.in_r2 > 0) {
        row.content = large::get(env, &row.id).await?;
    }
    let messages = found.into_iter().flat_map(MessageRow::into_messages);
    Ok(messages
        .filter(|message| message.id.as_str() > after)
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect())
}

/// A query of the list of conversations.
#[derive(Debug, Default)]
pub struct Query {
    /// Words in the messages.
    pub search: Option<String>,
    /// Only conversations of this key.
    pub key_id: Option<String>,
    /// Only conversations with this model.
    pub model: Option<String>,
    /// Only those with a message at this time or later, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Only those that began before this time, in milliseconds since the epoch.
    pub to: Option<u64>,
    /// Only those after this one: its `last_seen` and id.
    pub after: Option<(u64, String)>,
    /// Number of rows.
    pub limit: u64,
}

/// Conversations, latest activity first.
pub async fn conversations(env: &Env, query: &Query) -> StoreResult<Vec<ConversationRow>> {
    let of = "FROM chat_messages AS m WHERE m.conversation_id = c.id AND m.key_id = c.key_id";
    let (matches, titled) = (matches(7, 9), contains("c.title", 7));
    let sql = format!(
        "SELECT c.id, c.key_id, c.parent_id, c.title, c.model_name, c.first_seen, c.last_seen, \
         (SELECT CAST(TOTAL(m.answers) AS INTEGER) {of}) AS rounds, \
         (SELECT CAST(TOTAL(m.prompt_tokens) AS INTEGER) {of}) AS prompt_tokens, \
         (SELECT CAST(TOTAL(m.completion_tokens) AS INTEGER) {of}) AS completion_tokens \
         FROM archived_conversations AS c WHERE (?1 IS NULL OR c.key_id = ?1) AND (?2 IS NULL OR c.model_name = ?2) \
         AND (?3 IS NULL OR c.last_seen >= ?3) AND (?4 IS NULL OR c.first_seen < ?4) \
         AND (?5 IS NULL OR (c.last_seen, c.id) < (?5, ?6)) \
         AND (?7 IS NULL OR {titled} OR EXISTS (SELECT 1 {of} \
         AND {matches})) ORDER BY c.last_seen DESC, c.id DESC LIMIT ?8"
    );
    let after = query.after.as_ref();
    let parameters = [
        nullable(query.key_id.as_deref(), text),
        nullable(query.model.as_deref(), text),
        nullable(query.from, unsigned),
        nullable(query.to, unsigned),
        nullable(after.map(|(last_seen, _)| *last_seen), unsigned),
        nullable(after.map(|(_, id)| id.as_str()), text),
        nullable(query.search.as_deref(), text),
        unsigned(query.limit),
        nullable(query.search.as_deref().map(text_in_json).as_deref(), text),
    ];
    rows(env, &sql, &parameters).await
}
