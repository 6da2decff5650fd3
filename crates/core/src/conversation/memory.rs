//! What is known of all conversations that begin with the same messages, and recognition by it.
//!
//! It is made of the turns in the rows of these conversations, which every later turn can find from its history, and of what
//! this isolate has answered itself.

use super::archive::Fresh;
use super::turns::{self, Turn};
use super::{ChainKey, Fingerprint};

/// After this many milliseconds without a turn a conversation is no longer recognised.
pub const WINDOW_MS: u64 = 30 * 60 * 1000;
/// Most states that are held; beyond that the oldest are dropped.
const MAX_STATES: usize = 48;
/// Most continuations of one state; beyond that the oldest is dropped.
const MAX_CONTINUATIONS: usize = 8;

/// A state of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Its link in the chain, in short form.
    link: String,
    /// The conversation that it belongs to.
    conversation: String,
    /// Its continuations: link of the question, and the conversation if it is another one.
    continuations: Vec<(String, Option<String>)>,
}

/// What is known of all histories with the same beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Oldest first.
    states: Vec<State>,
}

/// The result of adding a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembrance {
    /// Which messages of the request are new.
    pub fresh: Fresh,
    /// The conversation that it branched off, if the request continues from an earlier state of one.
    pub parent: Option<String>,
    /// The turn, for the row of the conversation; empty where none is remembered.
    pub turn: String,
}

impl Remembered {
    /// What the rows of conversations tell, each its id and its [`turns`], the oldest conversation first.
    #[must_use]
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut remembered = Self::default();
        for (conversation, turns) in rows {
            for turn in turns::read(turns) {
                remembered.add(turn, conversation);
            }
        }
        remembered.forget_oldest();
        remembered
    }

    fn add(&mut self, Turn { history, question, answered }: Turn<'_>, conversation: &str) {
        match history {
            None => self.put_if_new(question, conversation),
            Some(history) => {
                // Its own state may be among those that are not stored any more.
                self.put_if_new(history, conversation);
                if let Some(state) = self.states.iter_mut().find(|state| state.link == history)
                    && !state.continuations.iter().any(|(known, _)| known == question)
                {
                    let elsewhere = (state.conversation != conversation).then(|| conversation.to_owned());
                    state.continuations.push((question.to_owned(), elsewhere));
                }
            }
        }
        self.put_if_new(answered, conversation);
    }

    fn put_if_new(&mut self, link: &str, conversation: &str) {
        if !self.states.iter().any(|state| state.link == link) {
            let (link, conversation) = (link.to_owned(), conversation.to_owned());
            self.states.push(State { link, conversation, continuations: Vec::new() });
        }
    }

    /// Whether a state is known.
    #[must_use]
    pub fn knows(&self, key: ChainKey) -> bool {
        self.find(key).is_some()
    }

    /// Number of links in it, each of which takes some hundred bytes of memory at most.
    #[must_use]
    pub fn links(&self) -> usize {
        self.states.iter().map(|state| 1 + state.continuations.len()).sum()
    }

    /// Merges what other isolates have stored in the meantime.
    pub fn merge(&mut self, other: Self) {
        for state in other.states {
            match self.states.iter_mut().find(|known| known.link == state.link) {
                Some(known) => {
                    let is_new = |way: &(String, Option<String>)| !known.continuations.contains(way);
                    let new: Vec<_> = state.continuations.into_iter().filter(is_new).collect();
                    known.continuations.extend(new);
                    let excess = known.continuations.len().saturating_sub(MAX_CONTINUATIONS);
                    known.continuations.drain(..excess);
                }
                None => self.states.push(state),
            }
        }
        self.forget_oldest();
    }

    /// Adds a turn that was answered in `conversation`; `answered` is the history up to and including the answer.
    pub fn note_turn(&mut self, print: &Fingerprint, answered: ChainKey, conversation: &str) -> Remembrance {
        let remembrance = match print.history {
            None => {
                self.put(print.question, conversation);
                Remembrance { fresh: Fresh::All, parent: None, turn: String::new() }
            }
            Some(history) => match self.continue_with(history, print.question, conversation) {
                Some(remembrance) => remembrance,
                None => Remembrance {
                    fresh: Fresh::All,
                    parent: self.parent_of(print, conversation),
                    turn: String::new(),
                },
            },
        };
        let turn = turns::write(print, answered);
        self.put(answered, conversation);
        self.forget_oldest();
        Remembrance { turn, ..remembrance }
    }

    fn find(&self, key: ChainKey) -> Option<&State> {
        let link = key.link();
        self.states.iter().rev().find(|state| state.link == link)
    }

    fn put(&mut self, key: ChainKey, conversation: &str) {
        let link = key.link();
        self.states.retain(|state| state.link != link);
        self.states.push(State { link, conversation: conversation.to_owned(), continuations: Vec::new() });
    }

    /// Adds a continuation to a state; `None` if the state is not known.
    fn continue_with(
        &mut self,
        history: ChainKey,
        question: ChainKey,
        conversation: &str,
    ) -> Option<Remembrance> {
        let (link, question) = (history.link(), question.link());
        let state = self.states.iter_mut().find(|state| state.link == link)?;
        let is_branch = state.conversation != conversation;
        let parent = is_branch.then(|| state.conversation.clone());
        if state.continuations.iter().any(|(known, _)| *known == question) {
            return Some(Remembrance { fresh: Fresh::Nothing, parent, turn: String::new() });
        }
        if state.continuations.len() >= MAX_CONTINUATIONS {
            state.continuations.remove(0);
        }
        state.continuations.push((question, is_branch.then(|| conversation.to_owned())));
        let fresh = if is_branch { Fresh::All } else { Fresh::SinceLastAnswer };
        Some(Remembrance { fresh, parent, turn: String::new() })
    }

    /// The conversation of the latest known earlier state of the history.
    fn parent_of(&self, print: &Fingerprint, conversation: &str) -> Option<String> {
        let found = print.ancestors.iter().find_map(|ancestor| self.find(*ancestor))?;
        Some(found.conversation.clone()).filter(|parent| parent != conversation)
    }

    fn forget_oldest(&mut self) {
        let excess = self.states.len().saturating_sub(MAX_STATES);
        self.states.drain(..excess);
    }
}

/// Which conversation a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognition {
    /// To this one.
    Known(String),
    /// To a new one that branches off this one, because its state was continued differently before.
    Branch {
        /// The conversation that it branches off.
        parent: String,
    },
    /// To a new one.
    New,
}

/// Recognises a request by what is known of its beginning.
#[must_use]
pub fn recognise(print: &Fingerprint, remembered: &Remembered) -> Recognition {
    let Some(history) = print.history else {
        let again = remembered.find(print.question);
        return again.map_or(Recognition::New, |state| Recognition::Known(state.conversation.clone()));
    };
    let Some(state) = remembered.find(history) else { return Recognition::New };
    if state.continuations.is_empty() {
        return Recognition::Known(state.conversation.clone());
    }
    let question = print.question.link();
    match state.continuations.iter().find(|(known, _)| *known == question) {
        // The same question again: a retry or a regeneration.
        Some((_, elsewhere)) => {
            Recognition::Known(elsewhere.clone().unwrap_or_else(|| state.conversation.clone()))
        }
        None => Recognition::Branch { parent: state.conversation.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_merged_again_and_again_stays_bounded() {
        let mut all = Remembered::default();
        for round in 0..200 {
            let way = |n: usize| (format!("{round}-{n}"), None);
            let state = |link: usize| State {
                link: format!("{}", link + round),
                conversation: "c".into(),
                continuations: (0..MAX_CONTINUATIONS).map(way).collect(),
            };
            all.merge(Remembered { states: (0..20).map(state).collect() });
            assert!(all.states.len() <= MAX_STATES);
            assert!(all.links() <= MAX_STATES * (1 + MAX_CONTINUATIONS), "{}", all.links());
        }
    }
    use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

    /// A history of texts, the user's first, then alternating.
    fn print(texts: &[&str]) -> Fingerprint {
        let message = |(index, text): (usize, &&str)| {
            let role = if index % 2 == 0 { Role::User } else { Role::Assistant };
            Message::new(role, vec![Part::text(*text)])
        };
        let messages = texts.iter().enumerate().map(message).collect();
        Fingerprint::of("k", &ChatRequest { messages, ..ChatRequest::default() })
    }

    fn turn(remembered: &mut Remembered, texts: &[&str], reply: &str, conversation: &str) -> Remembrance {
        let print = print(texts);
        let answered = print.with_reply(&[Part::text(reply)]);
        remembered.note_turn(&print, answered, conversation)
    }

    #[test]
    fn a_second_way_on_is_a_branch_and_the_same_way_is_not() {
        let mut remembered = Remembered::default();
        assert_eq!(recognise(&print(&["a"]), &remembered), Recognition::New);
        assert_eq!(turn(&mut remembered, &["a"], "1", "one").fresh, Fresh::All);
        assert_eq!(recognise(&print(&["a"]), &remembered), Recognition::Known("one".into()));
        let on = print(&["a", "1", "b"]);
        assert_eq!(recognise(&on, &remembered), Recognition::Known("one".into()));
        assert_eq!(turn(&mut remembered, &["a", "1", "b"], "2", "one").fresh, Fresh::SinceLastAnswer);
        assert_eq!(turn(&mut remembered, &["a", "1", "b"], "2", "one").fresh, Fresh::Nothing);
        assert_eq!(recognise(&on, &remembered), Recognition::Known("one".into()));
        let other = print(&["a", "1", "c"]);
        assert_eq!(recognise(&other, &remembered), Recognition::Branch { parent: "one".into() });
        let branched = turn(&mut remembered, &["a", "1", "c"], "3", "two");
        assert_eq!((branched.fresh, branched.parent.as_deref()), (Fresh::All, Some("one")));
        assert_eq!(recognise(&other, &remembered), Recognition::Known("two".into()));
        assert_eq!(
            recognise(&print(&["a", "1", "c", "3", "d"]), &remembered),
            Recognition::Known("two".into())
        );
    }

    #[test]
    fn a_history_that_was_edited_knows_where_it_was_left() {
        let mut remembered = Remembered::default();
        turn(&mut remembered, &["a"], "1", "one");
        turn(&mut remembered, &["a", "1", "b"], "2", "one");
        let edited = ["a", "1", "b", "another", "c"];
        assert_eq!(recognise(&print(&edited), &remembered), Recognition::New);
        assert_eq!(turn(&mut remembered, &edited, "3", "two").parent.as_deref(), Some("one"));
    }

    #[test]
    fn what_isolates_remember_is_merged() {
        let (mut here, mut there) = (Remembered::default(), Remembered::default());
        turn(&mut here, &["a"], "1", "one");
        there.merge(here.clone());
        turn(&mut there, &["a", "1", "b"], "2", "one");
        here.merge(there);
        assert!(here.knows(print(&["a", "1", "b", "2", "c"]).history.unwrap()));
        assert_eq!(
            recognise(&print(&["a", "1", "c"]), &here),
            Recognition::Branch { parent: "one".into() },
            "how a state went on is merged, too"
        );
    }

    #[test]
    fn what_is_held_is_bounded_and_what_rows_tell_is_enough_for_the_next_turn_and_for_a_branch() {
        let mut remembered = Remembered::default();
        let mut texts = vec!["a".to_owned()];
        let mut row = String::new();
        for index in 0..100 {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            row.push_str(&turn(&mut remembered, &borrowed, &format!("reply {index}"), "one").turn);
            texts.extend([format!("reply {index}"), format!("question {index}")]);
        }
        assert!(remembered.states.len() <= MAX_STATES);
        let kept = &row[row.len() - turns::MAX_TURNS * turns::TURN..];
        let elsewhere = Remembered::of_rows([("one", kept)]);
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(recognise(&print(&borrowed), &elsewhere), Recognition::Known("one".into()));
        let back = borrowed.len() - 2;
        let again = [&borrowed[..back - 1], &["something else"]].concat();
        assert_eq!(recognise(&print(&again), &elsewhere), Recognition::Branch { parent: "one".into() });
        let same = &borrowed[..back];
        assert_eq!(recognise(&print(same), &elsewhere), Recognition::Known("one".into()), "a retry");
    }

    #[test]
    fn rows_of_a_conversation_and_its_branch_tell_what_the_isolate_that_wrote_them_knows() {
        let mut remembered = Remembered::default();
        let mut one = turn(&mut remembered, &["a"], "1", "one").turn;
        one.push_str(&turn(&mut remembered, &["a", "1", "b"], "2", "one").turn);
        let two = turn(&mut remembered, &["a", "1", "c"], "3", "two").turn;
        let elsewhere = Remembered::of_rows([("one", one.as_str()), ("two", two.as_str())]);
        for history in [
            &["a"][..],
            &["a", "1", "b"],
            &["a", "1", "c"],
            &["a", "1", "d"],
            &["a", "1", "b", "2", "e"],
            &["a", "1", "c", "3", "f"],
            &["z", "1", "c"],
        ] {
            let print = print(history);
            assert_eq!(recognise(&print, &elsewhere), recognise(&print, &remembered), "{history:?}");
        }
    }
}
