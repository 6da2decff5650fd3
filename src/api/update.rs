//! Changing a record without locks: read it, change it, write it if it is still at the version that was read, and
//! otherwise begin anew. What a request does not name keeps the value that another request gives it meanwhile.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table;

use crate::exchange::Exchange;
use crate::platform::now_ms;
use crate::store::{StoreResult, snapshot, table};

/// How often a change is begun anew because the record has been changed by another request.
const MAX_TRIES: usize = 8;

/// Changes the record that `find` gives, and loads the new configuration.
///
/// # Errors
/// Those of `find` and `change`; `name_taken` where the change repeats a unique name; `record_busy` (503) where the
/// record changed at every try.
pub async fn update<R: Table>(
    exchange: &Exchange,
    find: impl AsyncFn() -> Result<R, ApiError>,
    change: impl AsyncFn(&mut R) -> Result<(), ApiError>,
) -> Result<R, ApiError> {
    let write = async |record: &R, read_at: u64| table::update(&exchange.env, record, read_at).await;
    update_with(exchange, find, change, write).await
}

/// The same with a statement of its own: `write` is false if the row is no longer at the version `read_at`.
pub async fn update_with<R: Table>(
    exchange: &Exchange,
    find: impl AsyncFn() -> Result<R, ApiError>,
    change: impl AsyncFn(&mut R) -> Result<(), ApiError>,
    write: impl AsyncFn(&R, u64) -> StoreResult<bool>,
) -> Result<R, ApiError> {
    let record = self::change(exchange, find, change, write).await?;
    snapshot::reload(exchange).await?;
    Ok(record)
}

/// The same for a record that is no part of the configuration of requests.
pub async fn change<R: Table>(
    exchange: &Exchange,
    find: impl AsyncFn() -> Result<R, ApiError>,
    change: impl AsyncFn(&mut R) -> Result<(), ApiError>,
    write: impl AsyncFn(&R, u64) -> StoreResult<bool>,
) -> Result<R, ApiError> {
    for _ in 0..MAX_TRIES {
        let mut record = find().await?;
        let (before, read_at) = (record.clone(), record.version());
        change(&mut record).await?;
        record.set_version(next_version(read_at));
        if write(&record, read_at).await? {
            exchange.note_change(Some(&before), Some(&record));
            return Ok(record);
        }
    }
    let message = "The record is being changed by others. Try again.";
    Err(ApiError::unavailable("record_busy", message).with_retry_after(1))
}

/// The version of a change that is based on the version `read_at`: the time, and larger in any case.
pub fn next_version(read_at: u64) -> u64 {
    now_ms().max(read_at + 1)
}
