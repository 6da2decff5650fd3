//! Single requests to the gateway beside the tunnel: for the token of an agent, and for what `doctor` says of the way there.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::address::Address;
use crate::http::client::Client;
use crate::http::date;
use crate::log::now_ms;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A gateway that can be asked.
#[derive(Debug, Clone)]
pub struct Gateway {
    address: Address,
}

/// A token that was made.
#[derive(Debug, Deserialize)]
pub struct Made {
    /// The token.
    pub token: String,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
}

/// Why something was refused, for people.
#[derive(Debug)]
pub struct Refused {
    /// The gateway's code; empty where there was no answer of the gateway.
    pub code: String,
    /// Whether the key or token is not good.
    pub is_about_credentials: bool,
    /// Why.
    pub said: String,
}

/// What an answer says of the way to the gateway.
#[derive(Debug)]
pub struct Seen {
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// From the first byte of the connection to the answer.
    pub took: Duration,
    /// How far the gateway's clock is ahead of this one, in ms; `None` where it does not say its time.
    pub ahead_ms: Option<i64>,
    /// Whether the token is good; else why not.
    pub token: Result<(), Refused>,
}

#[derive(Deserialize)]
struct Failed {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    message: String,
}

impl Gateway {
    /// The gateway of an address as the configuration has it.
    ///
    /// # Errors
    /// What is wrong with the address, for people.
    pub fn at(url: &str) -> Result<Self, String> {
        Ok(Self { address: Address::parse(url)? })
    }

    /// Makes a token for an agent with a person's API key. `reset`: in place of the one that it has.
    ///
    /// # Errors
    /// The gateway cannot be reached, or refuses.
    pub async fn make_token(&self, key: &str, agent_id: &str, reset: bool) -> Result<Made, Refused> {
        let body = serde_json::json!({ "agent_id": agent_id, "reset": reset }).to_string();
        let prefix = self.address.ticket.strip_suffix("/bridge/ticket").unwrap_or_default();
        let answer = self.post(&format!("{prefix}/v1/bridge/agent-token"), key, body).await?;
        answer.read(201)
    }

    /// Asks for a ticket with the token of an agent, which is not used.
    ///
    /// # Errors
    /// The gateway cannot be reached.
    pub async fn look(&self, token: &str) -> Result<Seen, Refused> {
        let began = Instant::now();
        let answer = self.post(&self.address.ticket, token, String::new()).await?;
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Ok(Seen {
            is_secure: self.address.tunnel.is_secure,
            took: began.elapsed(),
            ahead_ms: answer.date_ms.map(|theirs| signed(theirs) - signed(answer.at_ms)),
            token: answer.read::<serde::de::IgnoredAny>(201).map(|_| ()),
        })
    }

    async fn post(&self, path: &str, bearer: &str, body: String) -> Result<Answer, Refused> {
        let bearer = HeaderValue::from_str(&format!("Bearer {bearer}"));
        let mut bearer = bearer.map_err(|_| Refused {
            code: String::new(),
            is_about_credentials: true,
            said: "it has characters that neither keys nor tokens have".to_owned(),
        })?;
        bearer.set_sensitive(true);
        let request = Request::post(path)
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| unanswered(error.to_string()))?;
        let client = Client::new(self.address.tunnel.clone());
        let asked = async {
            let response = client.send(request).await.map_err(|error| unanswered(error.why))?;
            let at_ms = now_ms();
            let status = response.status().as_u16();
            let date_ms = response.headers().get(DATE).and_then(|value| date::read(value.to_str().ok()?));
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| unanswered(error.to_string()))?.to_bytes();
            Ok(Answer { status, at_ms, date_ms, body })
        };
        timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(unanswered("no answer in 30 s".to_owned())))
    }
}

struct Answer {
    status: u16,
    at_ms: u64,
    date_ms: Option<u64>,
    body: Bytes,
}

impl Answer {
    fn read<T: for<'a> Deserialize<'a>>(&self, expected: u16) -> Result<T, Refused> {
        if self.status == expected {
            let read = serde_json::from_slice(&self.body);
            return read.map_err(|_| unanswered("the answer is not that of a gateway".to_owned()));
        }
        let is_about_credentials = matches!(self.status, 401 | 403);
        let failed: Option<Failed> = serde_json::from_slice(&self.body).ok();
        let said = |reason: &Reason| format!("{}: {}", reason.code, reason.message);
        Err(Refused {
            said: failed.as_ref().map_or_else(
                || format!("the gateway answered with status {}", self.status),
                |failed| said(&failed.error),
            ),
            code: failed.map(|failed| failed.error.code).unwrap_or_default(),
            is_about_credentials,
        })
    }
}

fn unanswered(said: String) -> Refused {
    Refused { code: String::new(), is_about_credentials: false, said }
}
