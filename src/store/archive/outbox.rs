//! Writes the archive.
//!
//! The rows of several requests are batched into one statement, like usage events. A request is written at most once:
//! an id that exists already changes nothing. What the rows are is in [`archive_write`].

use std::cell::RefCell;

use nexus_edge_core::conversation::archive_write::{self, Entry, NewRow, Statement};
use nexus_edge_core::outbox::{Departure, Outbox};
use worker::Env;

use super::super::origin::is_not_deleted;
use super::super::{StoreResult, statement, text};
use super::large;
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

thread_local! {
    static OUTBOX: RefCell<Outbox<NewRow>> = const { RefCell::new(Outbox::new()) };
}

/// Messages of this isolate that wait to be written.
pub fn waiting() -> usize {
    OUTBOX.with_borrow(Outbox::len)
}

/// Hands messages over to be written. Never fails: what cannot be written is logged.
pub async fn record(env: &Env, entry: Entry<'_>) {
    let mut rows = archive_write::rows(entry);
    for row in &mut rows {
        let Some(content) = row.take_large() else { continue };
        match large::put(env, &row.id, content).await {
            Ok(()) => row.note_large_is_stored(),
            Err(error) => log_error("a large message is not archived", &error),
        }
    }
    if rows.is_empty() {
        return;
    }
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add(rows, usize::MAX, now_ms()));
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let rows = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    match archive_write::statements(&rows) {
        Ok(statements) => {
            for statement in statements {
                if let Err(error) = insert(env, &statement).await {
                    log_error("messages are not archived", &error);
                }
            }
        }
        Err(error) => log_error("messages are not archived", &error),
    }
    for row in rows.iter().filter(|row| row.is_elsewhere()) {
        if let Err(error) = large::remove_without_row(env, &row.id).await {
            log_error("a large message of a deleted conversation", &error);
        }
    }
}

/// The conversation of a row, as [`is_not_deleted`] wants it.
fn is_kept() -> String {
    is_not_deleted("e.value ->> 'key_id'", "e.value ->> 'conversation_id'", "e.value ->> 'began_at'")
}

async fn insert(env: &Env, rows: &Statement) -> StoreResult<()> {
    let messages = format!(
        "INSERT INTO chat_messages (id, timestamp, key_id, conversation_id, provider_id, model_name, \
         role, content, preview, in_r2, tokens_count, prompt_tokens, completion_tokens, finish_reason, outline, answers) \
         SELECT e.value ->> 'id', e.value ->> 'timestamp', e.value ->> 'key_id', e.value ->> 'conversation_id', \
         e.value ->> 'provider_id', e.value ->> 'model_name', e.value ->> 'role', e.value ->> 'content', \
         e.value ->> 'preview', e.value ->> 'in_r2', e.value ->> 'tokens_count', e.value ->> 'prompt_tokens', \
         e.value ->> 'completion_tokens', e.value ->> 'finish_reason', e.value ->> 'outline', e.value ->> 'answers' \
         FROM json_each(?1) AS e WHERE {} ON CONFLICT (id) DO NOTHING",
        is_kept()
    );
    let conversations = format!(
        "INSERT INTO archived_conversations (key_id, id, parent_id, title, model_name, first_seen, last_seen) \
         SELECT e.value ->> 'key_id', e.value ->> 'conversation_id', MAX(e.value ->> 'parent_id'), \
         MIN(e.value ->> 'title'), MAX(e.value ->> 'model_name'), MIN(e.value ->> 'timestamp'), \
         MAX(e.value ->> 'timestamp') FROM json_each(?1) AS e WHERE {} \
         GROUP BY 1, 2 ON CONFLICT (key_id, id) DO UPDATE SET last_seen = MAX(last_seen, excluded.last_seen), \
         model_name = excluded.model_name, parent_id = COALESCE(parent_id, excluded.parent_id), \
         title = COALESCE(title, excluded.title)",
        is_kept()
    );
    let database = super::super::database(env)?;
    let statements = vec![
        statement(&database, &messages, &[text(&rows.messages)])?,
        statement(&database, &conversations, &[text(&rows.conversations)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}
