//! What users set for themselves, and their pictures.

use nexus_edge_api::profile::ProfileInput;
use nexus_edge_api::users::UserView;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::hash::checksum_hex;
use nexus_edge_core::input::Patch;
use nexus_edge_identity::image::{self, Format, ImageError};

use super::input;
use super::update::change;
use crate::exchange::{self, Exchange};
use crate::platform::http::{Headers, Response};
use crate::platform::{log_error, zone};
use crate::store::{bucket, sign_in, table};

/// `PUT /auth/me`
pub async fn update(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::change::<ProfileInput>(exchange).await?;
    if let Patch::Set(name) = &input.time_zone
        && !zone::is_known(name)
    {
        let message = "`time_zone` must be the name of a time zone, such as Europe/Berlin.";
        return Err(ApiError::invalid("invalid_value", "time_zone", message));
    }
    let user = changed(exchange, async |user| {
        input.apply(user);
        Ok(())
    })
    .await?;
    exchange::json(200, &UserView::of(&user))
}

/// `PUT /auth/me/avatar`
pub async fn set_avatar(exchange: &Exchange) -> Result<Response, ApiError> {
    let file = exchange.body_up_to(image::MAX_BYTES).await?.into_bytes();
    let format = image::check(&file).map_err(|error| match error {
        ImageError::Bytes => ApiError::too_large(image::MAX_BYTES),
        error => {
            let message = format!("The picture {error}.");
            ApiError::new(415, ErrorKind::InvalidRequest, "image_refused", message)
        }
    })?;
    let id = &exchange.signed_in()?.user.id;
    // Another picture has another name, so that copies in browsers are never of the one before.
    let digest: String = checksum_hex(&file).chars().take(16).collect();
    let name = format!("avatars/{id}/{digest}.{}", format.ending());
    bucket::put(&exchange.env, &name, file, std::collections::HashMap::new()).await?;
    replace(exchange, Some(name)).await
}

/// `DELETE /auth/me/avatar`
pub async fn remove_avatar(exchange: &Exchange) -> Result<Response, ApiError> {
    replace(exchange, None).await
}

async fn replace(exchange: &Exchange, name: Option<String>) -> Result<Response, ApiError> {
    let before = exchange.signed_in()?.user.avatar.clone();
    let user = changed(exchange, async |user| {
        user.avatar.clone_from(&name);
        Ok(())
    })
    .await?;
    if let Some(before) = before.filter(|before| Some(before) != user.avatar.as_ref()) {
        remove_later(exchange, before);
    }
    exchange::json(200, &UserView::of(&user))
}

/// Deletes a picture that is no longer shown.
pub(super) fn remove_later(exchange: &Exchange, name: String) {
    let env = exchange.env.clone();
    exchange.tasks.wait_until(async move {
        if let Err(error) = bucket::delete(&env, &[name]).await {
            log_error("a picture is left in the bucket", &error);
        }
    });
}

/// Changes the user who is signed in.
async fn changed(
    exchange: &Exchange,
    apply: impl AsyncFn(&mut UserRecord) -> Result<(), ApiError>,
) -> Result<UserRecord, ApiError> {
    let id = exchange.signed_in()?.user.id.clone();
    let find = async || {
        let found: Option<UserRecord> = table::find(&exchange.env, id.as_str()).await?;
        found.ok_or_else(|| ApiError::not_found("user_not_found", "Your account is gone."))
    };
    let write = async |user: &UserRecord, read_at: u64| table::update(&exchange.env, user, read_at).await;
    let user = change(exchange, find, apply, write).await?;
    sign_in::forget();
    Ok(user)
}

/// `GET /users/{id}/avatar`
pub async fn avatar(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("avatar_not_found", "There is no picture of this user.");
    let user: UserRecord = table::find(&exchange.env, id).await?.ok_or_else(not_found)?;
    let name = user.avatar.ok_or_else(not_found)?;
    let format = Format::of_name(&name).ok_or_else(not_found)?;
    let file = bucket::get(&exchange.env, &name).await?.ok_or_else(not_found)?;
    let headers = Headers::new();
    headers.set("content-type", format.media_type());
    headers.set("x-content-type-options", "nosniff");
    headers.set("content-security-policy", "default-src 'none'; sandbox");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("cache-control", "private, max-age=300");
    Ok(Response::bytes(200, headers, file))
}
