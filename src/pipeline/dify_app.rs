//! Requests to a Dify app besides the question: uploads before it, and the stop request when the caller disconnects.
//!
//! Closing the connection does not stop an app; without a stop request it runs to the end at its owner's cost.

use futures::channel::oneshot;
use nexus_edge_core::dialect::canonical::{ChatRequest, Media};
use nexus_edge_core::dialect::dify::{self, DifyOptions, upload};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::Call;
use nexus_edge_core::provider::dify as room;
use nexus_edge_core::routing::Candidate;
use worker::js_sys::Uint8Array;

use super::failed::AttemptError;
use super::transport::{self, OutboundRequest, Whole};
use super::upstream::authorize;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::Headers;
use crate::platform::{log_error, new_ulid};

/// Most bytes of what an app answers to either.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Uploads inline files, so that the request can refer to them by id. Files that cannot be uploaded stay inline, and
/// are dropped and reported by the encoder.
pub async fn upload(
    exchange: &Exchange,
    candidate: &Candidate,
    request: &mut ChatRequest,
    options: &DifyOptions,
) -> Result<(), ApiError> {
    let user = dify::Dify::new(options.clone()).user(request).to_owned();
    for media in upload::uploads(request, options.conversation_id.is_some()) {
        let boundary = format!("nexus-{}", new_ulid(exchange.started_ms));
        let Some(form) = upload::form(&boundary, &user, media) else {
            let message = "A file in the request is not valid base64.";
            return Err(ApiError::invalid("invalid_value", "messages", message));
        };
        let Some(call) = room::upload(&candidate.upstream.site()) else { return Ok(()) };
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let name = &candidate.upstream.record.name;
        let uploaded =
            post(candidate, call, &content_type, &form).await.map_err(|failed| failed.error.to_string());
        let uploaded = uploaded.and_then(|answer| {
            let id = (answer.status < 400).then(|| upload::read_id(&answer.body)).flatten();
            id.ok_or_else(|| format!("status {}", answer.status))
        });
        match uploaded {
            Ok(id) => *media = Media::FileId { id },
            Err(reason) => log_error("upload", &format_args!("provider {name}: {reason}")),
        }
    }
    Ok(())
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
            if let Err(failed) = post(&candidate, call, "application/json", &body).await {
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
) -> Result<Whole, AttemptError> {
    let headers = Headers::new();
    set_header(&headers, "content-type", content_type);
    let Call { url, method, auth, .. } = call;
    let request = OutboundRequest { url, method, headers, body: Uint8Array::from(body).into() };
    authorize(&request, &candidate.upstream, candidate.key(), auth).await?;
    transport::whole(&candidate.upstream, &request, candidate.first_byte_timeout_ms, MAX_ANSWER_BYTES).await
}
