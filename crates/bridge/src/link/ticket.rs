//! The ticket that opens one connection: `POST /bridge/ticket` with the agent's token.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use nexus_edge_tunnel::agent::reconnect::Failure;
use serde::Deserialize;

use super::address::Address;
use super::state::Ended;
use crate::http::connect::connect;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    message: String,
}

/// Gets a ticket.
///
/// # Errors
/// The gateway cannot be reached, or refused.
pub async fn get(address: &Address, token: &str) -> Result<String, Ended> {
    let response = ask(address, token).await?;
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| Ended::unreachable(error.to_string()))?.to_bytes();
    if status == 201 {
        let ticket: Result<Ticket, _> = serde_json::from_slice(&body);
        return ticket
            .map(|ticket| ticket.ticket)
            .map_err(|_| Ended::unreachable("the gateway's answer is no ticket"));
    }
    let said = match serde_json::from_slice(&body) {
        Ok(Refusal { error: Reason { code, message } }) => format!("{code}: {message}"),
        Err(_) => format!("the gateway answered with status {status} to the request for a ticket"),
    };
    let failure = Failure::Refused(status);
    Err(Ended { failure, retry_after_ms: wait.map(|seconds| seconds.saturating_mul(1000)), said })
}

async fn ask(address: &Address, token: &str) -> Result<Response<hyper::body::Incoming>, Ended> {
    let wire = connect(&address.tunnel).await.map_err(|error| Ended::unreachable(error.to_string()))?;
    let (mut sender, connection) =
        handshake(TokioIo::new(wire)).await.map_err(|error| Ended::unreachable(error.to_string()))?;
    // It ends with the response, which is the only one.
    tokio::spawn(connection);
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| Ended {
        failure: Failure::Refused(401),
        retry_after_ms: None,
        said: "`server.token` has characters that no token has".to_owned(),
    })?;
    bearer.set_sensitive(true);
    let request = Request::post(&address.ticket)
        .header(HOST, &address.tunnel.authority)
        .header(USER_AGENT, concat!("nexus-bridge/", env!("CARGO_PKG_VERSION")))
        .header(AUTHORIZATION, bearer)
        .body(Empty::<Bytes>::new())
        .map_err(|error| Ended::unreachable(error.to_string()))?;
    sender.send_request(request).await.map_err(|error| Ended::unreachable(error.to_string()))
}
