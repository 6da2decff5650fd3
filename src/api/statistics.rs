//! Statistics over time: for administrators of all requests, for the holder of an API key of its own.

use nexus_edge_core::error::ApiError;
use nexus_edge_stats::answer::{self, Sums};
use nexus_edge_stats::figures::Grouped;
use nexus_edge_stats::query::{self, Asked, MAX_GROUPS, Query};
use nexus_edge_stats::series::Dimension;
use nexus_edge_stats::sql;
use nexus_edge_stats::window::Progress;
use nexus_edge_stats::zone::Zone;
use worker::Env;

use super::query::{number, text};
use crate::exchange::{self, Exchange};
use crate::pipeline::authenticate;
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::platform::zone;
use crate::store::{StoreResult, statistics};

/// The largest time that a JSON number holds exactly, in milliseconds.
const MAX_TIME_MS: u64 = 1 << 53;

/// Whose requests are asked about. The one place that says what a principal may see of the statistics.
enum Scope {
    /// All.
    All,
    /// Those of an API key.
    Key(String),
}

async fn own(exchange: &Exchange) -> Result<Scope, ApiError> {
    Ok(Scope::Key(authenticate::authenticate(exchange).await?.key_id))
}

/// `GET /stats/overview`
pub async fn overview(exchange: &Exchange) -> Result<Response, ApiError> {
    overview_of(exchange, Scope::All).await
}

/// `GET /stats/timeseries`
pub async fn timeseries(exchange: &Exchange) -> Result<Response, ApiError> {
    timeseries_of(exchange, Scope::All).await
}

/// `GET /stats/by/{dimension}`
pub async fn by(exchange: &Exchange, dimension: &str) -> Result<Response, ApiError> {
    by_of(exchange, dimension, Scope::All).await
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

async fn overview_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    let (query, tz) = read(exchange, None, scope)?;
    let progress = statistics::progress(&exchange.env).await?;
    let sums = both_windows(&exchange.env, &query, progress).await?;
    exchange::json(200, &answer::overview(&query, tz, &sums))
}

async fn by_of(exchange: &Exchange, name: &str, scope: Scope) -> Result<Response, ApiError> {
    let dimension = query::dimension("dimension", name)?;
    let (query, tz) = read(exchange, Some(name), scope)?;
    let progress = statistics::progress(&exchange.env).await?;
    let sums = both_windows(&exchange.env, &query, progress).await?;
    exchange::json(200, &answer::ranking(&query, dimension, tz, &sums))
}

async fn timeseries_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
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
    let sums = statistics::sums(env, &sql::sums_over_time(&query, &largest, progress)).await?;
    let sketches = statistics::sketches(env, &sql::sketches_over_time(&query, &largest, progress)).await?;
    exchange::json(200, &answer::timeseries(&query, tz, &largest, &sums, &sketches))
}

/// The sums of the window and of the one before it.
async fn both_windows(env: &Env, query: &Query, progress: Progress) -> StoreResult<Sums> {
    let window = (query.window.from_ms(), query.window.to_ms());
    let mut found = Vec::with_capacity(2);
    for window in [window, query.before()] {
        let sums = statistics::sums(env, &sql::sums_by_group(query, window, progress)).await?;
        let sketches = statistics::sketches(env, &sql::sketches_by_group(query, window, progress)).await?;
        found.push(Grouped::of(&sums, &sketches));
    }
    let before = found.pop().unwrap_or_default();
    Ok(Sums { now: found.pop().unwrap_or_default(), before })
}

/// The query that the parameters are, and the name of its time zone.
fn read(exchange: &Exchange, group_by: Option<&str>, scope: Scope) -> Result<(Query, String), ApiError> {
    let mut filters: Vec<(Dimension, String)> = Vec::new();
    for dimension in Dimension::ALL {
        // An empty value is one as well: requests that have none.
        filters.extend(exchange.query(dimension.as_str()).map(|values| (dimension, values)));
    }
    if let Scope::Key(id) = scope {
        filters.retain(|(dimension, _)| *dimension != Dimension::Key);
        filters.push((Dimension::Key, id));
    }
    let asked = Asked {
        range: text(exchange, "range"),
        from: number(exchange, "from", 0..=MAX_TIME_MS)?,
        to: number(exchange, "to", 0..=MAX_TIME_MS)?,
        bucket: text(exchange, "bucket"),
        group_by: group_by.map(str::to_owned),
        filters,
        limit: number(exchange, "limit", 1..=MAX_GROUPS)?,
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
