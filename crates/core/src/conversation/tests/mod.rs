//! Recognition over histories as SDKs send them: every turn of a conversation is recognised in any form that a client
//! gives the history, and no two different conversations are confused.

mod isolates;

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::{Fingerprint, Recognition, Remembered, recognise};
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{ChatRequest, Part, assemble};
use crate::dialect::registry;

fn decode(caller_dialect: CallerDialect, body: &Value) -> ChatRequest {
    registry::caller(caller_dialect).decode_request(body.to_string().as_bytes()).unwrap()
}

/// The store, and how a gateway uses it.
#[derive(Default)]
struct Gateway {
    by_root: HashMap<String, Remembered>,
    by_words: HashMap<String, String>,
    made: usize,
}

impl Gateway {
    /// One request and its answer; returns the conversation that it was assigned to.
    fn turn(&mut self, caller: &str, request: &ChatRequest, reply: &[Part]) -> String {
        let print = Fingerprint::of(caller, request);
        let remembered = self.by_root.entry(print.root.to_string()).or_default();
        let said = print.last_words.map(|words| words.to_string());
        let id = match recognise(&print, remembered) {
            Recognition::Known(id) => Some(id),
            Recognition::New if print.history.is_none() => {
                said.as_ref().and_then(|words| self.by_words.get(words).cloned())
            }
            Recognition::Branch { .. } | Recognition::New => None,
        };
        let id = id.unwrap_or_else(|| {
            self.made += 1;
            format!("conversation-{}", self.made)
        });
        remembered.note_turn(&print, print.with_reply(reply), &id);
        if let Some(words) = said {
            self.by_words.insert(words, id.clone());
        }
        id
    }
}

fn said(text: &str) -> Vec<Part> {
    vec![Part::text(text)]
}

fn called(name: &str, arguments: &str) -> Vec<Part> {
    let call = Part::ToolCall {
        id: "call_upstream_1".into(),
        name: name.into(),
        arguments: arguments.into(),
        signature: None,
        cache: None,
    };
    vec![Part::Thinking { text: "Let me look.".into(), signature: Some("sig".into()) }, call]
}

/// One conversation in OpenAI's dialect: plain, in parts, and with a tool, in the forms that different SDKs send.
fn openai_turns(form: usize) -> Vec<Value> {
    let content = |text: &str| match form % 4 {
        0 => json!(text),
        1 => json!([{ "type": "text", "text": text }]),
        2 => json!(format!("{text}\n")),
        _ => json!([{ "type": "text", "text": format!(" {text}") }, { "type": "text", "text": "" }]),
    };
    let arguments = if form.is_multiple_of(2) {
        r#"{"city":"Bern","unit":"C"}"#
    } else {
        r#"{ "unit": "C", "city": "Bern" }"#
    };
    let mut call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "call_upstream_1", "type": "function", "function": { "name": "weather", "arguments": arguments } }
    ]});
    if form % 4 == 1 {
        call["content"] = json!("");
        call["reasoning_content"] = json!("Let me look.");
    }
    let role = if form.is_multiple_of(3) { "system" } else { "developer" };
    let history = [
        json!({ "role": role, "content": content("You are terse.") }),
        json!({ "role": "user", "content": content("Hello there") }),
        json!({ "role": "assistant", "content": content("Hi.") }),
        json!({ "role": "user", "content": content("What is the weather in Bern?") }),
        call,
        json!({ "role": "tool", "tool_call_id": "call_upstream_1", "content": content("12 degrees, rain") }),
        json!({ "role": "assistant", "content": content("12 degrees and rain.") }),
        json!({ "role": "user", "content": content("Thanks") }),
    ];
    [2, 4, 6, 8]
        .iter()
        .map(|end| json!({ "model": "gpt-5-mini", "messages": history[..*end].to_vec() }))
        .collect()
}

/// The same conversation as Anthropic's SDKs send it.
fn anthropic_turns(form: usize) -> Vec<Value> {
    let content = |text: &str| {
        if form.is_multiple_of(2) {
            json!(text)
        } else {
            json!([{ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } }])
        }
    };
    let mut call = vec![
        json!({ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "unit": "C", "city": "Bern" } }),
    ];
    if form % 2 == 1 {
        call.insert(0, json!({ "type": "thinking", "thinking": "Let me look.", "signature": "sig" }));
    }
    let history = [
        json!({ "role": "user", "content": content("Hello there") }),
        json!({ "role": "assistant", "content": content("Hi.") }),
        json!({ "role": "user", "content": content("What is the weather in Bern?") }),
        json!({ "role": "assistant", "content": call }),
        json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": content("12 degrees, rain") }] }),
        json!({ "role": "assistant", "content": content("12 degrees and rain.") }),
        json!({ "role": "user", "content": content("Thanks") }),
    ];
    [1, 3, 5, 7]
        .iter()
        .map(|end| json!({ "model": "gpt-5", "max_tokens": 99, "system": content("You are terse."), "messages": history[..*end].to_vec() }))
        .collect()
}

fn replies() -> [Vec<Part>; 4] {
    [
        said("Hi."),
        called("weather", r#"{"city":"Bern","unit":"C"}"#),
        said("12 degrees and rain. "),
        said("You are welcome."),
    ]
}

#[test]
fn every_turn_is_recognised_in_every_form_and_in_forms_that_change_on_the_way() {
    for start in 0..12 {
        let mut gateway = Gateway::default();
        let ids: Vec<String> = (0..4)
            .map(|turn| {
                // A client may change its form, its dialect and its model's size in the middle of a conversation.
                let form = start + turn;
                let request = if form % 5 == 4 {
                    decode(CallerDialect::Anthropic, &anthropic_turns(form)[turn])
                } else {
                    decode(CallerDialect::OpenaiChat, &openai_turns(form)[turn])
                };
                gateway.turn("key-a", &request, &replies()[turn])
            })
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "form {start}: {ids:?}");
    }
}

#[test]
fn both_dialects_alone_are_recognised_too() {
    for form in 0..2 {
        let mut gateway = Gateway::default();
        let ids: Vec<String> = (0..4)
            .map(|turn| {
                gateway.turn(
                    "k",
                    &decode(CallerDialect::Anthropic, &anthropic_turns(form)[turn]),
                    &replies()[turn],
                )
            })
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn another_caller_is_another_conversation() {
    let mut gateway = Gateway::default();
    let request = decode(CallerDialect::OpenaiChat, &openai_turns(0)[0]);
    let next = decode(CallerDialect::OpenaiChat, &openai_turns(0)[1]);
    let first = gateway.turn("key-a", &request, &replies()[0]);
    assert_ne!(gateway.turn("key-b", &request, &replies()[0]), first);
    assert_ne!(gateway.turn("key-b", &next, &replies()[1]), first);
    assert_eq!(gateway.turn("key-a", &next, &replies()[1]), first);
}

#[test]
fn an_edited_question_branches_and_both_branches_go_on() {
    let ask = |texts: &[&str]| {
        let messages: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(
                |(i, text)| json!({ "role": if i % 2 == 0 { "user" } else { "assistant" }, "content": text }),
            )
            .collect();
        decode(CallerDialect::OpenaiChat, &json!({ "model": "m", "messages": messages }))
    };
    let mut gateway = Gateway::default();
    let trunk = gateway.turn("k", &ask(&["a"]), &said("A"));
    assert_eq!(gateway.turn("k", &ask(&["a", "A", "b"]), &said("B")), trunk);
    let branch = gateway.turn("k", &ask(&["a", "A", "c"]), &said("C"));
    assert_ne!(branch, trunk);
    assert_eq!(gateway.turn("k", &ask(&["a", "A", "c"]), &said("C again")), branch, "asked anew");
    assert_eq!(gateway.turn("k", &ask(&["a", "A", "b", "B", "d"]), &said("D")), trunk);
    assert_eq!(gateway.turn("k", &ask(&["a", "A", "c", "C", "d"]), &said("D")), branch);
    let print = Fingerprint::of("k", &ask(&["a", "A", "b", "edited", "d"]));
    assert_eq!(print.ancestors.len(), 1, "the point before the edit can be found");
}

#[test]
fn without_history_the_last_words_decide() {
    let ask = |text: &str| {
        decode(
            CallerDialect::OpenaiChat,
            &json!({ "model": "m", "messages": [{ "role": "user", "content": text }] }),
        )
    };
    let mut gateway = Gateway::default();
    let first = gateway.turn("k", &ask("What is up?"), &said("The sky."));
    assert_eq!(gateway.turn("k", &ask(" What is up? "), &said("Nothing.")), first);
    assert_ne!(gateway.turn("k", &ask("What is up"), &said("Nothing.")), first);
    assert_ne!(gateway.turn("other", &ask("What is up?"), &said("Nothing.")), first);
}

#[test]
fn an_answer_that_was_begun_by_the_caller_is_found_whole() {
    let begun = json!({ "model": "m", "max_tokens": 9, "messages": [
        { "role": "user", "content": "Count" }, { "role": "assistant", "content": "1, 2," } ]});
    let next = json!({ "model": "m", "max_tokens": 9, "messages": [
        { "role": "user", "content": "Count" }, { "role": "assistant", "content": "1, 2," },
        { "role": "assistant", "content": " 3" }, { "role": "user", "content": "On" } ]});
    let begun = decode(CallerDialect::OpenaiChat, &begun);
    let print = Fingerprint::of("k", &begun);
    assert_eq!(print.history, None);
    let stored = print.with_reply(&said(" 3"));
    assert_eq!(Fingerprint::of("k", &decode(CallerDialect::OpenaiChat, &next)).history, Some(stored));
}

#[test]
fn a_streamed_answer_makes_the_same_chain_as_a_whole_one() {
    use crate::dialect::canonical::explode;
    let request = decode(CallerDialect::OpenaiChat, &openai_turns(0)[1]);
    let mut response = crate::dialect::canonical::ChatResponse::default();
    response
        .choices
        .push(crate::dialect::canonical::Choice { parts: replies()[1].clone(), ..Default::default() });
    let streamed = assemble(explode(response)).unwrap();
    let print = Fingerprint::of("k", &request);
    assert_eq!(print.with_reply(&streamed.choices[0].parts), print.with_reply(&replies()[1]));
}

/// Conversations over a small vocabulary, so that many of them have common parts.
fn random_conversation(random: &mut u64) -> (String, ChatRequest) {
    let mut next = |bound: u64| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % bound
    };
    let words = ["yes", "no", "why", "go on", "a b", "ab", "", "1"];
    let mut identity = String::new();
    let caller = ["k1", "k2"][usize::try_from(next(2)).unwrap()];
    let mut messages = Vec::new();
    let turns = 1 + next(6);
    for turn in 0..=turns * 2 {
        let role = if turn % 2 == 0 {
            crate::dialect::canonical::Role::User
        } else {
            crate::dialect::canonical::Role::Assistant
        };
        let word = words[usize::try_from(next(8)).unwrap()];
        let _ = write!(identity, "|{role:?}:{word}");
        messages.push(crate::dialect::canonical::Message::new(role, said(word)));
    }
    (format!("{caller}{identity}"), ChatRequest { model: "m".into(), messages, ..ChatRequest::default() })
}

#[test]
fn a_hundred_thousand_random_pairs_are_never_joined_falsely() {
    let mut random = 42;
    let mut equal = 0;
    for _ in 0..100_000 {
        let (name_a, a) = random_conversation(&mut random);
        let (name_b, b) = random_conversation(&mut random);
        let (print_a, print_b) = (Fingerprint::of(&name_a[..2], &a), Fingerprint::of(&name_b[..2], &b));
        let up_to_model = |name: &str| name.rfind("|User").map(|end| name[..end].to_owned());
        let same = up_to_model(&name_a) == up_to_model(&name_b);
        equal += usize::from(same);
        assert_eq!(print_a.history == print_b.history, same, "{name_a} {name_b}");
        assert_eq!(print_a.question == print_b.question, name_a == name_b, "{name_a} {name_b}");
    }
    assert!(equal < 5_000, "the pairs are hardly ever the same conversation: {equal}");
}
