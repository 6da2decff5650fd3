//! What the agent says of itself, a line each, as text or as JSON. It goes to stderr, as stdout belongs to the protocol, or to
//! a file.
//!
//! Values are strings without secrets; arguments and results of calls are never among them.

mod file;

use std::io::Write;
use std::time::UNIX_EPOCH;

use nexus_edge_mcp::json::to_raw;

pub use self::file::LogFile;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// What stops the agent or a server.
    Error,
    /// What is wrong and does not stop it.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// What children say.
    Debug,
}

impl Level {
    /// The level of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug].into_iter().find(|level| level.as_str() == word)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// The log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log {
    /// How lines look.
    pub format: Format,
    /// What is said.
    pub level: Level,
    /// The file that it goes to. `None`, or one that cannot be written: stderr.
    pub file: Option<&'static LogFile>,
}

/// Named values of a line.
pub type Fields<'a> = &'a [(&'a str, &'a str)];

impl Log {
    /// Says what stops the agent or a server.
    pub fn error(self, message: &str, fields: Fields<'_>) {
        self.write(Level::Error, message, fields);
    }

    /// Says what is wrong.
    pub fn warn(self, message: &str, fields: Fields<'_>) {
        self.write(Level::Warn, message, fields);
    }

    /// Says what happens.
    pub fn info(self, message: &str, fields: Fields<'_>) {
        self.write(Level::Info, message, fields);
    }

    /// Says what children say.
    pub fn debug(self, message: &str, fields: Fields<'_>) {
        self.write(Level::Debug, message, fields);
    }

    fn write(self, level: Level, message: &str, fields: Fields<'_>) {
        if level > self.level {
            return;
        }
        let line = line(self.format, level, now_ms(), message, fields);
        if self.file.is_some_and(|file| file.add(&line)) {
            return;
        }
        // A log that cannot be written must not end the agent.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this crate never runs on wasm32")]
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn line(format: Format, level: Level, at_ms: u64, message: &str, fields: Fields<'_>) -> String {
    match format {
        Format::Text => {
            let mut text = format!("{:5} {message}", level.as_str());
            for (name, value) in fields {
                text.extend([" ", name, "=", &plain(value)]);
            }
            text.push('\n');
            text
        }
        Format::Json => {
            let mut members: Vec<String> = vec![
                format!("\"at_ms\":{at_ms}"),
                format!("\"level\":\"{}\"", level.as_str()),
                format!("\"message\":{}", to_raw(message)),
            ];
            members.extend(fields.iter().map(|(name, value)| format!("{}:{}", to_raw(name), to_raw(value))));
            format!("{{{}}}\n", members.join(","))
        }
    }
}

/// A value in a line for people: one word, or in quotes. Control characters cannot move the cursor of a terminal.
fn plain(value: &str) -> String {
    let simple = |c: char| c.is_ascii_graphic() && c != '"';
    if !value.is_empty() && value.chars().all(simple) { value.to_owned() } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_people_or_for_programs() {
        let fields: Fields<'_> = &[("server", "fs"), ("text", "a \"b\"\u{1b}[2J")];
        let text = line(Format::Text, Level::Warn, 5, "odd", fields);
        assert_eq!(text, "warn  odd server=fs text=\"a \\\"b\\\"\\u{1b}[2J\"\n");
        let json = line(Format::Json, Level::Warn, 5, "odd", fields);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"at_ms": 5, "level": "warn", "message": "odd", "server": "fs", "text": "a \"b\"\u{1b}[2J"})
        );
    }

    #[test]
    fn levels_are_words() {
        assert_eq!(Level::parse("warn"), Some(Level::Warn));
        assert_eq!(Level::parse("loud"), None);
        assert!(Level::Debug > Level::Error);
    }
}
