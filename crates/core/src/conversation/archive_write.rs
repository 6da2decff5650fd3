//! What one request adds to the archive, as rows for SQL, and how rows are laid out in statements.
//!
//! Guarantees: the rows of a request have ids that depend on the request alone, so that writing them twice changes nothing;
//! nothing of a text is in a row under a policy other than `full`; a statement has no more text than [`MAX_STATEMENT_BYTES`]
//! unless a single row has.

use serde::Serialize;

use super::archive::ArchivedMessage;
use super::archive_row::{self, Bundle, Item};
use crate::access::StorePolicy;
use crate::stats::UsageEvent;

/// A larger content, in bytes, does not go into its row.
pub const MAX_ROW_BYTES: usize = 64_000;
/// Most bytes of contents in one statement: D1 accepts a parameter of 2 MB.
pub const MAX_STATEMENT_BYTES: usize = 1_000_000;
/// Characters of a large content that stay in its row for the search.
const PREVIEW_CHARS: usize = 2_000;
/// Bytes of a row beside its contents, at most.
const ROW_OVERHEAD_BYTES: usize = 500;

/// What a request adds to the archive.
pub struct Entry<'a> {
    /// The usage event of the request.
    pub event: &'a UsageEvent,
    /// How much the key wants archived.
    pub policy: StorePolicy,
    /// The messages, the answer last.
    pub messages: Vec<ArchivedMessage>,
    /// The id under which all messages but the answer are archived, if not that of the request. The first request
    /// with an id adds the messages; each request adds its answer. Regenerated answers share their question in this
    /// way.
    pub asked_by: Option<String>,
    /// The title of a new conversation.
    pub title: Option<String>,
    /// The conversation that it branched off.
    pub parent: Option<String>,
}

/// A row to be inserted. Its members are columns of `chat_messages`, and the beginning of its request.
#[derive(Debug, Serialize)]
pub struct NewRow {
    /// `<request>.<index of the first message>`.
    pub id: String,
    timestamp: u64,
    /// When the request began: nothing is stored of a conversation that was deleted later.
    began_at: u64,
    key_id: String,
    conversation_id: String,
    #[serde(skip)]
    parent_id: Option<String>,
    #[serde(skip)]
    title: Option<String>,
    provider_id: Option<i64>,
    model_name: String,
    role: &'static str,
    content: Option<Content>,
    preview: Option<String>,
    in_r2: u8,
    tokens_count: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    finish_reason: Option<String>,
    outline: Option<Vec<Item>>,
    answers: usize,
    /// A content that is too large for the row; only its beginning is there.
    #[serde(skip)]
    large: Option<String>,
}

/// The contents of the messages of a row. SQL reads a list as JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    One(String),
    Several(Vec<String>),
}

impl Content {
    fn of(messages: Vec<ArchivedMessage>) -> Self {
        let mut texts: Vec<String> = messages.into_iter().map(|message| message.content).collect();
        match texts.pop() {
            Some(only) if texts.is_empty() => Self::One(only),
            last => {
                texts.extend(last);
                Self::Several(texts)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(text) => text.len(),
            Self::Several(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

impl NewRow {
    /// Takes the content that is too large for the row, to be stored elsewhere.
    pub fn take_large(&mut self) -> Option<String> {
        self.large.take()
    }

    /// Whether its content is stored elsewhere.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.in_r2 != 0
    }

    /// Says in the row that its large content is stored.
    pub fn note_large_is_stored(&mut self) {
        self.in_r2 = 1;
    }

    fn size(&self) -> usize {
        let content = self.content.as_ref().map_or(0, Content::len);
        ROW_OVERHEAD_BYTES + content + self.preview.as_ref().map_or(0, String::len)
    }
}

/// The rows of a request. Without an archive policy there are none.
#[must_use]
pub fn rows(entry: Entry<'_>) -> Vec<NewRow> {
    let Entry { event, policy, mut messages, asked_by, title, parent } = entry;
    if policy == StorePolicy::None {
        return Vec::new();
    }
    // The messages are archived under another request's id; the answer needs an id of its own.
    let answer = asked_by.as_ref().and_then(|_| messages.pop());
    let asked = messages.len();
    let asked_by = asked_by.as_deref().unwrap_or(&event.id);
    let of = |request, first, messages| {
        archive_row::bundles(messages, first, MAX_ROW_BYTES).into_iter().map(move |bundle| (request, bundle))
    };
    let answer = of(event.id.as_str(), asked, Vec::from_iter(answer));
    let bundles: Vec<(&str, Bundle)> = of(asked_by, 0, messages).chain(answer).collect();
    let last = bundles.len().saturating_sub(1);
    let row = |(index, (request, bundle)): (usize, (&str, Bundle))| {
        // The answer is the last message, whether or not others precede it.
        let is_answer = index == last;
        let mut row = NewRow {
            id: archive_row::row_id(request, bundle.first),
            timestamp: event.ts + bundle.after_ms(),
            began_at: event.ts,
            key_id: event.key_id.clone(),
            conversation_id: event.conversation_id.clone(),
            parent_id: parent.clone(),
            title: title.clone().filter(|_| policy.keeps_texts()),
            provider_id: event.provider_id,
            model_name: event.model.clone(),
            role: bundle.role(),
            content: None,
            preview: None,
            in_r2: 0,
            tokens_count: bundle.tokens(),
            prompt_tokens: if is_answer { event.usage.prompt } else { 0 },
            completion_tokens: if is_answer { event.usage.completion } else { 0 },
            finish_reason: event.finish_reason.clone().filter(|_| is_answer),
            outline: bundle.outline(),
            answers: bundle.answers(),
            large: None,
        };
        if policy.keeps_texts() {
            match Content::of(bundle.messages) {
                Content::One(text) if text.len() > MAX_ROW_BYTES => {
                    row.preview = Some(text.chars().take(PREVIEW_CHARS).collect());
                    row.large = Some(text);
                }
                content => row.content = Some(content),
            }
        }
        row
    };
    bundles.into_iter().enumerate().map(row).collect()
}

/// The two parameters of a statement: the rows, and what the list of conversations records of them; both as JSON.
#[derive(Debug)]
pub struct Statement {
    /// [`NewRow`]s.
    pub messages: String,
    /// The conversations, each with its key, parent, title, model and time.
    pub conversations: String,
}

/// Lays rows out in statements.
///
/// # Errors
/// A row that cannot be written as JSON; there is none.
pub fn statements(rows: &[NewRow]) -> Result<Vec<Statement>, serde_json::Error> {
    let mut ends = Vec::new();
    let mut bytes = 0;
    for (index, row) in rows.iter().enumerate() {
        let size = row.size();
        if bytes > 0 && bytes + size > MAX_STATEMENT_BYTES {
            ends.push(index);
            bytes = 0;
        }
        bytes += size;
    }
    ends.push(rows.len());
    let mut start = 0;
    let mut statements = Vec::with_capacity(ends.len());
    for end in ends {
        let rows = rows.get(start..end).unwrap_or_default();
        start = end;
        if !rows.is_empty() {
            let conversations = serde_json::to_string(&seen(rows))?;
            statements.push(Statement { messages: serde_json::to_string(rows)?, conversations });
        }
    }
    Ok(statements)
}

/// What the list of conversations records of a message, without its content, which may be large and goes to the
/// database once.
#[derive(Debug, Serialize)]
struct Seen<'a> {
    key_id: &'a str,
    conversation_id: &'a str,
    parent_id: Option<&'a str>,
    title: Option<&'a str>,
    model_name: &'a str,
    timestamp: u64,
    began_at: u64,
}

impl<'a> Seen<'a> {
    fn of(row: &'a NewRow) -> Self {
        Self {
            key_id: &row.key_id,
            conversation_id: &row.conversation_id,
            parent_id: row.parent_id.as_deref(),
            title: row.title.as_deref(),
            model_name: &row.model_name,
            timestamp: row.timestamp,
            began_at: row.began_at,
        }
    }

    fn is_same_conversation(&self, other: &Self) -> bool {
        (self.key_id, self.conversation_id) == (other.key_id, other.conversation_id)
    }
}

/// The conversations of some rows. The first and the last message of a conversation in a row determine all of its
/// fields.
fn seen(rows: &[NewRow]) -> Vec<Seen<'_>> {
    let mut seen: Vec<Seen<'_>> = Vec::new();
    for row in rows {
        let mut next = Seen::of(row);
        match seen.as_slice() {
            [.., before, last] if before.is_same_conversation(&next) && last.is_same_conversation(&next) => {
                next.parent_id = next.parent_id.or(last.parent_id);
                seen.pop();
                seen.push(next);
            }
            _ => seen.push(next),
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tokens::TokenUsage;

    fn event(id: &str) -> UsageEvent {
        UsageEvent {
            id: id.into(),
            ts: 1_000,
            key_id: "k".into(),
            conversation_id: "c".into(),
            model: "m".into(),
            finish_reason: Some("stop".into()),
            usage: TokenUsage { prompt: 7, completion: 3, ..TokenUsage::default() },
            ..UsageEvent::default()
        }
    }

    fn message(role: &'static str, content: impl Into<String>) -> ArchivedMessage {
        ArchivedMessage { role, content: content.into(), tokens: 1, after_ms: 0 }
    }

    fn entry(event: &UsageEvent, policy: StorePolicy, messages: Vec<ArchivedMessage>) -> Entry<'_> {
        let title = Some("Title".to_owned());
        Entry { event, policy, messages, asked_by: None, title, parent: None }
    }

    fn json_of(rows: &[NewRow]) -> Vec<Value> {
        rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
    }

    #[test]
    fn question_and_answer_share_a_row_and_only_an_answer_has_usage() {
        let event = event("R");
        let messages = vec![message("user", "a"), message("assistant", "b")];
        let rows = json_of(&rows(entry(&event, StorePolicy::Full, messages)));
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((&row["id"], &row["content"]), (&json!("R.0000"), &json!(["a", "b"])));
        assert_eq!(
            (&row["prompt_tokens"], &row["completion_tokens"], &row["answers"]),
            (&json!(7), &json!(3), &json!(1))
        );
    }

    #[test]
    fn a_regenerated_answer_leaves_its_question_where_it_is() {
        let event = event("R2");
        let messages = vec![message("user", "a"), message("assistant", "b")];
        let entry = Entry { asked_by: Some("R1".into()), ..entry(&event, StorePolicy::Full, messages) };
        let rows = json_of(&rows(entry));
        let [asked, answered] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(
            (&asked["id"], &asked["prompt_tokens"], &asked["finish_reason"]),
            (&json!("R1.0000"), &json!(0), &Value::Null)
        );
        assert_eq!(
            (&answered["id"], &answered["prompt_tokens"], &answered["content"]),
            (&json!("R2.0001"), &json!(7), &json!("b"))
        );
    }

    #[test]
    fn only_the_full_policy_writes_texts() {
        let event = event("R");
        let needle = "NEEDLE".repeat(20_000);
        for policy in [StorePolicy::None, StorePolicy::Metadata] {
            let entry = Entry {
                title: Some("NEEDLE".into()),
                ..entry(&event, policy, vec![message("user", "NEEDLE"), message("assistant", needle.clone())])
            };
            let mut rows = rows(entry);
            assert_eq!(rows.is_empty(), policy == StorePolicy::None);
            assert!(rows.iter_mut().all(|row| row.take_large().is_none()));
            for Statement { messages, conversations } in statements(&rows).unwrap() {
                assert!(!messages.contains("NEEDLE") && !conversations.contains("NEEDLE"));
            }
        }
    }

    #[test]
    fn a_content_too_large_for_its_row_leaves_its_beginning_there() {
        let event = event("R");
        let text = "é".repeat(MAX_ROW_BYTES);
        let mut rows = rows(entry(&event, StorePolicy::Full, vec![message("assistant", text.clone())]));
        assert_eq!(rows[0].take_large(), Some(text));
        let [row] = json_of(&rows).try_into().unwrap();
        assert_eq!((&row["content"], &row["in_r2"]), (&Value::Null, &json!(0)));
        assert_eq!(row["preview"].as_str().unwrap().chars().count(), PREVIEW_CHARS);
        rows[0].note_large_is_stored();
        assert_eq!(json_of(&rows)[0]["in_r2"], 1);
    }

    #[test]
    fn statements_have_no_more_text_than_the_database_takes_and_lose_no_row() {
        let event = event("R");
        let messages = (0..40).map(|_| message("user", "x".repeat(MAX_ROW_BYTES))).collect();
        let rows = rows(entry(&event, StorePolicy::Full, messages));
        let statements = statements(&rows).unwrap();
        assert_eq!(statements.len(), 3);
        let mut ids = Vec::new();
        for statement in &statements {
            assert!(statement.messages.len() < MAX_STATEMENT_BYTES + 50_000, "{}", statement.messages.len());
            let rows: Vec<Value> = serde_json::from_str(&statement.messages).unwrap();
            ids.extend(rows.into_iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            let seen: Vec<Value> = serde_json::from_str(&statement.conversations).unwrap();
            assert!(seen.len() <= 2, "the first and the last row of a conversation");
        }
        assert_eq!(ids, rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>());
        assert!(super::statements(&[]).unwrap().is_empty());
    }
}
