//! The admin API for archived conversations: `GET /conversations`, `GET /stats/conversation/{id}`, `DELETE /conversations/{id}`.

use nexus_edge_api::archived_message::ArchivedMessage;
use nexus_edge_api::conversations::{ConversationRow, ConversationStats, Conversations};
use nexus_edge_api::stats::LoggedRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::rfc3339_ms;
use worker::Env;

use super::exports::form;
use super::{answer_deleted, keys, query};
use crate::exchange::{self, Exchange};
use crate::exports::{Source, streamed};
use crate::platform::http::Response;
use crate::store::archive::list::{After, Query};
use crate::store::{archive, deletions};

const DEFAULT_PAGE: u64 = 50;
const MAX_PAGE: u64 = 200;
const DEFAULT_MESSAGES: u64 = 200;
const MAX_MESSAGES: u64 = 1_000;

/// `GET /conversations?search=&key_id=&model=&from=&to=&limit=&cursor=`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::number(exchange, "limit", 1..=MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
    let after = match exchange.query("cursor") {
        None => None,
        Some(cursor) => Some(After::parse(&cursor).ok_or_else(|| {
            ApiError::invalid("invalid_value", "cursor", "`cursor` is not one of a page before.")
        })?),
    };
    let given = |name: &str| query::text(exchange, name);
    keys::check_seen(exchange, given("key_id").as_deref()).await?;
    let wanted = Query {
        search: given("search").or_else(|| given("q")),
        key_id: given("key_id"),
        model: given("model"),
        from: query::number(exchange, "from", 0..=query::MAX_TIME_MS)?,
        to: query::number(exchange, "to", 0..=query::MAX_TIME_MS)?,
        after,
        limit,
    };
    let (conversations, next) = archive::conversations(&exchange.env, &wanted).await?;
    let next_cursor = next.map(|next| next.to_string());
    exchange::json(200, &Conversations { conversations, next_cursor })
}

/// `GET /stats/conversation/{id}?key_id=&after=&limit=`
pub async fn stats(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let limit = query::number(exchange, "limit", 1..=MAX_MESSAGES)?.unwrap_or(DEFAULT_MESSAGES);
    let sums = find(exchange, id).await?;
    let after = exchange.query("after");
    let mut rows = archive::messages(&exchange.env, &sums.key_id, id, after.as_deref(), limit + 1).await?;
    let has_more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let messages = rows.into_iter().map(view).collect();
    let view = ConversationStats {
        conversation_id: id,
        key_id: sums.key_id,
        rounds: sums.rounds,
        prompt_tokens: sums.prompt_tokens,
        completion_tokens: sums.completion_tokens,
        total_tokens: sums.prompt_tokens + sums.completion_tokens,
        messages,
        next_after: next,
    };
    exchange::json(200, &view)
}

/// The one conversation with this id that may be seen, of the key that the request names if it names one.
async fn find(exchange: &Exchange, id: &str) -> Result<ConversationRow, ApiError> {
    let key_id = exchange.query("key_id");
    keys::check_seen(exchange, key_id.as_deref()).await?;
    let mut found = archive::find(&exchange.env, key_id.as_deref(), id).await?.into_iter();
    let row = found.next().ok_or_else(not_found)?;
    if found.next().is_some() {
        let message = "Conversations of several keys have this id: say whose in `key_id`.";
        return Err(ApiError::conflict("ambiguous_conversation", "key_id", message));
    }
    Ok(row)
}

/// `GET /conversations/{id}/export?key_id=&format=&bom=`
pub async fn export(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let (format, bom) = form(exchange)?;
    let source = Source::of_conversation(find(exchange, id).await?);
    streamed(&exchange.env, source, format, bom).await
}

/// The messages that a request added to its conversation, the answer last.
pub(super) async fn messages_of(
    env: &Env,
    request: &LoggedRequest,
) -> Result<Vec<ArchivedMessage>, ApiError> {
    let LoggedRequest { id, key_id, conversation_id, .. } = request;
    // Their ids begin with that of the request.
    let rows = archive::messages(env, key_id, conversation_id, Some(id), DEFAULT_MESSAGES).await?;
    let own = rows.into_iter().take_while(|row| row.id.starts_with(id.as_str()));
    Ok(own.map(view).collect())
}

fn view(row: archive::Message) -> ArchivedMessage {
    ArchivedMessage {
        id: row.id,
        timestamp: rfc3339_ms(row.timestamp),
        role: row.role,
        content: row.content,
        tokens_count: row.tokens,
        model: row.model_name,
        finish_reason: row.finish_reason,
    }
}

/// `DELETE /conversations/{id}?key_id=`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let key_id = exchange.query("key_id");
    keys::check_seen(exchange, key_id.as_deref()).await?;
    if !deletions::delete(&exchange.env, key_id.as_deref(), id).await? {
        return Err(not_found());
    }
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("conversation_not_found", "There is no archived conversation with this id.")
}
