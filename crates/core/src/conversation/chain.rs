//! The hash chain over a history.
//!
//! `h0 = H(model family, system)`, `h_i = H(h_{i-1}, speaker_i, content_i)`, one step for each [`Run`], and every key
//! in the scope of its caller and end user.
//!
//! The scope is a SHA-256 hash, so that no caller can reach the conversations of another. Within a scope `H` is XXH3
//! with 128 bits, seeded with the scope: accidental collisions are practically impossible, and to make one on purpose a caller must know the
//! other history, in which case they are recognised as its author anyway. Every request is hashed, and XXH3 costs a
//! tenth of SHA-256.

use std::fmt;

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::Xxh3;

use super::normalise::{Piece, Run, Speaker, last_user_text, runs};
use crate::dialect::canonical::{ChatRequest, Part};

/// Most earlier states of a conversation that are included, to find the one that a branch starts from.
const MAX_ANCESTORS: usize = 8;

/// A link of the chain: identifies a history up to some point. Shown as 48 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainKey {
    scope: u64,
    link: u128,
}

impl ChainKey {
    /// The hash within its scope.
    pub(super) fn hash(self) -> u128 {
        self.link
    }

    /// A short form of it, enough to tell the links of one conversation apart. 16 hexadecimal digits.
    #[must_use]
    pub fn link(&self) -> String {
        format!("{:016x}", self.link >> 64)
    }
}

impl fmt::Display for ChainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{:032x}", self.scope, self.link)
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The hashes of a request that identify its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The history up to the model's last turn; `None` if there is no such turn yet.
    pub history: Option<ChainKey>,
    /// The histories up to earlier turns of the model, newest first; at most eight.
    pub ancestors: Vec<ChainKey>,
    /// The whole request, the new question included.
    pub question: ChainKey,
    /// The system prompt and the first message after it, which all turns of a conversation have in common.
    pub root: ChainKey,
    /// The last message of the user, independent of the history.
    pub last_words: Option<ChainKey>,
    /// The state that the answer continues: the chain before the model's turn, and what the request prefilled of it.
    before_reply: (ChainKey, Option<Run<'static>>),
}

impl Fingerprint {
    /// The fingerprint of a request by `caller`. If that contains a secret, hashes tell nothing of what was said to readers
    /// who do not have it.
    #[must_use]
    pub fn of(caller: &str, request: &ChatRequest) -> Self {
        let scope = scope_of(caller, request.user.as_deref().unwrap_or_default());
        let mut runs = runs(&request.messages).into_iter().peekable();
        let mut hasher = Xxh3::with_seed(scope);
        absorb(&mut hasher, b'b', model_family(&request.model));
        if let Some(system) = runs.next_if(|run| run.speaker == Speaker::System) {
            absorb_all(&mut hasher, system.pieces());
        }
        let mut key = ChainKey { scope, link: hasher.digest128() };
        let mut turns = Vec::new();
        let mut before_reply = None;
        let mut root = None;
        while let Some(run) = runs.next() {
            let after = step(key, &run);
            root.get_or_insert(after);
            if run.speaker == Speaker::Assistant {
                if runs.peek().is_some() {
                    turns.push(after);
                } else {
                    // What the request prefills is the beginning of the answer, not a turn.
                    before_reply = Some((key, Some(run.into_owned())));
                }
            }
            key = after;
        }
        let mut turns = turns.into_iter().rev();
        Self {
            history: turns.next(),
            ancestors: turns.take(MAX_ANCESTORS).collect(),
            question: key,
            root: root.unwrap_or(key),
            last_words: last_user_text(&request.messages).map(|text| {
                let mut hasher = Xxh3::with_seed(scope);
                absorb(&mut hasher, b'l', &text);
                ChainKey { scope, link: hasher.digest128() }
            }),
            before_reply: before_reply.unwrap_or((key, None)),
        }
    }

    /// The history up to and including the answer, by which the next request will be looked up.
    #[must_use]
    pub fn with_reply(&self, reply: &[Part]) -> ChainKey {
        let (before, begun) = &self.before_reply;
        let mut run = begun.clone().unwrap_or_else(|| Run::new(Speaker::Assistant));
        run.take_in(reply);
        step(*before, &run)
    }
}

/// Separates callers, and the end users of one caller.
fn scope_of(caller: &str, user: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update((caller.len() as u64).to_le_bytes());
    hasher.update(caller);
    hasher.update(user);
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |scope, byte| scope << 8 | u64::from(*byte))
}

fn step(before: ChainKey, run: &Run<'_>) -> ChainKey {
    let mut hasher = Xxh3::new();
    hasher.update(&before.link.to_le_bytes());
    hasher.update(&[run.speaker as u8]);
    absorb_all(&mut hasher, run.pieces());
    ChainKey { scope: before.scope, link: hasher.digest128() }
}

fn absorb_all(hasher: &mut Xxh3, pieces: &[Piece<'_>]) {
    for piece in pieces {
        absorb(hasher, piece.kind, &piece.text);
    }
}

/// A field with its length before it, so that different lists of fields never give the same bytes.
fn absorb(hasher: &mut Xxh3, kind: u8, text: &str) {
    hasher.update(&[kind]);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// The family that a model's name begins with (`gpt-5-mini` → `gpt`, `acme/claude-x` → `claude`): a user who switches
/// to a sibling of the model continues the conversation.
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
        assert_eq!(key.to_string().len(), 48);
        assert!(key.to_string().bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
