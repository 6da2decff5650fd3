//! Progress, cancellation, and how long a call may be quiet.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::envelope::{self, PROGRESS_TOKEN};
use crate::json::{JsonFault, Members, string, to_raw};
use crate::method::{CANCELLED, PROGRESS};
use crate::rpc::{Id, Notification};

/// Parameters that ask for progress under a token.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn with_token(params: Option<&RawValue>, token: &Id) -> Result<Box<RawValue>, JsonFault> {
    envelope::change_meta(params, |meta| meta.set(PROGRESS_TOKEN, to_raw(token)))
}

/// A notification of progress.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What it was asked for under.
    pub token: Id,
    /// How far it is.
    pub progress: f64,
    /// How far it will go.
    pub total: Option<f64>,
    /// For people.
    pub message: Option<String>,
    params: Members,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "progressToken")]
    token: Id,
    progress: f64,
    #[serde(default)]
    total: Option<f64>,
    #[serde(default)]
    message: Option<String>,
}

impl Progress {
    /// Reads a notification; `None` where it is another one, or not well formed.
    #[must_use]
    pub fn read(notification: &Notification) -> Option<Self> {
        if notification.method != PROGRESS {
            return None;
        }
        let params = notification.params.as_deref()?;
        let Wire { token, progress, total, message } = serde_json::from_str(params.get()).ok()?;
        Some(Self { token, progress, total, message, params: Members::parse(params.get()).ok()? })
    }

    /// The notification under the token of another request; all else stays as it was.
    #[must_use]
    pub fn under(mut self, token: &Id) -> Notification {
        self.params.set(PROGRESS_TOKEN, to_raw(token));
        Notification { method: PROGRESS.to_owned(), params: Some(self.params.write()) }
    }
}

/// The notification by which a request is cancelled: over standard streams, and over HTTP in the legacy era.
#[must_use]
pub fn cancelled(request: &Id, reason: &str) -> Notification {
    let mut params = Members::default();
    params.set("requestId", to_raw(request));
    params.set("reason", string(reason));
    Notification { method: CANCELLED.to_owned(), params: Some(params.write()) }
}

/// The request that a notification cancels.
#[must_use]
pub fn cancelled_request(notification: &Notification) -> Option<Id> {
    if notification.method != CANCELLED {
        return None;
    }
    Members::of(notification.params.as_deref()).ok()?.read("requestId")
}

/// How long a call may take: progress and responses restart the idle time; the hard limit is never extended.
///
/// All in milliseconds. Guarantee: [`Patience::ends_at`] never lies after the start plus the hard limit.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    started: u64,
    heard: u64,
    idle: u64,
    hard: u64,
}

impl Patience {
    /// For a call that begins now.
    #[must_use]
    pub const fn new(now_ms: u64, idle_ms: u64, hard_ms: u64) -> Self {
        Self { started: now_ms, heard: now_ms, idle: idle_ms, hard: hard_ms }
    }

    /// Progress, or any other message about the call, has come.
    pub const fn heard(&mut self, now_ms: u64) {
        if now_ms > self.heard {
            self.heard = now_ms;
        }
    }

    /// When it has taken too long, in milliseconds.
    #[must_use]
    pub fn ends_at(&self) -> u64 {
        let hard = self.started.saturating_add(self.hard);
        self.heard.saturating_add(self.idle).min(hard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    #[test]
    fn progress_is_told_under_the_token_of_the_caller() {
        let told = Notification {
            method: PROGRESS.to_owned(),
            params: Some(raw(r#"{"progressToken":"up-1","progress":0.50,"x":{ "y" : 1 }}"#)),
        };
        let progress = Progress::read(&told).unwrap();
        assert_eq!(progress.token, Id::from("up-1"));
        let passed = progress.under(&Id::Number(7));
        assert_eq!(passed.params.unwrap().get(), r#"{"progressToken":7,"progress":0.50,"x":{ "y" : 1 }}"#);
    }

    #[test]
    fn a_cancelled_request_is_named() {
        let notification = cancelled(&Id::Number(3), "the caller left");
        assert_eq!(cancelled_request(&notification), Some(Id::Number(3)));
        let params = with_token(Some(&raw(r#"{"name":"a"}"#)), &Id::from("t")).unwrap();
        assert_eq!(params.get(), r#"{"name":"a","_meta":{"progressToken":"t"}}"#);
    }

    #[test]
    fn progress_extends_a_call_up_to_the_hard_limit() {
        let mut patience = Patience::new(1_000, 60, 100);
        assert_eq!(patience.ends_at(), 1_060);
        patience.heard(1_030);
        assert_eq!(patience.ends_at(), 1_090);
        patience.heard(1_080);
        patience.heard(1_010);
        assert_eq!(patience.ends_at(), 1_100);
    }
}
