//! Where the link is, and how its connections end. Pure.

use std::time::Duration;

use nexus_edge_tunnel::agent::reconnect::Failure;

/// Where the link is, for `agent status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// No gateway, or no token, is configured.
    Off,
    /// It tries to connect.
    Connecting,
    /// The gateway has welcomed the agent.
    Connected,
    /// It will try again; why the last try or connection ended.
    Waiting(String),
}

impl LinkState {
    /// For people and programs.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Connecting => "connecting".to_owned(),
            Self::Connected => "connected".to_owned(),
            Self::Waiting(why) => format!("waiting: {why}"),
        }
    }
}

/// How a try to connect, or a connection, ended.
#[derive(Debug)]
pub struct Ended {
    /// For the waiting times.
    pub failure: Failure,
    /// Milliseconds that the gateway asked to wait.
    pub retry_after_ms: Option<u64>,
    /// Why, for people. Without secrets.
    pub said: String,
}

impl Ended {
    /// There was no answer.
    pub fn unreachable(said: impl Into<String>) -> Self {
        Self { failure: Failure::Unreachable, retry_after_ms: None, said: said.into() }
    }
}

/// Milliseconds of a time.
pub fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
