//! The authority over one limit. Every location asks the same object, so that the limit holds in the whole world.
//!
//! The counters live in memory and in the object's own `SQLite`, so that an evicted object goes on counting where it
//! stopped. The limit itself comes with every request: a changed configuration holds from the next request on.

use std::cell::RefCell;

use nexus_edge_core::limits::{Decision, SlidingWindow};
use serde::Deserialize;
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object,
};

use crate::platform::{log_error, now_ms};

/// The window of every limit so far: a minute.
const WINDOW_MS: u64 = 60_000;

/// One limited subject.
#[durable_object(fetch)]
pub struct Quota {
    sql: SqlStorage,
    window: RefCell<Option<SlidingWindow>>,
}

#[derive(Deserialize)]
struct Slice {
    slice: f64,
    count: u32,
}

impl DurableObject for Quota {
    fn new(state: State, _env: Env) -> Self {
        Self { sql: state.storage().sql(), window: RefCell::new(None) }
    }

    /// `http://quota/take/{limit}` asks for one request. Answers `+<remaining>` or `-<milliseconds to wait>`.
    async fn fetch(&self, request: Request) -> Result<Response> {
        let path = request.path();
        let limit = path.strip_prefix("/take/").and_then(|limit| limit.parse().ok());
        let Some(limit) = limit else { return Response::error("unknown request", 400) };
        match self.take(limit)? {
            Decision::Granted { remaining } => Response::ok(format!("+{remaining}")),
            Decision::Refused { retry_after_ms } => Response::ok(format!("-{retry_after_ms}")),
        }
    }
}

impl Quota {
    /// No await in here: requests to the object are decided one after the other.
    fn take(&self, limit: u32) -> Result<Decision> {
        let now = now_ms();
        let mut held = self.window.borrow_mut();
        let slices: Vec<(u64, u32)> = match held.take() {
            Some(window) => window.slices().collect(),
            None => self.stored_slices()?,
        };
        let mut window = SlidingWindow::new(limit, WINDOW_MS).with_slices(slices);
        let decision = window.take(now);
        if matches!(decision, Decision::Granted { .. }) {
            self.store_newest(&window, now)?;
        }
        *held = Some(window);
        Ok(decision)
    }

    fn stored_slices(&self) -> Result<Vec<(u64, u32)>> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS slices (slice INTEGER PRIMARY KEY, count INTEGER NOT NULL)",
            None,
        )?;
        let rows: Vec<Slice> =
            self.sql.exec("SELECT slice, count FROM slices ORDER BY slice", None)?.to_array()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "written from a u64 below 2^53"
        )]
        Ok(rows.into_iter().map(|row| (row.slice as u64, row.count)).collect())
    }

    fn store_newest(&self, window: &SlidingWindow, now: u64) -> Result<()> {
        let (oldest, _) = window.slice_range(now);
        if let Some((slice, count)) = window.slices().last() {
            let values = vec![integer(slice)?, integer(u64::from(count))?];
            self.sql.exec("INSERT OR REPLACE INTO slices (slice, count) VALUES (?, ?)", Some(values))?;
            if count == 1 {
                self.sql.exec("DELETE FROM slices WHERE slice < ?", Some(vec![integer(oldest)?]))?;
            }
        }
        Ok(())
    }
}

fn integer(value: u64) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(value.cast_signed())
}

/// Asks the object called `subject` for one request under `limit` requests a minute.
///
/// If the object cannot be reached, the request passes: a limit that protects an upstream must not become an outage
/// of its own.
pub async fn take(env: &Env, subject: &str, limit: u32) -> Decision {
    match ask(env, subject, limit).await {
        Ok(decision) => decision,
        Err(error) => {
            log_error("quota object", &error);
            Decision::Granted { remaining: 0 }
        }
    }
}

async fn ask(env: &Env, subject: &str, limit: u32) -> Result<Decision> {
    let stub = env.durable_object("QUOTA")?.get_by_name(subject)?;
    let answer = stub.fetch_with_str(&format!("http://quota/take/{limit}")).await?.text().await?;
    let number = answer.get(1..).and_then(|digits| digits.parse::<u64>().ok());
    match (answer.as_bytes().first(), number) {
        (Some(b'+'), Some(remaining)) => {
            Ok(Decision::Granted { remaining: u32::try_from(remaining).unwrap_or(u32::MAX) })
        }
        (Some(b'-'), Some(retry_after_ms)) => Ok(Decision::Refused { retry_after_ms }),
        _ => Err(worker::Error::RustError("unexpected answer of the quota object".into())),
    }
}
