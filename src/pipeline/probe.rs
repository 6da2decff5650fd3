//! Internal requests to a provider: a probe, or the list of its models. No caller is involved, and nothing is
//! recorded or limited here.
//!
//! The provider's secrets are removed from every result.

use futures::StreamExt;
use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::demo::DemoReply;
use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::models::{MAX_MODELS, MAX_PAGES, UpstreamModel};
use nexus_edge_core::provider::probe::{Probe, ProbeResult, excerpt};
use nexus_edge_core::provider::{Call, Transport};
use nexus_edge_core::routing::Upstream;
use nexus_edge_core::secrets::mask::redact;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

use super::upstream::authorize;
use super::workers_ai;
use crate::exchange::set_header;
use crate::platform::http::{self, Headers, Received};
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
    let probe = Probe::new(upstream.record.codec(), model, prompt, stream);
    let mut result = ProbeResult {
        model: model.to_owned(),
        success: false,
        status: None,
        latency_ms: 0,
        first_token_ms: None,
        reply: None,
        error: None,
    };
    let began_ms = now_ms();
    let outcome = if upstream.provider().transport() == Transport::Embedded {
        result.status = Some(200);
        demo_reply(&probe, model)
    } else {
        ask(env, upstream, &probe, model, began_ms, &mut result).await
    };
    result.latency_ms = now_ms().saturating_sub(began_ms);
    result.success = outcome.is_ok();
    match outcome {
        Ok(reply) => result.reply = Some(without_secrets(upstream, reply)),
        Err(error) => result.error = Some(without_secrets(upstream, error)),
    }
    result
}

async fn ask(
    env: &Env,
    upstream: &Upstream,
    probe: &Probe,
    model: &str,
    began_ms: u64,
    result: &mut ProbeResult,
) -> Result<String, String> {
    let response = if upstream.provider().transport() == Transport::AiBinding {
        let run = workers_ai::run(env, model, &probe.body(), LIMIT_MS).await;
        Received::of(run.map_err(|failed| failed.error.message)?)
    } else {
        let call = upstream
            .call(probe.operation(), model)
            .ok_or("This provider cannot be asked for chat completions as it is configured.")?;
        send(upstream, &call, Some(probe.body())).await?
    };
    let status = response.status;
    result.status = Some(status);
    let is_event_stream = response
        .header("content-type")
        .is_some_and(|value| value.to_ascii_lowercase().starts_with("text/event-stream"));
    // Some services answer unstreamed despite the request, and some stream unasked.
    if status >= 400 || !is_event_stream {
        let body = read(&response, MAX_ANSWER_BYTES, began_ms).await?;
        return probe.read(status, &body);
    }
    let mut reading = probe.stream();
    let mut left = MAX_ANSWER_BYTES;
    let mut chunks = bytes::into_chunks(response.body().ok_or("The answer has no body.")?);
    while let Some(chunk) = chunks.next().await {
        let chunk: Uint8Array = chunk.map_err(|_| broken(began_ms))?.unchecked_into();
        let chunk = chunk.to_vec();
        left = left.checked_sub(chunk.len()).ok_or("The answer is too long.")?;
        if reading.push(&chunk) {
            result.first_token_ms = Some(now_ms().saturating_sub(began_ms));
        }
    }
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
        let began_ms = now_ms();
        let response = send(upstream, &call, None).await.map_err(&failed)?;
        let status = response.status;
        let body = read(&response, MAX_LIST_BYTES, began_ms).await.map_err(&failed)?;
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

/// Sends a request: a POST if there is a body, a GET otherwise. The error is for people.
async fn send(upstream: &Upstream, call: &Call, body: Option<Vec<u8>>) -> Result<Received, String> {
    let headers = Headers::new();
    set_header(&headers, "accept-encoding", "identity");
    for (name, value) in &call.headers {
        set_header(&headers, name, value);
    }
    let (method, body) = match body {
        Some(body) => {
            set_header(&headers, "content-type", "application/json");
            ("POST", Uint8Array::from(body.as_slice()).into())
        }
        None => ("GET", JsValue::UNDEFINED),
    };
    authorize(&headers, upstream, upstream.keys.first(), call.auth)
        .await
        .map_err(|failed| failed.error.message)?;
    let began_ms = now_ms();
    let limit = web_sys::AbortSignal::timeout_with_u32(LIMIT_MS);
    let sent = http::Sent {
        url: &call.url,
        method,
        headers: &headers,
        body: &body,
        signal: Some(&limit),
        other_signal: None,
    };
    let response = http::fetch(sent).await.map_err(|_| {
        if is_over(began_ms) { broken(began_ms) } else { "The provider cannot be reached.".to_owned() }
    })?;
    if (300..400).contains(&response.status) {
        return Err("The provider answered with a redirect. Check its server_url.".to_owned());
    }
    Ok(response)
}

async fn read(response: &Received, limit: usize, began_ms: u64) -> Result<Vec<u8>, String> {
    let Some(stream) = response.body() else { return Ok(Vec::new()) };
    let read = bytes::read_chunks(stream, limit, None).await;
    read.map(bytes::Body::into_bytes).map_err(|error| match error {
        bytes::ReadError::TooLarge => "The answer is too long.".to_owned(),
        bytes::ReadError::Broken | bytes::ReadError::Idle => broken(began_ms),
    })
}

fn is_over(began_ms: u64) -> bool {
    now_ms().saturating_sub(began_ms) + 100 >= u64::from(LIMIT_MS)
}

/// The message for a truncated answer.
fn broken(began_ms: u64) -> String {
    if is_over(began_ms) {
        format!("The provider did not answer within {} seconds.", LIMIT_MS / 1000)
    } else {
        "The provider broke off its answer.".to_owned()
    }
}

/// The embedded provider's answer.
fn demo_reply(probe: &Probe, model: &str) -> Result<String, String> {
    let asked = probe.body();
    let request = ChatRequest::parse(&asked).map_err(|error| error.message)?;
    let now = now_ms();
    let body = DemoReply::new(model, &request).to_json(&new_ulid(now), now / 1000, model);
    probe.read(200, &body)
}

fn without_secrets(upstream: &Upstream, text: String) -> String {
    match redact(text.as_bytes(), upstream.secrets()) {
        Some(redacted) => String::from_utf8_lossy(&redacted).into_owned(),
        None => text,
    }
}
