//! Requests to a server in the era that it speaks.
//!
//! A modern server is asked as it is. A legacy one is initialised first; where it gives a session, that is remembered in the isolate
//! for each tenant, and made anew once when the server has forgotten it. Nothing else is shared between callers.

use std::cell::{Cell, RefCell};

use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::client::{Ask, Heard, Peer, Probe, ProbeFailure, Step, Transport};
use nexus_edge_mcp::envelope::ClientIdentity;
use nexus_edge_mcp::headers::{self, ParamHeader, mirror, param_headers};
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::progress::cancelled;
use nexus_edge_mcp::rpc::{Id, Message, Outcome, Request};
use nexus_edge_mcp::version::{Era, Version};
use serde_json::value::RawValue;

use super::call::{Call, Notes};
use super::remote::{Nothing, Remote, Told};
use crate::host::Host;

/// Sessions that an isolate remembers.
const MAX_SESSIONS: usize = 500;
const SESSION: &str = "mcp-session-id";

/// A server that can be asked.
#[derive(Clone)]
pub struct Link {
    /// What is known of it.
    pub peer: Peer,
    session: Option<String>,
}

thread_local! {
    static NEXT_ID: Cell<i64> = const { Cell::new(0) };
    /// By server, its version, and tenant.
    static SESSIONS: RefCell<BoundedMap<(String, u64, String), Link>> = RefCell::new(BoundedMap::new(MAX_SESSIONS));
}

/// The gateway as a client, with the capabilities of the caller that it asks for.
pub fn identity(capabilities: &str) -> ClientIdentity {
    ClientIdentity::new("nexus-edge", env!("CARGO_PKG_VERSION"), capabilities)
}

/// Finds out what a server speaks.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub async fn connect(
    remote: &Remote<'_>,
    remembered: Option<Era>,
    identity: ClientIdentity,
) -> Result<Link, ApiError> {
    let name = &remote.record().id;
    let (mut probe, mut step) = Probe::begin(identity, remote.record().era, Transport::Http, remembered);
    let mut session = None;
    let mut id = 0;
    loop {
        match step {
            Step::Ask(ask) => {
                id += 1;
                let (heard, given) = probe_once(remote, ask, id).await?;
                session = given;
                step = probe.hear(heard);
            }
            Step::Ready(peer, notification) => {
                let link = Link { peer, session };
                if let Some(notification) = notification {
                    // A server that does not take it says so at the next request.
                    let _ = remote.tell(&notification.into(), None, &link.headers(), None).await;
                }
                return Ok(link);
            }
            Step::Restart(_) | Step::OpenEventStream(_) => {
                return Err(unreachable(name, "speaks only the transport HTTP+SSE, which is not supported"));
            }
            Step::Failed(failure) => return Err(failed(name, &failure)),
        }
    }
}

async fn probe_once(remote: &Remote<'_>, ask: Ask, id: i64) -> Result<(Heard, Option<String>), ApiError> {
    let id = Id::Number(id);
    let method = ask.method.as_str();
    let headers = match ask.method {
        Method::Discover => owned(mirror(Version::NEWEST, method, Some(&ask.params))),
        _ => Vec::new(),
    };
    let request = Request { id: id.clone(), method: method.to_owned(), params: Some(ask.params) };
    Ok(match remote.tell(&request.into(), Some(&id), &headers, None).await {
        Ok(Told { response: Some(response), session, .. }) => match response.outcome {
            Outcome::Result(result) => (Heard::Result(result), session),
            Outcome::Error(error) => (Heard::Error(error), session),
        },
        // A good status without a response says nothing about the era.
        Ok(Told { status, .. }) => (Heard::Status(if status < 300 { 502 } else { status }), None),
        Err(Nothing::Silence) => (Heard::Silence, None),
        Err(Nothing::Gone) => (Heard::Gone, None),
        Err(Nothing::Refused) => return Err(refused(&remote.record().id)),
    })
}

impl Link {
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![(headers::PROTOCOL_VERSION.to_owned(), self.peer.version.as_str().to_owned())];
        headers.extend(self.session.iter().map(|session| (SESSION.to_owned(), session.clone())));
        headers
    }

    /// Asks the server; `None` where it has forgotten the session.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502).
    pub async fn ask(
        &self,
        remote: &Remote<'_>,
        method: Method,
        params: Option<&RawValue>,
        identity: &ClientIdentity,
        besides: Vec<(String, String)>,
        notes: Option<&Notes>,
    ) -> Result<Option<Outcome>, ApiError> {
        let name = &remote.record().id;
        let level = notes.and_then(|notes| notes.wanted().level());
        let params = self
            .peer
            .params(params, identity, level)
            .map_err(|fault| ApiError::invalid("invalid_value", "params", format!("`params` {fault}.")))?;
        let mut headers = match self.peer.version.era() {
            Era::Modern => owned(mirror(self.peer.version, method.as_str(), params.as_deref())),
            Era::Legacy => self.headers(),
        };
        headers.extend(besides);
        let id = next_id();
        let cancels = (self.peer.version.era() == Era::Legacy)
            .then(|| Cancels::unless_answered(remote, self.headers(), &id));
        let request = Request { id: id.clone(), method: method.as_str().to_owned(), params };
        let told = remote.tell(&Message::from(request), Some(&id), &headers, notes).await;
        if let (Some(cancels), Ok(_)) = (cancels, &told) {
            cancels.answered();
        }
        match told {
            // Some servers say in the body, too, that there is no such session; it is no answer to the request.
            Ok(Told { status: 404, response, .. })
                if self.session.is_some() && response.as_ref().is_none_or(|said| said.id.is_none()) =>
            {
                Ok(None)
            }
            Ok(Told { response: Some(response), .. }) => Ok(Some(response.outcome)),
            Ok(Told { status, .. }) => Err(failed(name, &ProbeFailure::Inconclusive(status))),
            Err(Nothing::Silence) => Err(failed(name, &ProbeFailure::Silent)),
            Err(Nothing::Gone) => Err(failed(name, &ProbeFailure::Gone)),
            Err(Nothing::Refused) => Err(refused(name)),
        }
    }
}

/// An id that no other request of this isolate has: a legacy server tells the requests of a session apart by it.
fn next_id() -> Id {
    NEXT_ID.set(NEXT_ID.get() + 1);
    Id::Number(NEXT_ID.get())
}

/// Tells a legacy server that the answer to a request is not waited for any more, for which the end of a connection is no sign.
struct Cancels<'a> {
    remote: &'a Remote<'a>,
    headers: Vec<(String, String)>,
    id: Option<Id>,
}

impl<'a> Cancels<'a> {
    fn unless_answered(remote: &'a Remote<'a>, headers: Vec<(String, String)>, id: &Id) -> Self {
        Self { remote, headers, id: Some(id.clone()) }
    }

    /// The request was answered.
    fn answered(mut self) {
        self.id = None;
    }
}

impl Drop for Cancels<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let (host, record) = (self.remote.host().clone(), self.remote.record().clone());
        let headers = std::mem::take(&mut self.headers);
        self.remote.host().tasks.wait_until(async move {
            if let Ok(remote) = Remote::of(&host, &record) {
                // A server that does not take it has nothing to stop.
                let _ = remote.tell(&cancelled(&id, "the caller left").into(), None, &headers, None).await;
            }
        });
    }
}

/// Asks a server that spoke `version` when its lists were read. For a call of a tool, `tool` is its definition.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub async fn request(
    host: &Host,
    record: &McpServerRecord,
    version: Version,
    method: Method,
    tool: Option<&Item>,
    call: &Call<'_>,
) -> Result<Outcome, ApiError> {
    let remote = Remote::of(host, record)?;
    let identity = identity(call.capabilities.get());
    if version.era() == Era::Modern {
        let peer = Peer { version, info: None, capabilities: Members::default().write(), instructions: None };
        let link = Link { peer, session: None };
        let outcome = link
            .ask(&remote, method, Some(call.params), &identity, asked_headers(tool, call), call.notes)
            .await?;
        return outcome.ok_or_else(|| unreachable(&record.id, "has forgotten the session"));
    }
    let place = (record.id.clone(), record.updated_at, call.tenant.to_owned());
    let held = SESSIONS.with_borrow(|sessions| sessions.get(&place).cloned());
    if let Some(link) = held {
        let outcome = link.ask(&remote, method, Some(call.params), &identity, Vec::new(), call.notes).await?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    // A legacy server cannot ask this caller for anything, so no capability is declared.
    let link = connect(&remote, Some(Era::Legacy), self::identity("{}")).await?;
    if link.session.is_some() {
        let remembered = link.clone();
        SESSIONS.with_borrow_mut(|sessions| sessions.insert(place, remembered, |_| Worth::Something));
    }
    let outcome = link.ask(&remote, method, Some(call.params), &identity, Vec::new(), call.notes).await?;
    outcome.ok_or_else(|| unreachable(&record.id, "forgets its sessions at once"))
}

/// The headers that the schema of a tool asks for.
fn asked_headers(tool: Option<&Item>, call: &Call<'_>) -> Vec<(String, String)> {
    let Some(tool) = tool else { return Vec::new() };
    let arguments = Members::of(Some(call.params)).unwrap_or_default();
    // A schema that breaks a rule asks for no headers; the server says so where it needs them.
    let headers = tool.members().get("inputSchema").map(param_headers).and_then(Result::ok);
    ParamHeader::of(&headers.unwrap_or_default(), arguments.get("arguments"))
}

fn owned(headers: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn failed(name: &str, failure: &ProbeFailure) -> ApiError {
    ApiError::bad_gateway("mcp_server_unreachable", format!("The server `{name}` cannot be used: {failure}."))
}

fn refused(name: &str) -> ApiError {
    unreachable(name, "has an address that must not be asked")
}

/// An error about a server, as the end of a sentence.
pub fn unreachable(name: &str, why: &str) -> ApiError {
    ApiError::bad_gateway("mcp_server_unreachable", format!("The server `{name}` {why}."))
}
