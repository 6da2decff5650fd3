//! Random histories: what is said by whom, in any order and with any mistake that clients make.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// One thing that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A word that is to arrive.
    Word,
    /// Text without words.
    Empty,
    /// White space.
    Blank,
    Picture,
    Document,
    /// A thought, with or without its signature.
    Thought(bool),
    Redacted,
    /// A call with the id of this number.
    Call(u8),
    Refusal,
    /// Content of a kind that only its provider knows.
    Unknown,
}

/// A result.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The number of the call.
    pub call: u8,
    pub content: Vec<Piece>,
    pub failed: bool,
}

/// A message, or several if the dialect has one for each result.
#[derive(Debug, Clone)]
pub enum Step {
    System(Vec<Piece>),
    Developer(Vec<Piece>),
    User(Vec<Piece>),
    Assistant(Vec<Piece>),
    Results(Vec<Answer>),
}

/// A history and what else is asked.
#[derive(Debug, Clone)]
pub struct History {
    pub steps: Vec<Step>,
    /// Which of several spellings of the dialect is used.
    pub form: u8,
    pub declares_tools: bool,
    pub thinks: bool,
    /// The name of the tool.
    pub tool: &'static str,
    /// What ids of calls begin with.
    pub id: &'static str,
}

fn text() -> impl Strategy<Value = Piece> {
    prop_oneof![6 => Just(Piece::Word), 1 => Just(Piece::Empty), 1 => Just(Piece::Blank)]
}

fn users_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![5 => text(), 1 => Just(Piece::Picture), 1 => Just(Piece::Document)]
}

fn said_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => text(),
        4 => (0..4_u8).prop_map(Piece::Call),
        2 => any::<bool>().prop_map(Piece::Thought),
        1 => Just(Piece::Redacted),
        1 => Just(Piece::Refusal),
        1 => Just(Piece::Unknown),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let content = prop_oneof![
        4 => vec(text(), 0..3),
        1 => vec(select(vec![Piece::Word, Piece::Picture]), 1..3),
    ];
    (0..4_u8, content, any::<bool>()).prop_map(|(call, content, failed)| Answer { call, content, failed })
}

/// A round as it should be, with calls of these numbers.
fn round() -> impl Strategy<Value = Vec<Step>> {
    let answers = vec((answer(), any::<bool>()), 1..4);
    (answers, any::<bool>(), any::<bool>()).prop_map(|(answers, thinks, says)| {
        let mut pieces = Vec::new();
        pieces.extend(thinks.then_some(Piece::Thought(true)));
        pieces.extend(says.then_some(Piece::Word));
        let mut results = Vec::new();
        for (number, (answer, _)) in answers.into_iter().enumerate() {
            let call = 10 + u8::try_from(number).unwrap_or_default();
            pieces.push(Piece::Call(call));
            results.push(Answer { call, ..answer });
        }
        vec![Step::Assistant(pieces), Step::Results(results)]
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        3 => vec(users_piece(), 0..4).prop_map(|pieces| vec![Step::User(pieces)]),
        3 => vec(said_piece(), 0..5).prop_map(|pieces| vec![Step::Assistant(pieces)]),
        3 => vec(answer(), 1..4).prop_map(|answers| vec![Step::Results(answers)]),
        1 => vec(text(), 0..3).prop_map(|pieces| vec![Step::System(pieces)]),
        1 => vec(text(), 0..3).prop_map(|pieces| vec![Step::Developer(pieces)]),
        1 => round(),
    ]
}

/// Names that some services accept and others do not.
const TOOLS: &[&str] = &[
    "look_up",
    "files.look/up",
    "2nd",
    "nachschlagen_für_alle",
    "a_name_of_more_than_sixty-four_characters_as_servers_of_tools_make_them_up",
];
/// The same of ids.
const IDS: &[&str] =
    &["call_", "functions.look_up:", "call_of_more_than_forty_characters_with_a_signature_", "é "];

/// Any history.
pub fn history() -> impl Strategy<Value = History> {
    (vec(steps(), 1..8), any::<u8>(), any::<bool>(), any::<bool>(), select(TOOLS), select(IDS)).prop_map(
        |(steps, form, declares_tools, thinks, tool, id)| History {
            steps: steps.concat(),
            form,
            declares_tools,
            thinks,
            tool,
            id,
        },
    )
}
