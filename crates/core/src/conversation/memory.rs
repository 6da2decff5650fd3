//! What is remembered under a key of the chain, and what follows from it.

use serde::{Deserialize, Serialize};

use super::ChainKey;

/// A conversation that nobody has gone on with for this long, in milliseconds, is forgotten.
pub const WINDOW_MS: u64 = 30 * 60 * 1000;
/// Most continuations of one history that are told apart; beyond that the oldest is forgotten.
const MAX_CONTINUATIONS: usize = 8;

/// What is stored under the key of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The conversation that the history belongs to.
    #[serde(rename = "c")]
    pub conversation: String,
    /// How it went on: the question as the text of its key, and the conversation that it went on in.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    continuations: Vec<(String, String)>,
}

impl Remembered {
    /// A history that has not been continued.
    #[must_use]
    pub fn new(conversation: impl Into<String>) -> Self {
        Self { conversation: conversation.into(), continuations: Vec::new() }
    }

    /// Notes that the history was continued by `question` in `conversation`. False if that was known.
    pub fn continue_with(&mut self, question: ChainKey, conversation: &str) -> bool {
        let question = question.to_string();
        if self.continuations.iter().any(|(known, _)| *known == question) {
            return false;
        }
        if self.continuations.len() >= MAX_CONTINUATIONS {
            self.continuations.remove(0);
        }
        self.continuations.push((question, conversation.to_owned()));
        true
    }
}

/// Which conversation a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognition {
    /// To this one.
    Known(String),
    /// To a new one, which goes on from a point of this one where it went on in another way before.
    Branch {
        /// The conversation that was branched off.
        parent: String,
    },
    /// To a new one.
    New,
}

/// Recognises a request with this `question` by what was found under its history, or, of a request without any, under
/// its last words.
#[must_use]
pub fn recognise(question: ChainKey, has_history: bool, found: Option<&Remembered>) -> Recognition {
    let Some(found) = found else { return Recognition::New };
    if !has_history || found.continuations.is_empty() {
        return Recognition::Known(found.conversation.clone());
    }
    let question = question.to_string();
    match found.continuations.iter().find(|(known, _)| *known == question) {
        // The same question again: an answer that was lost, or is wanted anew.
        Some((_, conversation)) => Recognition::Known(conversation.clone()),
        None => Recognition::Branch { parent: found.conversation.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Fingerprint;
    use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

    fn question(text: &str) -> ChainKey {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, vec![Part::text(text)])],
            ..ChatRequest::default()
        };
        Fingerprint::of("k", &request).question
    }

    #[test]
    fn a_second_way_on_is_a_branch_and_the_same_way_is_not() {
        let mut found = Remembered::new("one");
        assert_eq!(recognise(question("b"), true, Some(&found)), Recognition::Known("one".into()));
        assert!(found.continue_with(question("b"), "one"));
        assert!(!found.continue_with(question("b"), "one"));
        assert_eq!(recognise(question("b"), true, Some(&found)), Recognition::Known("one".into()));
        assert_eq!(
            recognise(question("c"), true, Some(&found)),
            Recognition::Branch { parent: "one".into() }
        );
        found.continue_with(question("c"), "two");
        assert_eq!(recognise(question("c"), true, Some(&found)), Recognition::Known("two".into()));
        assert_eq!(recognise(question("c"), true, None), Recognition::New);
        assert_eq!(recognise(question("x"), false, Some(&found)), Recognition::Known("one".into()));
    }

    #[test]
    fn what_is_stored_is_small_and_bounded() {
        let mut found = Remembered::new("one");
        assert_eq!(serde_json::to_string(&found).unwrap(), r#"{"c":"one"}"#);
        for i in 0..50 {
            found.continue_with(question(&i.to_string()), "x");
        }
        let json = serde_json::to_string(&found).unwrap();
        assert!(json.len() < 512, "{}", json.len());
        assert_eq!(serde_json::from_str::<Remembered>(&json).unwrap(), found);
    }
}
