//! Presets: the built-in ones, and those of an operator's own.

use nexus_edge_api::providers::Presets;
use nexus_edge_core::catalog::custom_preset::{CustomPresetInput, CustomPresetRecord, MAX_CUSTOM_PRESETS};
use nexus_edge_core::catalog::presets;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::rfc3339;

use super::update::change;
use super::{answer_deleted, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::table;

/// `GET /provider-presets`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let today = rfc3339(now_ms() / 1000);
    let custom = table::list(&exchange.env).await?;
    let built_in = presets::list(today.get(..10).unwrap_or_default());
    exchange::json(200, &Presets { built_in, custom })
}

/// `POST /provider-presets`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<CustomPresetInput>(exchange).await?;
    let id = input.id.clone().required("id")?;
    if table::list::<CustomPresetRecord>(&exchange.env).await?.len() >= MAX_CUSTOM_PRESETS {
        let message = format!("There are at most {MAX_CUSTOM_PRESETS} presets of one's own.");
        return Err(ApiError::conflict("too_many_presets", "id", message));
    }
    let mut record = CustomPresetRecord::new(id, now_ms());
    input.apply(&mut record, exchange.settings.allow_private_upstreams)?;
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record)
}

/// `PUT /provider-presets/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<CustomPresetInput>(exchange).await?;
    let apply = async |record: &mut CustomPresetRecord| {
        if input.id.as_set().is_some_and(|id| *id != record.id) {
            return Err(ApiError::invalid("invalid_value", "id", "The id of a preset cannot be changed."));
        }
        input.apply(record, exchange.settings.allow_private_upstreams)
    };
    let write =
        async |record: &CustomPresetRecord, read_at: u64| table::update(&exchange.env, record, read_at).await;
    exchange::json(200, &change(exchange, async || find(exchange, id).await, apply, write).await?)
}

/// `DELETE /provider-presets/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<CustomPresetRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

async fn find(exchange: &Exchange, id: &str) -> Result<CustomPresetRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("preset_not_found", "There is no preset of one's own with this id.")
}
