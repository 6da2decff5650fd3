//! What a webhook is told: one event for all alerts that began to fire in a round, one for all that ended, and one for each
//! notification.

use nexus_edge_core::catalog::{NotificationRecord, WebhookRecord};
use serde::Serialize;

use crate::alert::{Alert, AlertView};

/// The name of the event that `POST /webhooks/{id}/test` sends.
pub const TEST: &str = "test";
/// The name of the event that tells of a notification.
pub const NOTIFICATION: &str = "notification";

/// The body of a delivery.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookEvent"))]
pub struct Event<'a> {
    /// Its id, also in the header `webhook-id`. A delivery that is repeated has the same one.
    pub id: &'a str,
    /// `alert.firing`, `alert.resolved`, `notification` or `test`.
    #[serde(rename = "type")]
    pub event: &'a str,
    /// When it came about, in milliseconds since the epoch.
    pub timestamp: u64,
    /// The alerts.
    pub alerts: Vec<AlertView<'a>>,
    /// The notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<&'a NotificationRecord>,
}

impl Event<'_> {
    /// A test.
    #[must_use]
    pub fn test(id: &str, now_ms: u64) -> String {
        body(&Event { id, event: TEST, timestamp: now_ms, alerts: Vec::new(), notification: None })
    }
}

/// The body of what this webhook is told of these alerts; `None` if it wants to know of none of them.
#[must_use]
pub fn body_for(
    webhook: &WebhookRecord,
    id: &str,
    event: &str,
    alerts: &[Alert],
    now_ms: u64,
) -> Option<String> {
    let wanted: Vec<AlertView<'_>> =
        alerts.iter().filter(|alert| webhook.wants(event, alert.rule.severity)).map(Alert::view).collect();
    (!wanted.is_empty())
        .then(|| body(&Event { id, event, timestamp: now_ms, alerts: wanted, notification: None }))
}

/// The body of what this webhook is told of a notification; `None` if it does not want to know.
#[must_use]
pub fn body_of(webhook: &WebhookRecord, id: &str, told: &NotificationRecord, now_ms: u64) -> Option<String> {
    let event =
        Event { id, event: NOTIFICATION, timestamp: now_ms, alerts: Vec::new(), notification: Some(told) };
    webhook.wants(NOTIFICATION, told.level).then(|| body(&event))
}

fn body(event: &Event<'_>) -> String {
    // None of its parts can fail to serialise.
    serde_json::to_string(event).unwrap_or_default()
}
