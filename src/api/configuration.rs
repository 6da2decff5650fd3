//! The configuration as a file: export, and import with a dry run.

use nexus_edge_api::configuration::Import;
use nexus_edge_core::catalog::transfer::{self, Action, Change, File, Line};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table;

use super::query;
use super::update::next_version;
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{configuration, snapshot};

/// `GET /export/configuration`
pub async fn export(exchange: &Exchange) -> Result<Response, ApiError> {
    let (stored, _) = configuration::load(&exchange.env).await?;
    exchange::json(200, &File::of(&stored))
}

/// `POST /import/configuration`
pub async fn import(exchange: &Exchange) -> Result<Response, ApiError> {
    let dry_run = query::boolean(exchange, "dry_run")?.unwrap_or(false);
    let body = exchange.body().await?;
    let (stored, version) = configuration::load(&exchange.env).await?;
    let now = now_ms();
    let allow_private = exchange.settings.allow_private_upstreams;
    let mut plan = transfer::plan(&body.bytes, &stored, allow_private, now, || new_ulid(now))?;
    let records = std::mem::take(&mut plan.lines);
    if !dry_run {
        set_versions(&mut plan.providers);
        set_versions(&mut plan.models);
        set_versions(&mut plan.logical_models);
        set_versions(&mut plan.presets);
        let applied = configuration::apply(&exchange.env, &mut plan, version).await;
        note_all(exchange, &plan.providers);
        note_all(exchange, &plan.models);
        note_all(exchange, &plan.logical_models);
        note_all(exchange, &plan.presets);
        let is_whole = applied?;
        snapshot::reload(exchange).await?;
        if !is_whole {
            let message = "The configuration is being changed by others. Import the file again.";
            return Err(ApiError::unavailable("record_busy", message).with_retry_after(1));
        }
    }
    let count = |action| records.iter().filter(|line: &&Line| line.action == action).count();
    let (created, updated, unchanged) =
        (count(Action::Create), count(Action::Update), count(Action::Unchanged));
    exchange::json(200, &Import { dry_run, created, updated, unchanged, records })
}

fn set_versions<R: Table>(changes: &mut [Change<R>]) {
    for (before, after) in changes {
        if let Some(before) = before {
            after.set_version(next_version(before.version()));
        }
    }
}

fn note_all<R: Table>(exchange: &Exchange, changes: &[Change<R>]) {
    for (before, after) in changes {
        exchange.note_change(before.as_ref(), Some(after));
    }
}
