//! The request log: rows in the database, and packs of rows in R2.
//!
//! A reader finds each row once, wherever it is and while it moves. A pack that is damaged or missing is an error of every
//! question that needs it, never a gap.

mod leaving;
mod merging;
mod packed;
mod place;
mod recovering;
pub mod sink;

use nexus_edge_api::stats::LoggedRequest;
use nexus_edge_stats::moving::Ages;
use nexus_edge_stats::pages::{Found, join};
use nexus_edge_stats::request_log::{self, LOOKED_AT, Wanted};
use nexus_edge_stats::scan::{SCANNED, Scan};
use serde::Deserialize;
use worker::Env;

use super::StoreResult;

pub use leaving::leave;
pub use merging::merge;
pub use packed::{known, lines_of_old, search as in_packs};
pub use place::ages;
pub use recovering::recover;

/// A page of the request log with what is wanted of it, and the id after which the next one goes on.
pub async fn search(
    env: &Env,
    ages: Ages,
    wanted: &Wanted,
    limit: u64,
) -> StoreResult<(Vec<LoggedRequest>, Option<String>)> {
    let near = near(env, wanted, limit).await?;
    let rows = usize::try_from(limit).unwrap_or(usize::MAX);
    let Scan { begin, end: below } = wanted.scan();
    // Where the database was not looked at, packs need not be looked at either.
    let from = near.looked_to.clone().unwrap_or_default().max(begin);
    let packed = packed::search(env, ages, wanted, (&from, &below), rows).await?;
    let packed = Found { looked_to: packed.looked_to, rows: packed.rows };
    let (rows, next) = join([near, packed], rows, |row| &row.id);
    Ok((rows.into_iter().map(LoggedRequest::priced).collect(), next))
}

/// What the database has of a page.
async fn near(env: &Env, wanted: &Wanted, limit: u64) -> StoreResult<Found<LoggedRequest>> {
    #[derive(Deserialize)]
    struct Scanned {
        scanned_to: Option<String>,
        rows: u64,
    }
    let rows: Vec<LoggedRequest> = super::run(env, &wanted.page(limit)).await?;
    if rows.len() as u64 == limit {
        return Ok(Found { looked_to: rows.last().map(|row| row.id.clone()), rows });
    }
    if !wanted.is_filtered() {
        return Ok(Found { rows, looked_to: None });
    }
    let scanned: Vec<Scanned> = super::run(env, &wanted.scanned()).await?;
    let looked_to = scanned.into_iter().find(|of| of.rows == SCANNED).and_then(|of| of.scanned_to);
    Ok(Found { rows, looked_to })
}

/// The row that an id names. A request id that a caller chose is looked for among the newest rows of this time: from, and before, in
/// milliseconds since the epoch.
pub async fn find(
    env: &Env,
    ages: Ages,
    id: &str,
    (from, to): (Option<u64>, Option<u64>),
) -> StoreResult<Option<LoggedRequest>> {
    let named = Wanted { from, to, request_id: Some(id.to_owned()), ..Wanted::default() };
    let Scan { begin, end: below } = named.scan();
    let [by_id, by_request_id] = request_log::one(id, (&begin, &below));
    let found: Vec<LoggedRequest> = super::run(env, &by_id).await?;
    let mut found = found.into_iter().next();
    if found.is_none() {
        found = packed::find(env, ages, id.strip_prefix("req_").unwrap_or(id)).await?;
    }
    if found.is_none() {
        let newest: Vec<LoggedRequest> = super::run(env, &by_request_id).await?;
        found = newest.into_iter().next();
    }
    let mut wanted = named;
    for _ in 0..LOOKED_AT / SCANNED {
        if found.is_some() {
            break;
        }
        let Scan { begin, end: below } = wanted.scan();
        let packed = packed::search(env, ages, &wanted, (&begin, &below), 1).await?;
        found = packed.rows.into_iter().next();
        wanted.cursor = packed.looked_to;
        if wanted.cursor.is_none() {
            break;
        }
    }
    Ok(found.map(LoggedRequest::priced))
}
