//! Chat sessions: the history is on the server, with access over HTTP and WebSocket.
//!
//! The rules of a session are here, without a clock, a socket or a store: which frames are valid, which part of the
//! history goes to the model, what an answer adds up to, how a session is exported. The session's Durable Object
//! stores what these functions return and sends their frames.

pub mod agent_tools;
pub mod answer;
pub mod approval;
pub mod config;
pub mod envelope;
pub mod event;
pub mod export;
mod fault;
pub mod handshake;
pub mod http_turn;
pub mod inbox;
pub mod input;
pub mod message;
pub mod prompt;
pub mod protocol;
pub mod server_frame;
pub mod session;
pub mod title;
pub mod turn;
pub mod window;
