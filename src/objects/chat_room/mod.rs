//! A chat session: one Durable Object each.
//!
//! The object is the authority over its session: history, settings, and the turn in progress. The list of sessions in
//! D1 is a copy that it writes. HTTP and WebSocket reach the same object, so there is one history. The name of the
//! object contains the caller's key id and the session's id, so that no caller can reach another's session by its id.
//!
//! Like the route table, the object is an entry point: it receives events and sends its turns down the pipeline.

mod attending;
mod call;
mod http;
mod questions;
mod queue;
mod room;
mod run;
mod sockets;
mod store;
mod summary;
mod tickets;
mod turn;
mod usage;

use std::rc::Rc;

use nexus_edge_backups::tables::class;
use worker::{
    DurableObject, Env, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    durable_object, worker_sys::WebSocketRequestResponsePair,
};

pub use call::{CALL_HEADER, Call, SOCKET_HEADER, SocketCall};
use room::Room;

use super::copy::{self, Copied};
use crate::envelope;
use crate::platform::log_error;

/// One session.
#[durable_object]
pub struct ChatRoom {
    room: Rc<Room>,
}

impl DurableObject for ChatRoom {
    fn new(state: State, env: Env) -> Self {
        // The platform answers this itself, without waking the object.
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self { room: Room::new(state, env) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let room = Rc::clone(&self.room);
        if request.path().starts_with(copy::PATH) {
            return copied(&room, &request.path(), &request.bytes().await?);
        }
        let answered = http::answer(&room, request).await;
        let answer = answered.unwrap_or_else(|(error, request_id)| envelope::failure(&error, &request_id));
        Ok(answer.into_js()?.into())
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        sockets::receive(&Rc::clone(&self.room), &socket, message).await;
        Ok(())
    }

    async fn websocket_close(
        &self,
        socket: WebSocket,
        code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        // Without this reply the client would see an abnormal closure. Reserved close codes must not be sent.
        let code = u16::try_from(code).ok().filter(|code| matches!(code, 1000 | 3000..=4999));
        let _ = socket.close(Some(code.unwrap_or(1000)), Some(""));
        self.ended(&socket);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, error: worker::Error) -> Result<()> {
        log_error("chat connection", &error);
        self.ended(&socket);
        Ok(())
    }

    /// Fires while turns run: if the object that ran them was evicted, this one ends them. And after a deletion, when
    /// nothing of the session has to be remembered any more.
    async fn alarm(&self) -> Result<Response> {
        let room = Rc::clone(&self.room);
        if let Err(error) = queue::wake(&room) {
            log_error("chat room alarm", &error);
        }
        if room.is_running() {
            run::set_heartbeat(&room).await;
        }
        if let Err(error) = tickets::clear(&room).await {
            log_error("tickets of a deleted session", &error);
        }
        Response::ok("")
    }

    async fn connect(&self, socket: worker::Socket) -> Result<()> {
        drop(socket);
        Ok(())
    }
}

impl ChatRoom {
    /// A connection has ended. It may have outlived the object that opened it, so the room may not be loaded.
    fn ended(&self, socket: &WebSocket) {
        if let Err(error) = queue::wake(&self.room) {
            return log_error("chat room", &error.code);
        }
        sockets::closed(&self.room, socket);
    }
}

/// Answers a call of [`copy`].
fn copied(room: &Room, path: &str, body: &[u8]) -> Result<Response> {
    let class = class("CHAT_ROOM").ok_or_else(|| worker::Error::RustError("not dumped".into()))?;
    let sql = room.state.storage().sql();
    match copy::answer(&sql, class, path, body, || room.store.make())? {
        Copied::Read(lines) => Response::ok(lines),
        Copied::Changed => {
            room.reload();
            Response::ok("")
        }
    }
}
