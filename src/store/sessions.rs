//! The list of chat sessions in D1. Only a session's own object writes its row.

use nexus_edge_core::chat::session::Session;
use serde::Deserialize;
use worker::Env;

use super::origin::is_not_deleted;
use super::{StoreResult, flag, nullable, rows, text, unsigned, write};

/// A query of the list.
#[derive(Debug, Default)]
pub struct Query {
    /// Words in the title, or in the beginnings of the latest questions and answers.
    pub search: Option<String>,
    /// `true`: only pinned sessions, `false`: only others, `None`: both.
    pub pinned: Option<bool>,
    /// `true`: only archived sessions, otherwise only others.
    pub archived: bool,
    /// Only with this model.
    pub model: Option<String>,
    /// Number of rows to skip.
    pub offset: u64,
    /// Number of rows.
    pub limit: u64,
}

#[derive(Deserialize)]
struct Row {
    record: String,
    total: f64,
}

/// Writes a session's row, unless the stored row is newer or the session was deleted.
pub async fn put(env: &Env, key_id: &str, session: &Session) -> StoreResult<()> {
    let sql = format!(
        "INSERT INTO sessions (key_id, id, record, title, model, ai_provider, pinned, archived, deleted_at, updated_at) \
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE {} ON CONFLICT (key_id, id) DO UPDATE SET record = excluded.record, \
        title = excluded.title, model = excluded.model, ai_provider = excluded.ai_provider, pinned = excluded.pinned, \
        archived = excluded.archived, deleted_at = excluded.deleted_at, updated_at = excluded.updated_at \
        WHERE excluded.updated_at >= updated_at",
        is_not_deleted("?1", "?2", "?10")
    );
    let parameters = [
        text(key_id),
        text(&session.id),
        text(&serde_json::to_string(session)?),
        text(&session.title),
        nullable(session.model.as_deref(), text),
        nullable(session.ai_provider.as_deref(), text),
        flag(session.pinned),
        flag(session.archived),
        nullable(session.deleted_at, unsigned),
        unsigned(session.updated_at),
    ];
    write(env, &sql, &parameters).await?;
    Ok(())
}

/// Notes that a session has a connection since this time, in milliseconds since the epoch, or `None` any more.
pub async fn note_connected(env: &Env, key_id: &str, id: &str, since: Option<u64>) -> StoreResult<()> {
    let sql = "UPDATE sessions SET connected_at = ?3 WHERE key_id = ?1 AND id = ?2";
    write(env, sql, &[text(key_id), text(id), nullable(since, unsigned)]).await?;
    Ok(())
}

/// Removes a session's row and all that came of it.
pub async fn delete(env: &Env, key_id: &str, id: &str) -> StoreResult<()> {
    super::deletions::delete(env, Some(key_id), id).await?;
    write(env, "DELETE FROM sessions WHERE key_id = ?1 AND id = ?2", &[text(key_id), text(id)]).await?;
    Ok(())
}

/// A page of a key's sessions, pinned ones first, then newest first; and the total number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
pub async fn list(env: &Env, key_id: &str, query: &Query) -> StoreResult<(Vec<Session>, u64)> {
    let (said, titled) = (super::archive::contains("c.said", 5), super::archive::contains("title", 5));
    let sql = format!(
        "SELECT record, COUNT(*) OVER () AS total FROM sessions WHERE key_id = ?1 AND deleted_at IS NULL \
        AND archived = ?2 AND (?3 IS NULL OR pinned = ?3) AND (?4 IS NULL OR model = ?4) \
        AND (?5 IS NULL OR {titled} OR EXISTS (SELECT 1 FROM conversations AS c WHERE c.key_id = sessions.key_id \
        AND c.id = sessions.id AND {said})) ORDER BY pinned DESC, updated_at DESC, id LIMIT ?6 OFFSET ?7"
    );
    let parameters = [
        text(key_id),
        flag(query.archived),
        nullable(query.pinned, flag),
        nullable(query.model.as_deref(), text),
        nullable(query.search.as_deref(), text),
        unsigned(query.limit),
        unsigned(query.offset),
    ];
    let found: Vec<Row> = rows(env, &sql, &parameters).await?;
    let total = found.first().map_or(0, |row| row.total as u64);
    // A record that cannot be read must not hide the others.
    let sessions = found.iter().filter_map(|row| serde_json::from_str(&row.record).ok()).collect();
    Ok((sessions, total))
}
