//! Streams of events: the answer to a request, what a server of the older era says unasked, and the transport HTTP+SSE.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method as Verb, Response as HttpResponse};
use nexus_edge_mcp::rpc::Message;
use nexus_edge_mcp::version::Era;
use nexus_edge_sse::{EventReader, Segment};
use tokio::sync::watch;

use super::answer::{LONGEST, Told, messages, own};
use super::shared::{Endpoint, Shared, lock};
use crate::server::streams::What;
use crate::server::unanswered::Unanswered;

/// The first wait before a stream is asked for again, where the server does not say.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait before a stream is asked for again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Where a stream goes on that has ended.
#[derive(Debug)]
pub(super) struct Resumption {
    /// The id of its last event.
    pub(super) last: Option<String>,
    /// How long the server wants it to be left alone.
    pub(super) wait: Duration,
}

impl Default for Resumption {
    fn default() -> Self {
        Self { last: None, wait: FIRST_WAIT }
    }
}

/// Whether an answer is a stream.
pub(super) fn is_stream(response: &HttpResponse<Incoming>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// Asks for a stream, from after an event on.
pub(super) async fn get(shared: &Shared, last: Option<&str>) -> Result<HttpResponse<Incoming>, Unanswered> {
    let mut headers = shared.headers();
    headers.extend(last.map(|last| ("last-event-id".to_owned(), last.to_owned())));
    shared.send(Verb::GET, &shared.target.address.path, Bytes::new(), headers).await
}

/// Reports the messages of a stream until it ends, or until the response to `request`, its number and the status of the
/// answer, has come: then true.
pub(super) async fn read(
    shared: &Shared,
    body: Incoming,
    request: Option<(i64, u16)>,
    resumption: &mut Resumption,
) -> bool {
    let mut events = Events::new(body);
    while let Some(found) = events.next(resumption).await {
        for (_, data) in found {
            let Some(message) = messages(&data) else { continue };
            let message = match request {
                Some((number, status)) if matches!(message, Message::Response(_)) => {
                    match own(Some(message), number, status) {
                        Told::Response(response) => {
                            shared.report(What::Message(*response)).await;
                            return true;
                        }
                        Told::Nothing => continue,
                    }
                }
                _ => message,
            };
            shared.report(What::Message(message)).await;
        }
    }
    false
}

/// Listens to what a server of the older era says unasked, as long as it has such a stream.
pub(super) async fn listen(shared: &Shared) {
    {
        let agreed = lock(&shared.agreed);
        if agreed.endpoint.is_some() || agreed.version.is_none_or(|version| version.era() == Era::Modern) {
            return;
        }
    }
    let mut resumption = Resumption::default();
    let mut wait = FIRST_WAIT;
    loop {
        match get(shared, resumption.last.as_deref()).await {
            Ok(response) if response.status().is_success() && is_stream(&response) => {
                read(shared, response.into_body(), None, &mut resumption).await;
                wait = resumption.wait;
            }
            Ok(response) if response.status().is_server_error() => {}
            // There is no such stream.
            Ok(_) => return,
            Err(_) => {}
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The stream of the transport HTTP+SSE: the first event says where messages go, the others are messages. Its end is the end
/// of the connection.
pub(super) async fn open(shared: Arc<Shared>, show: watch::Sender<Endpoint>) {
    let why = match get(&shared, None).await {
        Ok(response) if response.status().is_success() && is_stream(&response) => {
            follow(&shared, response.into_body(), &show).await
        }
        Ok(response) if response.status().is_success() => Unanswered::Status(406),
        Ok(response) => Unanswered::Status(response.status().as_u16()),
        Err(why) => why,
    };
    if show.send_if_modified(|endpoint| {
        let is_first = matches!(endpoint, Endpoint::Unknown);
        *endpoint = Endpoint::None(why.clone());
        is_first
    }) {
        return;
    }
    shared.report(What::Unusable("closed its stream of events")).await;
}

async fn follow(shared: &Shared, body: Incoming, show: &watch::Sender<Endpoint>) -> Unanswered {
    let mut events = Events::new(body);
    let mut resumption = Resumption::default();
    while let Some(found) = events.next(&mut resumption).await {
        for (name, data) in found {
            if name == b"endpoint" {
                let reference = String::from_utf8_lossy(&data);
                // Messages and headers must not be led to another server.
                let address = shared.target.address.join(reference.trim()).ok();
                let address = address.filter(|address| address.is_same_server(&shared.target.address));
                let Some(address) = address else {
                    return Unanswered::Unreachable("it sends messages to another server".to_owned());
                };
                show.send_replace(Endpoint::At(address));
            } else if let Some(message) = messages(&data) {
                shared.report(What::Message(message)).await;
            }
        }
    }
    Unanswered::Lost("the stream ended".to_owned())
}

/// The events of a body.
struct Events {
    body: Incoming,
    reader: EventReader,
}

impl Events {
    fn new(body: Incoming) -> Self {
        Self { body, reader: EventReader::new(LONGEST) }
    }

    /// The name and the data of the events that the next bytes complete. `None`: the stream has ended.
    async fn next(&mut self, resumption: &mut Resumption) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let frame = self.body.frame().await?.ok()?;
        let mut found = Vec::new();
        let Some(bytes) = frame.data_ref() else { return Some(found) };
        self.reader.push(bytes, |segment| {
            let Segment::Event(event) = segment else { return };
            if let Some(id) = event.id() {
                resumption.last = Some(String::from_utf8_lossy(id).into_owned()).filter(|id| !id.is_empty());
            }
            if let Some(ms) = event.retry_ms() {
                resumption.wait = Duration::from_millis(ms).min(LONGEST_WAIT);
            }
            if let Some(data) = event.data() {
                found.push((event.name().unwrap_or_default().to_vec(), data.into_owned()));
            }
        });
        Some(found)
    }
}
