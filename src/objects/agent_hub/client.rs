//! How the Worker calls the hub of an agent.

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_tunnel::limits::LATEST_END_MS;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Result, web_sys};

use super::call::{CODE_HEADER, EXECUTED_HEADER, Invoke, Opening};
use crate::platform::http::Response;
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Milliseconds before a hub is asked again that was lost.
const PAUSE_MS: u64 = 200;

/// The hub of one agent.
pub struct HubClient<'a> {
    env: &'a Env,
    name: String,
}

impl<'a> HubClient<'a> {
    /// The hub of an owner's agent.
    pub fn new(env: &'a Env, owner: &str, agent_id: &str) -> Self {
        // An id has no slash, so the last one ends the owner.
        Self { env, name: format!("{owner}/{agent_id}") }
    }

    /// Asks the hub.
    ///
    /// # Errors
    /// `bridge_gateway_error` (503) if it cannot be reached; the error that it refuses with.
    pub async fn ask(&self, path: &str, body: &impl Serialize) -> std::result::Result<Response, ApiError> {
        checked(self.send(path, body).await.map_err(|error| unreachable_hub(&error))?)
    }

    /// Asks the hub, and reads its answer.
    ///
    /// # Errors
    /// Those of [`HubClient::ask`]; `internal_error` (500) if the answer cannot be read.
    pub async fn ask_for<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> std::result::Result<T, ApiError> {
        read_answer(self.ask(path, body).await?).await
    }

    /// Makes a call, and answers with its end or, where `stream` says so, with its events. A hub that is lost meanwhile is asked what
    /// became of the call.
    ///
    /// # Errors
    /// `bridge_gateway_error` (503) if it cannot be reached; the error that it refuses with, and that of a call without a result.
    pub async fn invoke(&self, invoke: &Invoke) -> std::result::Result<Response, ApiError> {
        let last_ms = now_ms() + invoke.timeout_ms + LATEST_END_MS;
        let mut answer = self.send("/invoke", invoke).await;
        let wait = json!({ "id": invoke.id, "stream": invoke.stream });
        loop {
            match answer {
                Ok(response) => return checked(response),
                Err(error) if now_ms() >= last_ms => return Err(unreachable_hub(&error)),
                Err(error) => log_error("agent hub", &error),
            }
            Timer::after_ms(PAUSE_MS).await;
            answer = self.send("/wait", &wait).await;
            if let Ok(response) = &answer
                && response.headers().get(CODE_HEADER).as_deref() == Some("call_not_found")
            {
                // It was lost before the call was stored, and so before it was sent.
                let message = "The connection to the agent was lost before the call was made. Try again.";
                return Err(ApiError::unavailable("bridge_gateway_error", message).with_retry_after(1));
            }
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// `bridge_gateway_error` (503) if the hub cannot be reached; the error that it refuses with.
    pub async fn open(&self, opening: &Opening) -> std::result::Result<Response, ApiError> {
        let opened = async {
            let mut init = RequestInit::new();
            init.with_method(Method::Get);
            init.headers.set("upgrade", "websocket")?;
            init.headers.set("x-hub-opening", &serde_json::to_string(opening)?)?;
            self.fetch("/socket", &init).await
        };
        checked(opened.await.map_err(|error| unreachable_hub(&error))?)
    }

    async fn send(&self, path: &str, body: &impl Serialize) -> Result<Response> {
        let body = serde_json::to_vec(body)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from(Uint8Array::from(body.as_slice()))));
        self.fetch(path, &init).await
    }

    async fn fetch(&self, path: &str, init: &RequestInit) -> Result<Response> {
        let request = Request::new_with_init(&format!("http://hub{path}"), init)?;
        let stub = self.env.durable_object("AGENT_HUB")?.get_by_name(&self.name)?;
        let response = stub.fetch_with_request(request).await?;
        Ok(Response::of_platform(web_sys::Response::from(response)))
    }
}

/// Reads what a hub has answered.
///
/// # Errors
/// `internal_error` (500) if it cannot be read.
pub async fn read_answer<T: DeserializeOwned>(answer: Response) -> std::result::Result<T, ApiError> {
    let body = answer.into_body().read().await.map_err(|_| ApiError::internal())?;
    serde_json::from_slice(&body).map_err(|error| {
        log_error("agent hub", &error);
        ApiError::internal()
    })
}

fn unreachable_hub(error: &worker::Error) -> ApiError {
    log_error("agent hub", error);
    let message = "The hub of the agent cannot be reached. Try again.";
    ApiError::unavailable("bridge_gateway_error", message).with_retry_after(1)
}

fn checked(response: Response) -> std::result::Result<Response, ApiError> {
    let Some(code) = response.headers().get(CODE_HEADER) else {
        return if response.status() < 400 {
            Ok(response)
        } else {
            Err(unreachable_hub(&"it answers with an error".into()))
        };
    };
    Err(refused(&code, response.headers().get(EXECUTED_HEADER).as_deref()))
}

/// The error of a refusal. A call that may have been executed must not be repeated by a program on its own.
fn refused(code: &str, executed: Option<&str>) -> ApiError {
    let executed = match executed {
        None => "",
        Some("no") => " The call was not executed.",
        Some("yes") => " The call was executed.",
        Some(_) => " The call may have been executed.",
    };
    let upstream = |code, message: &str| ApiError::bad_gateway(code, format!("{message}{executed}"));
    let late =
        |code, message: &str| ApiError::new(504, ErrorKind::Server, code, format!("{message}{executed}"));
    match code {
        "agent_offline" => {
            ApiError::not_found("agent_offline", format!("The agent is not connected.{executed}"))
        }
        "tool_not_found" => ApiError::not_found("tool_not_found", "The agent has no tool of this name.")
            .with_param("tool_name"),
        "call_not_found" => ApiError::not_found("call_not_found", "There is no call with this id."),
        "approval_not_found" => {
            ApiError::not_found("approval_not_found", "No call of a connected agent waits for this answer.")
        }
        "req_id_reused" => ApiError::conflict(
            "req_id_reused",
            "req_id",
            "The id was used for another call in the last 24 hours.",
        ),
        "call_canceled" => ApiError::new(
            409,
            ErrorKind::InvalidRequest,
            "call_canceled",
            format!("The call was cancelled.{executed}"),
        ),
        "arguments_too_large" => {
            let message = "The arguments are longer than 4 MiB.";
            ApiError::new(413, ErrorKind::InvalidRequest, "arguments_too_large", message)
                .with_param("arguments")
        }
        "agent_busy" => {
            let message = format!("The agent has too many calls at once.{executed}");
            ApiError::new(429, ErrorKind::RateLimit, "agent_busy", message).with_retry_after(1)
        }
        "tool_timeout" => late("tool_timeout", "The tool did not answer by the deadline."),
        "agent_unresponsive" => late("agent_unresponsive", "The agent did not acknowledge the call."),
        "agent_lost" => upstream("agent_lost", "The connection to the agent was lost."),
        "tool_result_invalid" => upstream("tool_result_invalid", "The result did not arrive whole."),
        "tool_result_too_large" => upstream("tool_result_too_large", "The result is longer than 16 MiB."),
        "call_rejected" => upstream("call_rejected", "The agent did not take the call."),
        "ticket_used" => ApiError::unauthorized("ticket_used", "The ticket has been used already."),
        "agent_token_revoked" => ApiError::unauthorized(
            "agent_token_revoked",
            "The token that the ticket was made with was revoked.",
        ),
        "too_many_connections" => {
            let message = "The agent has too many connections.";
            ApiError::new(429, ErrorKind::RateLimit, "too_many_connections", message).with_retry_after(5)
        }
        _ => ApiError::internal(),
    }
}
