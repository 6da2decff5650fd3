//! Webhooks: where events of the gateway are sent, and what became of each delivery.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::webhook::{WebhookInput, WebhookView};
use serde::{Deserialize, Serialize};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "webhook_not_found")];
#[cfg(feature = "openapi")]
const NO_DELIVERY: &[(u16, &str)] = &[(404, "delivery_not_found")];

operations! {
    "Webhooks";

    /// List the webhooks.
    LIST: Get "/webhooks" ManageWebhooks, |it| it.list::<WebhookView<'_>>("webhooks", "The webhooks, without their secrets.");

    /// Create a webhook.
    ///
    /// The answer has the secret of the signatures, this once only. `docs/operations.md` says how a receiver checks them.
    CREATE: Post "/webhooks" ManageWebhooks, |it| it.creates::<WebhookInput>()
        .answer::<WebhookView<'_>>(201, "The webhook with its secret.").errors(&[(409, "name_taken, too_many_webhooks")]);

    /// List deliveries.
    ///
    /// The newest first. Those with the state `dead` were given up.
    DELIVERIES: Get "/webhooks/deliveries" ManageWebhooks, |it| it
        .choice("state", &["pending", "delivered", "dead"], "Only deliveries in this state.")
        .text("webhook", "Only those to this webhook.")
        .number("limit", 1..=500, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Deliveries>(200, "A page.");

    /// Show a delivery.
    DELIVERY: Get "/webhooks/deliveries/{id}" ManageWebhooks, |it| it.answer::<DeliveryBody>(200, "The delivery with its body.")
        .errors(NO_DELIVERY);

    /// Replay a delivery.
    ///
    /// It is sent within a minute, with the id of its event, as if it had not been tried yet.
    REPLAY: Post "/webhooks/deliveries/{id}/replay" ManageWebhooks, |it| it.answer::<Delivery>(200, "The delivery as it is now.")
        .errors(NO_DELIVERY);

    /// Show a webhook.
    GET: Get "/webhooks/{id}" ManageWebhooks, |it| it.answer::<WebhookView<'_>>(200, "The webhook, without its secret.").errors(NOT_FOUND);

    /// Change a webhook.
    ///
    /// With a `secret`, or `null` for one that the gateway makes, the secret is replaced, and told in the answer.
    UPDATE: Put "/webhooks/{id}" ManageWebhooks, |it| it.updates::<WebhookInput>()
        .answer::<WebhookView<'_>>(200, "The webhook as it is now.").errors(NOT_FOUND)
        .errors(&[(409, "name_taken"), (503, "record_busy")]);

    /// Delete a webhook.
    DELETE: Delete "/webhooks/{id}" ManageWebhooks, |it| it.deleted("string").errors(NOT_FOUND);

    /// Test a webhook.
    ///
    /// Sends the event `test` at once and answers how that went. A test that fails is not repeated.
    TEST: Post "/webhooks/{id}/test" ManageWebhooks, |it| it.answer::<Delivery>(200, "The delivery as it is now.").errors(NOT_FOUND);
}

/// A page of deliveries.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Deliveries {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// The delivery of an event to a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDelivery"))]
pub struct Delivery {
    /// Its id, which sorts by time.
    pub id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The id of the event, which is sent as `webhook-id`.
    pub event_id: String,
    /// The event, in a word.
    pub event: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried next if it is pending, in milliseconds since the epoch.
    pub next_at: u64,
    /// The status of the last answer; `null` without one.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it changed last, in milliseconds since the epoch.
    pub updated_at: u64,
}

/// A delivery with its body.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDeliveryBody"))]
pub struct DeliveryBody {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What is sent.
    pub body: String,
}
