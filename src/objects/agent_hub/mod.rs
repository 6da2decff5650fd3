//! The hub of one agent: a Durable Object for each owner and agent.
//!
//! The rules are in [`nexus_edge_tunnel::hub`]; here are the storage, the connections, and the requests of the Worker. The name
//! of the object contains the owner, so that no caller can reach another's agent by its id. Connections hibernate: pings are answered
//! by the platform, and an agent that is not called costs nothing.
//!
//! Nothing wakes an object for a deadline. What is due is done when a request waits for it, or with whatever comes next: the agent
//! knows its deadlines itself, and a call that nothing waits for is ended when it is asked for.

mod answer;
mod attached;
mod call;
mod calls;
mod client;
mod hub;
mod offers;
mod sockets;
mod store;

use std::rc::Rc;

use worker::{
    DurableObject, Env, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    durable_object, worker_sys::WebSocketRequestResponsePair,
};

pub use call::{Approve, Cancel, Invoke, Named, Opening, Revoke, Target, Watch};
pub use client::{HubClient, read_answer};
use hub::Inside;
pub use offers::{Known, Offer, Offers};
pub use sockets::SUBPROTOCOL;

use crate::platform::log_error;

/// The hub of one agent.
#[durable_object]
pub struct AgentHub {
    inside: Rc<Inside>,
}

impl DurableObject for AgentHub {
    fn new(state: State, _env: Env) -> Self {
        // The platform answers this itself, without waking the object.
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self { inside: Inside::new(state) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        calls::answer(&Rc::clone(&self.inside), request).await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        sockets::receive(&self.inside, &socket, message);
        Ok(())
    }

    async fn websocket_close(
        &self,
        socket: WebSocket,
        code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        // Without this reply the agent would see an abnormal closure. Reserved close codes must not be sent.
        let code = u16::try_from(code).ok().filter(|code| matches!(code, 1000 | 3000..=4999));
        let _ = socket.close(Some(code.unwrap_or(1000)), Some(""));
        sockets::closed(&self.inside, &socket);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, error: worker::Error) -> Result<()> {
        log_error("agent connection", &error);
        sockets::closed(&self.inside, &socket);
        Ok(())
    }

    /// Once a day: forgets what is older.
    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.inside.forget().await {
            log_error("agent hub alarm", &error);
        }
        Response::ok("")
    }

    async fn connect(&self, socket: worker::Socket) -> Result<()> {
        drop(socket);
        Ok(())
    }
}
