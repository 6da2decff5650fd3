//! How the Worker calls the object of a held call.

use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::rpc::{Notification, Outcome};
use serde::Serialize;
use serde_json::value::RawValue;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Result, web_sys};

use super::call::{Begin, GoOn, Said};
use crate::pipeline::mcp::Notes;
use crate::platform::bytes::Chunks;
use crate::platform::http::{Response, ResponseBody};
use crate::platform::log_error;

/// Bytes of an answer: a result may have 16 MiB, and notes come before it.
const MAX_BYTES: usize = 32 << 20;

/// What has become of a call.
pub enum Held {
    /// It has ended.
    Ended(Outcome),
    /// It waits for input.
    Asked {
        /// Names the question.
        ask: String,
        /// Parameters of `elicitation/create`.
        params: Option<Box<RawValue>>,
    },
    /// There is no such call, or not any more.
    Gone,
}

/// The object of one call.
pub struct HeldClient<'a> {
    env: &'a Env,
    id: &'a str,
}

impl<'a> HeldClient<'a> {
    /// That of a call with this id.
    pub const fn new(env: &'a Env, id: &'a str) -> Self {
        Self { env, id }
    }

    /// Makes the call. Dropped before it has ended or asked, it ends the call.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502).
    pub async fn begin(&self, begin: &Begin, notes: Option<&Notes>) -> std::result::Result<Held, ApiError> {
        self.heard("/begin", begin, notes).await
    }

    /// Goes on with a call that waits.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502).
    pub async fn go_on(&self, go_on: &GoOn, notes: Option<&Notes>) -> std::result::Result<Held, ApiError> {
        self.heard("/go-on", go_on, notes).await
    }

    /// Ends the call.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502).
    pub async fn cancel(&self) -> std::result::Result<(), ApiError> {
        self.send("/cancel", &()).await.map(drop).map_err(|error| lost(&error))
    }

    async fn heard(
        &self,
        path: &str,
        body: &impl Serialize,
        notes: Option<&Notes>,
    ) -> std::result::Result<Held, ApiError> {
        let answer = self.send(path, body).await.map_err(|error| lost(&error))?;
        let ResponseBody::Stream(stream) = answer.into_body() else { return Err(lost(&"no stream")) };
        let mut chunks = Chunks::new(stream, None);
        let (mut left, mut taken) = (Vec::new(), 0_usize);
        while let Ok(Some(chunk)) = chunks.next().await {
            let chunk = chunk.to_vec();
            taken = taken.saturating_add(chunk.len());
            if taken > MAX_BYTES {
                break;
            }
            // What is left of earlier chunks has no end of a line.
            let mut searched = left.len();
            left.extend_from_slice(&chunk);
            while let Some(at) = left.iter().skip(searched).position(|byte| *byte == b'\n') {
                let line: Vec<u8> = left.drain(..=searched + at).collect();
                searched = 0;
                let said = serde_json::from_slice(&line).map_err(|error| lost(&error))?;
                match said {
                    Said::Note { method, params } => {
                        if let Some(notes) = notes {
                            notes.add(notes.wanted().told_anew(Notification { method, params }));
                        }
                    }
                    Said::Asked { ask, params } => return Ok(Held::Asked { ask, params }),
                    Said::Result(result) => return Ok(Held::Ended(Outcome::Result(result))),
                    Said::Error(error) => return Ok(Held::Ended(Outcome::Error(error))),
                    Said::Failed(why) => return Err(ApiError::bad_gateway("mcp_server_unreachable", why)),
                    Said::Gone => return Ok(Held::Gone),
                }
            }
        }
        Err(lost(&"the answer broke off"))
    }

    async fn send(&self, path: &str, body: &impl Serialize) -> Result<Response> {
        let body = serde_json::to_vec(body)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from(Uint8Array::from(body.as_slice()))));
        let request = Request::new_with_init(&format!("http://held-call{path}"), &init)?;
        let stub = self.env.durable_object("HELD_CALL")?.get_by_name(self.id)?;
        let response = stub.fetch_with_request(request).await?;
        if response.status_code() >= 400 {
            return Err(worker::Error::RustError(format!("it answers {}", response.status_code())));
        }
        Ok(Response::of_platform(web_sys::Response::from(response)))
    }
}

fn lost(error: &impl std::fmt::Display) -> ApiError {
    log_error("held call", error);
    ApiError::bad_gateway("mcp_server_unreachable", "The call of the server was lost. Make it again.")
}
