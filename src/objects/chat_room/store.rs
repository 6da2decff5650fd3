//! The storage of a room in its own `SQLite`. Everything here is synchronous: between two awaits a room is never in
//! the middle of a change, and the platform holds back output until the writes before it are durable.

use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::session::Session;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::exchange::KeyOwner;
use crate::platform::rows;

/// Number of frames that are stored for reconnecting clients. For older ones the history is sent.
const KEPT_FRAMES: u64 = 4_000;
/// How long used tickets are remembered, in milliseconds: longer than they are valid.
const TICKET_MEMORY_MS: u64 = 10 * 60 * 1000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS session (
  id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL, key_id TEXT NOT NULL, key_hash TEXT NOT NULL,
  summary TEXT, summarised INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY AUTOINCREMENT, turn_id TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS turns (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client_id TEXT UNIQUE, state TEXT NOT NULL,
  say TEXT NOT NULL, model TEXT NOT NULL, request_id TEXT NOT NULL, prompt_tokens INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS turns_to_do ON turns (state) WHERE state <> 'done';
CREATE TABLE IF NOT EXISTS frames (seq INTEGER PRIMARY KEY, turn_id TEXT NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answering (one INTEGER PRIMARY KEY CHECK (one = 1), turn_id TEXT NOT NULL, provider TEXT NOT NULL);
";
const TICKETS: &str = "CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL)";

/// The tables of one room.
pub struct Store {
    sql: SqlStorage,
}

/// A room's own record.
pub struct Record {
    /// The session.
    pub session: Session,
    /// Its owner.
    pub owner: KeyOwner,
    /// The summary of the history up to message `summarised`.
    pub summary: Option<String>,
    /// Number of the last message that the summary covers.
    pub summarised: u64,
}

/// A queued or running turn.
#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    /// A ULID; also the id of its usage event, so that it is counted once however often it is sent.
    pub id: String,
    /// Its input, as JSON.
    pub say: String,
    /// The name of the model in the request to the pipeline.
    pub model: String,
    /// The request that began it.
    pub request_id: String,
    /// Estimated tokens of the prompt, once it was sent.
    pub prompt_tokens: f64,
}

#[derive(Deserialize)]
struct SessionRow {
    record: String,
    key_id: String,
    key_hash: String,
    summary: Option<String>,
    summarised: f64,
}

#[derive(Deserialize)]
struct TextRow {
    value: Option<String>,
}

#[derive(Deserialize)]
struct NumberRow {
    value: Option<f64>,
}

#[derive(Deserialize)]
struct MessageRow {
    n: f64,
    record: String,
}

#[derive(Deserialize)]
struct TicketRow {
    id: String,
    expires_at: f64,
}

impl Store {
    /// The store on this object's storage. Nothing is written until a session is created.
    pub fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        Ok(rows::read(self.sql.exec(query, Some(values))?.to_array()?, query))
    }

    fn run(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(query, Some(values)).map(|_| ())
    }

    fn number_of(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<u64> {
        let rows: Vec<NumberRow> = self.rows(query, values)?;
        Ok(rows.first().and_then(|row| row.value).map_or(0, whole))
    }

    /// The room's record; `None` if no session was created here.
    pub fn record(&self) -> Result<Option<Record>> {
        if !self.has_table("session")? {
            return Ok(None);
        }
        // A room that an earlier release created may lack a table.
        self.make()?;
        let rows: Vec<SessionRow> =
            self.rows("SELECT record, key_id, key_hash, summary, summarised FROM session", vec![])?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        Ok(Some(Record {
            session: serde_json::from_str(&row.record)?,
            owner: KeyOwner { key_id: row.key_id, key_hash: row.key_hash },
            summary: row.summary,
            summarised: whole(row.summarised),
        }))
    }

    fn has_table(&self, name: &str) -> Result<bool> {
        let sql = "SELECT COUNT(*) AS value FROM sqlite_master WHERE type = 'table' AND name = ?";
        Ok(self.number_of(sql, vec![text(name)])? > 0)
    }

    /// Makes the tables.
    pub fn make(&self) -> Result<()> {
        self.sql.exec(SCHEMA, None)?;
        self.sql.exec(TICKETS, None)?;
        Ok(())
    }

    /// Creates the session.
    pub fn create(&self, session: &Session, owner: &KeyOwner) -> Result<()> {
        self.make()?;
        self.run(
            "INSERT OR REPLACE INTO session (id, record, key_id, key_hash) VALUES (1, ?, ?, ?)",
            vec![text(&serde_json::to_string(session)?), text(&owner.key_id), text(&owner.key_hash)],
        )
    }

    /// Writes the changed session.
    pub fn save(&self, session: &Session) -> Result<()> {
        self.run("UPDATE session SET record = ?", vec![text(&serde_json::to_string(session)?)])
    }

    /// Writes a new summary of the history up to message number `summarised`.
    pub fn save_summary(&self, summary: &str, summarised: u64) -> Result<()> {
        self.run("UPDATE session SET summary = ?, summarised = ?", vec![text(summary), integer(summarised)?])
    }

    /// Messages after number `after`, the oldest first, each with its number.
    pub fn messages_after(&self, after: u64) -> Result<Vec<(u64, StoredMessage)>> {
        let rows =
            self.rows("SELECT n, record FROM messages WHERE n > ? ORDER BY n", vec![integer(after)?])?;
        Ok(messages(rows))
    }

    /// At most `limit` messages before number `before`, the oldest first.
    pub fn messages_before(&self, before: Option<u64>, limit: u64) -> Result<Vec<(u64, StoredMessage)>> {
        let rows = self.rows(
            "SELECT n, record FROM (SELECT n, record FROM messages WHERE n < ? ORDER BY n DESC LIMIT ?) ORDER BY n",
            vec![integer(before.unwrap_or(1 << 52))?, integer(limit)?],
        )?;
        Ok(messages(rows))
    }

    /// Number of messages.
    pub fn count_messages(&self) -> Result<u64> {
        self.number_of("SELECT COUNT(*) AS value FROM messages", vec![])
    }

    /// Adds a message.
    pub fn add_message(&self, message: &StoredMessage) -> Result<()> {
        self.run(
            "INSERT INTO messages (turn_id, record) VALUES (?, ?)",
            vec![text(&message.turn_id), text(&serde_json::to_string(message)?)],
        )
    }

    /// Removes the messages from number `from` on.
    pub fn cut_messages(&self, from: u64) -> Result<()> {
        self.run("DELETE FROM messages WHERE n >= ?", vec![integer(from)?])
    }

    /// Adds a turn that waits for its answer.
    pub fn add_turn(&self, turn: &Turn, client_id: Option<&str>) -> Result<()> {
        self.run(
            "INSERT INTO turns (id, client_id, state, say, model, request_id) VALUES (?, ?, 'queued', ?, ?, ?)",
            vec![
                text(&turn.id),
                client_id.map_or(SqlStorageValue::Null, text),
                text(&turn.say),
                text(&turn.model),
                text(&turn.request_id),
            ],
        )
    }

    /// The turn that the client gave this id.
    pub fn turn_of_client(&self, client_id: &str) -> Result<Option<String>> {
        let rows: Vec<TextRow> =
            self.rows("SELECT id AS value FROM turns WHERE client_id = ?", vec![text(client_id)])?;
        Ok(rows.into_iter().next().and_then(|row| row.value))
    }

    /// Number of turns that have not ended.
    pub fn open_turns(&self) -> Result<u64> {
        self.number_of("SELECT COUNT(*) AS value FROM turns WHERE state <> 'done'", vec![])
    }

    /// The turns in this state, oldest first.
    pub fn turns_in(&self, state: &str) -> Result<Vec<Turn>> {
        self.rows(
            "SELECT id, say, model, request_id, prompt_tokens FROM turns WHERE state = ? ORDER BY n",
            vec![text(state)],
        )
    }

    /// Moves a turn into a state.
    pub fn set_turn(&self, id: &str, state: &str) -> Result<()> {
        self.run("UPDATE turns SET state = ? WHERE id = ?", vec![text(state), text(id)])?;
        if state == "done" {
            // Ids of client messages are stored for as long as a client might repeat them.
            self.run(
                "DELETE FROM turns WHERE state = 'done' AND n < (SELECT MAX(n) FROM turns) - 1000",
                vec![],
            )?;
        }
        Ok(())
    }

    /// Records the estimated tokens of a turn's prompt.
    pub fn note_prompt(&self, id: &str, tokens: u64) -> Result<()> {
        self.run("UPDATE turns SET prompt_tokens = ? WHERE id = ?", vec![integer(tokens)?, text(id)])
    }

    /// Notes which provider has begun to answer the current turn: it is paid for what it says, also if the turn is cut.
    pub fn note_provider(&self, turn_id: &str, provider: &str) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO answering (one, turn_id, provider) VALUES (1, ?, ?)",
            vec![text(turn_id), text(provider)],
        )
    }

    /// The provider that had begun to answer a turn.
    pub fn provider_of(&self, turn_id: &str) -> Result<Option<String>> {
        let rows: Vec<TextRow> =
            self.rows("SELECT provider AS value FROM answering WHERE turn_id = ?", vec![text(turn_id)])?;
        Ok(rows.into_iter().next().and_then(|row| row.value))
    }

    /// Number of the last frame.
    pub fn last_seq(&self) -> Result<u64> {
        self.number_of("SELECT MAX(seq) AS value FROM frames", vec![])
    }

    /// Number of the oldest frame that is still kept; 0 if there is none.
    pub fn oldest_seq(&self) -> Result<u64> {
        self.number_of("SELECT MIN(seq) AS value FROM frames", vec![])
    }

    /// Stores a frame.
    pub fn add_frame(&self, seq: u64, turn_id: &str, kind: &str, json: &str) -> Result<()> {
        self.run(
            "INSERT INTO frames (seq, turn_id, kind, json) VALUES (?, ?, ?, ?)",
            vec![integer(seq)?, text(turn_id), text(kind), text(json)],
        )
    }

    /// The frames after `after` up to and including `up_to`.
    pub fn frames(&self, after: u64, up_to: u64) -> Result<Vec<String>> {
        let rows: Vec<TextRow> = self.rows(
            "SELECT json AS value FROM frames WHERE seq > ? AND seq <= ? ORDER BY seq",
            vec![integer(after)?, integer(up_to)?],
        )?;
        Ok(rows.into_iter().filter_map(|row| row.value).collect())
    }

    /// The text of a turn's answer, as far as it was sent.
    pub fn told_text(&self, turn_id: &str) -> Result<String> {
        let rows: Vec<TextRow> = self.rows(
            "SELECT json ->> 'content' AS value FROM frames WHERE turn_id = ? AND kind = 'delta' ORDER BY seq",
            vec![text(turn_id)],
        )?;
        Ok(rows.into_iter().filter_map(|row| row.value).collect())
    }

    /// The text of a turn's answer after the last calls of tools that the gateway ran in it; all of it if there were none.
    pub fn text_after_calls(&self, turn_id: &str) -> Result<String> {
        let rows: Vec<TextRow> = self.rows(
            "SELECT json ->> 'content' AS value FROM frames WHERE turn_id = ?1 AND kind = 'delta' AND seq > \
             COALESCE((SELECT MAX(seq) FROM frames WHERE turn_id = ?1 AND kind = 'tool'), 0) ORDER BY seq",
            vec![text(turn_id)],
        )?;
        Ok(rows.into_iter().filter_map(|row| row.value).collect())
    }

    /// Deletes frames that are too old to be resumed from.
    pub fn prune_frames(&self, last_seq: u64) -> Result<()> {
        self.run("DELETE FROM frames WHERE seq <= ?", vec![integer(last_seq.saturating_sub(KEPT_FRAMES))?])
    }

    /// Whether a ticket was used.
    pub fn is_used(&self, id: &str) -> Result<bool> {
        if !self.has_table("tickets")? {
            return Ok(false);
        }
        Ok(self.number_of("SELECT COUNT(*) AS value FROM tickets WHERE id = ?", vec![text(id)])? > 0)
    }

    /// The used tickets that have not expired, each with its expiry.
    pub fn used_tickets(&self, now_ms: u64) -> Result<Vec<(String, u64)>> {
        if !self.has_table("tickets")? {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, expires_at FROM tickets WHERE expires_at >= ?";
        let rows: Vec<TicketRow> = self.rows(sql, vec![integer(now_ms)?])?;
        Ok(rows.into_iter().map(|row| (row.id, whole(row.expires_at))).collect())
    }

    /// Remembers used tickets in a storage that was emptied.
    pub fn restore_tickets(&self, used: &[(String, u64)]) -> Result<()> {
        self.sql.exec(TICKETS, None)?;
        for (id, expires) in used {
            self.note_ticket(id, *expires)?;
        }
        Ok(())
    }

    fn note_ticket(&self, id: &str, expires: u64) -> Result<()> {
        self.run("INSERT INTO tickets (id, expires_at) VALUES (?, ?)", vec![text(id), integer(expires)?])
    }

    /// Marks a ticket as used; false if it was used before.
    pub fn take_ticket(&self, id: &str, now_ms: u64) -> Result<bool> {
        self.run("DELETE FROM tickets WHERE expires_at < ?", vec![integer(now_ms)?])?;
        if self.is_used(id)? {
            return Ok(false);
        }
        self.note_ticket(id, now_ms + TICKET_MEMORY_MS)?;
        Ok(true)
    }
}

/// The messages that can be read: one that cannot must not hide the others.
fn messages(rows: Vec<MessageRow>) -> Vec<(u64, StoredMessage)> {
    let read = |row: MessageRow| Some((whole(row.n), serde_json::from_str(&row.record).ok()?));
    rows.into_iter().filter_map(read).collect()
}

fn text(value: &str) -> SqlStorageValue {
    SqlStorageValue::String(value.to_owned())
}

fn integer(value: u64) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(value.cast_signed())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, below 2^53")]
fn whole(value: f64) -> u64 {
    value as u64
}
