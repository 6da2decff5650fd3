//! The latest turns of a conversation as a text in its row, by which other isolates recognise it.
//!
//! A turn is three links of the hash chain, 16 hexadecimal digits each: the history that the request continued (dots if
//! none), the request with its question, and the history with the answer. Turns follow each other without separators, the
//! oldest first.

use super::{ChainKey, Fingerprint};

/// Characters of a link.
pub const LINK: usize = 16;
/// Characters of a turn.
pub const TURN: usize = 3 * LINK;
/// Most turns of a row.
pub const MAX_TURNS: usize = 5;

const NONE: &str = "................";

/// A turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'a> {
    /// The history that the request continued.
    pub history: Option<&'a str>,
    /// The request with its question.
    pub question: &'a str,
    /// The history with the answer.
    pub answered: &'a str,
}

/// The turn of a request, which was answered by what leads to `answered`.
#[must_use]
pub fn write(print: &Fingerprint, answered: ChainKey) -> String {
    let history = print.history.map_or_else(|| NONE.to_owned(), |history| history.link());
    format!("{history}{}{}", print.question.link(), answered.link())
}

/// The turns of a text. What is not of their form is left out.
pub fn read(turns: &str) -> impl Iterator<Item = Turn<'_>> {
    let turn = |at: usize| {
        let link = |n: usize| turns.get(at + n * LINK..at + (n + 1) * LINK);
        Some(Turn { history: link(0).filter(|link| *link != NONE), question: link(1)?, answered: link(2)? })
    };
    (0..turns.len() / TURN).filter_map(move |index| turn(index * TURN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

    #[test]
    fn turns_come_back() {
        let say = |role, text: &str| Message::new(role, vec![Part::text(text)]);
        let mut messages = vec![say(Role::User, "a")];
        let mut text = String::new();
        for _ in 0..2 {
            let print =
                Fingerprint::of("k", &ChatRequest { messages: messages.clone(), ..ChatRequest::default() });
            text.push_str(&write(&print, print.with_reply(&[Part::text("r")])));
            messages.extend([say(Role::Assistant, "r"), say(Role::User, "b")]);
        }
        assert_eq!(text.len(), 2 * TURN);
        let turns: Vec<Turn<'_>> = read(&text).collect();
        assert_eq!((turns[0].history, turns[1].history), (None, Some(turns[0].answered)));
        assert_eq!(read("short").count(), 0);
    }
}
