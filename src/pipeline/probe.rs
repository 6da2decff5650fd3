//! Internal requests to a provider: a probe, or the list of its models. No caller is involved, and nothing is
//! recorded or limited here.
//!
//! The provider's secrets are removed from every result.

use futures::StreamExt;
use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::dialect::canonical::ChatResponse;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::Call;
use nexus_edge_core::provider::models::{MAX_MODELS, MAX_PAGES, UpstreamModel};
use nexus_edge_core::provider::probe::{Observed, Probe, ProbeError, ProbeResult, excerpt, reply_of};
use nexus_edge_core::routing::Upstream;
use nexus_edge_core::secrets::redactor::Place;
use worker::Env;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};

use super::failed::AttemptError;
use super::inside;
use super::transport::{self, Connection, OutboundRequest, Whole, within};
use super::upstream::authorize;
use crate::exchange::set_header;
use crate::platform::http::Headers;
use crate::platform::{bytes, log_error, new_ulid, now_ms};
use crate::settings::Settings;
use crate::store::{self, StoreResult};

/// Time-out of a request, from its start to the end of the answer, in milliseconds.
const LIMIT_MS: u32 = 20_000;
/// Largest answer to a chat, and largest list of models, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
const MAX_LIST_BYTES: usize = 8 << 20;

/// The provider as stored, usable even if it is disabled.
pub async fn open(
    env: &Env,
    settings: &Settings,
    record: ProviderRecord,
) -> StoreResult<Result<Upstream, ApiError>> {
    let keys = store::provider_keys::list(env, record.id).await?;
    let name = record.name.clone();
    let mut problems = Vec::new();
    let opened =
        Upstream::open(record, keys, &settings.keyring, settings.allow_private_upstreams, &mut problems);
    for problem in problems {
        log_error("probe", &problem);
    }
    Ok(opened.map_err(|reason| {
        let message = format!("The provider `{name}` cannot be used as it is configured: {reason}.");
        ApiError::unavailable("provider_unavailable", message)
    }))
}

/// Probes `model`, the upstream's own name of it.
pub async fn chat(
    env: &Env,
    upstream: &Upstream,
    model: &str,
    prompt: Option<&str>,
    stream: bool,
) -> ProbeResult {
    let probe = Probe::new(upstream.record.kind, &upstream.site(), model, prompt, stream);
    let observed = observe(env, upstream, &probe, model).await;
    let success = observed.answer.is_ok();
    let (reply, error) = match observed.answer {
        Ok(answer) => (Some(without_secrets(upstream, reply_of(&answer))), None),
        Err(error) => (None, Some(error.to_string())),
    };
    ProbeResult {
        model: model.to_owned(),
        success,
        status: observed.status,
        latency_ms: observed.latency_ms,
        first_token_ms: observed.first_token_ms,
        reply,
        error,
    }
}

/// Asks `model`, the upstream's own name of it. The error is without secrets, the answer as it came.
pub async fn observe(env: &Env, upstream: &Upstream, probe: &Probe, model: &str) -> Observed {
    let began_ms = now_ms();
    let answer = Err(ProbeError::TooLate(LIMIT_MS / 1000));
    let mut observed = Observed { status: None, latency_ms: 0, first_token_ms: None, pieces: 0, answer };
    let asking = ask(env, upstream, probe, model, began_ms, &mut observed);
    let in_time = within(asking, LIMIT_MS).await;
    observed.latency_ms = now_ms().saturating_sub(began_ms);
    if let Ok(answer) = in_time {
        observed.answer = answer.map_err(|error| error.cleaned(|text| without_secrets(upstream, text)));
    }
    observed
}

async fn ask(
    env: &Env,
    upstream: &Upstream,
    probe: &Probe,
    model: &str,
    began_ms: u64,
    observed: &mut Observed,
) -> Result<ChatResponse, ProbeError> {
    let request_id = new_ulid(began_ms);
    let body = probe.body();
    let chat = inside::Chat { model, asked_model: model, request_id: &request_id, body: &body };
    let transport = upstream.provider().transport();
    let words = |failed: AttemptError| ProbeError::Transport(failed.error.message);
    let inside = inside::ask(env, transport, &chat, LIMIT_MS).await;
    let (response, connection) = if let Some(response) = inside {
        (response.map_err(words)?, Connection::none())
    } else {
        let call = upstream.call(probe.operation(), model).ok_or(ProbeError::NotConfigured)?;
        let request = request_for(upstream, call, Some(&body)).await.map_err(words)?;
        transport::send(upstream, &request, LIMIT_MS, None).await.map_err(words)?
    };
    let status = response.status;
    observed.status = Some(status);
    let stream_type = upstream.provider().stream_type();
    let is_stream = response
        .header("content-type")
        .is_some_and(|value| value.to_ascii_lowercase().starts_with(stream_type));
    // Some services answer unstreamed despite the request, and some stream unasked.
    if status >= 400 || !is_stream {
        let body = transport::read(upstream, &response, MAX_ANSWER_BYTES).await.map_err(words)?;
        connection.release();
        return probe.read(status, &body);
    }
    let mut reading = probe.stream();
    let mut left = MAX_ANSWER_BYTES;
    let mut chunks = bytes::into_chunks(response.body().ok_or(ProbeError::NoBody)?);
    while let Some(chunk) = chunks.next().await {
        let chunk: Uint8Array = chunk.map_err(|_| ProbeError::BrokenOff)?.unchecked_into();
        let chunk = chunk.to_vec();
        left = left.checked_sub(chunk.len()).ok_or(ProbeError::TooLong)?;
        if reading.push(&chunk) {
            observed.first_token_ms = Some(now_ms().saturating_sub(began_ms));
        }
    }
    connection.release();
    observed.pieces = reading.pieces();
    reading.finish()
}

/// The models in the upstream's list.
pub async fn list_models(upstream: &Upstream) -> Result<Vec<UpstreamModel>, ApiError> {
    let name = &upstream.record.name;
    let failed = |reason: String| {
        let reason = without_secrets(upstream, reason);
        let message = format!("The provider `{name}` did not give its list of models: {reason}");
        ApiError::bad_gateway("upstream_list_failed", message)
    };
    let mut models: Vec<UpstreamModel> = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let call = upstream.provider().models(&upstream.site(), next.as_deref()).ok_or_else(|| {
            let message = format!("The provider `{name}` has no list of its models.");
            ApiError::new(
                400,
                nexus_edge_core::error::ErrorKind::InvalidRequest,
                "unsupported_operation",
                message,
            )
        })?;
        let failed_to_ask = |error: AttemptError| failed(error.error.message);
        let request = request_for(upstream, call, None).await.map_err(failed_to_ask)?;
        let answer =
            transport::whole(upstream, &request, LIMIT_MS, MAX_LIST_BYTES).await.map_err(failed_to_ask)?;
        let Whole { status, body } = answer;
        if !(200..300).contains(&status) {
            let error = upstream.record.codec().decode_error(status, &body);
            return Err(failed(format!("status {status}: {}", excerpt(&error.message))));
        }
        let page = upstream.provider().read_models(&body).map_err(&failed)?;
        models.extend(page.models);
        models.truncate(MAX_MODELS);
        // The same page twice: the service does not support paging.
        if page.next.is_none() || page.next == next || models.len() == MAX_MODELS {
            break;
        }
        next = page.next;
    }
    let mut seen = std::collections::HashSet::new();
    models.retain(|model| seen.insert(model.id.clone()));
    Ok(models)
}

/// A request of the gateway's own, with a body in JSON or none.
async fn request_for(
    upstream: &Upstream,
    call: Call,
    body: Option<&[u8]>,
) -> Result<OutboundRequest, AttemptError> {
    let headers = Headers::new();
    set_header(&headers, "accept-encoding", "identity");
    let body = body.map_or(JsValue::UNDEFINED, |body| {
        set_header(&headers, "content-type", "application/json");
        Uint8Array::from(body).into()
    });
    for (name, value) in &call.headers {
        set_header(&headers, name, value);
    }
    let request = OutboundRequest { url: call.url, method: call.method, headers, body };
    authorize(&request, upstream, upstream.keys.first(), call.auth).await?;
    Ok(request)
}

/// A text of the provider without the provider's secrets.
pub fn without_secrets(upstream: &Upstream, text: String) -> String {
    upstream.redactor(Place::Report).clean_text(text)
}
