//! Mail to users: handed to the operator's mail service by a request that is signed as those to webhooks are.
//!
//! It is sent after the answer, so that the time of an answer says nothing of it. A service that does not take it is asked twice
//! more. Then the message is lost, and the user asks again: it is kept nowhere, because it may carry the token of a link.

use nexus_edge_alerts::post;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::service_fault::ServiceFault;
use nexus_edge_core::secrets::Secret;
use nexus_edge_core::settings::MailSettings;
use nexus_edge_identity::mail::{Mail, Message};

use super::ask::{Question, ask};
use crate::exchange::Exchange;
use crate::platform::promise::Timer;
use crate::platform::{log_error, log_info, new_ulid, now_ms};

/// Milliseconds before each attempt. Work after an answer ends 30 seconds after it.
const WAITS_MS: [u64; 3] = [0, 500, 2_000];
/// What the signature of a request names as its key.
const KEY_ID: &str = "mail";

/// Checks that mail can be sent.
///
/// # Errors
/// `mail_not_configured` (503).
pub fn check(exchange: &Exchange) -> Result<(), ApiError> {
    if exchange.settings.mail.is_some() {
        return Ok(());
    }
    let message = "This deployment sends no mail: the operator has to set `MAIL_WEBHOOK`.";
    Err(ApiError::unavailable("mail_not_configured", message))
}

/// Sends a message to an address after the answer, if mail can be sent.
pub fn send_later(exchange: &Exchange, to: &str, message: Message<'_>) {
    let Some(mail) = &exchange.settings.mail else { return };
    let now = now_ms();
    let id = format!("mail_{}", new_ulid(now));
    let written = Mail { to, origin: &exchange.public_origin(), message };
    match mail {
        MailSettings::Log => {
            log_info("mail", &format_args!("to {to}: {}", written.text()));
        }
        MailSettings::Webhook { url, secret } => {
            let (url, secret, body) = (url.clone(), secret.clone(), written.body(&id, now));
            let allow_private = exchange.settings.allow_private_upstreams;
            exchange.tasks.wait_until(async move { deliver(&url, &secret, &id, &body, allow_private).await });
        }
    }
}

async fn deliver(url: &str, secret: &Secret, id: &str, body: &str, allow_private: bool) {
    for wait_ms in WAITS_MS {
        Timer::after_ms(wait_ms).await;
        match attempt(url, secret, id, body, allow_private).await {
            Ok(()) => return,
            Err(fault) => log_error("mail", &format_args!("{id}: the mail service {fault}")),
        }
    }
}

/// One request.
async fn attempt(
    url: &str,
    secret: &Secret,
    id: &str,
    body: &str,
    allow_private: bool,
) -> Result<(), ServiceFault> {
    let delivery = post::Delivery { url, body, event_id: id, webhook_id: KEY_ID };
    let headers = delivery.headers(secret.expose(), now_ms() / 1_000).ok_or(ServiceFault::Unsigned)?;
    let question = Question { url, allow_private, method: "POST", headers: &headers, body: Some(body) };
    ask(question).await?.good().map(drop)
}
