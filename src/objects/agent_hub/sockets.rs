//! Connections of agents. The platform holds them, so the object may hibernate while they are open; what must survive that is
//! attached to the connection.

use nexus_edge_tunnel::frame::Up;
use worker::js_sys::{Date, Function, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Response, ResponseBuilder, Result, State, WebSocket, WebSocketIncomingMessage, WebSocketPair};

use super::attached::{Attached, close};
use super::call::{Opening, refusal};
use super::hub::Inside;
use crate::platform::{log_error, now_ms};

/// The subprotocol.
pub const SUBPROTOCOL: &str = "nexus.bridge.v2";
/// Most connections that have not said hello yet, and those that end.
const MAX_CONNECTIONS: usize = 16;

/// Opens a connection for a ticket. An error is the status and the code of the refusal.
pub fn open(inside: &Inside, opening: &Opening) -> Result<Response> {
    let now = now_ms();
    inside.tables.make()?;
    if opening.issued_ms < inside.tables.not_before()? {
        return refusal(401, "agent_token_revoked");
    }
    if !inside.tables.take_ticket(&opening.ticket, now, opening.expires_ms)? {
        return refusal(401, "ticket_used");
    }
    if inside.state.get_websockets().len() >= MAX_CONNECTIONS {
        return refusal(429, "too_many_connections");
    }
    let pair = WebSocketPair::new()?;
    inside.state.accept_web_socket(&pair.server);
    pair.server.serialize_attachment(Attached::new(&opening.agent_id))?;
    let response = ResponseBuilder::new().with_status(101).with_websocket(pair.client);
    Ok(response.with_header("sec-websocket-protocol", SUBPROTOCOL)?.empty())
}

/// Handles a message. One that is not valid ends the connection: both sides are programs of this project.
pub fn receive(inside: &Inside, socket: &WebSocket, message: WebSocketIncomingMessage) {
    let Some(attached) = Attached::of(socket) else {
        return close(socket, 1011, "the connection has lost its state");
    };
    let done = match (message, attached.epoch()) {
        (WebSocketIncomingMessage::Binary(bytes), Some(epoch)) => {
            inside.with(|machine, now| machine.part(now, epoch, &bytes))
        }
        (WebSocketIncomingMessage::String(text), epoch) => match Up::read(&text) {
            Err(error) => return close(socket, 1008, &short(&error.to_string())),
            Ok(None) => Ok(()),
            Ok(Some(Up::Hello(hello))) if epoch.is_none() => {
                if hello.agent_id != attached.agent_id() {
                    return close(socket, 1008, "the token belongs to another agent");
                }
                inside.greet(socket, |machine, now| {
                    let answered = last_answer(inside, machine.link().epoch);
                    machine.hello(now, answered, &hello)
                })
            }
            Ok(Some(frame)) => match epoch {
                Some(epoch) => inside.with(|machine, now| machine.frame(now, epoch, frame)),
                None => return close(socket, 1008, "the first frame must be hello"),
            },
        },
        (WebSocketIncomingMessage::Binary(_), None) => {
            return close(socket, 1008, "the first frame must be hello");
        }
    };
    if let Err(error) = done {
        log_error("agent hub", &error);
        // What was not stored must not be acknowledged: the agent sends it again over a new connection.
        close(socket, 1011, "the storage failed");
        closed(inside, socket);
    }
}

/// A connection has ended.
pub fn closed(inside: &Inside, socket: &WebSocket) {
    let Some(epoch) = Attached::of(socket).and_then(|attached| attached.epoch()) else { return };
    if let Err(error) = inside.with(|machine, now| machine.closed(now, epoch)) {
        log_error("agent hub", &error);
    }
}

/// When the platform answered a ping of this connection last, in milliseconds: for an agent that is not called the only sign of
/// life.
fn last_answer(inside: &Inside, epoch: u64) -> Option<u64> {
    let is_its = |socket: &WebSocket| Attached::of(socket).and_then(|it| it.epoch()) == Some(epoch);
    let socket = inside.state.get_websockets().into_iter().find(is_its)?;
    answered(&inside.state, &socket)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in milliseconds")]
fn answered(state: &State, socket: &WebSocket) -> Option<u64> {
    // The platform crate has no binding for it.
    let state: &JsValue = state.as_raw().as_ref();
    let ask: Function =
        Reflect::get(state, &"getWebSocketAutoResponseTimestamp".into()).ok()?.dyn_into().ok()?;
    let date: Date = ask.call1(state, socket.as_ref()).ok()?.dyn_into().ok()?;
    Some(date.get_time() as u64)
}

/// A reason fits into a close frame, which has room for 123 bytes.
fn short(text: &str) -> String {
    text.chars().filter(char::is_ascii).take(120).collect()
}
