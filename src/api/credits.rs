//! Credits: the views of an account, for its own key and for administrators, and the changes that administrators make.

use nexus_edge_api::credits::{
    AccountView, Appended, AutoTopUpInput, AutoTopUpView, CreditInput, GrantTokenInput, IssuedGrantToken,
    Point, ProviderConsumption, RedeemInput, Standing, Summary, Transaction, Transactions,
};
use nexus_edge_api::money::{dollars, signed_dollars};
use nexus_edge_core::billing::account::{Entry, EntryKind, projected_days_left};
use nexus_edge_core::billing::grant_token::Grant;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;

use super::{answer_deleted, answer_list, input, query};
use crate::exchange::{self, Exchange};
use crate::objects::account::{self, Call, Filter, ProviderSpending, Spending};
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::credits;

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;
/// Seconds for which a grant token is valid by default: a week.
const TOKEN_VALID_FOR_S: u64 = 7 * 86_400;

/// The same views for the account of the caller's key.
macro_rules! own {
    ($($(#[doc = $doc:literal])+ $mine:ident => $show:ident;)+) => {
        $(
            $(#[doc = $doc])+
            pub async fn $mine(exchange: &Exchange) -> Result<Response, ApiError> {
                let principal = authenticate(exchange).await?;
                $show(exchange, &credits::account_of(&principal)).await
            }
        )+
    };
}

own! {
    /// `GET /v1/credits/me`
    my_standing => standing;
    /// `GET /v1/credits/me/transactions`
    my_transactions => transactions;
    /// `GET /v1/credits/me/consumption/summary`
    my_summary => summary;
    /// `GET /v1/credits/me/consumption/providers`
    my_providers => by_provider;
    /// `GET /v1/credits/me/consumption/timeseries`
    my_series => series;
}

/// The same views for an account that the person may see.
macro_rules! seen {
    ($($(#[doc = $doc:literal])+ $named:ident => $show:ident;)+) => {
        $(
            $(#[doc = $doc])+
            pub async fn $named(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
                if !exchange.scope().has(Some(account)) {
                    let message = "There is no account of this name that you may see.";
                    return Err(ApiError::not_found("account_not_found", message));
                }
                $show(exchange, account).await
            }
        )+
    };
}

seen! {
    /// `GET /credits/accounts/{id}`
    account_standing => standing;
    /// `GET /credits/accounts/{id}/transactions`
    account_transactions => transactions;
    /// `GET /credits/accounts/{id}/consumption/summary`
    account_summary => summary;
    /// `GET /credits/accounts/{id}/consumption/providers`
    account_providers => by_provider;
    /// `GET /credits/accounts/{id}/consumption/timeseries`
    account_series => series;
    /// `GET /credits/accounts/{id}/auto-topup`
    account_rule => rule;
}

/// `GET /credits/accounts`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let accounts = credits::accounts(&exchange.env).await?;
    let views: Vec<_> = accounts
        .into_iter()
        .filter(|account| exchange.scope().has(Some(&account.id)))
        .map(|account| AccountView {
            auto_top_up: account.auto_top_up().map(AutoTopUpView::from),
            created_at: account.created_at,
            account: account.id,
        })
        .collect();
    answer_list("accounts", &views)
}

/// `POST /credits/accounts/{id}/topup` and `…/grant`: `{"amount", "description", "idempotency_key"}`.
pub async fn add(exchange: &Exchange, account: &str, kind: EntryKind) -> Result<Response, ApiError> {
    let input = input::new::<CreditInput>(exchange).await?;
    let amount = input.amount.required("amount")?;
    let description = input.description.into_set().unwrap_or_default();
    let now = now_ms();
    let id = format!("{}:{}", kind.name(), input.idempotency_key.into_set().unwrap_or_else(|| new_ulid(now)));
    let entry = Entry::credit(id, now, kind, amount, description);
    let appended = credits::append(&exchange.env, &exchange.settings, account, entry.clone()).await?;
    answer_appended(account, &appended, &entry)
}

/// `POST /credits/grant-tokens`: `{"amount", "account", "expires_in_seconds", "description"}`.
pub async fn issue_token(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<GrantTokenInput>(exchange).await?;
    let now = now_ms();
    let seconds = input.expires_in_seconds.into_set().unwrap_or(TOKEN_VALID_FOR_S);
    let grant = Grant {
        nonce: new_ulid(now),
        amount: input.amount.required("amount")?,
        account: input.account.into_set(),
        expires_at: now + seconds * 1000,
        description: input.description.into_set().unwrap_or_default(),
    };
    let issued = IssuedGrantToken { token: grant.sign(&secret(exchange)), expires_at: grant.expires_at };
    exchange::json(201, &issued)
}

/// `POST /v1/credits/me/grant-token`: `{"token"}`.
pub async fn redeem(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let account = credits::account_of(&principal);
    let token = input::new::<RedeemInput>(exchange).await?.token.required("token")?;
    let now = now_ms();
    let grant = Grant::verify(&token, &secret(exchange), &account, now)?;
    if !credits::redeem(&exchange.env, &grant.nonce, &account).await? {
        let message = "The token has been redeemed already.";
        return Err(ApiError::conflict("grant_token_used", "token", message));
    }
    let id = format!("token:{}", grant.nonce);
    let entry = Entry::credit(id, now, EntryKind::Grant, grant.amount, grant.description);
    let appended = credits::append(&exchange.env, &exchange.settings, &account, entry.clone()).await?;
    answer_appended(&account, &appended, &entry)
}

async fn rule(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let found = credits::find(&exchange.env, account).await?.and_then(|account| account.auto_top_up());
    exchange::json(200, &AutoTopUpView::from(found.ok_or_else(no_rule)?))
}

/// `PUT /credits/accounts/{id}/auto-topup`: `{"min_balance", "target_balance"}`.
pub async fn put_rule(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let rule = input::new::<AutoTopUpInput>(exchange).await?.into_rule()?;
    credits::set_auto_top_up(&exchange.env, account, Some(rule)).await?;
    exchange::json(200, &AutoTopUpView::from(rule))
}

/// `DELETE /credits/accounts/{id}/auto-topup`
pub async fn delete_rule(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let found = credits::find(&exchange.env, account).await?.and_then(|account| account.auto_top_up());
    found.ok_or_else(no_rule)?;
    credits::set_auto_top_up(&exchange.env, account, None).await?;
    answer_deleted(account)
}

fn no_rule() -> ApiError {
    ApiError::not_found("auto_topup_not_found", "This account has no rule for automatic top-ups.")
}

/// What grant tokens are signed with. It changes with the admin token.
fn secret(exchange: &Exchange) -> Vec<u8> {
    sha256_hex(&format!("grant tokens of {}", exchange.settings.admin_token.expose())).into_bytes()
}

async fn standing(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let standing: account::Standing =
        credits::call(&exchange.env, &exchange.settings, account, Call::Look).await?;
    let view = Standing {
        account,
        balance: signed_dollars(standing.balance),
        reserved: dollars(standing.reserved),
        available: signed_dollars(standing.available),
        enforced: exchange.settings.checks_credits,
    };
    exchange::json(200, &view)
}

async fn transactions(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let kind = match exchange.query("kind") {
        None => None,
        Some(name) => {
            let found = EntryKind::NAMES.iter().find(|(known, _)| *known == name);
            Some(found.map(|(_, kind)| *kind).ok_or_else(|| {
                let names: Vec<_> = EntryKind::NAMES.iter().map(|(name, _)| *name).collect();
                let message = format!("`kind` must be one of {}.", names.join(", "));
                ApiError::invalid("invalid_value", "kind", message)
            })?)
        }
    };
    let latest = 1 << 52;
    let filter = Filter {
        since: query::number(exchange, "since", 0..=latest)?.unwrap_or(0),
        until: query::number(exchange, "until", 0..=latest)?.unwrap_or(latest),
        kind,
        after: exchange.query("after"),
        limit,
    };
    let call = Call::Transactions { filter };
    let rows: Vec<Entry> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let is_full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.last().filter(|_| is_full).map(|row| format!("{}:{}", row.at, row.id));
    exchange::json(
        200,
        &Transactions { transactions: rows.into_iter().map(Transaction::from).collect(), next },
    )
}

async fn summary(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let (since, until) = time_range(exchange)?;
    let (env, settings) = (&exchange.env, &exchange.settings);
    let spending: Spending = credits::call(env, settings, account, Call::Spending { since, until }).await?;
    let length = until - since;
    let before = Call::Spending { since: since.saturating_sub(length), until: since };
    let before: Spending = credits::call(env, settings, account, before).await?;
    let standing: account::Standing = credits::call(env, settings, account, Call::Look).await?;
    let days = length.div_ceil(DAY_MS).max(1);
    let spent = u64::try_from(spending.spent).unwrap_or(0);
    let view = Summary {
        spent: signed_dollars(spending.spent),
        spent_before: signed_dollars(before.spent),
        transactions: spending.transactions,
        average_a_day: signed_dollars((spent / days).cast_signed()),
        balance: signed_dollars(standing.balance),
        projected_days_left: projected_days_left(standing.balance, spent, days),
    };
    exchange::json(200, &view)
}

async fn by_provider(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let (since, until) = time_range(exchange)?;
    let call = Call::ByProvider { since, until };
    let rows: Vec<ProviderSpending> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let total = signed_dollars(rows.iter().map(|row| row.spent).sum());
    let views: Vec<_> = rows
        .into_iter()
        .map(|row| ProviderConsumption {
            provider_id: row.provider_id,
            provider_name: row.provider_name,
            spent: signed_dollars(row.spent),
            transactions: row.transactions,
            percentage: if total > 0.0 { signed_dollars(row.spent) / total * 100.0 } else { 0.0 },
            last_transaction_at: row.last_transaction_at,
        })
        .collect();
    answer_list("providers", &views)
}

async fn series(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let (since, until) = time_range(exchange)?;
    let span_ms = match exchange.query("bucket").as_deref() {
        None | Some("day") => DAY_MS,
        Some("hour") => HOUR_MS,
        Some(_) => {
            return Err(ApiError::invalid("invalid_value", "bucket", "`bucket` must be `hour` or `day`."));
        }
    };
    let call = Call::Series { since, until, span_ms };
    let points: Vec<account::Point> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let views: Vec<_> = points
        .into_iter()
        .map(|point| Point {
            at: point.at,
            spent: signed_dollars(point.spent),
            transactions: point.transactions,
        })
        .collect();
    answer_list("points", &views)
}

/// The time that `time_range` names: `today`, `7d` (the default), `30d` or `all`.
fn time_range(exchange: &Exchange) -> Result<(u64, u64), ApiError> {
    let until = now_ms() + 1;
    let since = match exchange.query("time_range").as_deref() {
        Some("today") => until / DAY_MS * DAY_MS,
        None | Some("7d") => until.saturating_sub(7 * DAY_MS),
        Some("30d") => until.saturating_sub(30 * DAY_MS),
        Some("all") => 0,
        Some(_) => {
            let message = "`time_range` must be `today`, `7d`, `30d` or `all`.";
            return Err(ApiError::invalid("invalid_value", "time_range", message));
        }
    };
    Ok((since, until))
}

fn answer_appended(account: &str, appended: &account::Appended, entry: &Entry) -> Result<Response, ApiError> {
    let view = Appended {
        account,
        applied: appended.applied,
        balance: signed_dollars(appended.balance),
        transaction: Transaction::from(entry.clone()),
    };
    exchange::json(if appended.applied { 201 } else { 200 }, &view)
}
