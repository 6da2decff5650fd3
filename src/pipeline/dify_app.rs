//! Requests to a Dify app besides the question: uploads before it, and the stop request when the caller disconnects.
//!
//! Closing the connection does not stop an app; without a stop request it runs to the end at its owner's cost.

use futures::channel::oneshot;
use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::canonical::{ChatRequest, Media};
use nexus_edge_core::dialect::dify::{self, DifyOptions, upload};
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::Call;
use nexus_edge_core::provider::dify as room;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::retry::Failure;
use worker::js_sys::Uint8Array;

use super::failed::AttemptError;
use super::transport::{self, OutboundRequest, Whole};
use super::upstream::authorize;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::Headers;
use crate::platform::{log_error, new_ulid, now_ms};

/// Most bytes of what an app answers to either.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The user of a request to a Dify app; `None` for any other candidate.
pub fn user(principal: &Principal, inbound: &Inbound<'_>, candidate: &Candidate) -> Option<String> {
    candidate.upstream.provider().dify_app(candidate.upstream.record.quirk_set())?;
    let request = inbound.canonical().ok();
    let given = request.as_ref().and_then(|request| request.user.as_deref());
    Some(dify::user_of(&principal.key_id, given))
}

/// Uploads inline files, so that the request can refer to them by id. Files that the app refuses stay inline, and are dropped
/// and reported by the encoder. All uploads together have the time in which an answer must begin.
///
/// An app that does not take its uploads in time, or is unwell, fails the attempt, because another candidate may take them. If it
/// `is_alone`, it is asked without these files.
///
/// # Errors
/// A file that is not valid base64; the failure of the app.
pub async fn upload(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &mut ChatRequest,
    options: &DifyOptions,
    is_alone: bool,
) -> Result<(), AttemptError> {
    let user = dify::Dify::new(options.clone()).user(request).to_owned();
    let began_ms = now_ms();
    for media in upload::uploads(request, options.conversation_id.is_some()) {
        let boundary = format!("nexus-{}", new_ulid(exchange.started_ms));
        let Some(form) = upload::form(&boundary, &user, media) else {
            let message = "A file in the request is not valid base64.";
            return Err(ApiError::invalid("invalid_value", "messages", message).into());
        };
        let used_ms = u32::try_from(now_ms().saturating_sub(began_ms)).unwrap_or(u32::MAX);
        let left_ms = candidate.first_byte_timeout_ms.saturating_sub(used_ms);
        match upload_one(candidate, &boundary, &form, left_ms).await {
            Ok(Some(id)) => *media = Media::FileId { id },
            Ok(None) => {}
            Err(failed) if is_alone => {
                let name = &candidate.upstream.record.name;
                log_error("upload", &format_args!("provider {name}: {}", failed.error));
                return Ok(());
            }
            Err(failed) => return Err(failed),
        }
    }
    Ok(())
}

/// The id of an uploaded file; `None` if the app refuses the file.
async fn upload_one(
    candidate: &Candidate,
    boundary: &str,
    form: &[u8],
    limit_ms: u32,
) -> Result<Option<String>, AttemptError> {
    let name = &candidate.upstream.record.name;
    if limit_ms == 0 {
        let error = ApiError::upstream_timeout("answer to its uploads", candidate.first_byte_timeout_ms);
        return Err(AttemptError::new(Failure::FirstByteTimeout, error));
    }
    let Some(call) = room::upload(&candidate.upstream.site()) else { return Ok(None) };
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let Whole { status, body } = post(candidate, call, &content_type, form, limit_ms).await?;
    match upload::read_id(&body).filter(|_| status < 400) {
        Some(id) => Ok(Some(id)),
        // The file: too large, or of a type that the app does not take.
        None if matches!(status, 400 | 404 | 405 | 413 | 415 | 422) => {
            log_error("upload", &format_args!("provider {name}: status {status}"));
            Ok(None)
        }
        None if status < 400 => {
            let message =
                format!("The provider `{name}` answered an upload with something that cannot be read.");
            Err(AttemptError::unreadable(message))
        }
        None => {
            let message = format!("The provider `{name}` refused an upload with the status {status}.");
            let error = ApiError::bad_gateway("upstream_unreachable", message);
            Err(AttemptError::new(Failure::Status(status), error))
        }
    }
}

/// Stops an app if dropped while the app is at work.
pub struct Stop {
    /// Sends the id of the task to the future that stops the app.
    tell: Option<oneshot::Sender<String>>,
    task: Option<String>,
}

impl Stop {
    /// For the stream of a candidate; `None` if it is not a Dify app. The user must be that of the request.
    pub fn of(exchange: &Exchange, candidate: &Candidate, user: Option<&str>) -> Option<Self> {
        candidate.upstream.provider().dify_app(candidate.upstream.record.quirk_set())?;
        let (tell, told) = oneshot::channel::<String>();
        let (candidate, body) = (candidate.clone(), dify::stop_body(user.unwrap_or(dify::DEFAULT_USER)));
        // Registered now, because work that begins after the disconnect may not be waited for.
        exchange.tasks.wait_until(async move {
            let Ok(task) = told.await else { return };
            let Some(call) = room::stop(&candidate.upstream.site(), &task) else { return };
            if let Err(failed) =
                post(&candidate, call, "application/json", &body, candidate.first_byte_timeout_ms).await
            {
                log_error("stopping a Dify app", &failed.error);
            }
        });
        Some(Self { tell: Some(tell), task: None })
    }

    /// Searches a piece of the stream for the id of the task.
    pub fn look_at(&mut self, bytes: &[u8]) {
        if self.task.is_none() {
            self.task = dify::task_id_in(bytes);
        }
    }

    /// The answer is complete: there is nothing to stop.
    pub fn release(&mut self) {
        self.tell = None;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let (Some(tell), Some(task)) = (self.tell.take(), self.task.take()) {
            // The receiver is gone only if the platform has given up on the request altogether.
            let _ = tell.send(task);
        }
    }
}

async fn post(
    candidate: &Candidate,
    call: Call,
    content_type: &str,
    body: &[u8],
    limit_ms: u32,
) -> Result<Whole, AttemptError> {
    let headers = Headers::new();
    set_header(&headers, "content-type", content_type);
    let Call { url, method, auth, .. } = call;
    let request = OutboundRequest { url, method, headers, body: Uint8Array::from(body).into() };
    authorize(&request, &candidate.upstream, candidate.key(), auth).await?;
    transport::whole(&candidate.upstream, &request, limit_ms, MAX_ANSWER_BYTES).await
}
