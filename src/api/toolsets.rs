//! The admin API for sets of tools. Users see and change those of their own and of their teams.

use nexus_edge_core::access::person::Scope;
use nexus_edge_core::catalog::ToolsetRecord;
use nexus_edge_core::catalog::toolset::ToolsetInput;
use nexus_edge_core::error::ApiError;

use super::update::change;
use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::pipeline::mcp;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::table;

/// Most sets of one owner, and most that are open to all keys.
const MAX_TOOLSETS: usize = 200;

/// `GET /toolsets`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<ToolsetRecord> = table::list_of(&exchange.env, exchange.scope()).await?;
    answer_list("toolsets", &records.iter().map(ToolsetRecord::view).collect::<Vec<_>>())
}

/// `GET /toolsets/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view())
}

/// `POST /toolsets`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<ToolsetInput>(exchange).await?;
    let now = now_ms();
    let mut record = ToolsetRecord::new(new_ulid(now), now);
    record.name = input.name.clone().required("name")?;
    record.owner = exchange.scope().owner_of_new(input.owner.clone().into_set())?;
    input.apply(&mut record);
    let of_owner = record.owner.clone().map_or(Scope::All, |owner| Scope::Owners(vec![owner]));
    let existing: Vec<ToolsetRecord> = table::list_of(&exchange.env, &of_owner).await?;
    if existing.iter().filter(|other| other.owner == record.owner).count() >= MAX_TOOLSETS {
        let message = format!("There are at most {MAX_TOOLSETS} sets of tools of one owner.");
        return Err(ApiError::conflict("too_many_toolsets", "name", message));
    }
    table::insert(&exchange.env, &record, &[]).await?;
    mcp::changed();
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record.view())
}

/// `PUT /toolsets/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<ToolsetInput>(exchange).await?;
    let apply = async |record: &mut ToolsetRecord| {
        input.check_fixed(record)?;
        input.apply(record);
        Ok(())
    };
    let write =
        async |record: &ToolsetRecord, read_at: u64| table::update(&exchange.env, record, read_at).await;
    let record = change(exchange, async || find(exchange, id).await, apply, write).await?;
    mcp::changed();
    exchange::json(200, &record.view())
}

/// `DELETE /toolsets/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<ToolsetRecord>(&exchange.env, id).await? {
        return Err(mcp::toolset_not_found());
    }
    mcp::changed();
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

async fn find(exchange: &Exchange, id: &str) -> Result<ToolsetRecord, ApiError> {
    let found: Option<ToolsetRecord> = table::find(&exchange.env, id).await?;
    found.filter(|set| exchange.scope().has(set.owner.as_deref())).ok_or_else(mcp::toolset_not_found)
}
