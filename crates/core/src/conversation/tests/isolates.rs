//! Several isolates serve several clients, of which many begin alike: who is recognised by what an isolate holds and by the rows of
//! the database, as `store/conversations.rs` joins them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::conversation::turns::{MAX_TURNS, TURN};
use crate::conversation::{Fingerprint, Recognition, Remembered, recognise};
use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

const CLIENTS: usize = 4;
const ISOLATES: usize = 3;
/// Most conversations with the same beginning that are compared, as in the store.
const MAX_COMPARED: usize = 20;

#[derive(Debug, Clone)]
struct Step {
    client: usize,
    isolate: usize,
    /// The client begins anew.
    begins: bool,
}

/// What a client has said and heard, and the conversation of its last answer.
#[derive(Clone, Default)]
struct Client {
    said: Vec<String>,
    conversation: Option<String>,
}

fn print(said: &[String]) -> Fingerprint {
    let message = |(index, text): (usize, &String)| {
        let role = if index % 2 == 0 { Role::User } else { Role::Assistant };
        Message::new(role, vec![Part::text(text.as_str())])
    };
    let messages = said.iter().enumerate().map(message).collect();
    Fingerprint::of("k", &ChatRequest { messages, ..ChatRequest::default() })
}

/// What the store finds for a history: rows that know it first.
fn read(rows: &BTreeMap<String, String>, history: &str) -> Remembered {
    let mut found: Vec<_> = rows.iter().collect();
    found.sort_by_key(|(_, turns)| !turns.contains(history));
    found.truncate(MAX_COMPARED);
    found.sort();
    Remembered::of_rows(found.into_iter().map(|(id, turns)| (id.as_str(), turns.as_str())))
}

fn run(steps: &[Step]) {
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    let mut held = vec![Remembered::default(); ISOLATES];
    let mut clients = vec![Client::default(); CLIENTS];
    for (number, step) in steps.iter().enumerate() {
        let client = &mut clients[step.client];
        if step.begins {
            *client = Client::default();
        }
        let is_first = client.said.is_empty();
        client.said.push(if is_first { "the same opening".into() } else { format!("question {number}") });
        let print = print(&client.said);
        let mut remembered = held[step.isolate].clone();
        let mut is_stored = false;
        if let Some(history) = print.history {
            let link = history.link();
            is_stored = rows.values().any(|turns| turns.contains(&link));
            if !remembered.knows(history) {
                remembered.merge(read(&rows, &link));
            }
        }
        let is_known = print.history.is_some_and(|history| remembered.knows(history));
        assert!(
            is_known || !is_stored,
            "step {number}: a turn that is stored is found, however many began alike"
        );
        let id = match recognise(&print, &remembered) {
            Recognition::Known(id) => id,
            Recognition::Branch { .. } | Recognition::New => format!("c{number:04}"),
        };
        if is_known {
            assert_eq!(Some(&id), client.conversation.as_ref(), "step {number}: goes on where it was");
        }
        let answer = format!("answer {number}");
        let remembrance = remembered.note_turn(&print, print.with_reply(&[Part::text(answer.as_str())]), &id);
        held[step.isolate] = remembered;
        // The only write, which adds to a row and replaces none.
        let row = rows.entry(id.clone()).or_default();
        row.push_str(&remembrance.turn);
        *row = row[row.len().saturating_sub(MAX_TURNS * TURN)..].to_owned();
        client.said.push(answer);
        client.conversation = Some(id);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let begins = prop::bool::weighted(0.15);
    (0..CLIENTS, 0..ISOLATES, begins).prop_map(|(client, isolate, begins)| Step { client, isolate, begins })
}

proptest! {
    #[test]
    fn a_turn_that_is_stored_or_held_is_recognised_in_every_isolate(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}
