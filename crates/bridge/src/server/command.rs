//! What the task of a server is told.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::call::{Call, CallResult};
use super::settings::Settings;

/// What a server is told.
pub enum Command {
    /// Make a call.
    Call(Call, oneshot::Sender<CallResult>),
    /// Give a call up, for a reason.
    Cancel(String, String),
    /// Run.
    Wake,
    /// Run, although it has failed.
    Retry,
    /// Watch these resources, and no others.
    Watch(BTreeSet<String>),
    /// Other settings for the same child.
    Change(Box<Settings>),
    /// End after the calls in flight.
    Drain,
    /// End.
    Stop,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}
