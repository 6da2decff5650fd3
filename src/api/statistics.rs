//! Statistics over time: for administrators of all requests, for the holder of an API key of its own.

use std::collections::HashMap;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::DAY_MS;
use nexus_edge_stats::answer::{self, Ranking, Sums, Timeseries};
use nexus_edge_stats::figures::Grouped;
use nexus_edge_stats::latency::{self, Measure};
use nexus_edge_stats::per_key::{self, KeyUsage};
use nexus_edge_stats::providers;
use nexus_edge_stats::query::{self, Asked, MAX_GROUPS, Query};
use nexus_edge_stats::scope::Scope;
use nexus_edge_stats::series::Dimension;
use nexus_edge_stats::sql;
use nexus_edge_stats::window::Progress;
use nexus_edge_stats::zone::Zone;
use worker::Env;

use super::query::{MAX_TIME_MS, number, text};
use crate::exchange::{self, Exchange};
use crate::pipeline::{authenticate, upstream_health};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::platform::zone;
use crate::store::{StoreResult, snapshot, statistics};

const HOUR_MS: u64 = 3_600_000;

/// What the person who calls may see.
pub(super) fn seen(exchange: &Exchange) -> Scope {
    Scope::Person(exchange.scope().clone())
}

/// What the holder of an API key may see.
pub(super) async fn own(exchange: &Exchange) -> Result<Scope, ApiError> {
    Ok(Scope::Key(authenticate::authenticate(exchange).await?.key_id))
}

/// `GET /stats/overview`
pub async fn overview(exchange: &Exchange) -> Result<Response, ApiError> {
    overview_of(exchange, seen(exchange)).await
}

/// `GET /stats/timeseries`
pub async fn timeseries(exchange: &Exchange) -> Result<Response, ApiError> {
    timeseries_of(exchange, seen(exchange)).await
}

/// `GET /stats/by/{dimension}`
pub async fn by(exchange: &Exchange, dimension: &str) -> Result<Response, ApiError> {
    by_of(exchange, dimension, seen(exchange)).await
}

/// `GET /v1/stats/overview`
pub async fn my_overview(exchange: &Exchange) -> Result<Response, ApiError> {
    overview_of(exchange, own(exchange).await?).await
}

/// `GET /v1/stats/timeseries`
pub async fn my_timeseries(exchange: &Exchange) -> Result<Response, ApiError> {
    timeseries_of(exchange, own(exchange).await?).await
}

/// `GET /v1/stats/by/{dimension}`
pub async fn my_by(exchange: &Exchange, dimension: &str) -> Result<Response, ApiError> {
    by_of(exchange, dimension, own(exchange).await?).await
}

/// `GET /stats/latency`
pub async fn latency(exchange: &Exchange) -> Result<Response, ApiError> {
    latency_of(exchange, seen(exchange)).await
}

/// `GET /v1/stats/latency`
pub async fn my_latency(exchange: &Exchange) -> Result<Response, ApiError> {
    latency_of(exchange, own(exchange).await?).await
}

async fn overview_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    let (query, tz) = read(exchange, None, scope)?;
    let progress = statistics::progress(&exchange.env).await?;
    let sums = both_windows(&exchange.env, &query, progress).await?;
    exchange::json(200, &answer::overview(&query, tz, &sums))
}

async fn by_of(exchange: &Exchange, name: &str, scope: Scope) -> Result<Response, ApiError> {
    exchange::json(200, &ranking(exchange, name, scope).await?)
}

/// The largest groups of a dimension.
pub(super) async fn ranking(exchange: &Exchange, name: &str, scope: Scope) -> Result<Ranking, ApiError> {
    let dimension = query::dimension("dimension", name)?;
    let (query, tz) = read(exchange, Some(name), scope)?;
    let progress = statistics::progress(&exchange.env).await?;
    let sums = both_windows(&exchange.env, &query, progress).await?;
    Ok(answer::ranking(&query, dimension, tz, &sums))
}

async fn timeseries_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    exchange::json(200, &series(exchange, scope).await?)
}

/// The figures over time.
pub(super) async fn series(exchange: &Exchange, scope: Scope) -> Result<Timeseries, ApiError> {
    let group_by = text(exchange, "group_by");
    let (query, tz) = read(exchange, group_by.as_deref(), scope)?;
    let env = &exchange.env;
    let progress = statistics::progress(env).await?;
    let window = (query.window.from_ms(), query.window.to_ms());
    let mut largest = Vec::new();
    if query.group_by.is_some() {
        let groups = statistics::sums(env, &sql::sums_by_group(&query, window, progress)).await?;
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        largest.extend(groups.into_iter().map(|row| row.name).take(limit));
    }
    let pair = (
        sql::sums_over_time(&query, &largest, progress),
        sql::sketches_over_time(&query, &largest, progress),
    );
    let (sums, sketches) = statistics::pairs(env, [pair]).await?.pop().unwrap_or_default();
    Ok(answer::timeseries(&query, tz, &largest, &sums, &sketches))
}

async fn latency_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    let measure = Measure::read(text(exchange, "measure").as_deref())?;
    let (query, tz) = read(exchange, None, scope)?;
    let progress = statistics::progress(&exchange.env).await?;
    let statement = sql::sketches_over_time(&query, &[], progress);
    let rows = statistics::sketches(&exchange.env, &statement).await?;
    exchange::json(200, &latency::latency(&query, tz, measure, &rows))
}

/// What API keys were used for.
pub(super) struct UsageOfKeys {
    query: Query,
    keys: HashMap<String, KeyUsage>,
}

impl UsageOfKeys {
    /// That of one.
    pub fn of(&self, key_id: &str) -> KeyUsage {
        self.keys.get(key_id).cloned().unwrap_or_else(|| per_key::unused(&self.query))
    }
}

/// What these keys were used for today and on the six days before, in one statement.
pub(super) async fn of_keys(exchange: &Exchange, ids: Vec<String>) -> Result<UsageOfKeys, ApiError> {
    let now = now_ms();
    let mut query = over(exchange, now - now % DAY_MS - 6 * DAY_MS, "day", Dimension::Key)?;
    query.filters = vec![(Dimension::Key, ids)];
    let progress = statistics::progress(&exchange.env).await?;
    let rows = statistics::sums(&exchange.env, &sql::sums_of_all_over_time(&query, progress)).await?;
    Ok(UsageOfKeys { keys: per_key::by_key(&query, &rows), query })
}

/// The figures of each provider in the last hour, by its name.
pub(super) async fn of_providers(exchange: &Exchange) -> Result<Grouped, ApiError> {
    let query = over(exchange, now_ms() - HOUR_MS, "minute", Dimension::Provider)?;
    let progress = statistics::progress(&exchange.env).await?;
    let window = (query.window.from_ms(), query.window.to_ms());
    let pair =
        (sql::sums_by_group(&query, window, progress), sql::sketches_by_group(&query, window, progress));
    let (sums, sketches) = statistics::pairs(&exchange.env, [pair]).await?.pop().unwrap_or_default();
    Ok(Grouped::of(&sums, &sketches))
}

/// A query over the time from `from_ms` up to now, in UTC.
fn over(exchange: &Exchange, from_ms: u64, bucket: &str, by: Dimension) -> Result<Query, ApiError> {
    let asked = Asked {
        from: Some(from_ms),
        bucket: Some(bucket.to_owned()),
        group_by: Some(by.as_str().to_owned()),
        ..Asked::default()
    };
    Query::read(&asked, &|_| 0, now_ms(), statistics::retention(&exchange.settings))
}

/// `GET /stats/providers/ranking`
pub async fn rank_providers(exchange: &Exchange) -> Result<Response, ApiError> {
    let (query, tz) = read(exchange, Some(Dimension::Provider.as_str()), Scope::ALL)?;
    let progress = statistics::progress(&exchange.env).await?;
    let window = (query.window.from_ms(), query.window.to_ms());
    let statements = [
        (sql::sums_of_all_over_time(&query, progress), sql::sketches_by_group(&query, window, progress)),
        (
            sql::sums_by_group(&query, query.before(), progress),
            sql::sketches_by_group(&query, query.before(), progress),
        ),
    ];
    let mut found = statistics::pairs(&exchange.env, statements).await?.into_iter();
    let (sums, sketches) = found.next().unwrap_or_default();
    let (sums_before, sketches_before) = found.next().unwrap_or_default();
    let rows = providers::Rows { sums, sketches, sums_before, sketches_before };
    let snapshot = snapshot::current(exchange).await?;
    let now = now_ms();
    let circuit = |name: &str| {
        let uid = snapshot.provider_uid(name);
        uid.map(|uid| upstream_health::with_registry(|registry| registry.view(uid, now).circuit))
            .unwrap_or_default()
    };
    exchange::json(200, &providers::ranking(&query, tz, &rows, circuit))
}

/// The sums of the window and of the one before it.
async fn both_windows(env: &Env, query: &Query, progress: Progress) -> StoreResult<Sums> {
    let window = (query.window.from_ms(), query.window.to_ms());
    let pair = |window| {
        (sql::sums_by_group(query, window, progress), sql::sketches_by_group(query, window, progress))
    };
    let mut found = statistics::pairs(env, [pair(window), pair(query.before())]).await?.into_iter();
    let mut next = || found.next().map(|(sums, sketches)| Grouped::of(&sums, &sketches)).unwrap_or_default();
    Ok(Sums { now: next(), before: next() })
}

/// The filters of the parameters, as they are given. An empty value is one as well: requests that have none.
pub(super) fn dimensions(exchange: &Exchange) -> Vec<(Dimension, String)> {
    let given = |dimension: Dimension| Some((dimension, exchange.query(dimension.as_str())?));
    Dimension::ALL.into_iter().filter_map(given).collect()
}

/// The query that the parameters are, and the name of its time zone.
fn read(exchange: &Exchange, group_by: Option<&str>, scope: Scope) -> Result<(Query, String), ApiError> {
    let asked = Asked {
        range: text(exchange, "range"),
        from: number(exchange, "from", 0..=MAX_TIME_MS)?,
        to: number(exchange, "to", 0..=MAX_TIME_MS)?,
        bucket: text(exchange, "bucket"),
        group_by: group_by.map(str::to_owned),
        filters: dimensions(exchange),
        limit: number(exchange, "limit", 1..=MAX_GROUPS)?,
        scope,
    };
    let zone = Zone::read("tz", text(exchange, "tz").as_deref(), zone::is_known)?;
    let offset = |at_ms: u64| match &zone {
        Zone::Fixed(offset_ms) => *offset_ms,
        Zone::Named(name) => zone::offset_ms(name, at_ms),
    };
    let retention = statistics::retention(&exchange.settings);
    let query = Query::read(&asked, &offset, now_ms(), retention)?;
    Ok((query, zone.to_string()))
}
