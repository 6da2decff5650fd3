//! How the Worker calls the hub of an agent.

use nexus_edge_api::agent_refusals::refused;
use nexus_edge_core::error::ApiError;
use nexus_edge_tunnel::limits::LATEST_END_MS;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Result, web_sys};

use super::call::{CODE_HEADER, EXECUTED_HEADER, Invoke, Opening, Wait};
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
        let answer = self.send("/invoke", invoke).await;
        self.answered(invoke, answer).await
    }

    /// Waits for the end of a call that was made.
    ///
    /// # Errors
    /// Those of [`HubClient::invoke`].
    pub async fn wait(&self, invoke: &Invoke) -> std::result::Result<Response, ApiError> {
        let answer = self.send("/wait", &wait_of(invoke)).await;
        self.answered(invoke, answer).await
    }

    async fn answered(
        &self,
        invoke: &Invoke,
        mut answer: Result<Response>,
    ) -> std::result::Result<Response, ApiError> {
        let last_ms = now_ms() + invoke.timeout_ms + LATEST_END_MS;
        let wait = wait_of(invoke);
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

fn wait_of(invoke: &Invoke) -> Wait {
    Wait { id: invoke.id.clone(), stream: invoke.stream, until_asked: invoke.until_asked }
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
