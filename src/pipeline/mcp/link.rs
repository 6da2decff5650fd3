//! Requests to a server in the era that it speaks, over the transport that it has.
//!
//! A modern server is asked as it is. A legacy one is initialised first; where it gives a session, that is remembered in the isolate
//! for each tenant and what its clients can be asked, and made anew once when the server has forgotten it. One that has only HTTP+SSE is
//! initialised for each request of a caller. Nothing else is shared between callers. A legacy server is told when a request is not waited
//! for any more.

use std::cell::{Cell, RefCell};

use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::client::{Ask, Heard, HttpPreference, Peer, Probe, ProbeFailure, Step, Transport};
use nexus_edge_mcp::envelope::ClientIdentity;
use nexus_edge_mcp::headers::{self, ParamHeader, mirror, param_headers};
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::progress::cancelled;
use nexus_edge_mcp::rpc::{Id, Message, Outcome, Request};
use nexus_edge_mcp::version::{Era, Version};
use serde_json::value::RawValue;

use super::call::{Audience, Call};
use super::event_stream::{EventStream, NoStream};
use super::remote::{Nothing, Remote, Told};
use crate::host::Host;

/// How often a modern server may ask for input in one call.
const MAX_INPUTS: usize = 20;
/// How many questions it may ask a person with them: as many as a legacy one.
const MAX_QUESTIONS: usize = 20;
/// Sessions that an isolate remembers.
const MAX_SESSIONS: usize = 500;
const SESSION_HEADER: &str = "mcp-session-id";

/// A server that can be asked.
pub struct Link {
    /// What is known of it.
    pub peer: Peer,
    session: Option<String>,
    /// Open as long as the server can be asked over HTTP+SSE; `None` for a server of streamable HTTP.
    stream: Option<EventStream>,
}

/// A server, its version, a tenant, and the capabilities that the server was told where it may ask a person.
type Place = (String, u64, String, Option<String>);
/// What is known of the server, and the session that it gave.
type Session = (Peer, String);

thread_local! {
    static NEXT_ID: Cell<i64> = const { Cell::new(0) };
    static SESSIONS: RefCell<BoundedMap<Place, Session>> = RefCell::new(BoundedMap::new(MAX_SESSIONS));
}

/// The gateway as a client, with the capabilities of the caller that it asks for.
pub fn identity(capabilities: &str) -> ClientIdentity {
    ClientIdentity::new("nexus-edge", env!("CARGO_PKG_VERSION"), capabilities)
}

/// Finds out what a server speaks; `remembered` is how it was reached before.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub async fn connect(
    remote: &Remote<'_>,
    remembered: Option<(Era, Transport)>,
    identity: ClientIdentity,
) -> Result<Link, ApiError> {
    let record = remote.record();
    let wanted = record.transport;
    let mut first = wanted.first(remembered.map(|(_, transport)| transport));
    let era = remembered.map(|(era, _)| era);
    let (mut probe, mut step) = Probe::begin(identity.clone(), record.era, first, era);
    let (mut session, mut stream) = (None, None);
    let mut id = 0;
    loop {
        match step {
            Step::Ask(ask) => {
                id += 1;
                let (heard, given) = probe_once(remote, stream.as_mut(), ask, id).await?;
                session = given;
                step = probe.hear(heard);
            }
            Step::OpenEventStream(_) if wanted == HttpPreference::Streamable => {
                return Err(unreachable(&record.id, "does not speak streamable HTTP"));
            }
            Step::OpenEventStream(ask) => match EventStream::open(remote).await {
                Ok(opened) => {
                    stream = Some(opened);
                    step = Step::Ask(ask);
                }
                // It may have another transport than before.
                Err(_) if first == Transport::EventStream && wanted == HttpPreference::Auto => {
                    first = Transport::Http;
                    (probe, step) = Probe::begin(identity.clone(), record.era, first, None);
                }
                Err(why) => return Err(without_stream(&record.id, &why)),
            },
            Step::Ready(peer, notification) => {
                let mut link = Link { peer, session, stream };
                if let Some(notification) = notification {
                    // A server that does not take it says so at the next request.
                    let headers = link.headers();
                    let _ = tell(
                        remote,
                        link.stream.as_mut(),
                        &notification.into(),
                        None,
                        &headers,
                        Audience::default(),
                    )
                    .await;
                }
                return Ok(link);
            }
            Step::Restart(_) => return Err(failed(&record.id, &ProbeFailure::Gone)),
            Step::Failed(failure) => return Err(failed(&record.id, &failure)),
        }
    }
}

/// Sends a message over the stream of HTTP+SSE if there is one, else over streamable HTTP, and waits for the response to the request `id`.
async fn tell(
    remote: &Remote<'_>,
    stream: Option<&mut EventStream>,
    message: &Message,
    id: Option<&Id>,
    headers: &[(String, String)],
    audience: Audience<'_>,
) -> Result<Told, Nothing> {
    match stream {
        Some(stream) => stream.tell(remote, message, id, headers, audience).await,
        None => remote.tell(message, id, headers, audience).await,
    }
}

async fn probe_once(
    remote: &Remote<'_>,
    stream: Option<&mut EventStream>,
    ask: Ask,
    id: i64,
) -> Result<(Heard, Option<String>), ApiError> {
    let id = Id::Number(id);
    let method = ask.method.as_str();
    let headers = match ask.method {
        Method::Discover => owned(mirror(Version::NEWEST, method, Some(&ask.params))),
        _ => Vec::new(),
    };
    let request = Request { id: id.clone(), method: method.to_owned(), params: Some(ask.params) }.into();
    Ok(match tell(remote, stream, &request, Some(&id), &headers, Audience::default()).await {
        // Whatever else it says: this is no address of streamable HTTP.
        Ok(Told { status: 405, .. }) => (Heard::Status(405), None),
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
        headers.extend(self.session.iter().map(|session| (SESSION_HEADER.to_owned(), session.clone())));
        headers
    }

    /// Asks the server; `None` where it has forgotten the session.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502).
    pub async fn ask(
        &mut self,
        remote: &Remote<'_>,
        method: Method,
        params: Option<&RawValue>,
        identity: &ClientIdentity,
        besides: Vec<(String, String)>,
        audience: Audience<'_>,
    ) -> Result<Option<Outcome>, ApiError> {
        let name = &remote.record().id;
        let level = audience.notes.and_then(|notes| notes.wanted().level());
        let params = self
            .peer
            .params(params, identity, level)
            .map_err(|fault| ApiError::invalid("invalid_value", "params", format!("`params` {fault}.")))?;
        let mut headers = match self.peer.version.era() {
            Era::Modern => owned(mirror(self.peer.version, method.as_str(), params.as_deref())),
            Era::Legacy => self.headers(),
        };
        headers.extend(besides);
        if self.peer.transport == Transport::EventStream && self.stream.is_none() {
            return Err(failed(name, &ProbeFailure::Gone));
        }
        let id = next_id();
        let request = Request { id: id.clone(), method: method.as_str().to_owned(), params }.into();
        let mut asking = Asking {
            remote,
            stream: self.stream.take(),
            is_legacy: self.peer.version.era() == Era::Legacy,
            headers: self.headers(),
            id: Some(id),
        };
        let told =
            tell(remote, asking.stream.as_mut(), &request, asking.id.as_ref(), &headers, audience).await;
        if told.is_ok() {
            self.stream = asking.answered();
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

/// A request whose response is waited for. Where it is dropped before, a legacy server is told: the end of a connection is no sign for it.
struct Asking<'a> {
    remote: &'a Remote<'a>,
    stream: Option<EventStream>,
    is_legacy: bool,
    headers: Vec<(String, String)>,
    /// `None` once it has been answered.
    id: Option<Id>,
}

impl Asking<'_> {
    /// The request was answered; the stream can be used for the next one.
    fn answered(mut self) -> Option<EventStream> {
        self.id = None;
        self.stream.take()
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take().filter(|_| self.is_legacy) else { return };
        // The end of the stream is the end of the server's session: it stays open until this was told.
        let stream = self.stream.take();
        let to = stream.as_ref().map_or(self.remote.record().url.as_str(), EventStream::endpoint).to_owned();
        let message = cancelled(&id, "the answer is not waited for any more").into();
        self.remote.tell_later(to, message, std::mem::take(&mut self.headers), stream);
    }
}

/// Asks a server of which this is kept. For a call of a tool, `tool` is its definition.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub async fn request(
    host: &Host,
    record: &McpServerRecord,
    kept: &Kept,
    method: Method,
    tool: Option<&Item>,
    call: &Call<'_>,
) -> Result<Outcome, ApiError> {
    let remote = Remote::of(host, record)?;
    if kept.version().era() == Era::Modern {
        return modern(&remote, kept.version(), method, tool, call).await;
    }
    // Without a person a legacy server cannot ask this caller for anything, so no capability is declared.
    let identity = identity(call.person.map_or("{}", |_| call.capabilities.get()));
    let told = call.person.map(|_| call.capabilities.get().to_owned());
    let place = (record.id.clone(), record.updated_at, call.tenant.to_owned(), told);
    let held = SESSIONS.with_borrow(|sessions| sessions.get(&place).cloned());
    let (params, audience) = (Some(call.params), call.audience());
    if let Some((peer, session)) = held {
        let mut link = Link { peer, session: Some(session), stream: None };
        let outcome = link.ask(&remote, method, params, &identity, Vec::new(), audience).await?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    let remembered = Some((Era::Legacy, kept.transport));
    let mut link = connect(&remote, remembered, identity.clone()).await?;
    if let Some(session) = &link.session {
        let remembered = (link.peer.clone(), session.clone());
        SESSIONS.with_borrow_mut(|sessions| sessions.insert(place, remembered, |_| Worth::Something));
    }
    let outcome = link.ask(&remote, method, params, &identity, Vec::new(), audience).await?;
    outcome.ok_or_else(|| unreachable(&record.id, "forgets its sessions at once"))
}

/// Asks a modern server. What it asks the person who attends the call is answered by asking it again, so often as a server may ask.
async fn modern(
    remote: &Remote<'_>,
    version: Version,
    method: Method,
    tool: Option<&Item>,
    call: &Call<'_>,
) -> Result<Outcome, ApiError> {
    let (name, identity) = (&remote.record().id, identity(call.capabilities.get()));
    let (mut params, mut questions_left) = (call.params.to_owned(), MAX_QUESTIONS);
    for is_last in (0..MAX_INPUTS).map(|asked| asked + 1 == MAX_INPUTS) {
        let capabilities = Members::default().write();
        let peer = Peer { version, transport: Transport::Http, info: None, capabilities, instructions: None };
        let mut link = Link { peer, session: None, stream: None };
        let headers = asked_headers(tool, call);
        let asking = link.ask(remote, method, Some(&params), &identity, headers, call.audience());
        let outcome = asking.await?.ok_or_else(|| unreachable(name, "has forgotten the session"))?;
        let (Some(person), Outcome::Result(result)) = (call.person, &outcome) else { return Ok(outcome) };
        let can = Members::parse(call.capabilities.get()).unwrap_or_default();
        let needed = InputRequired::read(result).ok().flatten();
        let Some(needed) = needed.filter(|needed| {
            !is_last && needed.requests.len() <= questions_left && needed.refused_by(&can).is_none()
        }) else {
            return Ok(outcome);
        };
        questions_left -= needed.requests.len();
        let mut answers = Members::default();
        for request in &needed.requests {
            answers.set(&request.key, person.answers(request.clone()).await);
        }
        let Ok(again) = needed.asked_again(Some(call.params), &answers) else { return Ok(outcome) };
        params = again;
    }
    Err(unreachable(name, "asks for input again and again"))
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

fn without_stream(name: &str, why: &NoStream) -> ApiError {
    match why {
        NoStream::Status(status) => unreachable(
            name,
            &format!("speaks neither streamable HTTP nor HTTP+SSE: its stream has the status {status}"),
        ),
        NoStream::Unusable(why) => unreachable(name, why),
        NoStream::Nothing(Nothing::Silence) => failed(name, &ProbeFailure::Silent),
        NoStream::Nothing(Nothing::Gone) => failed(name, &ProbeFailure::Gone),
        NoStream::Nothing(Nothing::Refused) => refused(name),
    }
}

fn refused(name: &str) -> ApiError {
    unreachable(name, "has an address that must not be asked")
}

/// An error about a server, as the end of a sentence.
pub fn unreachable(name: &str, why: &str) -> ApiError {
    ApiError::bad_gateway("mcp_server_unreachable", format!("The server `{name}` {why}."))
}
