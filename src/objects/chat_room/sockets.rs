//! Connections to a room. The platform holds them, so the object may hibernate while they are open; state that must
//! survive that is attached to the connection.

use std::rc::Rc;

use nexus_edge_core::chat::handshake::Version;
use nexus_edge_core::chat::inbox::Posted;
use nexus_edge_core::chat::protocol::{
    self, Ask, FRAME_WINDOW_MS, Frame, FrameBody, MAX_CONNECTIONS, MAX_FRAMES, Refusal,
};
use nexus_edge_core::chat::server_frame::{Hello, Limits, ServerFrame};
use nexus_edge_core::error::{ApiError, ErrorKind};
use serde::{Deserialize, Serialize};
use worker::{ResponseBuilder, WebSocket, WebSocketIncomingMessage, WebSocketPair};

use super::call::{Call, SocketCall};
use super::queue::{self, Accepted, accept};
use super::room::{Room, V1, V2, failed};
use crate::pipeline::{admit, authenticate};
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::{sessions, snapshot};

/// Number of messages that are sent to a client that was away for too long to resume frame by frame.
const CAUGHT_UP_MESSAGES: u64 = 200;

/// The attachment of a connection. Numbers are floats, as in JavaScript.
#[derive(Clone, Serialize, Deserialize)]
struct Attached {
    /// Names the connection within its room.
    id: String,
    is_v2: bool,
    /// Number of the last frame before the connection was opened: later ones were sent as they came.
    from_seq: f64,
    /// Beginning of the window in which its frames are counted, in milliseconds since the epoch.
    window_ms: f64,
    frames: u32,
    request_id: String,
    /// SHA-256 of the secret that opened it. Connections from before this was attached have none, and those of pages that act as a
    /// key without having it; they go on as long as the key is good.
    #[serde(default)]
    key_hash: Option<String>,
}

/// Refuses a ticket that has been used.
pub fn check_ticket(room: &Room, socket: &SocketCall) -> Result<(), ApiError> {
    match &socket.ticket {
        Some(ticket) if room.store.is_used(ticket).map_err(failed)? => Err(ticket_used()),
        _ => Ok(()),
    }
}

fn ticket_used() -> ApiError {
    ApiError::unauthorized("ticket_used", "The ticket has been used already.")
}

/// Closes all connections of a deleted session. A frame says so first: the platform ends the connection of a client that
/// has never sent anything some 10 s after the close frame, and only then do most clients report it as closed.
pub fn close_all(room: &Room) {
    for socket in room.state.get_websockets_with_tag(V2) {
        send(&socket, &ServerFrame::Deleted.to_json());
    }
    for socket in room.state.get_websockets() {
        let _ = socket.close(Some(1000), Some("the session was deleted"));
    }
}

/// Opens a connection.
pub fn open(room: &Rc<Room>, call: &Call, socket: &SocketCall) -> Result<Response, ApiError> {
    if room.connections() >= MAX_CONNECTIONS {
        let message = format!("The session has {MAX_CONNECTIONS} connections already.");
        let error = ApiError::new(429, ErrorKind::RateLimit, "too_many_connections", message);
        return Err(error.with_retry_after(5));
    }
    if let Some(ticket) = &socket.ticket
        && !room.store.take_ticket(ticket, now_ms()).map_err(failed)?
    {
        return Err(ticket_used());
    }
    let pair = WebSocketPair::new().map_err(failed)?;
    let tag = if socket.is_v2 { V2 } else { V1 };
    room.state.accept_websocket_with_tags(&pair.server, &[tag]);
    let attached = Attached {
        id: new_ulid(now_ms()),
        is_v2: socket.is_v2,
        from_seq: as_number(room.seq()),
        window_ms: as_number(now_ms()),
        frames: 0,
        request_id: call.request_id.clone(),
        key_hash: Some(call.key_hash.clone()).filter(|hash| !hash.is_empty()),
    };
    pair.server.serialize_attachment(attached).map_err(failed)?;
    if socket.is_v2 {
        send(&pair.server, &hello(room)?);
        if let Some(last_seq) = socket.last_seq {
            replay(room, &pair.server, last_seq, room.seq())?;
        }
    }
    let mut response = ResponseBuilder::new().with_status(101).with_websocket(pair.client);
    if let Some(subprotocol) = &socket.subprotocol {
        response = response.with_header("sec-websocket-protocol", subprotocol).map_err(failed)?;
    }
    Ok(Response::of_platform(response.empty().into()))
}

/// A connection has ended.
pub fn closed(room: &Rc<Room>, socket: &WebSocket) {
    let is_other = |other: &WebSocket| other.as_ref() != socket.as_ref();
    if !room.state.get_websockets().iter().any(is_other) {
        let task = Rc::clone(room);
        room.tasks().wait_until(async move { note_connected(&task, None).await });
    }
}

/// Notes in the list of sessions since when there is a connection, or that there is none.
pub async fn note_connected(room: &Room, since: Option<u64>) {
    let Ok(record) = room.record() else { return };
    let (key_id, id) = (&record.owner.key_id, &record.session.id);
    if let Err(error) = sessions::note_connected(&room.env, key_id, id, since).await {
        log_error("the list of sessions", &error);
    }
}

fn hello(room: &Room) -> Result<String, ApiError> {
    let (record, active_turn) = (room.record()?, room.current_turn());
    let (approvals, inputs) = (room.questions.approvals(), room.questions.inputs());
    let session = &record.session;
    let hello = Hello {
        protocol: 2,
        session_id: &session.id,
        title: &session.title,
        model: session.model.as_deref(),
        provider: session.ai_provider.as_deref(),
        last_seq: room.seq(),
        oldest_seq: room.store.oldest_seq().map_err(failed)?,
        active_turn: active_turn.as_deref(),
        approvals: &approvals,
        inputs: &inputs,
        limits: Limits::default(),
    };
    Ok(ServerFrame::Hello(hello).to_json())
}

/// Sends a connection all frames after `last_seq` up to `up_to`, or the history if they are no longer stored.
fn replay(room: &Room, socket: &WebSocket, last_seq: u64, up_to: u64) -> Result<(), ApiError> {
    let oldest = room.store.oldest_seq().map_err(failed)?;
    if last_seq > up_to || (last_seq + 1 < oldest && oldest > 0) {
        let messages: Vec<_> = room
            .store
            .messages_before(None, CAUGHT_UP_MESSAGES)
            .map_err(failed)?
            .into_iter()
            .map(|(_, message)| message)
            .collect();
        send(socket, &ServerFrame::History { last_seq: up_to, messages: &messages }.to_json());
        return Ok(());
    }
    for frame in room.store.frames(last_seq, up_to).map_err(failed)? {
        send(socket, &frame);
    }
    Ok(())
}

/// Handles a message. An invalid message does not close the connection; far too many messages do. Messages of a
/// connection are answered in order.
pub async fn receive(room: &Rc<Room>, socket: &WebSocket, message: WebSocketIncomingMessage) {
    let Ok(Some(mut attached)) = socket.deserialize_attachment::<Attached>() else {
        let _ = socket.close(Some(1011), Some("the connection has lost its state"));
        return;
    };
    let version = if attached.is_v2 { Version::V2 } else { Version::V1 };
    match count(socket, &mut attached) {
        Ok(()) => {}
        Err(None) => return,
        // Refused at once, without queueing, so that the queue stays short.
        Err(Some(error)) => return send(socket, &Refusal::of(error).to_json(version)),
    }
    // An invalid frame is answered when its turn comes; until then only the error is held, not the frame.
    let (frame, bytes) = read(version, message);
    let reference = frame.as_ref().map_or_else(|refusal| refusal.reference, |frame| frame.seq);
    match room.inboxes.post(&attached.id, frame, bytes) {
        Posted::Begin => {}
        Posted::Waits => return,
        Posted::Full => {
            let refusal = Refusal { reference, error: protocol::inbox_full() };
            return send(socket, &refusal.to_json(version));
        }
    }
    while let Some(frame) = room.inboxes.next(&attached.id) {
        let answered = match frame {
            Ok(frame) => answer(room, socket, &attached, version, frame).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = answered {
            send(socket, &refusal.to_json(version));
            // The owner's key is gone or has another secret: nothing more can be said here.
            if refusal.error.status == 401 {
                let _ = socket.close(Some(1008), Some("the key of this connection is not valid any more"));
                return;
            }
        }
    }
}

/// Parses a frame and returns it with the number of bytes that it takes in memory, roughly.
fn read(version: Version, message: WebSocketIncomingMessage) -> (Result<Frame, Refusal>, usize) {
    let WebSocketIncomingMessage::String(text) = message else {
        return (Err(Refusal::of(protocol::not_text())), 0);
    };
    let frame = protocol::parse(version, &text);
    let bytes = if frame.is_ok() { text.len() } else { 0 };
    (frame, bytes)
}

/// Applies the connection's rate limit. `Err(None)`: the connection was closed because it ignored the limit.
fn count(socket: &WebSocket, attached: &mut Attached) -> Result<(), Option<ApiError>> {
    let now = as_number(now_ms());
    if now - attached.window_ms >= as_number(FRAME_WINDOW_MS) {
        (attached.window_ms, attached.frames) = (now, 0);
    }
    attached.frames += 1;
    if let Err(error) = socket.serialize_attachment(attached.clone()) {
        log_error("connection state", &error);
    }
    if attached.frames > MAX_FRAMES * 3 {
        let _ = socket.close(Some(1008), Some("too many frames"));
        return Err(None);
    }
    if attached.frames > MAX_FRAMES {
        return Err(Some(protocol::too_many_frames()));
    }
    Ok(())
}

async fn answer(
    room: &Rc<Room>,
    socket: &WebSocket,
    attached: &Attached,
    version: Version,
    Frame { seq, body }: Frame,
) -> Result<(), Refusal> {
    let refuse = |error: ApiError| Refusal { reference: seq, error };
    queue::wake(room).map_err(refuse)?;
    match body {
        FrameBody::Hello { last_seq } => {
            if let Some(last_seq) = last_seq {
                // Frames after the connection was opened were sent to it already.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let up_to = attached.from_seq as u64;
                replay(room, socket, last_seq, up_to).map_err(refuse)?;
            }
            if version == Version::V2 {
                send(socket, &hello(room).map_err(refuse)?);
            }
        }
        FrameBody::Approve(decided) => {
            check_secret(room, attached).await.map_err(refuse)?;
            room.questions.decide(&decided).map_err(refuse)?;
        }
        FrameBody::Answer(given) => {
            check_secret(room, attached).await.map_err(refuse)?;
            room.questions.give(&given).map_err(refuse)?;
        }
        FrameBody::Ping => {
            send(socket, &ServerFrame::Pong { reference: seq }.to_json());
        }
        FrameBody::Stop { turn_id } => {
            let is_stopped = queue::stop(room, turn_id.as_deref()).map_err(refuse)?;
            if !is_stopped {
                let message = "No such turn is being answered.";
                return Err(refuse(ApiError::conflict("no_active_turn", "turn_id", message)));
            }
        }
        FrameBody::Ask(ask) => {
            let request_id = format!("req_{}", new_ulid(now_ms()));
            check_secret(room, attached).await.map_err(refuse)?;
            let provider = provider_name(room, &ask).await.map_err(refuse)?;
            take_rate(room).await.map_err(refuse)?;
            let accepted = accept(room, *ask, provider, &request_id).map_err(refuse)?;
            if version == Version::V2 {
                let Accepted { turn_id, is_duplicate } = &accepted;
                let ack = ServerFrame::Ack { reference: seq, turn_id, duplicate: *is_duplicate };
                send(socket, &ack.to_json());
            }
            queue::start(room);
        }
    }
    Ok(())
}

/// Checks that the secret that opened the connection is still valid, or where a page opened it without one, that the key is.
async fn check_secret(room: &Room, attached: &Attached) -> Result<(), ApiError> {
    let (host, record) = (room.host()?, room.record()?);
    match &attached.key_hash {
        Some(hash) => authenticate::check_secret(&host, &record.owner, hash).await,
        None => authenticate::of_owner(&host, &record.owner).await.map(|_| ()),
    }
}

/// Applies the key's limit on streamed turns, which is shared with HTTP.
async fn take_rate(room: &Room) -> Result<(), ApiError> {
    let record = room.record()?;
    let host = room.host()?;
    admit::chat_turn(&host, "stream", &record.owner.key_id, host.settings.chat_stream_per_minute).await
}

/// The name of the provider with the id that the client sent, if its key may use it.
pub async fn provider_name(room: &Rc<Room>, ask: &Ask) -> Result<Option<String>, ApiError> {
    let Some(id) = ask.provider_id else { return Ok(None) };
    let record = room.record()?;
    let host = room.host()?;
    let principal = authenticate::of_owner(&host, &record.owner).await?;
    let snapshot = snapshot::current(&host).await?;
    let name = snapshot
        .offers_for(&principal)
        .find(|offer| offer.upstream.record.id == id)
        .map(|offer| offer.upstream.record.name.clone());
    name.map(Some).ok_or_else(|| {
        ApiError::not_found("provider_not_found", "There is no provider with this id, or not for this key.")
            .with_param("provider_id")
    })
}

fn send(socket: &WebSocket, text: &str) {
    // The platform reports closed connections itself.
    let _ = socket.send_with_str(text);
}

#[expect(clippy::cast_precision_loss, reason = "counts and times, below 2^53")]
fn as_number(value: u64) -> f64 {
    value as f64
}
