//! The dialect as a whole: its requests, answers, streams and errors, and the laws of streams.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dialect::canonical::{
    ErrorKind, FinishReason, Function, Json, Media, Message, Part, PartStart, Role, Sampling, StreamEvent,
    Tool, assemble,
};
use crate::dialect::upstream::testing::{check_laws, decode_all, decode_pieces, fixture, fixtures};

fn dify(conversation_id: Option<&str>) -> Dify {
    Dify::new(DifyOptions {
        conversation_id: conversation_id.map(str::to_owned),
        app: DifyApp::Chat,
        user: "person-1".into(),
        inputs: None,
    })
}

fn encode(request: &ChatRequest, conversation_id: Option<&str>) -> (Value, Vec<String>) {
    let encoded = dify(conversation_id).encode_request(request, "any");
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn said(role: Role, text: &str) -> Message {
    Message::new(role, vec![Part::text(text)])
}

fn conversation() -> ChatRequest {
    ChatRequest {
        messages: vec![
            said(Role::System, "Be brief."),
            said(Role::User, "Hi"),
            said(Role::Assistant, "Hello."),
            said(Role::User, "When is"),
            said(Role::User, "high water?"),
        ],
        stream: true,
        ..ChatRequest::default()
    }
}

fn stream(name: &str) -> Vec<StreamEvent> {
    let events = decode_all(Dify::default().stream_decoder(), &fixture(&format!("streams/dify/{name}.sse")));
    check_laws(&events);
    events
}

#[test]
fn one_turn_is_sent_as_it_is() {
    let request = ChatRequest { messages: vec![said(Role::User, "Hi")], ..ChatRequest::default() };
    let (body, dropped) = encode(&request, None);
    assert_eq!(
        body,
        json!({"inputs": {}, "query": "Hi", "response_mode": "blocking", "conversation_id": "", "user": "person-1"})
    );
    assert!(dropped.is_empty());
}

#[test]
fn a_known_conversation_gets_the_last_turn_only() {
    let (body, dropped) = encode(&conversation(), Some("conv-1"));
    assert_eq!(body["query"], "When is\n\nhigh water?");
    assert_eq!((&body["conversation_id"], &body["response_mode"]), (&json!("conv-1"), &json!("streaming")));
    assert!(dropped.is_empty());
}

#[test]
fn a_new_conversation_gets_what_was_said_before() {
    let (body, _) = encode(&conversation(), None);
    assert_eq!(
        body["query"],
        "Be brief.\n\nThe conversation so far:\n\nUser: Hi\n\nAssistant: Hello.\n\nGo on with it. The next message is:\n\nWhen is\n\nhigh water?"
    );
}

#[test]
fn files_go_by_address_or_id_and_others_are_named() {
    let image = |media| Part::Image { media, detail: None, cache: None };
    let message = |parts| Message::new(Role::User, parts);
    let file =
        Part::File { media: Media::FileId { id: "up-1".into() }, name: Some("a.pdf".into()), cache: None };
    let request = ChatRequest {
        messages: vec![
            message(vec![image(Media::from_url("https://a.example/old.png"))]),
            said(Role::Assistant, "Nice."),
            message(vec![
                image(Media::from_url("https://a.example/x.png")),
                image(Media::from_url("data:image/png;base64,AA==")),
                file,
            ]),
        ],
        ..ChatRequest::default()
    };
    let (body, dropped) = encode(&request, Some("c"));
    assert_eq!(
        body["files"],
        json!([
            {"type": "image", "transfer_method": "remote_url", "url": "https://a.example/x.png"},
            {"type": "document", "transfer_method": "local_file", "upload_file_id": "up-1"},
        ])
    );
    assert_eq!(body["query"], "[see the attached files]");
    assert_eq!(dropped, ["messages[2].content[1]"]);
    assert_eq!(encode(&request, None).0["files"].as_array().unwrap().len(), 3);
}

#[test]
fn what_an_app_decides_itself_is_named() {
    let request = ChatRequest {
        tools: vec![Tool::Function(Function::default())],
        sampling: Sampling { temperature: Some(0.1), ..Sampling::default() },
        max_tokens: Some(5),
        user: Some("other".into()),
        extra: [("inputs", r#"{"city":"Emden"}"#), ("store", "true")]
            .map(|(name, json)| (name.to_owned(), Json::parse(json).unwrap()))
            .into(),
        messages: vec![said(Role::User, "Hi"), said(Role::Assistant, "Well")],
        ..ChatRequest::default()
    };
    let (body, dropped) = encode(&request, None);
    assert_eq!((&body["inputs"], &body["user"]), (&json!({"city": "Emden"}), &json!("person-1")));
    assert_eq!(body["query"], "Hi");
    assert_eq!(dropped, ["messages[1]", "tools[0]", "temperature", "max_tokens", "store"]);
    assert_eq!(Dify::default().user(&request), "other");
    assert_eq!(Dify::default().user(&ChatRequest::default()), "nexus-edge");
}

#[test]
fn addresses() {
    assert_eq!(DifyApp::Chat.stop_path("t-1/../x"), "chat-messages/t-1x/stop");
    assert_eq!(DifyApp::Workflow.stop_path("t"), "workflows/tasks/t/stop");
    assert_eq!(task_id_in(br#"data: {"event":"message","task_id": "c3-8","x":1}"#).as_deref(), Some("c3-8"));
    assert_eq!(stop_body("a\"b"), br#"{"user":"a\"b"}"#);
}

#[test]
fn apps_without_a_conversation_get_a_variable_and_give_their_output() {
    let options = |app| DifyOptions { app, ..DifyOptions::default() };
    let mut request = ChatRequest {
        messages: vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, vec![Part::text("Hi")]),
        ],
        ..ChatRequest::default()
    };
    for app in [DifyApp::Completion, DifyApp::Workflow] {
        let encoded = Dify::new(options(app)).encode_request(&request, "m");
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert!(body.get("query").is_none() && body.get("conversation_id").is_none());
        let query = body["inputs"]["query"].as_str().unwrap();
        assert!(query.contains("Be brief.") && query.ends_with("Hi"), "{query}");
    }
    request.extra.insert("inputs".into(), Json::parse(r#"{"query":"own","n":1}"#).unwrap());
    let encoded = Dify::new(options(DifyApp::Workflow)).encode_request(&request, "m");
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["inputs"], json!({"query": "own", "n": 1}));

    let said = |body: &str| {
        Dify::default().decode_response(body.as_bytes()).map(|answer| answer.choices[0].parts.clone())
    };
    let data = |outputs: &str| {
        format!(r#"{{"task_id":"t","data":{{"id":"w","status":"succeeded","outputs":{outputs}}}}}"#)
    };
    assert_eq!(said(&data(r#"{"text":"a","n":1}"#)).unwrap(), [Part::text("a")]);
    assert_eq!(said(&data(r#"{"summary":"b"}"#)).unwrap(), [Part::text("b")]);
    assert_eq!(said(&data(r#"{"n":1}"#)).unwrap(), [Part::text(r#"{"n":1}"#)]);
    assert!(
        said(r#"{"data":{"status":"failed","error":"no node"}}"#).unwrap_err().message.contains("no node")
    );
    for stream in [
        "data: {\"event\":\"workflow_started\",\"task_id\":\"t\",\"data\":{}}\n\ndata: {\"event\":\"text_chunk\",\"data\":{\"text\":\"a\"}}\n\ndata: {\"event\":\"workflow_finished\",\"data\":{\"status\":\"succeeded\",\"outputs\":{\"text\":\"a\"}}}\n\n",
        "data: {\"event\":\"workflow_finished\",\"data\":{\"status\":\"succeeded\",\"outputs\":{\"text\":\"a\"}}}\n\n",
    ] {
        let (mut decoder, mut events) = (Dify::default().stream_decoder(), Vec::new());
        decoder.push(stream.as_bytes(), &mut events);
        decoder.finish(&mut events);
        assert_eq!(assemble(events).unwrap().choices[0].parts, [Part::text("a")]);
    }
}

#[test]
fn streams_make_the_same_answer_as_bodies() {
    let mut seen = 0;
    for (name, body) in fixtures("responses/dify") {
        let whole = Dify::default().decode_response(&body).unwrap();
        assert_eq!(assemble(stream(&name)).unwrap(), whole, "{name}");
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn the_names_are_kept() {
    let expected = DifyIds {
        conversation_id: Some("45701982-8118-4bc5-8e9b-64562b4555f2".into()),
        message_id: Some("9da23599-e713-473b-982c-4328d4f5c78a".into()),
        task_id: Some("c3800678-a077-43df-a102-53f23ed20b88".into()),
    };
    let (_, ids) = Dify::default().decode_with_ids(&fixture("responses/dify/text.json")).unwrap();
    assert_eq!(ids, expected);
    let mut decoder = DifyStreamDecoder::new();
    let first = fixture("streams/dify/text.sse");
    let end = first.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    decoder.push(&first[..end], &mut Vec::new());
    assert_eq!(decoder.ids(), &expected);
}

#[test]
fn sources_and_usage() {
    let response = Dify::default().decode_response(&fixture("responses/dify/citations.json")).unwrap();
    let usage = response.usage.unwrap();
    assert_eq!((usage.prompt, usage.completion), (1033, 128));
    let Part::Text { citations, .. } = &response.choices[0].parts[0] else { panic!("no text") };
    assert_eq!(citations[0].title.as_deref(), Some("Tide tables 2026"));
    assert!(citations[0].cited_text.as_deref().unwrap().contains("14:10"));
    assert_eq!(assemble(stream("text")).unwrap().created, Some(1_705_407_629));
}

#[test]
fn agents_think_in_thoughts() {
    let response = assemble(stream("agent")).unwrap();
    let parts = &response.choices[0].parts;
    let thoughts: String = parts
        .iter()
        .map(|part| match part {
            Part::Thinking { text, .. } => text.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(
        thoughts,
        "I need the table.\n[tide_table] {\"tide_table\": {\"port\": \"Emden\"}}\n[tide_table] -> 14:10\n"
    );
    let text: String = parts.iter().filter_map(Part::as_text).collect();
    assert_eq!(text, "![image](https://files.example/tide.png)\nHigh water is at 14:10.");
    assert_eq!(response.choices[0].finish, Some(FinishReason::Stop));
}

#[test]
fn an_answer_that_is_repeated_whole_is_said_once() {
    let response = assemble(stream("new_agent")).unwrap();
    let text: String = response.choices[0].parts.iter().filter_map(Part::as_text).collect();
    assert_eq!(text, "High water is at 14:10.");
}

#[test]
fn an_answer_that_is_replaced_says_so() {
    let events = stream("replaced");
    let starts =
        events.iter().filter(|event| matches!(event, StreamEvent::PartStart { start: PartStart::Text, .. }));
    assert_eq!(starts.count(), 2);
    let response = assemble(events).unwrap();
    assert_eq!(response.choices[0].finish, Some(FinishReason::ContentFilter));
    assert_eq!(response.choices[0].parts[1].as_text(), Some("I cannot speak about that."));
}

#[test]
fn workflows_end_in_their_own_ways() {
    assert_eq!(assemble(stream("workflow_only")).unwrap().choices[0].finish, Some(FinishReason::Stop));
    assert_eq!(assemble(stream("paused")).unwrap().choices[0].finish, Some(FinishReason::Pause));
    let error = assemble(stream("workflow_failed")).unwrap_err();
    assert_eq!(
        (error.code.as_deref(), error.message.as_str()),
        (Some("workflow_failed"), "node LLM: no credits")
    );
    let error = assemble(stream("error")).unwrap_err();
    assert_eq!((error.status, error.kind), (400, ErrorKind::InsufficientQuota));
    assert_eq!(error.code.as_deref(), Some("provider_quota_exceeded"));
    let pings = stream("chatflow").into_iter().filter(|event| *event == StreamEvent::Ping).count();
    assert!(pings >= 4, "nodes and pings are signs of life");
}

#[test]
fn broken_streams_end_in_one_error() {
    let code = |stream: &[u8]| {
        let events = decode_all(Dify::default().stream_decoder(), stream);
        check_laws(&events);
        assemble(events).unwrap_err().code.unwrap()
    };
    let text = fixture("streams/dify/text.sse");
    let end = text.windows(11).position(|window| window == b"message_end").unwrap();
    assert_eq!(code(&text[..end]), "upstream_stream_truncated");
    assert_eq!(code(b"data: {\n\n"), "upstream_invalid_response");
    assert_eq!(code(b"event: ping\n\n"), "upstream_stream_truncated");
    assert_eq!(code(b"{\"code\":\"unauthorized\",\"message\":\"no\",\"status\":401}"), "unauthorized");
    let error = Dify::default().decode_response(b"{\"code\":\"x\",\"message\":\"y\"}").unwrap_err();
    assert_eq!((error.code.as_deref(), error.message.as_str()), (Some("x"), "y"));
}

#[test]
fn error_fixtures() {
    for (name, body) in fixtures("errors/dify") {
        let status = name[..3].parse().unwrap();
        let error = Dify::default().decode_error(status, &body);
        assert_eq!(error.status, status);
        assert!(error.code.is_some() && !error.message.is_empty(), "{name}");
    }
    assert_eq!(Dify::default().decode_error(502, b"<html>").kind, ErrorKind::Server);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8)) {
        for (_, stream) in fixtures("streams/dify") {
            let whole = decode_all(Dify::default().stream_decoder(), &stream);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
            prop_assert_eq!(&decode_pieces(Dify::default().stream_decoder(), pieces), &whole);
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Dify::default().decode_response(&bytes);
        let _ = Dify::default().decode_error(500, &bytes);
        check_laws(&decode_all(Dify::default().stream_decoder(), &bytes));
        check_laws(&decode_all(Dify::default().stream_decoder(), &[b"data: ", bytes.as_slice(), b"\n\n"].concat()));
    }

    #[test]
    fn damaged_streams_stay_lawful(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for (_, mut stream) in fixtures("streams/dify") {
            let at = at.index(stream.len());
            stream[at] = byte;
            check_laws(&decode_all(Dify::default().stream_decoder(), &stream));
        }
    }
}

#[test]
fn the_conversation_is_found_in_events_and_answers() {
    for (piece, id) in [
        (r#"data: {"event":"message","conversation_id":"ab-1","answer":"x"}"#, Some("ab-1")),
        (r#"{"conversation_id" : "c_2"}"#, Some("c_2")),
        (r#"{"conversation_id":""}"#, None),
        (r#"{"conversation_id":"a b"}"#, None),
        (r#"{"conversation_id":"cut"#, None),
        ("data: ping", None),
    ] {
        assert_eq!(conversation_id_in(piece.as_bytes()).as_deref(), id, "{piece}");
    }
}

#[test]
fn a_time_that_cannot_be_is_left_out() {
    for (created, read) in [
        ("1700000000", Some(1_700_000_000)),
        ("-5", None),
        ("1e300", None),
        ("\"x\"", None),
        ("\"1700000000\"", Some(1_700_000_000)),
    ] {
        let answer = format!(r#"{{"event":"message","id":"m","answer":"x","created_at":{created}}}"#);
        let response = Dify::default().decode_response(answer.as_bytes()).unwrap();
        assert_eq!(response.created, read, "{created}");
    }
}
