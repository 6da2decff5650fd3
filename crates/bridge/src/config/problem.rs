//! What is wrong with a configuration, and on which line.

use std::fmt;

/// Whether the agent may run with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but says something that has no effect. `config validate` refuses it as well.
    Warning,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong. Never contains the value of a secret.
    pub message: String,
}

impl Problem {
    /// A complaint that makes the configuration unusable.
    #[must_use]
    pub fn error(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, line, message: message.into() }
    }

    /// A complaint that leaves the configuration usable.
    #[must_use]
    pub fn warning(line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, line, message: message.into() }
    }

    /// Whether the configuration cannot be used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}
