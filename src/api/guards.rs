//! The admin API for content rules and other guards. The secret of a webhook is answered once, when it is made.

use std::rc::Rc;

use nexus_edge_api::guards::{GuardTest, GuardTestInput};
use nexus_edge_core::catalog::GuardRecord;
use nexus_edge_core::catalog::guard::{Direction, GuardKind};
use nexus_edge_core::catalog::guard_input::GuardInput;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::Secret;
use nexus_edge_guards::guard::Way;
use nexus_edge_guards::rules::{Asker, Rule};
use nexus_edge_guards::trial;

use super::update::update_with;
use super::{answer_deleted, answer_list, input, seal, webhook_secret};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{snapshot, table};

/// Most guards: every request is compared with all of them.
const MAX_GUARDS: usize = 100;

/// `GET /guards`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<GuardRecord> = table::list(&exchange.env).await?;
    answer_list("guards", &records.iter().map(|record| record.view(None)).collect::<Vec<_>>())
}

/// `GET /guards/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view(None))
}

/// `POST /guards`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<GuardInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    if table::list::<GuardRecord>(&exchange.env).await?.len() >= MAX_GUARDS {
        let message = format!("There are at most {MAX_GUARDS} guards.");
        return Err(ApiError::conflict("too_many_guards", "name", message));
    }
    let now = now_ms();
    let mut record = GuardRecord::new(new_ulid(now), now);
    input.apply_public(&mut record);
    record.checked()?;
    let mut secret = webhook_secret::given(&input.secret)?;
    if record.kind == GuardKind::Webhook && secret.is_none() {
        secret = Some(webhook_secret::made()?);
    }
    if let Some(secret) = &secret {
        record.secret_sealed = Some(seal(exchange, secret.expose(), &record.seal_context())?);
    }
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record.view(secret.as_ref().map(Secret::expose)))
}

/// `PUT /guards/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<GuardInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    let secret = webhook_secret::given(&input.secret)?;
    let apply = async |record: &mut GuardRecord| {
        input.apply_public(record);
        record.checked()?;
        if let Some(secret) = &secret {
            record.secret_sealed = Some(seal(exchange, secret.expose(), &record.seal_context())?);
        }
        if record.kind == GuardKind::Webhook && record.secret_sealed.is_none() {
            let message = "A webhook needs a `secret`; `null` makes one.";
            return Err(ApiError::invalid("missing_required_parameter", "secret", message));
        }
        Ok(())
    };
    let record = update_with(
        exchange,
        async || find(exchange, id).await,
        apply,
        async |record, read_at| table::update(&exchange.env, record, read_at).await,
    )
    .await?;
    exchange::json(200, &record.view(secret.as_ref().map(Secret::expose)))
}

/// `DELETE /guards/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<GuardRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

/// `POST /guards/test`
pub async fn test(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<GuardTestInput>(exchange).await?;
    let text = input.text.required("text")?;
    let way = match input.direction.into_set().unwrap_or(Direction::Request) {
        Direction::Request => Way::Request,
        Direction::Answer => Way::Answer,
        Direction::Both => {
            let message = "`direction` must be `request` or `answer`.";
            return Err(ApiError::invalid("invalid_value", "direction", message));
        }
    };
    let records = match input.rule.into_set() {
        Some(rule) => {
            let mut record = GuardRecord::new(String::new(), 0);
            rule.apply_public(&mut record);
            record.checked()?;
            vec![record]
        }
        None => table::list::<GuardRecord>(&exchange.env).await?,
    };
    let rules: Vec<Rc<Rule>> = records.iter().filter_map(Rule::of).map(Rc::new).collect();
    let (key, owner, model) = (input.key.into_set(), input.owner.into_set(), input.model.into_set());
    let asker = Asker {
        key_id: key.as_deref().unwrap_or_default(),
        owner: owner.as_deref(),
        model: model.as_deref().unwrap_or_default(),
    };
    let trial::Tried { action, text, acted } = trial::run(&rules, asker, way, &text);
    exchange::json(200, &GuardTest { action, text, acted })
}

async fn find(exchange: &Exchange, id: &str) -> Result<GuardRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("guard_not_found", "There is no guard with this id.")
}
