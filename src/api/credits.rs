//! Credits: what an account may see of itself with its key, and what administrators may do.

use nexus_edge_core::billing::account::{AutoTopUp, Entry, EntryKind, projected_days_left};
use nexus_edge_core::billing::grant_token::Grant;
use nexus_edge_core::catalog::Fields;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use serde::Serialize;

use super::{answer_deleted, answer_list};
use crate::exchange::{self, Exchange};
use crate::objects::account::{Appended, Call, Filter, Point, ProviderSpending, Spending, Standing};
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::credits;

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;
/// A credit, in the millionths that ledgers count.
const MICRO: f64 = 1e6;

/// What is asked of an account.
#[derive(Clone, Copy)]
pub enum View {
    Standing,
    Transactions,
    Summary,
    ByProvider,
    Series,
}

/// The account of the key: `GET /v1/credits/me` and what is below it.
pub async fn mine(exchange: &Exchange, view: View) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    show(exchange, &credits::account_of(&principal), view).await
}

/// Any account: `GET /credits/accounts/{id}` and what is below it.
pub async fn show(exchange: &Exchange, account: &str, view: View) -> Result<Response, ApiError> {
    match view {
        View::Standing => standing(exchange, account).await,
        View::Transactions => transactions(exchange, account).await,
        View::Summary => summary(exchange, account).await,
        View::ByProvider => by_provider(exchange, account).await,
        View::Series => series(exchange, account).await,
    }
}

/// `GET /credits/accounts`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct AccountView {
        account: String,
        created_at: u64,
        auto_top_up: Option<RuleView>,
    }
    let accounts = credits::accounts(&exchange.env).await?;
    let views: Vec<_> = accounts
        .into_iter()
        .map(|account| AccountView {
            auto_top_up: account.auto_top_up().map(RuleView::of),
            created_at: account.created_at,
            account: account.id,
        })
        .collect();
    answer_list("accounts", &views)
}

/// `POST /credits/accounts/{id}/topup` and `…/grant`: `{"amount", "description", "idempotency_key"}`.
pub async fn add(exchange: &Exchange, account: &str, kind: EntryKind) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let fields = Fields::parse(&body.bytes, &["amount", "description", "idempotency_key"])?;
    let amount = positive(fields.dollars("amount")?.required("amount")?)?;
    let description = fields.text("description", 0..=500)?.into_set().unwrap_or_default();
    let now = now_ms();
    let given = fields.text("idempotency_key", 1..=100)?.into_set();
    let id = format!("{}:{}", kind.name(), given.unwrap_or_else(|| new_ulid(now)));
    let entry = Entry::credit(id, now, kind, amount, description);
    let appended = credits::append(&exchange.env, &exchange.settings, account, entry.clone()).await?;
    answer_appended(account, &appended, &entry)
}

/// `POST /credits/grant-tokens`: `{"amount", "account", "expires_in_seconds", "description"}`.
pub async fn issue_token(exchange: &Exchange) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Issued {
        token: String,
        expires_at: u64,
    }
    let body = exchange.body().await?;
    let fields = Fields::parse(&body.bytes, &["amount", "account", "expires_in_seconds", "description"])?;
    let now = now_ms();
    let seconds = fields.integer("expires_in_seconds", 60..=30 * 86_400)?.into_set().unwrap_or(7 * 86_400);
    let grant = Grant {
        nonce: new_ulid(now),
        amount: positive(fields.dollars("amount")?.required("amount")?)?,
        account: fields.text("account", 1..=100)?.into_set(),
        expires_at: now + seconds * 1000,
        description: fields.text("description", 0..=200)?.into_set().unwrap_or_default(),
    };
    exchange::json(201, &Issued { token: grant.sign(&secret(exchange)), expires_at: grant.expires_at })
}

/// `POST /v1/credits/me/grant-token`: `{"token"}`.
pub async fn redeem(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let account = credits::account_of(&principal);
    let body = exchange.body().await?;
    let token = Fields::parse(&body.bytes, &["token"])?.text("token", 1..=2000)?.required("token")?;
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

/// `GET /credits/accounts/{id}/auto-topup`
pub async fn rule(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let found = credits::find(&exchange.env, account).await?.and_then(|account| account.auto_top_up());
    exchange::json(200, &RuleView::of(found.ok_or_else(no_rule)?))
}

/// `PUT /credits/accounts/{id}/auto-topup`: `{"min_balance", "target_balance"}`.
pub async fn put_rule(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let fields = Fields::parse(&body.bytes, &["min_balance", "target_balance"])?;
    let rule = AutoTopUp {
        min_balance: fields.dollars("min_balance")?.required("min_balance")?,
        target_balance: fields.dollars("target_balance")?.required("target_balance")?,
    };
    if rule.target_balance < rule.min_balance {
        let message = "`target_balance` must not be below `min_balance`.";
        return Err(ApiError::invalid("invalid_value", "target_balance", message));
    }
    credits::set_auto_top_up(&exchange.env, account, Some(rule)).await?;
    exchange::json(200, &RuleView::of(rule))
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

fn positive(amount: u64) -> Result<u64, ApiError> {
    if amount == 0 {
        return Err(ApiError::invalid("invalid_value", "amount", "`amount` must be above 0."));
    }
    Ok(amount)
}

/// What grant tokens are signed with. It changes with the admin token.
fn secret(exchange: &Exchange) -> Vec<u8> {
    sha256_hex(&format!("grant tokens of {}", exchange.settings.admin_token)).into_bytes()
}

async fn standing(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct StandingView<'a> {
        account: &'a str,
        balance: f64,
        reserved: f64,
        available: f64,
        /// Whether requests are refused when nothing is available.
        enforced: bool,
    }
    let standing: Standing = credits::call(&exchange.env, &exchange.settings, account, Call::Look).await?;
    let view = StandingView {
        account,
        balance: of_micros(standing.balance),
        reserved: of_micros(standing.reserved.cast_signed()),
        available: of_micros(standing.available),
        enforced: exchange.settings.checks_credits,
    };
    exchange::json(200, &view)
}

async fn transactions(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Page {
        transactions: Vec<EntryView>,
        /// Give it as `after` for the next page.
        next: Option<String>,
    }
    let limit = number(exchange, "limit", 1..=MAX_PAGE.into())?
        .and_then(|limit| u32::try_from(limit).ok())
        .unwrap_or(DEFAULT_PAGE);
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
        since: number(exchange, "since", 0..=latest)?.unwrap_or(0),
        until: number(exchange, "until", 0..=latest)?.unwrap_or(latest),
        kind,
        after: exchange.query("after"),
        limit,
    };
    let call = Call::Transactions { filter };
    let rows: Vec<Entry> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let is_full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.last().filter(|_| is_full).map(|row| format!("{}:{}", row.at, row.id));
    exchange::json(200, &Page { transactions: rows.into_iter().map(EntryView::of).collect(), next })
}

async fn summary(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Summary {
        spent: f64,
        /// The same in the time of the same length before.
        spent_before: f64,
        transactions: u64,
        average_a_day: f64,
        balance: f64,
        projected_days_left: Option<u64>,
    }
    let (since, until) = time_range(exchange)?;
    let (env, settings) = (&exchange.env, &exchange.settings);
    let spending: Spending = credits::call(env, settings, account, Call::Spending { since, until }).await?;
    let length = until - since;
    let before = Call::Spending { since: since.saturating_sub(length), until: since };
    let before: Spending = credits::call(env, settings, account, before).await?;
    let standing: Standing = credits::call(env, settings, account, Call::Look).await?;
    let days = length.div_ceil(DAY_MS).max(1);
    let spent = u64::try_from(spending.spent).unwrap_or(0);
    let view = Summary {
        spent: of_micros(spending.spent),
        spent_before: of_micros(before.spent),
        transactions: spending.transactions,
        average_a_day: of_micros((spent / days).cast_signed()),
        balance: of_micros(standing.balance),
        projected_days_left: projected_days_left(standing.balance, spent, days),
    };
    exchange::json(200, &view)
}

async fn by_provider(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct ProviderView {
        provider_id: Option<i64>,
        provider_name: Option<String>,
        spent: f64,
        transactions: u64,
        percentage: f64,
        last_transaction_at: u64,
    }
    let (since, until) = time_range(exchange)?;
    let call = Call::ByProvider { since, until };
    let rows: Vec<ProviderSpending> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let total = of_micros(rows.iter().map(|row| row.spent).sum());
    let views: Vec<_> = rows
        .into_iter()
        .map(|row| ProviderView {
            provider_id: row.provider_id,
            provider_name: row.provider_name,
            spent: of_micros(row.spent),
            transactions: row.transactions,
            percentage: if total > 0.0 { of_micros(row.spent) / total * 100.0 } else { 0.0 },
            last_transaction_at: row.last_transaction_at,
        })
        .collect();
    answer_list("providers", &views)
}

async fn series(exchange: &Exchange, account: &str) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct PointView {
        at: u64,
        spent: f64,
        transactions: u64,
    }
    let (since, until) = time_range(exchange)?;
    let span_ms = match exchange.query("bucket").as_deref() {
        None | Some("day") => DAY_MS,
        Some("hour") => HOUR_MS,
        Some(_) => {
            return Err(ApiError::invalid("invalid_value", "bucket", "`bucket` must be `hour` or `day`."));
        }
    };
    let call = Call::Series { since, until, span_ms };
    let points: Vec<Point> = credits::call(&exchange.env, &exchange.settings, account, call).await?;
    let views: Vec<_> = points
        .into_iter()
        .map(|point| PointView {
            at: point.at,
            spent: of_micros(point.spent),
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

fn number(
    exchange: &Exchange,
    name: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, ApiError> {
    let Some(text) = exchange.query(name) else { return Ok(None) };
    text.parse().ok().filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
        let message = format!("`{name}` must be a whole number from {} to {}.", range.start(), range.end());
        ApiError::invalid("invalid_value", name, message)
    })
}

fn answer_appended(account: &str, appended: &Appended, entry: &Entry) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct AppendedView<'a> {
        account: &'a str,
        /// Whether it is new; false for a repetition, which changes nothing.
        applied: bool,
        balance: f64,
        transaction: EntryView,
    }
    let view = AppendedView {
        account,
        applied: appended.applied,
        balance: of_micros(appended.balance),
        transaction: EntryView::of(entry.clone()),
    };
    exchange::json(if appended.applied { 201 } else { 200 }, &view)
}

#[derive(Serialize)]
struct RuleView {
    min_balance: f64,
    target_balance: f64,
}

impl RuleView {
    fn of(rule: AutoTopUp) -> Self {
        Self {
            min_balance: of_micros(rule.min_balance.cast_signed()),
            target_balance: of_micros(rule.target_balance.cast_signed()),
        }
    }
}

/// A row of the ledger in credits.
#[derive(Serialize)]
struct EntryView {
    id: String,
    at: u64,
    kind: EntryKind,
    amount: f64,
    description: String,
    request_id: Option<String>,
    key_id: Option<String>,
    provider_id: Option<i64>,
    provider_name: Option<String>,
    model: Option<String>,
    tokens: Option<u64>,
}

impl EntryView {
    fn of(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            amount: of_micros(entry.amount),
            description: entry.description,
            request_id: entry.request_id,
            key_id: entry.key_id,
            provider_id: entry.provider_id,
            provider_name: entry.provider_name,
            model: entry.model,
            tokens: entry.tokens,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
fn of_micros(micros: i64) -> f64 {
    micros as f64 / MICRO
}
