//! An address that events of the gateway are sent to.

use serde::{Deserialize, Serialize};

use super::severity::Severity;
use crate::error::ApiError;
use crate::http::upstream_url::{UpstreamUrl, UrlError};
use crate::input;
use crate::input::{Rule, boolean, credential, one_of, text, texts};
use crate::row::allowed;
use crate::row::flag;
use crate::row::table::{name, optional_json, table};
use crate::secrets::Secret;

/// The events that a webhook can be told of.
pub const EVENTS: [&str; 3] = ["alert.firing", "alert.resolved", "notification"];

/// A webhook as it is stored: its secret sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRecord {
    /// ULID; bound into the sealed secret, and the `keyid` of signatures.
    pub id: String,
    /// Its name, unique without regard to case.
    pub name: String,
    /// Where events are posted.
    pub url: String,
    /// The events that it is told of; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub events: Option<Vec<String>>,
    /// The least severity of alerts and notifications that it is told of.
    pub min_severity: Severity,
    /// Whether it is told of events.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// The secret that its requests are signed with, sealed.
    pub secret_sealed: String,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    WebhookRecord in "webhooks" unique "name" {
        given id;
        fixed { created_at }
        changing {
            name, url, enabled, secret_sealed,
            events = |record| optional_json(record.events.as_ref()),
            min_severity = |record| name(record.min_severity.as_str()),
        }
        elsewhere {}
    }
}

impl WebhookRecord {
    /// A webhook with default values, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            url: String::new(),
            events: None,
            min_severity: Severity::Info,
            enabled: true,
            secret_sealed: String::new(),
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The associated data that binds the sealed secret to this record.
    #[must_use]
    pub fn seal_context(&self) -> String {
        format!("webhooks/{}/secret", self.id)
    }

    /// Whether it is told of an event with this severity.
    #[must_use]
    pub fn wants(&self, event: &str, severity: Severity) -> bool {
        self.enabled
            && severity >= self.min_severity
            && self.events.as_ref().is_none_or(|events| events.iter().any(|wanted| wanted == event))
    }

    /// The record as the admin API returns it. `secret` is given once, when it was made.
    #[must_use]
    pub fn view<'a>(&'a self, secret: Option<&'a str>) -> WebhookView<'a> {
        WebhookView {
            id: &self.id,
            name: &self.name,
            url: &self.url,
            events: self.events.as_deref(),
            min_severity: self.min_severity,
            enabled: self.enabled,
            secret,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A webhook as the admin API returns it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct WebhookView<'a> {
    /// Its id, which is the `keyid` of the signatures.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where events are posted.
    pub url: &'a str,
    /// The events that it is told of; `null` is all.
    pub events: Option<&'a [String]>,
    /// The least severity of alerts that it is told of.
    pub min_severity: Severity,
    /// Whether it is told of events.
    pub enabled: bool,
    /// The secret of the signatures, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<&'a str>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

input! {
    /// What may be said about a webhook.
    pub struct WebhookInput {
        /// A name for people, unique without regard to case.
        pub name: String = text(1..=100).not_null().required(),
        /// Where events are posted: an `https` or `http` URL. Redirects are not followed.
        pub url: String = text(1..=2000).not_null().required(),
        /// The events that it is told of; `null`: all. `alert.firing`, `alert.resolved`, `notification`.
        pub events: Vec<String> = texts(1..=50).check(check_events),
        /// The least severity of alerts that it is told of; `info` is the default.
        pub min_severity: Severity = one_of(Severity::NAMES).not_null(),
        /// The secret of the signatures. Without one the gateway makes it; `null` in a change makes a new one. It is stored sealed.
        pub secret: Secret = credential(16..=200).secret(),
        /// Whether it is told of events.
        pub enabled: bool = boolean().not_null(),
    }
}

impl WebhookInput {
    /// Checks the address. Private and local ones are refused unless `allow_private`.
    ///
    /// # Errors
    /// `invalid_value` for an address that must not be asked.
    pub fn checked(self, allow_private: bool) -> Result<Self, ApiError> {
        if let Some(url) = self.url.as_set() {
            check_url(url, allow_private)?;
        }
        Ok(self)
    }

    /// Applies everything but the secret, which must be sealed first.
    pub fn apply_public(&self, record: &mut WebhookRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.url.clone().apply_or(&mut record.url, String::new());
        self.events.clone().apply_to(&mut record.events);
        self.min_severity.clone().apply_or(&mut record.min_severity, Severity::Info);
        self.enabled.clone().apply_or(&mut record.enabled, true);
    }
}

/// Checks the address of a webhook by the rules for providers' addresses.
///
/// # Errors
/// `invalid_value`.
pub fn check_url(url: &str, allow_private: bool) -> Result<(), ApiError> {
    // Taken as it is, query included.
    let fault = match UpstreamUrl::parse(&format!("{url}#"), allow_private) {
        Ok(_) => return Ok(()),
        Err(UrlError::Credentials) => {
            "must not contain credentials: receivers check the signature".to_owned()
        }
        Err(error) => error.to_string(),
    };
    Err(ApiError::invalid("invalid_value", "url", format!("`url` {fault}.")))
}

fn check_events(events: Vec<String>) -> Result<Vec<String>, ApiError> {
    match events.iter().position(|event| !EVENTS.contains(&event.as_str())) {
        None => Ok(events),
        Some(index) => {
            let message = format!("`events` must be among: {}.", EVENTS.join(", "));
            Err(ApiError::invalid("invalid_value", format!("events[{index}]"), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn read(body: &str) -> Result<WebhookInput, ApiError> {
        WebhookInput::parse(body.as_bytes())?.checked(false)
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"url":null}"#, "url"),
            (r#"{"url":"ftp://example.com/"}"#, "url"),
            (r#"{"url":"https://u:p@example.com/"}"#, "url"),
            (r#"{"url":"http://127.0.0.1/hook"}"#, "url"),
            (r#"{"url":"https://[::1]/hook"}"#, "url"),
            (r#"{"url":"https://example.com/a b"}"#, "url"),
            (r#"{"events":["alert.firing","nothing"]}"#, "events[1]"),
            (r#"{"min_severity":"loud"}"#, "min_severity"),
            (r#"{"secret":"short"}"#, "secret"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
        assert!(read(r#"{"url":"https://example.com/hook?to=me"}"#).is_ok());
    }

    #[test]
    fn it_is_told_of_what_it_wants() {
        let mut record = WebhookRecord::new("W".into(), 1);
        assert!(record.wants("alert.firing", Severity::Info));
        read(r#"{"events":["alert.resolved"],"min_severity":"warning"}"#).unwrap().apply_public(&mut record);
        assert!(record.wants("alert.resolved", Severity::Critical));
        assert!(!record.wants("alert.resolved", Severity::Info));
        assert!(!record.wants("alert.firing", Severity::Critical));
        record.enabled = false;
        assert!(!record.wants("alert.resolved", Severity::Critical));
    }

    #[test]
    fn the_view_does_not_tell_the_secret() {
        let mut record = WebhookRecord::new("W".into(), 1);
        record.secret_sealed = "sealed".into();
        let shown = serde_json::to_string(&record.view(None)).unwrap();
        assert!(!shown.contains("seal") && !shown.contains("secret"), "{shown}");
    }
}
