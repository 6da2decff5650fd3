//! A session as a downloadable file.

use std::fmt::Write;

use serde_json::json;

use super::message::StoredMessage;
use super::session::Session;
use crate::error::ApiError;
use crate::time::rfc3339_ms;

/// A form of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The session and all messages as JSON.
    Json,
    /// One row per message.
    Csv,
    /// A readable text.
    Markdown,
}

impl Format {
    /// The format with this name.
    pub fn parse(name: &str) -> Result<Self, ApiError> {
        match name {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "markdown" | "md" => Ok(Self::Markdown),
            _ => Err(ApiError::invalid("invalid_value", "format", "`format` must be json, csv or markdown.")),
        }
    }

    /// The `content-type` of the file.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }

    /// The extension of the file.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
        }
    }
}

/// The file of a session.
#[must_use]
pub fn export(format: Format, session: &Session, messages: &[StoredMessage]) -> String {
    match format {
        Format::Json => json!({ "session": session, "messages": messages }).to_string(),
        Format::Csv => csv(messages),
        Format::Markdown => markdown(session, messages),
    }
}

fn csv(messages: &[StoredMessage]) -> String {
    let mut out = String::from(
        "id,turn_id,timestamp,role,content,tool_calls,model,provider,tokens_count,finish_reason\r\n",
    );
    for message in messages {
        let calls = message.tool_calls.as_ref().map(ToString::to_string).unwrap_or_default();
        let content = if message.content.is_array() { message.content.to_string() } else { message.text() };
        let fields = [
            message.id.as_str(),
            &message.turn_id,
            &rfc3339_ms(message.timestamp),
            &message.role,
            &content,
            &calls,
            message.model.as_deref().unwrap_or_default(),
            message.provider.as_deref().unwrap_or_default(),
            &message.tokens_count.to_string(),
            message.finish_reason.as_deref().unwrap_or_default(),
        ];
        out.push_str(&fields.map(csv_field).join(","));
        out.push_str("\r\n");
    }
    out
}

/// A field according to RFC 4180. One that a spreadsheet would take for a formula is prefixed with an apostrophe.
#[must_use]
pub fn csv_field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn markdown(session: &Session, messages: &[StoredMessage]) -> String {
    let mut out = format!("# {}\n", session.title);
    for message in messages {
        let who = match message.role.as_str() {
            "user" => "User",
            "assistant" => "Assistant",
            _ => "Tool",
        };
        let _ = write!(out, "\n## {who}, {}\n\n", rfc3339_ms(message.timestamp));
        let text = message.text();
        if !text.is_empty() {
            out.push_str(&text);
            out.push('\n');
        }
        if let Some(calls) = &message.tool_calls {
            let _ = write!(out, "\n```json\n{calls}\n```\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Session, Vec<StoredMessage>) {
        let mut session = Session::new("s", 0);
        session.title = "A title".into();
        let messages = vec![
            StoredMessage::new("m1".into(), "t", "user", json!("Say \"a, b\"\nplease"), 0),
            StoredMessage::new("m2".into(), "t", "assistant", json!("=1+1"), 1000),
        ];
        (session, messages)
    }

    #[test]
    fn every_format_holds_every_message() {
        let (session, messages) = sample();
        let whole: serde_json::Value =
            serde_json::from_str(&export(Format::Json, &session, &messages)).unwrap();
        assert_eq!(whole["messages"][1]["content"], "=1+1");
        let csv = export(Format::Csv, &session, &messages);
        assert!(csv.contains("\"Say \"\"a, b\"\"\nplease\""), "{csv}");
        assert!(csv.contains(",'=1+1,"), "{csv}");
        let page = export(Format::Markdown, &session, &messages);
        assert!(
            page.starts_with("# A title\n")
                && page.contains("## Assistant, 1970-01-01T00:00:01.000Z\n\n=1+1"),
            "{page}"
        );
    }

    #[test]
    fn only_known_formats() {
        assert_eq!(Format::parse("md").unwrap(), Format::Markdown);
        assert_eq!(Format::parse("pdf").unwrap_err().param.as_deref(), Some("format"));
    }
}
