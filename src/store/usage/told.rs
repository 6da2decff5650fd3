//! What is told of recorded events: their cost by id, grand totals, and how long they waited in the queue.

use std::collections::HashMap;

use nexus_edge_core::id::ulid;
use nexus_edge_core::settings::RecordSink;
use nexus_edge_core::stats::PriceSource;
use nexus_edge_stats::queue_lag::{self, Noted};
use serde::Deserialize;
use worker::Env;

use super::super::request_log::{self, sink};
use super::super::{StoreError, StoreResult, row, rows, text, unsigned};
use crate::settings;

/// A conversation counts as active for this long after its last request, in milliseconds.
const ACTIVE_FOR_MS: u64 = 30 * 60 * 1000;
/// An open connection counts for this long: that one has ended is not heard of if its object was killed. Milliseconds.
const CONNECTED_FOR_MS: u64 = 24 * 60 * 60 * 1000;

/// What the request log says of a request's cost.
#[derive(Debug, Deserialize)]
pub struct LoggedCost {
    id: String,
    cost_micros: u64,
    price_source: String,
}

impl LoggedCost {
    /// The cost in millionths of a dollar; `None` if it is not known.
    pub fn cost(&self) -> Option<u64> {
        (self.price_source != PriceSource::Unknown.as_str()).then_some(self.cost_micros)
    }
}

/// Which of these events are recorded, by their ids.
pub async fn recorded(env: &Env, ids: &[&str]) -> StoreResult<HashMap<String, LoggedCost>> {
    let sql = "SELECT id, cost_micros, price_source FROM request_log WHERE id IN (SELECT value FROM json_each(?1)) \
        UNION ALL SELECT id, cost_micros, price_source FROM recorded \
        WHERE id IN (SELECT value FROM json_each(?1)) AND cost_micros IS NOT NULL";
    let found: Vec<LoggedCost> = rows(env, sql, &[text(&serde_json::to_string(ids)?)]).await?;
    let mut found: HashMap<String, LoggedCost> = found.into_iter().map(|row| (row.id.clone(), row)).collect();
    let missing: Vec<&str> = ids.iter().copied().filter(|id| !found.contains_key(*id)).collect();
    for line in request_log::lines_of_old(env, &missing).await? {
        let row: LoggedCost = serde_json::from_str(&line)?;
        found.insert(row.id.clone(), row);
    }
    Ok(found)
}

/// How long messages waited in the queue lately.
pub async fn queue_lag(env: &Env) -> StoreResult<Noted> {
    Ok(row(env, queue_lag::NOTED, &[]).await?.unwrap_or_default())
}

/// Totals over all recorded requests.
#[derive(Debug, Deserialize)]
pub struct Totals {
    /// Distinct conversations.
    pub conversations: u64,
    /// Answered requests.
    pub rounds: u64,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
    /// Tokens of all answers.
    pub completion_tokens: u64,
    /// Requests that used something whose price was not known.
    pub unpriced: u64,
    /// Conversations with an answer in the last half hour, and chat sessions with a connection.
    pub active_sessions: u64,
}

/// Keys and ids of the conversations that were answered since a time. Parameter: when, as the beginning of an id.
const fn answered_since(sink: RecordSink) -> &'static str {
    match sink {
        RecordSink::D1 => {
            "SELECT key_id, conversation_id FROM request_log WHERE id >= ?1 AND usage_source <> 'none'"
        }
        RecordSink::R2 => sink::ACTIVE,
    }
}

/// The totals.
pub async fn totals(env: &Env, now_ms: u64) -> StoreResult<Totals> {
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message.clone()))?;
    let answered = answered_since(settings.record_sink);
    let sql = format!(
        "SELECT conversations, rounds, prompt_tokens, completion_tokens, unpriced, (SELECT COUNT(*) FROM \
         ({answered} UNION SELECT key_id, id FROM sessions INDEXED BY sessions_connected \
         WHERE connected_at >= ?2 AND deleted_at IS NULL)) AS active_sessions FROM stats_totals WHERE id = 1"
    );
    // Ids begin with their time.
    let since = text(&ulid(now_ms.saturating_sub(ACTIVE_FOR_MS), [0; 10]));
    let parameters = [since, unsigned(now_ms.saturating_sub(CONNECTED_FOR_MS))];
    let found = row(env, &sql, &parameters).await?;
    found.ok_or_else(|| StoreError::Platform("the row of totals is missing".into()))
}
