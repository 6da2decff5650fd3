//! Sending events to webhooks. Redirects are not followed, and an address is checked again before it is asked: settings may
//! have changed since it was entered.

use std::collections::HashMap;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_alerts::delivery::{Attempt, TIME_OUT_MS, Verdict, verdict};
use nexus_edge_alerts::post;
use nexus_edge_api::webhooks::DeliveryBody;
use nexus_edge_core::catalog::WebhookRecord;
use nexus_edge_core::catalog::webhook::check_url;
use nexus_edge_core::http::service_fault::ServiceFault;
use nexus_edge_core::routing::backoff::retry_after_ms;
use nexus_edge_core::time::DAY_MS;
use worker::js_sys::Uint8Array;
use worker::{AbortController, Env};

use crate::platform::http::{self, Headers};
use crate::platform::promise::Timer;
use crate::platform::{log_error, log_warn, now_ms};
use crate::settings::{self, Settings};
use crate::store::{StoreResult, table, webhooks};

/// Deliveries that are under way at a time.
const AT_A_TIME: usize = 5;

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    if let Err(error) = deliver_due(env, &settings).await {
        log_error("webhooks", &error);
    }
    let before_ms = now_ms().saturating_sub(u64::from(settings.alert_days) * DAY_MS);
    if let Err(error) = webhooks::expire(env, before_ms).await {
        log_error("retention of alerts", &error);
    }
}

async fn deliver_due(env: &Env, settings: &Settings) -> StoreResult<()> {
    let due = webhooks::take_due(env, now_ms()).await?;
    if due.is_empty() {
        return Ok(());
    }
    let records: Vec<WebhookRecord> = table::list(env).await?;
    let known: HashMap<&str, &WebhookRecord> =
        records.iter().map(|record| (record.id.as_str(), record)).collect();
    let known = &known;
    futures::stream::iter(due)
        .for_each_concurrent(AT_A_TIME, |mut delivery| async move {
            let webhook = known.get(delivery.delivery.webhook_id.as_str()).copied();
            if let Err(error) = deliver(env, settings, webhook, &mut delivery).await {
                log_error("a delivery is not noted", &error);
            }
        })
        .await;
    Ok(())
}

/// Makes one attempt at a delivery that the caller has taken, and notes how it went.
pub async fn deliver(
    env: &Env,
    settings: &Settings,
    webhook: Option<&WebhookRecord>,
    delivery: &mut DeliveryBody,
) -> StoreResult<()> {
    let (attempt, error) = match webhook.filter(|webhook| webhook.enabled) {
        Some(webhook) => attempt(settings, webhook, delivery).await,
        None => (None, Some("The webhook is deleted or disabled.".to_owned())),
    };
    let told = &mut delivery.delivery;
    let now = now_ms();
    let verdict = match &attempt {
        Some(attempt) => verdict(attempt, told.attempts, now),
        None => Verdict::Dead,
    };
    if verdict == Verdict::Dead {
        log_warn("a delivery is given up", &format_args!("{} to webhook {}", told.id, told.webhook_id));
    }
    told.status = attempt.and_then(|attempt| attempt.status);
    told.error = error;
    told.updated_at = now;
    (told.state, told.next_at) = match verdict {
        Verdict::Delivered => ("delivered".to_owned(), now),
        Verdict::Again(at_ms) => ("pending".to_owned(), at_ms),
        Verdict::Dead => ("dead".to_owned(), now),
    };
    webhooks::note(env, told).await
}

/// One request. `None` if it cannot be made, whenever it is tried; beside it what went wrong.
async fn attempt(
    settings: &Settings,
    webhook: &WebhookRecord,
    delivery: &DeliveryBody,
) -> (Option<Attempt>, Option<String>) {
    if let Err(error) = check_url(&webhook.url, settings.allow_private_upstreams) {
        return (None, Some(error.message));
    }
    let Ok(secret) = settings.keyring.open(&webhook.secret_sealed, &webhook.seal_context()) else {
        return (None, Some("The secret cannot be decrypted: set it again.".to_owned()));
    };
    let post = post::Delivery {
        url: &webhook.url,
        body: &delivery.body,
        event_id: &delivery.delivery.event_id,
        webhook_id: &webhook.id,
    };
    let Some(signed) = post.headers(secret.expose(), now_ms() / 1_000) else {
        return (None, Some("The request cannot be signed.".to_owned()));
    };
    let headers = Headers::new();
    headers.set("user-agent", "nexus-edge");
    for (name, value) in &signed {
        headers.set(name, value);
    }
    let controller = AbortController::default();
    let signal = controller.signal();
    let body = Uint8Array::from(delivery.body.as_bytes()).into();
    let sending = http::fetch(http::Sent {
        url: &webhook.url,
        method: "POST",
        headers: &headers,
        body: &body,
        signal: Some(&signal),
        other_signal: None,
    });
    pin_mut!(sending);
    let sent = match select(sending, Timer::after_ms(TIME_OUT_MS)).await {
        Either::Left((sent, _)) => sent.map_err(|_| ServiceFault::Unreachable),
        Either::Right(_) => Err(ServiceFault::Late(TIME_OUT_MS)),
    };
    // Nothing of the body is wanted.
    controller.abort();
    match sent {
        Ok(answer) => {
            let asked_wait_ms = retry_after_ms(None, answer.header("retry-after"), now_ms());
            let error = ServiceFault::of_status(answer.status).map(ServiceFault::sentence);
            (Some(Attempt { status: Some(answer.status), asked_wait_ms }), error)
        }
        Err(fault) => (Some(Attempt { status: None, asked_wait_ms: None }), Some(fault.sentence())),
    }
}
