//! The settings of the deployment, read once per isolate.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::pii::Place;
use nexus_edge_core::settings::runtime;
use worker::Env;

use crate::platform::hidden::{hide_own, hide_personal};
use crate::platform::log::set_level;
use crate::platform::log_error;

pub use nexus_edge_core::settings::Settings;

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    /// Stored values that stand before the variables.
    static STORED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Takes stored values over, which stand before the variables of the deployment, and gives the settings that result.
///
/// # Errors
/// `not_configured` (503) if the deployment lacks a required secret.
pub fn apply(env: &Env, stored: &BTreeMap<String, String>) -> Result<Rc<Settings>, ApiError> {
    if STORED.with_borrow(|known| known != stored) {
        STORED.set(stored.clone());
        SETTINGS.set(None);
    }
    get(env)
}

/// The settings of this deployment.
///
/// # Errors
/// `not_configured` (503) if it lacks a required secret.
pub fn get(env: &Env) -> Result<Rc<Settings>, ApiError> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    first(env)
}

/// The settings as they are read once in an isolate.
#[inline(never)]
fn first(env: &Env) -> Result<Rc<Settings>, ApiError> {
    let stored = |name: &str| STORED.with_borrow(|stored| runtime::find(name).and(stored.get(name)).cloned());
    let read =
        Settings::read(|name| stored(name).or_else(|| env.var(name).ok().map(|value| value.to_string())));
    let settings = Rc::new(read.map_err(|reason| {
        log_error("settings", &reason);
        ApiError::unavailable("not_configured", format!("The gateway is not configured: {reason}."))
    })?);
    let secrets =
        ["ADMIN_TOKEN", "MASTER_KEY", "MASTER_KEY_PREVIOUS", "METRICS_TOKEN", "MAIL_WEBHOOK_SECRET"];
    let secrets = secrets.into_iter().filter_map(|name| env.var(name).ok().map(|value| value.to_string()));
    let of_collector =
        settings.otlp.iter().flat_map(|otlp| otlp.headers.iter().map(|(_, value)| value.expose().to_owned()));
    hide_own(secrets.chain(of_collector).collect());
    set_level(settings.log_level);
    hide_personal(settings.redact_pii.has(Place::Logs).then(|| settings.pii.clone()));
    for complaint in &settings.complaints {
        log_error("settings", complaint);
    }
    SETTINGS.set(Some(Rc::clone(&settings)));
    Ok(settings)
}
