//! Common parts of several upstream codecs: the order of a history, joining texts, reading events, recognising repeated ones, ordering
//! the parts of an answer, reading its usage, listing the parameters that a request sets.

pub mod arguments;
pub mod blocks;
pub mod constraints;
pub mod history;
pub mod joined;
pub mod node;
pub mod openai_models;
pub mod paragraph;
pub mod parameters;
pub mod parts;
pub mod repeated;
pub mod sse;
pub mod told;
pub mod tool_choice;
pub mod turns;
pub mod union;
pub mod usage;
pub mod verdict;

use serde_json::Number;

use super::canonical::Json;
use crate::json::lenient;

/// A count as services write it: absent, `null` or with a decimal point.
pub fn count(number: Option<&Number>) -> u64 {
    let Some(number) = number else { return 0 };
    number
        .as_u64()
        .or_else(|| number.as_f64().and_then(|value| format!("{value:.0}").parse().ok()))
        .unwrap_or_default()
}

/// The time of an answer in seconds since the epoch. Services also write milliseconds, microseconds and nanoseconds, and zero
/// where they have none.
pub fn seconds(created: u64) -> Option<u64> {
    const BELOW_MILLISECONDS: u64 = 100_000_000_000;
    let mut seconds = created;
    while seconds >= BELOW_MILLISECONDS {
        seconds /= 1000;
    }
    (seconds > 0).then_some(seconds)
}

/// The arguments of a tool call as text, or a piece of it: providers write them as a string of JSON, or as the JSON
/// itself.
pub fn arguments_text(arguments: Option<&Json>) -> String {
    arguments.map(|arguments| lenient::arguments(arguments.raw()).into_owned()).unwrap_or_default()
}

/// Whether something in the place of a tool call is one: services write an empty one beside the content.
pub fn is_call(name: Option<&str>, arguments: &str) -> bool {
    name.is_some_and(|name| !name.is_empty()) || !matches!(arguments.trim(), "" | "{}" | "null")
}

/// The letters and digits of an id, for deriving other ids.
pub fn alphanumeric(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// An id for a tool call whose provider gave none. The same call gets the same id, streamed and not; calls of
/// different answers get different ones if the provider's answers have ids.
pub fn call_id(unique: &str, choice: usize, part: usize) -> String {
    if unique.is_empty() { format!("call_{choice}_{part}") } else { format!("call_{unique}_{choice}_{part}") }
}

/// Bytes of an unparsable error body that are shown.
const SHOWN_BYTES: usize = 300;

/// A message for an error body that cannot be parsed: its text if it is plain text, but never a page of HTML.
pub fn unreadable_error(status: u16, body: &[u8]) -> String {
    let head = body.get(..body.len().min(SHOWN_BYTES)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let text = text.trim();
    if text.is_empty() || text.starts_with(['<', '{', '[']) {
        format!("The provider answered with status {status}.")
    } else {
        format!("The provider answered with status {status}: {text}")
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
pub mod testing_repeats;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_arguments_in_their_odd_spellings() {
        let number = |text: &str| serde_json::from_str::<Number>(text).ok();
        assert_eq!(count(number("7").as_ref()), 7);
        assert_eq!(count(number("7.0").as_ref()), 7);
        assert_eq!(count(number("-7").as_ref()), 0);
        assert_eq!(count(None), 0);
        for (json, text) in [(r#""{\"a\":1}""#, r#"{"a":1}"#), (r#"{"a" :1}"#, r#"{"a" :1}"#), ("null", "")] {
            assert_eq!(arguments_text(Json::parse(json).as_ref()), text);
        }
    }

    #[test]
    fn pages_are_not_shown() {
        assert!(!unreadable_error(502, b"<html>x").contains("html"));
        assert!(unreadable_error(502, b"no route").contains("no route"));
    }
}
