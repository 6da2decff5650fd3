//! The one way to log: every line is a JSON object with the id of the request that it belongs to.
//!
//! Known secrets and API keys are masked in every line; where `REDACT_PII` says so, personal data as well. Callers of these
//! functions pass names and codes, never a body.

use std::cell::Cell;
use std::fmt::Display;

use nexus_edge_core::logging::{Level, Line};

use super::{executor, hidden, now_ms};

thread_local! {
    static LEVEL: Cell<Level> = const { Cell::new(Level::Info) };
}

/// Lets this isolate write lines of this level and of more important ones.
pub fn set_level(level: Level) {
    LEVEL.set(level);
}

/// Whether lines of this level are written: for those that cost something to make.
pub fn is_written(level: Level) -> bool {
    level <= LEVEL.get()
}

/// Something failed that should not have.
pub fn log_error(event: &str, detail: &dyn Display) {
    write(Level::Error, event, detail);
}

/// A failure that the gateway has handled, or that the settings of an upstream or a user cause.
pub fn log_warn(event: &str, detail: &dyn Display) {
    write(Level::Warn, event, detail);
}

/// A rare event that operators may look for.
pub fn log_info(event: &str, detail: &dyn Display) {
    write(Level::Info, event, detail);
}

/// Something that happens with every request.
pub fn log_debug(event: &str, detail: &dyn Display) {
    write(Level::Debug, event, detail);
}

fn write(level: Level, event: &str, detail: &dyn Display) {
    if !is_written(level) {
        return;
    }
    let detail = hidden::for_log(detail.to_string());
    let request_id = executor::request();
    let line = Line {
        ts: now_ms(),
        level: level.as_str(),
        event,
        request_id: request_id.as_deref(),
        detail: &detail,
    };
    let json = line.to_json();
    match level {
        Level::Error => worker::console_error!("{json}"),
        Level::Warn => worker::console_warn!("{json}"),
        Level::Info => worker::console_log!("{json}"),
        Level::Debug => worker::console_debug!("{json}"),
    }
}
