//! Content rules: what is logged, masked or blocked in requests and answers, whole and streamed.
//!
//! [`rules`] selects the rules that apply to a key, a model and a direction. [`scanner`] searches one text, which may arrive in
//! pieces: it holds back only as much as a detector may still need. [`document`] walks through a JSON document, [`whole`] edits
//! requests and complete answers, [`stream`] the events of a streamed answer in its caller's dialect. [`vault`] remembers what was
//! masked in a request, so that the answer can have it back. [`spoken`] is for answers of operations that are not chats. [`guard`] has the traits that content rules and external guards
//! ([`external`]) share.
//!
//! Guarantees:
//! - a text that arrives in any pieces has the same things masked, blocked and noted as at once, and no character is split;
//! - at most [`scanner::MAX_HELD`] bytes of a text are held back, and the time is linear in its length, whatever it contains;
//! - what no rule concerns keeps its bytes;
//! - no rule, note or error contains the text that it found.
//!
//! It knows no clock and no network.

pub mod content;
pub mod credentials;
pub mod detector;
pub mod document;
pub mod external;
pub mod framing;
pub mod guard;
pub mod phrases;
pub mod rules;
pub mod scanner;
pub mod spoken;
pub mod stream;
pub mod trial;
pub mod vault;
pub mod whole;
pub mod words;

#[cfg(test)]
mod tests;
