//! Whole requests in their loop, in every dialect: what the model is asked, and what the caller is sent.
//!
//! `INSTA_UPDATE=always cargo test -p nexus-edge-toolloop --test rounds` writes `tests/golden` anew; review the diff before you commit it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    reason = "a test that cannot read what it wrote has failed"
)]

mod script;

use std::fmt::Write;

use nexus_edge_core::dialect::caller::CallerDialect::{self, Anthropic, Gemini, OpenaiChat, OpenaiResponses};
use nexus_edge_core::dialect::canonical::{FinishReason, Part};
use nexus_edge_core::dialect::native;
use nexus_edge_toolloop::machine::{Job, Outcome};
use nexus_edge_toolloop::note::Note;
use nexus_edge_toolloop::tool::{Approval, Class, Consent, Tool};
use proptest::prelude::*;
use script::{DIALECTS, Ran, Said, request, run, run_attended, run_with, said, tool};
use serde_json::Value;

fn tools() -> Vec<Tool> {
    vec![tool("fs__read"), tool("fs__list")]
}

fn two_rounds() -> Vec<Said> {
    vec![said("I look.", &[("fs__read", r#"{"path":"a"}"#), ("fs__list", "{}")]), said("It says hé.", &[])]
}

fn shown(ran: &Ran) -> String {
    let mut shown = String::new();
    for (number, body) in ran.asked.iter().enumerate() {
        let _ = writeln!(shown, "--- question {}\n{body}", number + 1);
    }
    let _ = write!(shown, "--- the caller\n{}", ran.sent);
    shown
}

fn golden(name: &str, dialect: CallerDialect, ran: &Ran) {
    insta::with_settings!({snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(format!("{name}_{}", dialect.name()), shown(ran));
    });
}

fn asked(ran: &Ran) -> Vec<Value> {
    ran.asked.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

/// What an answer says in any dialect: its texts, the calls that are left to the caller, and its end.
fn content(
    dialect: CallerDialect,
    sent: &str,
    is_stream: bool,
) -> (String, Vec<String>, Option<FinishReason>, u64) {
    let response = if is_stream {
        native::collect(dialect, sent.as_bytes()).unwrap()
    } else {
        native::decode_own_response(dialect, sent.as_bytes()).unwrap()
    };
    let usage = response.usage.map_or(0, |usage| usage.total());
    let choice = response.choices.into_iter().next().unwrap();
    let (mut text, mut calls) = (String::new(), Vec::new());
    for part in choice.parts {
        match part {
            Part::Text { text: more, .. } => text += &more,
            Part::ToolCall { name, arguments, .. } => calls.push(format!("{name} {arguments}")),
            _ => {}
        }
    }
    (text, calls, choice.finish, usage)
}

#[test]
fn two_rounds_are_one_answer() {
    for dialect in DIALECTS {
        let streamed = run(dialect, &request(dialect), &tools(), &two_rounds(), Some(1 << 20));
        let whole = run(dialect, &request(dialect), &tools(), &two_rounds(), None);
        golden("streamed", dialect, &streamed);
        golden("whole", dialect, &whole);
        assert_eq!(asked(&streamed), asked(&whole), "{dialect:?}");
        assert_eq!(streamed.jobs, whole.jobs);
        assert_eq!(whole.jobs.len(), 2);
        for (sent, is_stream) in [(&streamed.sent, true), (&whole.sent, false)] {
            let (text, calls, finish, usage) = content(dialect, sent, is_stream);
            let gap = if dialect == OpenaiChat { "\n\n" } else { "" };
            assert_eq!(text, format!("I look.{gap}It says hé."), "{dialect:?}");
            assert_eq!((calls, finish, usage), (Vec::new(), Some(FinishReason::Stop), 24), "{dialect:?}");
            assert!(!sent.contains("fs__"), "{dialect:?}: {sent}");
        }
    }
}

#[test]
fn the_callers_own_calls_are_handed_over() {
    let rounds = [said("", &[("fs__read", "{}"), ("own", r#"{"a":1}"#)])];
    for dialect in DIALECTS {
        for size in [Some(7), None] {
            let ran = run(dialect, &request(dialect), &tools(), &rounds, size);
            let (_, calls, finish, _) = content(dialect, &ran.sent, size.is_some());
            assert_eq!(calls, [r#"own {"a":1}"#], "{dialect:?}");
            assert_eq!(finish, Some(FinishReason::ToolCalls));
            // Where the caller can send our result back, the call runs first.
            let runs_first = matches!(dialect, Anthropic | OpenaiResponses);
            assert_eq!(ran.jobs.len(), usize::from(runs_first), "{dialect:?}");
            assert!(!ran.sent.contains("fs__"), "{dialect:?}: {}", ran.sent);
        }
    }
}

#[test]
fn a_streamed_response_of_several_rounds_is_known_by_the_id_of_its_first() {
    for dialect in DIALECTS {
        let joined = run(dialect, &request(dialect), &tools(), &two_rounds(), Some(1 << 20)).joined;
        assert_eq!(joined.is_some(), dialect == OpenaiResponses);
        assert_eq!(run(dialect, &request(dialect), &tools(), &[said("Hi.", &[])], Some(7)).joined, None);
        assert_eq!(run(dialect, &request(dialect), &tools(), &two_rounds(), None).joined, None);
    }
    let mixed =
        [said("", &[("fs__list", "{}")]), said("", &[("fs__read", r#"{"path":"a"}"#), ("own", "{}")])];
    let ran = run(OpenaiResponses, &request(OpenaiResponses), &tools(), &mixed, Some(1 << 20));
    let (last, response, after) = ran.joined.unwrap();
    let response: Value = serde_json::from_str(&response).unwrap();
    assert_eq!((last.as_str(), response["id"].as_str()), ("resp_1", Some("resp_0")));
    assert_eq!(response["output"].as_array().unwrap().last().unwrap()["type"], "function_call");
    let [result] = after.as_slice() else { panic!("{after:?}") };
    let result: Value = serde_json::from_str(result).unwrap();
    assert_eq!(
        (&result["type"], &result["output"]),
        (&"function_call_output".into(), &"result of read".into())
    );
}

#[test]
fn an_attended_request_asks_while_it_runs_and_notes_what_happens() {
    let tools = [
        Tool { approval: Approval::Ask, class: Class::Write, ..tool("fs__write") },
        Tool { is_open_world: true, ..tool("web__fetch") },
    ];
    let rounds = [
        said("I write.", &[("fs__write", r#"{"path":"a"}"#), ("web__fetch", "{}")]),
        said("", &[("fs__write", r#"{"path":"b"}"#)]),
        said("Done.", &[]),
    ];
    let answer = |job: &Job| match job.shown.name.as_str() {
        "write" => Outcome::Failed("The user did not agree.".to_owned()),
        _ => Outcome::Result(br#"{"content":[{"type":"text","text":"page"}]}"#.to_vec()),
    };
    let ran = run_attended(&tools, &rounds, &answer);
    assert!(ran.is_complete);
    let consents: Vec<Consent> = ran.jobs.iter().map(|job| job.consent).collect();
    assert_eq!(consents, [Consent::ToTool, Consent::None, Consent::ToCall]);
    let (text, calls, finish, _) = content(OpenaiChat, &ran.sent, true);
    assert_eq!((text.as_str(), calls, finish), ("I write.\n\nDone.", Vec::new(), Some(FinishReason::Stop)));
    let [Note::Calls { said: kept, calls }, results @ ..] = ran.notes.as_slice() else {
        panic!("{:?}", ran.notes)
    };
    let kept: Value = serde_json::from_str(&kept[0]).unwrap();
    assert_eq!(
        (kept["content"].as_str(), kept["tool_calls"][0]["function"]["name"].as_str()),
        (Some("I write."), Some("fs__write"))
    );
    assert_eq!((calls.len(), calls[1].shown.server.as_str()), (2, "web"));
    let texts: Vec<(&str, bool)> = results
        .iter()
        .filter_map(|note| match note {
            Note::Result { text, is_error, .. } => Some((text.as_str(), *is_error)),
            Note::Calls { .. } => None,
        })
        .collect();
    assert_eq!(
        texts,
        [("The user did not agree.", true), ("page", false), ("The user did not agree.", true)]
    );
    // What calls the caller's own functions, too, is the caller's as ever, and nothing of it is noted.
    let mixed = [said("", &[("fs__write", "{}"), ("own", "{}")])];
    let ran = run_attended(&tools, &mixed, &answer);
    assert!(ran.jobs.is_empty() && ran.notes.is_empty());
    assert_eq!(content(OpenaiChat, &ran.sent, true).1, ["own {}"]);
}

#[test]
fn what_must_be_agreed_to_does_not_run() {
    let tools = [Tool { approval: Approval::Ask, ..tool("fs__write") }];
    let rounds = [said("May I?", &[("fs__write", r#"{"path":"a"}"#)])];
    for dialect in DIALECTS {
        for size in [Some(1 << 20), None] {
            let ran = run(dialect, &request(dialect), &tools, &rounds, size);
            assert!(ran.jobs.is_empty() && ran.is_complete);
            if dialect == OpenaiResponses {
                assert!(ran.sent.contains("mcp_approval_request") && !ran.sent.contains("\"function_call\""));
                assert!(!ran.sent.contains("response.function_call"));
            } else {
                let (_, calls, finish, _) = content(dialect, &ran.sent, size.is_some());
                assert_eq!(calls, [r#"fs__write {"path":"a"}"#], "{dialect:?}");
                assert_eq!(finish, Some(FinishReason::ToolCalls));
            }
        }
    }
}

/// The items of a response, of which the caller sends all back.
fn items(body: &str) -> Vec<Value> {
    let response: Value = serde_json::from_str(body).unwrap();
    response["output"].as_array().unwrap().clone()
}

#[test]
fn a_call_that_is_agreed_to_runs_before_the_model_is_asked() {
    let tools = [Tool { approval: Approval::Ask, ..tool("fs__write") }];
    let first = run(
        OpenaiResponses,
        &request(OpenaiResponses),
        &tools,
        &[said("May I?", &[("fs__write", r#"{"path":"a"}"#)])],
        None,
    );
    let asked = items(&first.sent);
    let request_id = asked.last().unwrap()["id"].clone();
    for (is_chained, approve) in [(false, true), (true, true), (false, false)] {
        let mut body: Value = serde_json::from_str(&request(OpenaiResponses)).unwrap();
        let answer = serde_json::json!({"type": "mcp_approval_response", "approval_request_id": request_id, "approve": approve});
        let mut input = if is_chained { Vec::new() } else { asked.clone() };
        input.push(answer);
        body["input"] = input.into();
        if is_chained {
            body["previous_response_id"] = "resp_0".into();
        }
        let rounds = [said("Done.", &[])];
        for size in [Some(1 << 20), None] {
            let ran = run(OpenaiResponses, &body.to_string(), &tools, &rounds, size);
            assert_eq!(ran.jobs.len(), usize::from(approve));
            let told: Value = serde_json::from_str(&ran.asked[0]).unwrap();
            let kinds: Vec<&str> =
                told["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
            let expected: &[&str] = if is_chained {
                &["function_call_output"]
            } else {
                &["message", "function_call", "function_call_output"]
            };
            assert_eq!(kinds, expected);
            assert_eq!(ran.sent.contains("mcp_call"), approve);
            if approve {
                assert!(ran.sent.contains(&format!("\"approval_request_id\":{request_id}")));
            }
            if size.is_none() && approve && !is_chained {
                // The whole conversation is sent back: nothing runs twice.
                let mut body: Value = serde_json::from_str(&body.to_string()).unwrap();
                let mut input = body["input"].as_array().unwrap().clone();
                input.extend(items(&ran.sent));
                input.push(serde_json::json!({"role": "user", "content": "And now?"}));
                body["input"] = input.into();
                let later = run(OpenaiResponses, &body.to_string(), &tools, &rounds, None);
                assert!(later.jobs.is_empty());
                golden("later", OpenaiResponses, &later);
            }
        }
    }
}

#[test]
fn an_answer_that_is_sent_back_becomes_its_turns_again() {
    let first = run(Anthropic, &request(Anthropic), &tools(), &two_rounds(), None);
    let answer: Value = serde_json::from_str(&first.sent).unwrap();
    let mut body: Value = serde_json::from_str(&request(Anthropic)).unwrap();
    let mut messages = body["messages"].as_array().unwrap().clone();
    messages.push(serde_json::json!({"role": "assistant", "content": answer["content"]}));
    messages.push(serde_json::json!({"role": "user", "content": "And now?"}));
    body["messages"] = messages.into();
    let later = run(Anthropic, &body.to_string(), &tools(), &[said("Fine.", &[])], None);
    golden("later", Anthropic, &later);
    // What the model said in the first answer is what it is told it said.
    let before: Value = serde_json::from_str(&first.asked[1]).unwrap();
    let after: Value = serde_json::from_str(&later.asked[0]).unwrap();
    assert_eq!(before["messages"][1], after["messages"][1]);
    assert_eq!(before["messages"][2]["content"].as_array().unwrap().len(), 2);
}

#[test]
fn a_history_with_results_of_an_open_world_makes_writing_a_matter_of_agreement_too() {
    let tools =
        [Tool { is_open_world: true, ..tool("fs__read") }, Tool { class: Class::Write, ..tool("fs__write") }];
    let first = run(
        Anthropic,
        &request(Anthropic),
        &tools,
        &[said("", &[("fs__read", "{}")]), said("So.", &[])],
        None,
    );
    let answer: Value = serde_json::from_str(&first.sent).unwrap();
    let mut body: Value = serde_json::from_str(&request(Anthropic)).unwrap();
    let mut messages = body["messages"].as_array().unwrap().clone();
    messages.push(serde_json::json!({"role": "assistant", "content": answer["content"]}));
    messages.push(serde_json::json!({"role": "user", "content": "Write it down."}));
    body["messages"] = messages.into();
    let rounds = [said("", &[("fs__write", "{}")])];
    assert!(run(Anthropic, &body.to_string(), &tools, &rounds, None).jobs.is_empty());

    let first = run(
        OpenaiResponses,
        &request(OpenaiResponses),
        &tools,
        &[said("", &[("fs__read", "{}")]), said("So.", &[])],
        None,
    );
    let mut body: Value = serde_json::from_str(&request(OpenaiResponses)).unwrap();
    let mut input = items(&first.sent);
    input.push(serde_json::json!({"role": "user", "content": "Write it down."}));
    body["input"] = input.into();
    let later = run(OpenaiResponses, &body.to_string(), &tools, &rounds, None);
    assert!(later.jobs.is_empty() && !later.sent.contains("mcp_list_tools"));
}

#[test]
fn a_mixed_answer_that_is_sent_back_has_both_results_in_one_message() {
    let rounds = [said("", &[("fs__read", "{}"), ("own", "{}")])];
    let first = run(Anthropic, &request(Anthropic), &tools(), &rounds, None);
    let answer: Value = serde_json::from_str(&first.sent).unwrap();
    let mut body: Value = serde_json::from_str(&request(Anthropic)).unwrap();
    let mut messages = body["messages"].as_array().unwrap().clone();
    messages.push(serde_json::json!({"role": "assistant", "content": answer["content"]}));
    messages.push(serde_json::json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01", "content": "x"}]}));
    body["messages"] = messages.into();
    let later = run(Anthropic, &body.to_string(), &tools(), &[said("Fine.", &[])], None);
    let told: Value = serde_json::from_str(&later.asked[0]).unwrap();
    let told = told["messages"].as_array().unwrap();
    assert_eq!(told.len(), 3);
    let ids: Vec<&str> = told[2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["tool_use_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["toolu_00", "toolu_01"]);
}

#[test]
fn at_the_limit_the_model_is_asked_once_more_without_tools() {
    for dialect in DIALECTS {
        let mut body: Value = serde_json::from_str(&request(dialect)).unwrap();
        body["nexus"]["max_rounds"] = 2.into();
        let call = |path: &str| said("", &[("fs__read", &format!(r#"{{"path":"{path}"}}"#))]);
        let rounds = [call("a"), call("b"), said("Enough.", &[])];
        let ran = run(dialect, &body.to_string(), &tools(), &rounds, Some(64));
        assert_eq!((ran.asked.len(), ran.jobs.len()), (3, 2));
        let last = ran.asked.last().unwrap();
        let choice = match dialect {
            OpenaiChat | OpenaiResponses => r#""tool_choice":"none""#,
            Anthropic => r#""tool_choice":{"type":"none"}"#,
            _ => r#""functionCallingConfig":{"mode":"NONE"}"#,
        };
        assert!(last.contains(choice), "{last}");
        let (text, _, finish, usage) = content(dialect, &ran.sent, true);
        assert_eq!((text.as_str(), finish, usage), ("Enough.", Some(FinishReason::Stop), 36), "{dialect:?}");
    }
}

#[test]
fn results_of_an_open_world_make_writing_a_matter_of_agreement() {
    let tools =
        [Tool { is_open_world: true, ..tool("fs__read") }, Tool { class: Class::Write, ..tool("fs__write") }];
    let rounds = [said("", &[("fs__read", "{}")]), said("", &[("fs__write", "{}")])];
    for dialect in DIALECTS {
        let ran = run(dialect, &request(dialect), &tools, &rounds, Some(999));
        assert_eq!(ran.jobs.len(), 1, "{dialect:?}");
    }
}

#[test]
fn errors_of_tools_are_told_to_the_model_and_do_not_end_the_answer() {
    let answer = |_: &Job| Outcome::Failed("The server is away.".to_owned());
    for dialect in DIALECTS {
        let rounds = [said("", &[("fs__read", "{}")]), said("It is away.", &[])];
        let ran = run_with(dialect, &request(dialect), &tools(), &rounds, Some(33), &answer);
        assert!(ran.is_complete && ran.asked[1].contains("The server is away."));
        let fails = ran.sent.contains("response.mcp_call.failed") || ran.sent.contains("\"is_error\":true");
        assert_eq!(fails, dialect != Gemini, "{dialect:?}");
    }
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error() {
    for dialect in DIALECTS {
        let named = nexus_edge_toolloop::named::of(dialect, request(dialect).as_bytes()).unwrap().unwrap();
        let body = request(dialect);
        let opening = nexus_edge_toolloop::session::Opening {
            dialect,
            body: body.as_bytes(),
            named: &named,
            tools: tools(),
            is_stream: true,
            is_list: false,
            telling: nexus_edge_toolloop::session::Telling::Nothing,
        };
        let mut session = nexus_edge_toolloop::session::Session::new(opening, 0);
        let mut out = Vec::new();
        let _ = session.start(0, &mut out);
        let stream = script::stream(dialect, 0, &said("Half of it", &[]));
        let cut = stream.find("of it").unwrap();
        session.push(&stream.as_bytes()[..cut], &mut out);
        assert_eq!(session.end_round(1, &mut out), nexus_edge_toolloop::session::Next::Failed);
        assert!(String::from_utf8(out.clone()).unwrap().contains("error"), "{dialect:?}");
        assert!(native::collect(dialect, &out).is_err());
    }
}

#[test]
fn a_call_that_is_cut_off_does_not_run_and_has_an_end() {
    let reasons = [
        (r#""finish_reason":"tool_calls""#, r#""finish_reason":"length""#),
        (r#""stop_reason":"tool_use""#, r#""stop_reason":"max_tokens""#),
        (r#""finishReason":"STOP""#, r#""finishReason":"MAX_TOKENS""#),
    ];
    for dialect in DIALECTS {
        let body = request(dialect);
        let named = nexus_edge_toolloop::named::of(dialect, body.as_bytes()).unwrap().unwrap();
        let opening = nexus_edge_toolloop::session::Opening {
            dialect,
            body: body.as_bytes(),
            named: &named,
            tools: tools(),
            is_stream: true,
            is_list: false,
            telling: nexus_edge_toolloop::session::Telling::Nothing,
        };
        let mut session = nexus_edge_toolloop::session::Session::new(opening, 0);
        let mut out = Vec::new();
        let _ = session.start(0, &mut out);
        let mut stream = script::stream(dialect, 0, &said("", &[("fs__read", r#"{"path":"a"}"#)]));
        for (from, to) in reasons {
            stream = stream.replace(from, to);
        }
        if dialect == OpenaiResponses {
            // The item has begun, and the response ends in the middle of it.
            let cut = stream.find("event: response.function_call_arguments.done").unwrap();
            stream.truncate(cut);
            let end = script::whole(dialect, 0, &said("", &[])).replace("\"completed\"", "\"incomplete\"");
            let _ = write!(
                stream,
                "event: response.incomplete\ndata: {{\"type\":\"response.incomplete\",\"sequence_number\":9,\"response\":{end}}}\n\n"
            );
        }
        session.push(stream.as_bytes(), &mut out);
        assert_eq!(session.end_round(1, &mut out), nexus_edge_toolloop::session::Next::End, "{dialect:?}");
        let sent = String::from_utf8(out).unwrap();
        let shows = matches!(dialect, Anthropic | OpenaiResponses);
        assert_eq!(sent.contains("cut off"), shows, "{dialect:?}: {sent}");
        if dialect == OpenaiResponses {
            assert!(sent.contains("response.mcp_call.failed") && sent.contains("event: response.incomplete"));
        }
    }
}

#[test]
fn a_list_of_gemini_is_one_json_text() {
    let body = request(Gemini);
    let named = nexus_edge_toolloop::named::of(Gemini, body.as_bytes()).unwrap().unwrap();
    let opening = nexus_edge_toolloop::session::Opening {
        dialect: Gemini,
        body: body.as_bytes(),
        named: &named,
        tools: tools(),
        is_stream: true,
        is_list: true,
        telling: nexus_edge_toolloop::session::Telling::Nothing,
    };
    let mut session = nexus_edge_toolloop::session::Session::new(opening, 0);
    let mut out = Vec::new();
    let _ = session.start(0, &mut out);
    session.push(script::stream(Gemini, 0, &said("All of it", &[])).as_bytes(), &mut out);
    assert_eq!(session.end_round(1, &mut out), nexus_edge_toolloop::session::Next::End);
    let list: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3);
}

fn any_round() -> impl Strategy<Value = Said> {
    let call = prop_oneof![
        Just(("fs__read".to_owned(), r#"{"path":"é\"}"}"#.to_owned())),
        Just(("fs__list".to_owned(), "{}".to_owned())),
        "[a-z]{1,5}".prop_map(|path| ("fs__read".to_owned(), format!(r#"{{"path":"{path}"}}"#))),
    ];
    let text = prop_oneof![Just(""), Just("One.\n"), Just("Zwei \"drei\" 😀")];
    (text, proptest::collection::vec(call, 1..4)).prop_map(|(text, calls)| Said { text, calls })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However streams are cut, the caller is sent the same; and streamed answers add up to whole ones.
    #[test]
    fn streamed_and_whole_answers_are_the_same(
        mut rounds in proptest::collection::vec(any_round(), 0..4),
        size in 1_usize..200,
    ) {
        rounds.push(said("The end.", &[]));
        for dialect in DIALECTS {
            let at_once = run(dialect, &request(dialect), &tools(), &rounds, Some(1 << 20));
            let in_pieces = run(dialect, &request(dialect), &tools(), &rounds, Some(size));
            let whole = run(dialect, &request(dialect), &tools(), &rounds, None);
            prop_assert_eq!(&at_once.sent, &in_pieces.sent);
            prop_assert_eq!(&at_once.asked, &in_pieces.asked);
            prop_assert_eq!(asked(&at_once), asked(&whole));
            prop_assert_eq!(content(dialect, &at_once.sent, true), content(dialect, &whole.sent, false));
            lawful(dialect, &at_once.sent);
        }
    }
}

/// One lifecycle: one id, numbers without gaps, and every item begins and ends once.
fn lawful(dialect: CallerDialect, sent: &str) {
    let events: Vec<Value> =
        sent.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    match dialect {
        OpenaiResponses => {
            for (number, event) in events.iter().enumerate() {
                assert_eq!(event["sequence_number"], number, "{event}");
            }
            let of =
                |kind: &str| -> Vec<&Value> { events.iter().filter(|event| event["type"] == kind).collect() };
            assert_eq!((of("response.created").len(), of("response.completed").len()), (1, 1));
            let (added, done) = (of("response.output_item.added"), of("response.output_item.done"));
            for (index, event) in added.iter().enumerate() {
                assert_eq!(event["output_index"], index);
                assert_eq!(done.iter().filter(|end| end["output_index"] == index).count(), 1);
            }
            let output = of("response.completed")[0]["response"]["output"].as_array().unwrap();
            assert_eq!(output.len(), added.len());
            for end in done {
                let index = usize::try_from(end["output_index"].as_u64().unwrap()).unwrap();
                assert_eq!(output[index], end["item"]);
            }
        }
        Anthropic => {
            let mut next = 0;
            let mut open = Vec::new();
            for event in &events {
                match event["type"].as_str().unwrap() {
                    "content_block_start" => {
                        assert_eq!(event["index"], next);
                        open.push(next);
                        next += 1;
                    }
                    "content_block_stop" => open.retain(|index| event["index"] != *index),
                    "content_block_delta" => assert!(open.iter().any(|index| event["index"] == *index)),
                    _ => {}
                }
            }
            assert!(open.is_empty());
            let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
            assert_eq!((of("message_start"), of("message_delta"), of("message_stop")), (1, 1, 1));
        }
        _ => {
            let id = if dialect == Gemini { "responseId" } else { "id" };
            assert!(events.iter().all(|event| event[id] == events[0][id]));
        }
    }
}
