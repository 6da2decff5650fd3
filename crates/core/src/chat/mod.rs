//! Chat sessions: history on the server, spoken to over HTTP and over WebSocket.
//!
//! What a session does is decided here, without a clock, a socket or a store: which frames are valid, which part of
//! the history goes to the model, what an answer adds up to, how a session is exported. The Durable Object that holds
//! a session keeps what these functions return and sends what they say.

pub mod answer;
pub mod config;
pub mod envelope;
pub mod event;
pub mod export;
pub mod handshake;
pub mod inbox;
pub mod message;
pub mod prompt;
pub mod protocol;
pub mod session;
pub mod title;
pub mod window;
