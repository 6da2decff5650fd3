//! Messages to a server over HTTP+SSE (2024-11-05): a stream of events has all that the server says, and says first where messages are
//! posted.
//!
//! A stream belongs to one request of a caller, because a connection cannot be used by another one: it is opened for it, and closed when
//! it is dropped. Bytes and time are limited as over streamable HTTP, the address for messages is one of the same server, and each is
//! checked before it is asked.

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_mcp::client::{Incoming, Said, posted_to};
use nexus_edge_mcp::rpc::{Id, Message, Response};

use super::call::Audience;
use super::remote::{AbortsWhenDropped, Hearing, MAX_BYTES, Nothing, Remote, Told, is_events};
use crate::platform::bytes::Chunks;
use crate::platform::now_ms;

/// Bytes before the address for messages.
const MAX_BEFORE: usize = 64 << 10;
/// The status of a message that was taken.
const ACCEPTED: u16 = 202;

/// An open stream.
pub struct EventStream {
    endpoint: String,
    chunks: Chunks,
    incoming: Incoming,
    _aborts: AbortsWhenDropped,
}

/// Why there is no stream.
pub enum NoStream {
    /// It was answered with a status that is none of success.
    Status(u16),
    /// What was answered cannot be used: the end of a sentence about the server.
    Unusable(&'static str),
    /// Nothing came.
    Nothing(Nothing),
}

impl EventStream {
    /// Opens the stream of a server and waits until it has said where messages are posted.
    pub async fn open(remote: &Remote<'_>) -> Result<Self, NoStream> {
        let aborts = AbortsWhenDropped::default();
        let opening = async { Ok(Self::opened(remote, aborts).await) };
        // Nothing that is said before the address extends the time.
        let began_ms = now_ms();
        remote.patiently(|| began_ms, opening).await.map_err(NoStream::Nothing)?
    }

    async fn opened(remote: &Remote<'_>, aborts: AbortsWhenDropped) -> Result<Self, NoStream> {
        let received = remote.get_events(&aborts).await.map_err(NoStream::Nothing)?;
        if !(200..300).contains(&received.status) {
            return Err(NoStream::Status(received.status));
        }
        let stream = received.body().filter(|_| is_events(&received));
        let stream =
            stream.ok_or(NoStream::Unusable("answers with something else than a stream of events"))?;
        let mut chunks = Chunks::new(stream, None);
        let mut incoming = Incoming::new(MAX_BEFORE, MAX_BYTES);
        while let Some(chunk) = chunks.next().await.map_err(|_| NoStream::Nothing(Nothing::Gone))? {
            let said = incoming.push(&chunk.to_vec());
            let said =
                said.map_err(|_| NoStream::Unusable("does not say first where messages are posted"))?;
            let endpoint = said.into_iter().find_map(|said| match said {
                Said::Endpoint(endpoint) => Some(endpoint),
                Said::Message(_) => None,
            });
            if let Some(endpoint) = endpoint {
                let endpoint = posted_to(&remote.record().url, &endpoint).map_err(NoStream::Unusable)?;
                return Ok(Self { endpoint, chunks, incoming, _aborts: aborts });
            }
        }
        Err(NoStream::Unusable("ends its stream of events before it says where messages are posted"))
    }

    /// Where messages are posted.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Posts a message and waits until the response to the request `id` is in the stream; only until it was taken where there is no `id`.
    pub async fn tell(
        &mut self,
        remote: &Remote<'_>,
        message: &Message,
        id: Option<&Id>,
        headers: &[(String, String)],
        audience: Audience<'_>,
    ) -> Result<Told, Nothing> {
        let Self { endpoint, chunks, incoming, .. } = self;
        let aborts = AbortsWhenDropped::default();
        let hearing = Hearing::new(remote, endpoint, headers, audience);
        let asking = async {
            let posting = remote.post(endpoint, message, headers, &aborts);
            let Some(id) = id else {
                return Ok(Told { status: posting.await?.status, session: None, response: None });
            };
            incoming.allow(MAX_BYTES);
            let reading = response(chunks, incoming, id, &hearing);
            pin_mut!(posting, reading);
            // The response may come before the message is said to be taken.
            let response = match select(posting, reading).await {
                Either::Left((posted, reading)) => match posted?.status {
                    200..300 => reading.await?,
                    status => return Ok(Told { status, session: None, response: None }),
                },
                Either::Right((response, _)) => response?,
            };
            Ok(Told { status: ACCEPTED, session: None, response: Some(response) })
        };
        remote.patiently(|| hearing.heard_ms(), asking).await
    }
}

async fn response(
    chunks: &mut Chunks,
    incoming: &mut Incoming,
    id: &Id,
    hearing: &Hearing<'_>,
) -> Result<Response, Nothing> {
    while let Some(chunk) = hearing.questions.beside(chunks.next()).await.map_err(|_| Nothing::Gone)? {
        let said = incoming.push(&chunk.to_vec()).map_err(|_| Nothing::Gone)?;
        if let Some(response) = hearing.take(said, id, ACCEPTED) {
            return Ok(response);
        }
    }
    Err(Nothing::Gone)
}
