//! Reads one conversation of the archive: its sums and its messages.

use std::collections::HashMap;

use nexus_edge_api::conversations::ConversationRow;
use nexus_edge_core::conversation::archive_item::{self, Item, ItemMessage, Place};
use nexus_edge_core::conversation::old_row;
use serde::Deserialize;
use worker::Env;

use super::super::{StoreResult, rows, text, unsigned};
use super::list::{COLUMNS, KEYS};
use super::{old_large, packs};

/// Rows of entries that are read for a page; each has some entries of several messages.
const ENTRY_ROWS: u64 = 64;

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

/// The conversations with this id, at most one for each key.
pub async fn find(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<Vec<ConversationRow>> {
    if let Some(key_id) = key_id {
        let sql =
            format!("SELECT {COLUMNS} FROM conversations AS c WHERE key_id = ?1 AND id = ?2 AND rounds > 0");
        return rows(env, &sql, &[text(key_id), text(id)]).await;
    }
    let sql = format!(
        "{KEYS} SELECT {COLUMNS} FROM keys CROSS JOIN conversations AS c WHERE c.key_id = keys.id AND c.id = ?1 \
         AND c.rounds > 0 ORDER BY c.key_id LIMIT 20"
    );
    rows(env, &sql, &[text(id)]).await
}

/// Messages of a conversation after the message `after`, oldest first, with their texts.
pub async fn messages(
    env: &Env,
    key_id: &str,
    id: &str,
    after: Option<&str>,
    limit: u64,
) -> StoreResult<Vec<Message>> {
    let after = after.unwrap_or_default();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let entries = entries(env, key_id, id, after).await?;
    let mut found: HashMap<String, (ItemMessage, &Item)> = HashMap::new();
    for item in &entries.items {
        for message in item.messages() {
            // Of a question that several requests have in common, that of the first is kept.
            if message.id.as_str() > after && entries.is_complete(&message.id) {
                let earlier = found.get(&message.id).is_some_and(|(_, other)| other.request <= item.request);
                if !earlier {
                    found.insert(message.id.clone(), (message, item));
                }
            }
        }
    }
    let mut found: Vec<(ItemMessage, &Item)> = found.into_values().collect();
    found.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    found.truncate(most);
    let mut places: Vec<Place> = found.iter().filter_map(|(_, item)| item.place.clone()).collect();
    places.dedup();
    let texts = packs::read(env, &places).await?;
    let texts: HashMap<(&str, u64), &Vec<String>> = places
        .iter()
        .zip(&texts)
        .filter_map(|(place, texts)| Some(((place.pack(), place.offset()), texts.as_ref()?)))
        .collect();
    let mut messages = old_messages(env, key_id, id, after, limit).await?;
    messages.extend(found.into_iter().map(|(message, item)| {
        let texts = item.place.as_ref().and_then(|place| texts.get(&(place.pack(), place.offset())));
        Message {
            id: message.id,
            timestamp: item.timestamp + message.mark.after_ms(),
            model_name: item.model.clone(),
            role: message.mark.role().to_owned(),
            content: texts.and_then(|texts| texts.get(message.index).cloned()),
            tokens: message.mark.tokens(),
            finish_reason: item.finish_reason.clone().filter(|_| message.is_answer),
        }
    }));
    messages.sort_by(|one, other| one.id.cmp(&other.id));
    messages.truncate(most);
    Ok(messages)
}

/// Entries of a conversation, and up to which id none is missing.
struct Entries {
    items: Vec<Item>,
    complete_below: Option<String>,
}

impl Entries {
    fn is_complete(&self, message_id: &str) -> bool {
        self.complete_below.as_deref().is_none_or(|end| message_id < end)
    }
}

async fn entries(env: &Env, key_id: &str, id: &str, after: &str) -> StoreResult<Entries> {
    #[derive(Deserialize)]
    struct Row {
        first_id: Option<String>,
        items: String,
    }
    // Batches of events come in any order, so the ids of two rows may overlap: what is not below the first id of the next row
    // that is not read may be incomplete. The newest entries are in the row of the conversation.
    let sql = "SELECT first_id, items FROM (SELECT first_id, items FROM chat_messages WHERE key_id = ?1 AND conversation_id = ?2 \
        AND last_id >= ?3 ORDER BY first_id LIMIT ?4) \
        UNION ALL SELECT NULL, items FROM conversations WHERE key_id = ?1 AND id = ?2";
    let from = archive_item::request_of(after);
    let found: Vec<Row> =
        rows(env, sql, &[text(key_id), text(id), text(from), unsigned(ENTRY_ROWS + 1)]).await?;
    let moved = found.iter().filter(|row| row.first_id.is_some()).count() as u64;
    let next =
        if moved > ENTRY_ROWS { found.iter().filter_map(|row| row.first_id.clone()).max() } else { None };
    let items = found.iter().flat_map(|row| archive_item::read(&row.items)).collect();
    Ok(Entries { items, complete_below: next })
}

#[derive(Debug, Deserialize)]
struct OldRow {
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

/// Messages that releases before packs archived.
async fn old_messages(
    env: &Env,
    key_id: &str,
    id: &str,
    after: &str,
    limit: u64,
) -> StoreResult<Vec<Message>> {
    // The message to continue after may be in the middle of a row.
    let sql = "SELECT id, timestamp, model_name, role, content, preview, in_r2, tokens_count, finish_reason, outline \
        FROM old_messages WHERE conversation_id = ?1 AND key_id = ?2 AND id >= COALESCE((SELECT MAX(id) \
        FROM old_messages WHERE conversation_id = ?1 AND key_id = ?2 AND id <= ?3), ?3) ORDER BY id LIMIT ?4";
    let mut found: Vec<OldRow> =
        rows(env, sql, &[text(id), text(key_id), text(after), unsigned(limit + 1)]).await?;
    for row in found.iter_mut().filter(|row| row.in_r2 > 0) {
        row.content = old_large::get(env, &row.id).await?;
    }
    Ok(found
        .into_iter()
        .flat_map(OldRow::into_messages)
        .filter(|message| message.id.as_str() > after)
        .collect())
}

impl OldRow {
    /// The messages of the row.
    fn into_messages(self) -> Vec<Message> {
        let outline = self.outline.as_deref();
        let several =
            outline.and_then(|outline| old_row::unbundle(&self.id, outline, self.content.as_deref()));
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
        let mut messages: Vec<Message> = several
            .into_iter()
            .map(|one| Message {
                id: one.id,
                timestamp: self.timestamp + one.after_ms,
                model_name: self.model_name.clone(),
                role: one.role.to_owned(),
                content: one.content,
                tokens: one.tokens,
                finish_reason: None,
            })
            .collect();
        // If the row contains the answer to the request, that is its last message.
        if let Some(last) = messages.last_mut() {
            last.finish_reason = self.finish_reason;
        }
        messages
    }
}
