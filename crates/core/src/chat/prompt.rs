//! Request bodies made from a session.

use serde_json::{Map, Value, json};

use super::config::SessionConfig;
use super::message::StoredMessage;

/// The sentence that introduces a summary.
const SUMMARY_HEADING: &str = "Summary of the conversation so far:";
/// The instruction to write a summary.
const SUMMARISE: &str = "You keep the notes of a conversation between a user and an assistant. Write the notes anew so \
    that they cover the old notes and the messages below. Keep facts, names, numbers, decisions, open questions and the \
    user's wishes; leave out what was only chatter. Write at most 300 words, in the language of the conversation. \
    Answer with the notes and nothing else.";
/// Most tokens of a summary.
const SUMMARY_TOKENS: u64 = 800;
/// Most characters of one message in the input of a summary.
const MAX_SUMMARISED_CHARS: usize = 8_000;

/// Suffix of the conversation of requests that summarise a session.
const SUMMARY_SUFFIX: &str = ".summary";

/// The conversation of the requests that summarise a session.
#[must_use]
pub fn summary_of(session_id: &str) -> String {
    format!("{session_id}{SUMMARY_SUFFIX}")
}

/// Whether a conversation consists of the gateway's own requests for summaries.
#[must_use]
pub fn is_summary(conversation_id: &str) -> bool {
    conversation_id.ends_with(SUMMARY_SUFFIX)
}

/// The body of a streamed request for the next message of a session.
#[must_use]
pub fn chat_body(
    model: &str,
    config: &SessionConfig,
    summary: Option<&str>,
    messages: &[StoredMessage],
) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    let system = match (config.system_prompt.as_deref(), summary) {
        (Some(prompt), Some(summary)) => Some(format!("{prompt}\n\n{SUMMARY_HEADING}\n{summary}")),
        (Some(prompt), None) => Some(prompt.to_owned()),
        (None, Some(summary)) => Some(format!("{SUMMARY_HEADING}\n{summary}")),
        (None, None) => None,
    };
    let system = system.map(|text| json!({ "role": "system", "content": text }));
    let messages: Vec<Value> =
        system.into_iter().chain(messages.iter().map(StoredMessage::to_request)).collect();
    body.insert("messages".into(), messages.into());
    config.write_to(&mut body);
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    Value::Object(body).to_string().into_bytes()
}

/// The body of a request for a summary of the previous summary and these messages.
#[must_use]
pub fn summary_body(model: &str, summary: Option<&str>, messages: &[StoredMessage]) -> Vec<u8> {
    let mut notes = String::new();
    if let Some(summary) = summary {
        notes.push_str("Old notes:\n");
        notes.push_str(summary);
        notes.push_str("\n\n");
    }
    notes.push_str("Messages:\n");
    for message in messages {
        let text: String = message.text().chars().take(MAX_SUMMARISED_CHARS).collect();
        notes.push_str(&message.role);
        notes.push_str(": ");
        notes.push_str(&text);
        notes.push('\n');
    }
    let body = json!({
        "model": model,
        "messages": [{ "role": "system", "content": SUMMARISE }, { "role": "user", "content": notes }],
        "max_tokens": SUMMARY_TOKENS,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_stands_in_for_what_is_left_out() {
        let config = SessionConfig {
            system_prompt: Some("Be brief.".into()),
            temperature: Some(0.5),
            ..Default::default()
        };
        let message = StoredMessage::new("m".into(), "t", "user", json!("Hi"), 0);
        let body: Value = serde_json::from_slice(&chat_body(
            "p/m",
            &config,
            Some("Notes."),
            std::slice::from_ref(&message),
        ))
        .unwrap();
        assert_eq!(body["model"], "p/m");
        assert_eq!(body["temperature"], 0.5);
        assert_eq!(body["stream_options"]["include_usage"], true);
        assert_eq!(body["messages"][0]["content"], format!("Be brief.\n\n{SUMMARY_HEADING}\nNotes."));
        assert_eq!(body["messages"][1], json!({ "role": "user", "content": "Hi" }));
        let plain: Value = serde_json::from_slice(&chat_body(
            "m",
            &SessionConfig::default(),
            None,
            std::slice::from_ref(&message),
        ))
        .unwrap();
        assert_eq!(plain["messages"].as_array().unwrap().len(), 1);
        let asked: Value = serde_json::from_slice(&summary_body("m", Some("Old."), &[message])).unwrap();
        assert_eq!(asked["messages"][1]["content"], "Old notes:\nOld.\n\nMessages:\nuser: Hi\n");
    }
}
