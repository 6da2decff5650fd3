//! Finds out the era of a server: `server/discover` first, `initialize` only if that says that the server is legacy.
//!
//! Guarantees:
//! - A server that answers `server/discover` with a version of ours is never asked to `initialize`: some servers fix the
//!   era by the first request and refuse the other one afterwards.
//! - An answer that says nothing about the era (401, 403, 408, 429, 5xx, a broken connection) ends in
//!   [`ProbeFailure::Inconclusive`], which must not be remembered.
//! - A process that exits because of the probe is started once more and asked to `initialize` only.
//! - It ends: after at most four requests and one restart.
//!
//! The machine has no clock: who drives it decides how long a start may take, and says [`Heard::Silence`] then.
//! Sources: *Backward Compatibility* of the transports stdio and streamable HTTP, 2026-07-28.

use serde_json::value::RawValue;

use super::{Peer, Transport};
use crate::envelope::{self, ClientIdentity};
use crate::json::{Members, string};
use crate::method::{INITIALIZED, Method};
use crate::rpc::{Notification, RpcError, code};
use crate::version::{Era, Version};

/// Which era is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// Whichever the server speaks.
    #[default]
    Auto,
    /// `initialize` only.
    Legacy,
    /// `server/discover` only.
    Modern,
}

/// A request to send.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `server/discover` or `initialize`.
    pub method: Method,
    /// Its parameters.
    pub params: Box<RawValue>,
}

/// What came of the last request.
#[derive(Debug, Clone)]
pub enum Heard {
    /// Its result.
    Result(Box<RawValue>),
    /// Its error, over HTTP with any status.
    Error(RpcError),
    /// An answer with an error status whose body is no JSON-RPC error.
    Status(u16),
    /// Nothing within the time that a start may take.
    Silence,
    /// The process ended, or the connection could not be made or broke.
    Gone,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this and say what came of it.
    Ask(Ask),
    /// End the process and start it again, then send this.
    Restart(Ask),
    /// Open the stream of the transport HTTP+SSE (2024-11-05), then send this over it.
    OpenEventStream(Ask),
    /// The era is known. The notification must be sent before anything else.
    Ready(Peer, Option<Notification>),
    /// It cannot be used.
    Failed(ProbeFailure),
}

/// Why a server cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProbeFailure {
    /// It speaks no version of ours.
    #[error("the server speaks only {}", .0.join(", "))]
    NoCommonVersion(Vec<String>),
    /// It refused the handshake or the discovery.
    #[error("the server refused: {0}")]
    Refused(RpcError),
    /// It answered with a status that says nothing about the era.
    #[error("the server answered with status {0}")]
    Inconclusive(u16),
    /// It did not answer in time.
    #[error("the server did not answer in time")]
    Silent,
    /// It ended, or the connection broke.
    #[error("the server ended or closed the connection before it answered")]
    Gone,
    /// Only the modern era is wanted, over a transport that it does not have.
    #[error("the transport HTTP+SSE has no modern version")]
    OlderTransport,
    /// It answered something else than the protocol says.
    #[error("the server's answer is not one of the protocol: {0}")]
    Unusable(String),
}

impl ProbeFailure {
    /// Whether the next attempt may come out differently, so that nothing may be concluded from this one.
    #[must_use]
    pub const fn is_inconclusive(&self) -> bool {
        matches!(self, Self::Inconclusive(_) | Self::Silent | Self::Gone)
    }
}

/// The request that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Discover,
    Initialize,
    /// `initialize` over the transport of 2024-11-05.
    InitializeOverEvents,
}

/// The machine.
#[derive(Debug)]
pub struct Probe {
    identity: ClientIdentity,
    preference: Preference,
    transport: Transport,
    waiting: Waiting,
    /// `initialize` has been refused as too old, so that there is nothing to fall back to.
    refused: bool,
    restarted: bool,
}

impl Probe {
    /// A probe of a server, and what to do first. `remembered` is the era that an earlier probe of the same configuration
    /// found: it is tried first, and the other one if the server has changed.
    #[must_use]
    pub fn begin(
        identity: ClientIdentity,
        preference: Preference,
        transport: Transport,
        remembered: Option<Era>,
    ) -> (Self, Step) {
        let legacy = match preference {
            Preference::Auto => remembered == Some(Era::Legacy),
            Preference::Legacy => true,
            Preference::Modern => false,
        };
        let over_events = transport == Transport::EventStream;
        let mut probe = Self {
            identity,
            preference,
            transport,
            waiting: Waiting::Discover,
            refused: false,
            restarted: false,
        };
        let step = match preference {
            Preference::Modern if over_events => Step::Failed(ProbeFailure::OlderTransport),
            _ if over_events => probe.open_events(),
            _ if legacy => Step::Ask(probe.initialize()),
            _ => Step::Ask(probe.discover()),
        };
        (probe, step)
    }

    /// What to do after the last request came to this.
    pub fn hear(&mut self, heard: Heard) -> Step {
        match self.waiting {
            Waiting::Discover => self.hear_discover(heard),
            Waiting::Initialize | Waiting::InitializeOverEvents => self.hear_initialize(heard),
        }
    }

    fn hear_discover(&mut self, heard: Heard) -> Step {
        match heard {
            Heard::Result(result) => self.hear_discovery(&result),
            Heard::Error(error) if error.code == code::UNSUPPORTED_VERSION => {
                let supported = supported_versions(&error);
                if Version::common(&supported, Era::Legacy).is_some() {
                    return self.fall_back(ProbeFailure::NoCommonVersion(supported));
                }
                Step::Failed(ProbeFailure::NoCommonVersion(supported))
            }
            Heard::Error(error) if error.is_modern() => Step::Failed(ProbeFailure::Refused(error)),
            Heard::Error(error) => self.fall_back(ProbeFailure::Refused(error)),
            Heard::Status(status) if inconclusive(status) => Step::Failed(ProbeFailure::Inconclusive(status)),
            Heard::Status(status) => self.fall_back(ProbeFailure::Inconclusive(status)),
            Heard::Silence if self.transport == Transport::Stdio => self.fall_back(ProbeFailure::Silent),
            Heard::Silence => Step::Failed(ProbeFailure::Silent),
            Heard::Gone if self.transport == Transport::Stdio && !self.restarted => {
                if self.preference == Preference::Modern || self.refused {
                    return Step::Failed(ProbeFailure::Gone);
                }
                self.restarted = true;
                Step::Restart(self.initialize())
            }
            Heard::Gone => Step::Failed(ProbeFailure::Gone),
        }
    }

    fn hear_discovery(&mut self, result: &RawValue) -> Step {
        let Ok(members) = Members::parse(result.get()) else {
            return Step::Failed(ProbeFailure::Unusable("the result is no object".to_owned()));
        };
        let Some(theirs) = members.read::<Vec<String>>("supportedVersions") else {
            // Some server answers every method with an empty result.
            return self.fall_back(ProbeFailure::Unusable("`supportedVersions` is missing".to_owned()));
        };
        // A clean answer is no proof: a server of both eras may answer it and still have only legacy versions.
        match Version::common(&theirs, Era::Modern) {
            Some(version) => Step::Ready(Peer::discovered(version, self.reached(), &members), None),
            None if Version::common(&theirs, Era::Legacy).is_some() => {
                self.fall_back(ProbeFailure::NoCommonVersion(theirs))
            }
            None => Step::Failed(ProbeFailure::NoCommonVersion(theirs)),
        }
    }

    fn hear_initialize(&mut self, heard: Heard) -> Step {
        match heard {
            Heard::Result(result) => {
                let Ok(members) = Members::parse(result.get()) else {
                    return Step::Failed(ProbeFailure::Unusable("the result is no object".to_owned()));
                };
                let theirs = members.text("protocolVersion").unwrap_or_default();
                match Version::parse(&theirs).filter(|version| version.era() == Era::Legacy) {
                    Some(version) => {
                        let initialized = Notification { method: INITIALIZED.to_owned(), params: None };
                        Step::Ready(Peer::initialized(version, self.reached(), &members), Some(initialized))
                    }
                    None => Step::Failed(ProbeFailure::NoCommonVersion(vec![theirs])),
                }
            }
            Heard::Error(error) if error.code == code::UNSUPPORTED_VERSION => {
                // The server has become modern since its era was remembered, or its answer to the probe came too late.
                let supported = supported_versions(&error);
                let modern =
                    Version::common(&supported, Era::Modern).is_some() && self.waiting == Waiting::Initialize;
                if modern && !self.refused && self.preference != Preference::Legacy {
                    self.refused = true;
                    return Step::Ask(self.discover());
                }
                Step::Failed(ProbeFailure::NoCommonVersion(supported))
            }
            Heard::Error(error) => Step::Failed(ProbeFailure::Refused(error)),
            Heard::Status(400 | 404 | 405) if self.waiting == Waiting::Initialize => self.open_events(),
            Heard::Status(status) => Step::Failed(ProbeFailure::Inconclusive(status)),
            Heard::Silence => Step::Failed(ProbeFailure::Silent),
            Heard::Gone => Step::Failed(ProbeFailure::Gone),
        }
    }

    /// Tries the handshake, unless only the modern era is wanted or the handshake has been refused already.
    fn fall_back(&mut self, failure: ProbeFailure) -> Step {
        if self.preference == Preference::Modern || self.refused {
            return Step::Failed(failure);
        }
        Step::Ask(self.initialize())
    }

    fn open_events(&mut self) -> Step {
        let ask = self.initialize();
        self.waiting = Waiting::InitializeOverEvents;
        Step::OpenEventStream(ask)
    }

    /// The transport that the server has been found to speak.
    fn reached(&self) -> Transport {
        match self.waiting {
            Waiting::InitializeOverEvents => Transport::EventStream,
            Waiting::Discover | Waiting::Initialize => self.transport,
        }
    }

    fn discover(&mut self) -> Ask {
        self.waiting = Waiting::Discover;
        // No parameters, so there is nothing that could be wrong with them.
        let params = envelope::wrap(None, Version::NEWEST, &self.identity, None);
        Ask { method: Method::Discover, params: params.unwrap_or_else(|_| Members::default().write()) }
    }

    fn initialize(&mut self) -> Ask {
        self.waiting = Waiting::Initialize;
        let mut params = Members::default();
        params.set("protocolVersion", string(Version::NEWEST_LEGACY.as_str()));
        params.set("capabilities", self.identity.capabilities.clone());
        params.set("clientInfo", self.identity.info.clone());
        Ask { method: Method::Initialize, params: params.write() }
    }
}

/// A status that says nothing about the era of a server.
const fn inconclusive(status: u16) -> bool {
    matches!(status, 401 | 403 | 408 | 429 | 300..=399 | 500..)
}

fn supported_versions(error: &RpcError) -> Vec<String> {
    let data = Members::of(error.data.as_deref()).unwrap_or_default();
    data.read("supported").unwrap_or_default()
}

#[cfg(test)]
mod tests;
