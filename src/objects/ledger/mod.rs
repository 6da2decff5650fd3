//! One account of credits: its ledger, its reservations, and what is computed from both.
//!
//! The ledger is the object's own `SQLite` ([`book`], [`tables`]). A call is decided without an await, so calls are serialised,
//! and all writes of a call are committed together before its answer leaves. Steps that an isolate did not
//! report before it was stopped are completed by an alarm ([`reconcile`]). It is set while reservations or charges are to be compared
//! with the request log, at most once in `CREDIT_RECONCILE_S` seconds.

mod book;
mod reconcile;
mod tables;

use std::cell::Cell;
use std::time::Duration;

use nexus_edge_backups::tables::class;
use worker::{DurableObject, Env, Request, Response, Result, State as ObjectState, durable_object};

use super::account::{Call, Envelope};
use super::copy::{self, Copied};
use crate::platform::executor::Tasks;
use crate::platform::{log_error, now_ms};
use crate::settings;
use book::Book;

/// One account.
#[durable_object]
pub struct Account {
    object: ObjectState,
    env: Env,
    book: Book,
    /// Whether the alarm is known to be set.
    is_alarm_set: Cell<bool>,
}

impl DurableObject for Account {
    fn new(object: ObjectState, env: Env) -> Self {
        let book = Book::new(object.storage().sql());
        Self { object, env, book, is_alarm_set: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.bytes().await?;
        if request.path().starts_with(copy::PATH) {
            return self.copy(&request.path(), &body);
        }
        let Ok(Envelope { initial, call }) = serde_json::from_slice(&body) else {
            return Response::error("not a call", 400);
        };
        let is_of_request = matches!(call, Call::Reserve { .. } | Call::End { .. });
        let lifetime_ms = settings::get(&self.env).map_or(0, |settings| settings.credit_reservation_ms);
        let answer = self.book.with(initial, |state| self.book.answer(state, call, now_ms(), lifetime_ms))?;
        if is_of_request {
            self.set_alarm();
        }
        Response::ok(answer)
    }

    /// Compares the account with the request log.
    async fn alarm(&self) -> Result<Response> {
        self.is_alarm_set.set(false);
        let is_more = match reconcile::run(&self.env, &self.book).await {
            Ok(is_more) => is_more,
            Err(error) => {
                log_error("an account cannot be compared with the request log", &error);
                true
            }
        };
        if is_more {
            self.set_alarm();
        }
        Response::ok("")
    }

    async fn websocket_message(
        &self,
        _socket: worker::WebSocket,
        _message: worker::WebSocketIncomingMessage,
    ) -> Result<()> {
        Ok(())
    }
}

impl Account {
    fn copy(&self, path: &str, body: &[u8]) -> Result<Response> {
        let class = class("ACCOUNT").ok_or_else(|| worker::Error::RustError("not dumped".into()))?;
        let sql = self.object.storage().sql();
        match copy::answer(&sql, class, path, body, || self.book.tables.make())? {
            Copied::Read(lines) => Response::ok(lines),
            Copied::Changed => {
                self.book.forget();
                Response::ok("")
            }
        }
    }

    /// Sets the alarm unless it is set already. No call waits for it.
    fn set_alarm(&self) {
        if self.is_alarm_set.replace(true) {
            return;
        }
        let Ok(settings) = settings::get(&self.env) else { return };
        let storage = self.object.storage();
        Tasks::of_object(&self.object).wait_until(async move {
            let set = async {
                // Kept where it is: an object that is loaded again and again would never come to it otherwise.
                if storage.get_alarm().await?.is_none() {
                    storage.set_alarm(Duration::from_millis(settings.credit_reconcile_ms)).await?;
                }
                Ok::<(), worker::Error>(())
            };
            if let Err(error) = set.await {
                log_error("the alarm of an account", &error);
            }
        });
    }
}
