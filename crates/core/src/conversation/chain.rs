//! The hash chain over a history.
//!
//! `h0 = H(caller, model family, end user, system)`, `h_i = H(h_{i-1}, speaker_i, content_i)`, one step for each
//! [`Run`]. SHA-256, of which 128 bits are kept: enough that no two histories of a deployment ever meet by accident,
//! or by anybody's intent.

use std::fmt;

use sha2::{Digest, Sha256};

use super::normalise::{Run, Speaker, last_user_text, runs};
use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

/// Bytes of a key.
const KEY_BYTES: usize = 16;
/// Most earlier states of a conversation that are named, to find the one that was branched off.
const MAX_ANCESTORS: usize = 8;

/// A link of the chain: names a history up to some point. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainKey([u8; KEY_BYTES]);

impl ChainKey {
    fn of(hasher: Sha256) -> Self {
        let digest = hasher.finalize();
        let mut key = [0; KEY_BYTES];
        for (to, from) in key.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(key)
    }
}

impl fmt::Display for ChainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What a request says of the conversation that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The history up to the model's last turn; `None` if the model has not spoken yet.
    pub history: Option<ChainKey>,
    /// The histories up to the model's turns before that, the newest first; at most eight.
    pub ancestors: Vec<ChainKey>,
    /// The whole request, the new question included.
    pub question: ChainKey,
    /// The last thing that the person said, whatever came before it.
    pub last_words: Option<ChainKey>,
}

impl Fingerprint {
    /// The fingerprint of a request by `caller`.
    #[must_use]
    pub fn of(caller: &str, request: &ChatRequest) -> Self {
        let (mut key, runs) = begin(caller, request, None);
        let mut turns = Vec::new();
        let last = runs.len().saturating_sub(1);
        for (index, run) in runs.iter().enumerate() {
            key = step(key, run);
            // What the request itself puts into the model's mouth is the beginning of the answer, not a turn.
            if run.speaker == Speaker::Assistant && index < last {
                turns.push(key);
            }
        }
        turns.reverse();
        let mut turns = turns.into_iter();
        Self {
            history: turns.next(),
            ancestors: turns.take(MAX_ANCESTORS).collect(),
            question: key,
            last_words: last_user_text(&request.messages).map(|text| {
                let mut hasher = Sha256::new();
                for field in
                    ["last words", caller, request.user.as_deref().unwrap_or_default(), text.as_str()]
                {
                    absorb(&mut hasher, field.as_bytes());
                }
                ChainKey::of(hasher)
            }),
        }
    }

    /// The history up to and including the answer: what the next request will be looked up by.
    #[must_use]
    pub fn with_reply(caller: &str, request: &ChatRequest, reply: &[Part]) -> ChainKey {
        let reply = Message::new(Role::Assistant, reply.to_vec());
        let (key, runs) = begin(caller, request, Some(&reply));
        runs.iter().fold(key, step)
    }
}

/// The beginning of the chain, and the runs that are to be added to it.
fn begin(caller: &str, request: &ChatRequest, reply: Option<&Message>) -> (ChainKey, Vec<Run>) {
    let mut runs = runs(request.messages.iter().chain(reply));
    let mut hasher = Sha256::new();
    for field in
        ["conversation", caller, model_family(&request.model), request.user.as_deref().unwrap_or_default()]
    {
        absorb(&mut hasher, field.as_bytes());
    }
    if runs.first().is_some_and(|run| run.speaker == Speaker::System) {
        let system = runs.remove(0);
        for piece in system.pieces() {
            absorb(&mut hasher, piece.as_bytes());
        }
    }
    (ChainKey::of(hasher), runs)
}

fn step(before: ChainKey, run: &Run) -> ChainKey {
    let mut hasher = Sha256::new();
    hasher.update(before.0);
    hasher.update([run.speaker as u8]);
    for piece in run.pieces() {
        absorb(&mut hasher, piece.as_bytes());
    }
    ChainKey::of(hasher)
}

/// A field with its length before it, so that no two lists of fields are the same bytes.
fn absorb(hasher: &mut Sha256, field: &[u8]) {
    hasher.update((field.len() as u64).to_le_bytes());
    hasher.update(field);
}

/// The family that a model's name begins with (`gpt-5-mini` → `gpt`, `acme/claude-x` → `claude`): a person who goes on
/// with a sibling of the model goes on with the conversation.
#[must_use]
pub fn model_family(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let end = name.find(|c: char| !c.is_alphabetic()).unwrap_or(name.len());
    name.get(..end).filter(|family| !family.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (model, family) in [
            ("gpt-5-mini", "gpt"),
            ("acme/claude-sonnet-4-5", "claude"),
            ("qwen2.5", "qwen"),
            ("o3", "o"),
            ("7b-model", "7b-model"),
            ("", ""),
        ] {
            assert_eq!(model_family(model), family, "{model}");
        }
    }

    #[test]
    fn a_key_is_shown_in_hexadecimal() {
        let key = Fingerprint::of("k", &ChatRequest::default()).question;
        assert_eq!(key.to_string().len(), 32);
        assert!(key.to_string().bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
