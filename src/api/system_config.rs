//! Settings that can be changed while the gateway runs.

use std::collections::BTreeMap;

use nexus_edge_api::system_config::{ConfigInput, ConfigSetting, SystemConfig};
use nexus_edge_core::access::audit::actor;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::settings::runtime::{RUNTIME, VARIABLES_ONLY, check};

use super::{answer_list, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{snapshot, system_config};

/// Most changes that are listed.
const MAX_HISTORY: u32 = 200;

/// `GET /system/config`
pub async fn show(exchange: &Exchange) -> Result<Response, ApiError> {
    answer(exchange, &system_config::all(&exchange.env).await?)
}

/// `PUT /system/config`
pub async fn change(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::change::<ConfigInput>(exchange).await?;
    let set = input.settings.into_set().unwrap_or_default();
    for (name, value) in &set {
        check(name, value)?;
    }
    let unset = input.unset.into_set().unwrap_or_default();
    let wanted = set.into_iter().map(|(name, value)| (name, Some(value)));
    apply(exchange, wanted.chain(unset.into_iter().map(|name| (name, None))).collect()).await
}

/// `GET /system/config/history`
pub async fn history(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_list("changes", &system_config::history(&exchange.env, MAX_HISTORY).await?)
}

/// `POST /system/config/history/{id}/revert`
pub async fn revert(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let found = system_config::find(&exchange.env, id).await?;
    let found = found.ok_or_else(|| {
        ApiError::not_found("config_change_not_found", "There is no change of a setting with this id.")
    })?;
    if let Some(before) = &found.before {
        // A later version may know the setting no more, or in another form.
        check(&found.name, before)?;
    }
    apply(exchange, BTreeMap::from([(found.name, found.before)])).await
}

/// Stores what differs, and takes it over.
async fn apply(exchange: &Exchange, wanted: BTreeMap<String, Option<String>>) -> Result<Response, ApiError> {
    let mut stored = system_config::all(&exchange.env).await?;
    let mut changes = Vec::new();
    for (name, after) in wanted {
        let before = stored.get(&name).cloned();
        if before == after {
            continue;
        }
        exchange.note_setting(&format!("config/{name}"), before.as_ref(), after.as_ref());
        match &after {
            Some(value) => stored.insert(name.clone(), value.clone()),
            None => stored.remove(&name),
        };
        changes.push((name, before, after));
    }
    if !changes.is_empty() {
        system_config::change(&exchange.env, &changes, &actor(Some(&exchange.person()?.id)), now_ms())
            .await?;
        snapshot::reload(exchange).await?;
    }
    answer(exchange, &stored)
}

fn answer(exchange: &Exchange, stored: &BTreeMap<String, String>) -> Result<Response, ApiError> {
    let variable = |name: &str| exchange.env.var(name).ok().map(|value| value.to_string());
    let setting = |name: &'static str| ConfigSetting {
        name,
        variable: variable(name),
        stored: stored.get(name).cloned(),
    };
    exchange::json(
        200,
        &SystemConfig {
            settings: RUNTIME.iter().map(|known| setting(known.name)).collect(),
            variables_only: VARIABLES_ONLY.to_vec(),
        },
    )
}
