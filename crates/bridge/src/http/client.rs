//! Requests to one server, over connections that are kept for the next request.
//!
//! A request that was begun to be sent is never sent again: whether it was executed is not known then.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::address::Address;
use super::connect::connect;

/// How many connections without a request are kept.
const KEPT: usize = 4;
/// How long a connection without a request is kept.
const KEEP: Duration = Duration::from_mins(1);

/// What is sent.
pub type Body = Full<Bytes>;

/// Connections without a request, and since when.
type Kept = Vec<(SendRequest<Body>, Instant)>;

/// A client of one server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    address: Address,
    kept: Arc<Mutex<Kept>>,
}

/// Why there is no answer. The text is for people and without secrets.
#[derive(Debug)]
pub struct Unanswered {
    /// Whether the request may have been executed.
    pub was_sent: bool,
    /// Why.
    pub why: String,
}

impl Client {
    /// A client of the server with this address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, kept: Arc::default() }
    }

    /// Sends a request whose address is a path, and waits for the head of its answer.
    ///
    /// # Errors
    /// There is no connection, or it ended.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Unanswered> {
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&self.address.authority);
        headers.insert(HOST, host.map_err(|_| not_sent("the host has characters that no host has"))?);
        let agent = concat!("nexus-bridge/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        while let Some(mut sender) = self.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.answered(sender, response)),
                // The server had closed the connection: the request comes back.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(lost(&error.into_error())),
                },
            }
        }
        let mut sender = self.open().await.map_err(|error| not_sent(&plain(&error)))?;
        match sender.try_send_request(request).await {
            Ok(response) => Ok(self.answered(sender, response)),
            Err(error) if error.message().is_some() => Err(not_sent("the connection was closed at once")),
            Err(error) => Err(lost(&error.into_error())),
        }
    }

    async fn open(&self) -> io::Result<SendRequest<Body>> {
        let wire = connect(&self.address).await?;
        let (sender, connection) = handshake(TokioIo::new(wire)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Keeps the connection once its answer was read.
    fn answered(&self, mut sender: SendRequest<Body>, response: Response<Incoming>) -> Response<Incoming> {
        let kept = self.kept.clone();
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < KEPT {
                    kept.push((sender, Instant::now()));
                }
            }
        });
        response
    }

    fn take(&self) -> Option<SendRequest<Body>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(sender, since)| sender.is_ready() && since.elapsed() < KEEP);
        kept.pop().map(|(sender, _)| sender)
    }
}

fn not_sent(why: &str) -> Unanswered {
    Unanswered { was_sent: false, why: why.to_owned() }
}

fn lost(error: &hyper::Error) -> Unanswered {
    Unanswered { was_sent: true, why: plain(error) }
}

/// An error with what is behind it.
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !said.contains(&more) {
            said.push_str(": ");
            said.push_str(&more);
        }
        next = source.source();
    }
    said
}
