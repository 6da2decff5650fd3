//! The admin API for webhooks. The secret of a webhook is answered once, when it is made.

use nexus_edge_alerts::event::{Event, TEST};
use nexus_edge_api::webhooks::{Deliveries, Delivery, DeliveryBody};
use nexus_edge_core::catalog::WebhookRecord;
use nexus_edge_core::catalog::webhook::WebhookInput;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::Secret;

use super::update::change;
use super::{answer_deleted, answer_list, input, query, seal, webhook_secret};
use crate::exchange::{self, Exchange};
use crate::jobs;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::table;
use crate::store::webhooks::{self, NewDelivery};

/// Most webhooks: all of them are read whenever an alert fires.
const MAX_WEBHOOKS: usize = 100;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

/// `GET /webhooks`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<WebhookRecord> = table::list(&exchange.env).await?;
    answer_list("webhooks", &records.iter().map(|record| record.view(None)).collect::<Vec<_>>())
}

/// `GET /webhooks/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view(None))
}

/// `POST /webhooks`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<WebhookInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    if table::list::<WebhookRecord>(&exchange.env).await?.len() >= MAX_WEBHOOKS {
        let message = format!("There are at most {MAX_WEBHOOKS} webhooks.");
        return Err(ApiError::conflict("too_many_webhooks", "name", message));
    }
    let now = now_ms();
    let mut record = WebhookRecord::new(new_ulid(now), now);
    input.apply_public(&mut record);
    let secret = webhook_secret::given(&input.secret)?.map_or_else(webhook_secret::made, Ok)?;
    record.secret_sealed = seal(exchange, secret.expose(), &record.seal_context())?;
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record.view(Some(secret.expose())))
}

/// `PUT /webhooks/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<WebhookInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    let secret = webhook_secret::given(&input.secret)?;
    let apply = async |record: &mut WebhookRecord| {
        input.apply_public(record);
        if let Some(secret) = &secret {
            record.secret_sealed = seal(exchange, secret.expose(), &record.seal_context())?;
        }
        Ok(())
    };
    let record = change(
        exchange,
        async || find(exchange, id).await,
        apply,
        async |record, read_at| table::update(&exchange.env, record, read_at).await,
    )
    .await?;
    exchange::json(200, &record.view(secret.as_ref().map(Secret::expose)))
}

/// `DELETE /webhooks/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<WebhookRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

/// `POST /webhooks/{id}/test`
pub async fn test(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let webhook = WebhookRecord { enabled: true, ..find(exchange, id).await? };
    let now = now_ms();
    let event_id = format!("evt_{}", new_ulid(now));
    let body = Event::test(&event_id, now);
    let new = NewDelivery { id: new_ulid(now), webhook_id: webhook.id.clone(), event_id, event: TEST, body };
    webhooks::add_taken(&exchange.env, &new, now).await?;
    let delivery = Delivery {
        id: new.id,
        webhook_id: new.webhook_id,
        event_id: new.event_id,
        event: new.event.to_owned(),
        state: String::new(),
        // The last one: a test is not repeated.
        attempts: nexus_edge_alerts::delivery::MAX_ATTEMPTS,
        next_at: 0,
        status: None,
        error: None,
        updated_at: now,
    };
    let mut delivery = DeliveryBody { delivery, body: new.body };
    jobs::webhooks::deliver(&exchange.env, &exchange.settings, Some(&webhook), &mut delivery).await?;
    exchange::json(200, &Delivery { attempts: 1, ..delivery.delivery })
}

/// `GET /webhooks/deliveries`
pub async fn deliveries(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let state = query::one_of(exchange, "state", &["pending", "delivered", "dead"])?;
    let (webhook, cursor) = (query::text(exchange, "webhook"), query::text(exchange, "cursor"));
    let (deliveries, next_cursor) =
        webhooks::page(&exchange.env, state.as_deref(), webhook.as_deref(), cursor.as_deref(), limit).await?;
    exchange::json(200, &Deliveries { deliveries, next_cursor })
}

/// `GET /webhooks/deliveries/{id}`
pub async fn delivery(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find_delivery(exchange, id).await?)
}

/// `POST /webhooks/deliveries/{id}/replay`
pub async fn replay(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !webhooks::replay(&exchange.env, id, now_ms()).await? {
        return Err(no_delivery());
    }
    exchange::json(200, &find_delivery(exchange, id).await?.delivery)
}

async fn find(exchange: &Exchange, id: &str) -> Result<WebhookRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

async fn find_delivery(exchange: &Exchange, id: &str) -> Result<DeliveryBody, ApiError> {
    webhooks::find(&exchange.env, id).await?.ok_or_else(no_delivery)
}

fn not_found() -> ApiError {
    ApiError::not_found("webhook_not_found", "There is no webhook with this id.")
}

fn no_delivery() -> ApiError {
    ApiError::not_found(
        "delivery_not_found",
        "There is no delivery with this id. Its retention may have ended.",
    )
}
