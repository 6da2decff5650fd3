//! The admin API for statistics.

use nexus_edge_api::stats::{RequestDetail, RequestPage, TokensUsage, TotalStats};
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::{Need, Reach};
use nexus_edge_core::error::ApiError;
use nexus_edge_stats::request_log::Wanted;

use super::statistics::seen;
use super::{answer_list, conversations, query};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{request_log, usage};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

/// `GET /stats/total`
pub async fn total(exchange: &Exchange) -> Result<Response, ApiError> {
    let totals = usage::totals(&exchange.env, now_ms()).await?;
    let tokens_usage = TokensUsage {
        prompt: totals.prompt_tokens,
        completion: totals.completion_tokens,
        total: totals.prompt_tokens.saturating_add(totals.completion_tokens),
    };
    let body = TotalStats {
        total_conversations: totals.conversations,
        total_rounds: totals.rounds,
        prompt_tokens: tokens_usage.prompt,
        completion_tokens: tokens_usage.completion,
        total_tokens: tokens_usage.total,
        tokens_usage,
        active_sessions: totals.active_sessions,
        unpriced_requests: totals.unpriced,
    };
    exchange::json(200, &body)
}

/// `GET /stats/requests?limit=&before=`: the request log, newest first. `before` is the id of the last row of the
/// previous page.
pub async fn requests(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let before = exchange.query("before");
    let wanted = Wanted { cursor: before, scope: seen(exchange), ..Wanted::default() };
    let ages = request_log::ages(&exchange.settings);
    let (rows, _) = request_log::search(&exchange.env, ages, &wanted, limit.into()).await?;
    answer_list("requests", &rows)
}

/// `GET /requests`
pub async fn search(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let wanted = Wanted { scope: seen(exchange), ..wanted(exchange)? };
    let ages = request_log::ages(&exchange.settings);
    let (requests, next_cursor) = request_log::search(&exchange.env, ages, &wanted, limit.into()).await?;
    exchange::json(200, &RequestPage { requests, next_cursor })
}

/// The filters of the request log.
pub(super) fn wanted(exchange: &Exchange) -> Result<Wanted, ApiError> {
    Wanted::read(|name| exchange.query(name))
}

/// `GET /requests/{id}`
pub async fn request(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let time = |name| query::number(exchange, name, 0..=query::MAX_TIME_MS);
    let ages = request_log::ages(&exchange.settings);
    let found = request_log::find(&exchange.env, ages, id, (time("from")?, time("to")?)).await?;
    let scope = seen(exchange);
    let found = found.filter(|row| scope.has(&row.key_id, row.owner.as_deref())).ok_or_else(|| {
        let message = "There is no such request in the log. Its retention may have ended. One that is named by an id of \
            the caller's is looked for among the newest 100,000: `from` and `to` say where else.";
        ApiError::not_found("request_not_found", message)
    })?;
    let request = found.with_only_attempt();
    let reads = Need::or_own(Permission::ViewAllConversations, Permission::ViewOwnConversations);
    let is_readable =
        exchange.person()?.decide(reads, Reach::Look).is_ok_and(|scope| scope.has(request.owner.as_deref()));
    let messages =
        if is_readable { Some(conversations::messages_of(&exchange.env, &request).await?) } else { None };
    exchange::json(200, &RequestDetail { request, messages })
}
