//! How a command ended, for people and for programs.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Done,
    /// It could not be done.
    Failed,
    /// The configuration cannot be used.
    Config,
    /// The gateway refused the agent's key.
    Credentials,
    /// An agent runs already.
    InUse,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0_u8,
            End::Failed => 1,
            End::Config => 2,
            End::Credentials => 3,
            End::InUse => 4,
        })
    }
}

/// A command that could not be done: how it ended, and why, for people.
#[derive(Debug)]
pub struct Failure {
    /// How it ended.
    pub end: End,
    /// Why.
    pub said: String,
}

impl Failure {
    /// A failure that has no code of its own.
    pub fn new(said: impl Into<String>) -> Self {
        Self { end: End::Failed, said: said.into() }
    }

    /// The configuration cannot be used.
    pub fn config(said: impl Into<String>) -> Self {
        Self { end: End::Config, said: said.into() }
    }
}
