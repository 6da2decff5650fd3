//! A model and its tools by script: the answers of the rounds are given, everything else is what the loop makes of them.

use std::fmt::Write;

use nexus_edge_core::dialect::caller::CallerDialect::{self, Anthropic, Gemini, OpenaiChat, OpenaiResponses};
use nexus_edge_toolloop::machine::{Job, Outcome};
use nexus_edge_toolloop::named;
use nexus_edge_toolloop::note::Note;
use nexus_edge_toolloop::session::{Next, Opening, Session, Telling};
use nexus_edge_toolloop::tool::{Approval, Class, Tool};

/// Every dialect that knows tools.
pub const DIALECTS: [CallerDialect; 4] = [OpenaiChat, Anthropic, OpenaiResponses, Gemini];

/// What an answer says: a text, and calls.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub text: &'static str,
    /// Function and arguments.
    pub calls: Vec<(String, String)>,
}

pub fn said(text: &'static str, calls: &[(&str, &str)]) -> Said {
    let calls = calls.iter().map(|(name, arguments)| ((*name).to_owned(), (*arguments).to_owned())).collect();
    Said { text, calls }
}

/// What happened.
#[derive(Debug, Default)]
pub struct Ran {
    /// The bodies of the questions.
    pub asked: Vec<String>,
    /// The calls that ran.
    pub jobs: Vec<Job>,
    /// What the caller was sent.
    pub sent: String,
    /// Whether the answer is complete.
    pub is_complete: bool,
    /// What an attended request has noted.
    pub notes: Vec<Note>,
    /// The id of the last round and the answer, where the caller was told another id; and what came after it.
    pub joined: Option<(String, String, Vec<String>)>,
}

pub fn tool(alias: &str) -> Tool {
    let (server, name) = alias.split_once("__").unwrap();
    Tool {
        alias: alias.to_owned(),
        server: server.to_owned(),
        name: name.to_owned(),
        description: format!("Does {name}."),
        schema: r#"{"type":"object","properties":{"path":{"type":"string"}}}"#.to_owned(),
        annotations: None,
        class: Class::Read,
        is_open_world: false,
        approval: Approval::Never,
    }
}

/// A request that names the server `fs`.
pub fn request(dialect: CallerDialect) -> String {
    match dialect {
        OpenaiChat => r#"{"model":"m", "messages":[{"role":"user","content":"What does it say?"}],"tools":[{"type":"function","function":{"name":"own","parameters":{}}},{"type":"mcp","server_label":"fs","server_url":"nexus:fs","require_approval":"never"}],"tool_choice":"required","seed":1e2}"#,
        Anthropic => r#"{"model":"m", "max_tokens":100,"messages":[{"role":"user","content":"What does it say?"}],"mcp_servers":[{"type":"url","url":"nexus:fs","name":"fs"},{"type":"url","url":"https://a.example","name":"a"}],"tools":[{"type":"mcp_toolset","mcp_server_name":"fs"},{"name":"own","input_schema":{}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}}"#,
        OpenaiResponses => r#"{"model":"m", "input":"What does it say?","tools":[{"type":"function","name":"own","parameters":{}},{"type":"mcp","server_label":"fs","server_url":"nexus:fs","require_approval":"never"}],"tool_choice":{"type":"mcp","server_label":"fs","name":"read"}}"#,
        Gemini => r#"{"contents":[{"role":"user","parts":[{"text":"What does it say?"}]}],"nexus":{"tools":["fs"]},"tools":[{"functionDeclarations":[{"name":"own"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#,
        CallerDialect::OpenaiCompletions => unreachable!(),
    }
    .to_owned()
}

/// Runs a request. `size`: how the streams are cut; `None`: whole answers.
pub fn run(dialect: CallerDialect, body: &str, tools: &[Tool], rounds: &[Said], size: Option<usize>) -> Ran {
    let answer = |job: &Job| {
        let name = job.alias.rsplit('_').next().unwrap();
        Outcome::Result(
            format!(r#"{{"content":[{{"type":"text","text":"result of {name}"}}]}}"#).into_bytes(),
        )
    };
    run_with(dialect, body, tools, rounds, size, &answer)
}

pub fn run_with(
    dialect: CallerDialect,
    body: &str,
    tools: &[Tool],
    rounds: &[Said],
    size: Option<usize>,
    answer: &dyn Fn(&Job) -> Outcome,
) -> Ran {
    run_as(dialect, body, tools, rounds, size, answer, false)
}

/// Runs a request that is attended, streamed.
pub fn run_attended(tools: &[Tool], rounds: &[Said], answer: &dyn Fn(&Job) -> Outcome) -> Ran {
    run_as(OpenaiChat, &request(OpenaiChat), tools, rounds, Some(1 << 20), answer, true)
}

fn run_as(
    dialect: CallerDialect,
    body: &str,
    tools: &[Tool],
    rounds: &[Said],
    size: Option<usize>,
    answer: &dyn Fn(&Job) -> Outcome,
    is_attended: bool,
) -> Ran {
    let named = named::of(dialect, body.as_bytes()).unwrap().unwrap();
    let opening = Opening {
        dialect,
        body: body.as_bytes(),
        named: &named,
        tools: tools.to_vec(),
        is_stream: size.is_some(),
        is_list: false,
        telling: if is_attended { Telling::Notes } else { Telling::Chunks },
    };
    let mut session = Session::new(opening, 0);
    let (mut ran, mut out) = (Ran::default(), Vec::new());
    let mut next = session.start(0, &mut out);
    loop {
        ran.notes.extend(session.take_notes());
        next = match next {
            Next::Ask(body) => {
                let number = ran.asked.len();
                ran.asked.push(String::from_utf8(body).unwrap());
                let said = rounds
                    .get(number)
                    .unwrap_or_else(|| panic!("asked {} times: {:#?}", number + 1, ran.asked));
                match size {
                    Some(size) => {
                        for chunk in stream(dialect, number, said).as_bytes().chunks(size) {
                            session.push(chunk, &mut out);
                        }
                        session.end_round(1, &mut out)
                    }
                    None => session.whole(whole(dialect, number, said).as_bytes(), 1).unwrap(),
                }
            }
            Next::Run(jobs) => {
                assert!(!jobs.is_empty());
                let mut after = None;
                for job in jobs {
                    assert!(after.is_none());
                    after = session.end_call(&job, answer(&job), 2, &mut out);
                    ran.jobs.push(job);
                }
                after.unwrap()
            }
            Next::End | Next::Failed => {
                ran.is_complete = next == Next::End;
                break;
            }
        };
    }
    ran.joined = session
        .take_joined()
        .map(|(joined, after)| (joined.last, String::from_utf8(joined.response).unwrap(), after));
    if size.is_none() {
        out = session.finish_whole();
    }
    ran.sent = String::from_utf8(out).unwrap();
    ran
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The events of a stream.
#[derive(Default)]
struct Events(String);

impl Events {
    fn add(&mut self, name: &str, data: &str) {
        if !name.is_empty() {
            let _ = writeln!(self.0, "event: {name}");
        }
        let _ = write!(self.0, "data: {data}\n\n");
    }
}

/// The stream of a round.
pub fn stream(dialect: CallerDialect, number: usize, said: &Said) -> String {
    let mut events = Events::default();
    let mut event = |name: &str, data: String| events.add(name, &data);
    match dialect {
        OpenaiChat => chat_stream(number, said, &mut event),
        Anthropic => messages_stream(number, said, &mut event),
        OpenaiResponses => responses_stream(number, said, &mut event),
        Gemini => gemini_stream(number, said, &mut event),
        CallerDialect::OpenaiCompletions => unreachable!(),
    }
    events.0
}

fn chat_stream(number: usize, said: &Said, event: &mut dyn FnMut(&str, String)) {
    let reason = !said.calls.is_empty();
    let chunk = |delta: &str, reason: &str| {
        format!(
            r#"{{"id":"c{number}","object":"chat.completion.chunk","created":{number},"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}"#
        )
    };
    event("", chunk(r#"{"role":"assistant","content":""}"#, "null"));
    for half in halves(said.text) {
        event("", chunk(&format!(r#"{{"content":{}}}"#, quote(half)), "null"));
    }
    for (index, (name, arguments)) in said.calls.iter().enumerate() {
        event(
            "",
            chunk(
                &format!(
                    r#"{{"tool_calls":[{{"index":{index},"id":"call_{number}{index}","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
                ),
                "null",
            ),
        );
        for half in halves(arguments) {
            event(
                "",
                chunk(
                    &format!(
                        r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{}}}}}]}}"#,
                        quote(half)
                    ),
                    "null",
                ),
            );
        }
    }
    event("", chunk("{}", if reason { "\"tool_calls\"" } else { "\"stop\"" }));
    event(
        "",
        format!(
            r#"{{"id":"c{number}","object":"chat.completion.chunk","created":{number},"model":"m","choices":[],"usage":{{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}}}"#
        ),
    );
    event("", "[DONE]".to_owned());
}

fn messages_stream(number: usize, said: &Said, event: &mut dyn FnMut(&str, String)) {
    let reason = !said.calls.is_empty();
    event(
        "message_start",
        format!(
            r#"{{"type":"message_start","message":{{"id":"msg_{number}","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":10,"output_tokens":1}}}}}}"#
        ),
    );
    let mut index = 0;
    event(
        "content_block_start",
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"thinking","thinking":"","signature":""}}}}"#
        ),
    );
    event(
        "content_block_delta",
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"thinking_delta","thinking":"Hm {number}."}}}}"#
        ),
    );
    event(
        "content_block_delta",
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"signature_delta","signature":"sig{number}"}}}}"#
        ),
    );
    event("content_block_stop", format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    if !said.text.is_empty() {
        index += 1;
        event(
            "content_block_start",
            format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"text","text":""}}}}"#
            ),
        );
        for half in halves(said.text) {
            event(
                "content_block_delta",
                format!(
                    r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":{}}}}}"#,
                    quote(half)
                ),
            );
        }
        event("content_block_stop", format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    }
    for (call, (name, arguments)) in said.calls.iter().enumerate() {
        index += 1;
        event(
            "content_block_start",
            format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"toolu_{number}{call}","name":"{name}","input":{{}}}}}}"#
            ),
        );
        for half in halves(arguments) {
            event(
                "content_block_delta",
                format!(
                    r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#,
                    quote(half)
                ),
            );
        }
        event("content_block_stop", format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    }
    event(
        "message_delta",
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{}","stop_sequence":null}},"usage":{{"output_tokens":2}}}}"#,
            if reason { "tool_use" } else { "end_turn" }
        ),
    );
    event("message_stop", r#"{"type":"message_stop"}"#.to_owned());
}

fn responses_stream(number: usize, said: &Said, event: &mut dyn FnMut(&str, String)) {
    let whole = whole(OpenaiResponses, number, said);
    let begun = format!(
        r#"{{"id":"resp_{number}","object":"response","created_at":{number},"status":"in_progress","model":"m","output":[],"tools":[],"usage":null}}"#
    );
    let mut sequence = 0;
    let mut event = |kind: &str, members: String| {
        event(kind, format!(r#"{{"type":"{kind}","sequence_number":{sequence},{members}}}"#));
        sequence += 1;
    };
    event("response.created", format!(r#""response":{begun}"#));
    event("response.in_progress", format!(r#""response":{begun}"#));
    for (index, item) in response_items(number, said).iter().enumerate() {
        let text = quote(said.text);
        if item.contains("\"message\"") {
            event(
                "response.output_item.added",
                format!(
                    r#""output_index":{index},"item":{{"id":"msg_{number}","type":"message","status":"in_progress","role":"assistant","content":[]}}"#
                ),
            );
            event(
                "response.content_part.added",
                format!(
                    r#""output_index":{index},"item_id":"msg_{number}","content_index":0,"part":{{"type":"output_text","text":"","annotations":[]}}"#
                ),
            );
            for half in halves(said.text) {
                event(
                    "response.output_text.delta",
                    format!(
                        r#""output_index":{index},"item_id":"msg_{number}","content_index":0,"delta":{}"#,
                        quote(half)
                    ),
                );
            }
            event(
                "response.output_text.done",
                format!(r#""output_index":{index},"item_id":"msg_{number}","content_index":0,"text":{text}"#),
            );
            event(
                "response.content_part.done",
                format!(
                    r#""output_index":{index},"item_id":"msg_{number}","content_index":0,"part":{{"type":"output_text","text":{text},"annotations":[]}}"#
                ),
            );
        } else if item.contains("function_call") {
            let (name, arguments) = &said.calls[index - usize::from(!said.text.is_empty())];
            let id = format!("fc_{number}{index}");
            let begun = item.replace(&quote(arguments), "\"\"");
            event("response.output_item.added", format!(r#""output_index":{index},"item":{begun}"#));
            let _ = name;
            for half in halves(arguments) {
                event(
                    "response.function_call_arguments.delta",
                    format!(r#""output_index":{index},"item_id":"{id}","delta":{}"#, quote(half)),
                );
            }
            event(
                "response.function_call_arguments.done",
                format!(r#""output_index":{index},"item_id":"{id}","arguments":{}"#, quote(arguments)),
            );
        }
        event("response.output_item.done", format!(r#""output_index":{index},"item":{item}"#));
    }
    event("response.completed", format!(r#""response":{whole}"#));
}

fn gemini_stream(number: usize, said: &Said, event: &mut dyn FnMut(&str, String)) {
    let chunk = |parts: &str, end: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}}{end},"index":0}}],"usageMetadata":{{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12}},"responseId":"r{number}"}}"#
        )
    };
    for half in halves(said.text) {
        event("", chunk(&format!(r#"{{"text":{}}}"#, quote(half)), ""));
    }
    let calls: Vec<String> = gemini_calls(number, said);
    event("", chunk(&calls.join(","), r#","finishReason":"STOP""#));
}

fn halves(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let at = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    let (one, other) = text.split_at(at);
    [one, other].into_iter().filter(|half| !half.is_empty()).collect()
}

fn gemini_calls(number: usize, said: &Said) -> Vec<String> {
    let call = |(index, (name, arguments)): (usize, &(String, String))| {
        format!(
            r#"{{"functionCall":{{"id":"f{number}{index}","name":"{name}","args":{arguments}}},"thoughtSignature":"sig{number}{index}"}}"#
        )
    };
    said.calls.iter().enumerate().map(call).collect()
}

fn response_items(number: usize, said: &Said) -> Vec<String> {
    let mut items = Vec::new();
    if !said.text.is_empty() {
        items.push(format!(r#"{{"id":"msg_{number}","type":"message","status":"completed","role":"assistant","content":[{{"type":"output_text","text":{},"annotations":[]}}]}}"#, quote(said.text)));
    }
    for (call, (name, arguments)) in said.calls.iter().enumerate() {
        let index = items.len();
        items.push(format!(r#"{{"id":"fc_{number}{index}","type":"function_call","status":"completed","call_id":"call_{number}{call}","name":"{name}","arguments":{}}}"#, quote(arguments)));
    }
    items
}

/// The answer of a round as a whole.
pub fn whole(dialect: CallerDialect, number: usize, said: &Said) -> String {
    let calls = &said.calls;
    match dialect {
        OpenaiChat => {
            let call = |(index, (name, arguments)): (usize, &(String, String))| {
                format!(
                    r#"{{"id":"call_{number}{index}","type":"function","function":{{"name":"{name}","arguments":{}}}}}"#,
                    quote(arguments)
                )
            };
            let (member, reason) = if calls.is_empty() {
                (String::new(), "stop")
            } else {
                let calls: Vec<String> = calls.iter().enumerate().map(call).collect();
                (format!(r#","tool_calls":[{}]"#, calls.join(",")), "tool_calls")
            };
            format!(
                r#"{{"id":"c{number}","object":"chat.completion","created":{number},"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":{}{member}}},"finish_reason":"{reason}"}}],"usage":{{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}}}"#,
                quote(said.text)
            )
        }
        Anthropic => {
            let mut blocks =
                vec![format!(r#"{{"type":"thinking","thinking":"Hm {number}.","signature":"sig{number}"}}"#)];
            if !said.text.is_empty() {
                blocks.push(format!(r#"{{"type":"text","text":{}}}"#, quote(said.text)));
            }
            for (call, (name, arguments)) in calls.iter().enumerate() {
                blocks.push(format!(
                    r#"{{"type":"tool_use","id":"toolu_{number}{call}","name":"{name}","input":{arguments}}}"#
                ));
            }
            format!(
                r#"{{"id":"msg_{number}","type":"message","role":"assistant","model":"m","content":[{}],"stop_reason":"{}","stop_sequence":null,"usage":{{"input_tokens":10,"output_tokens":2}}}}"#,
                blocks.join(","),
                if calls.is_empty() { "end_turn" } else { "tool_use" }
            )
        }
        OpenaiResponses => format!(
            r#"{{"id":"resp_{number}","object":"response","created_at":{number},"status":"completed","model":"m","output":[{}],"tools":[],"usage":{{"input_tokens":10,"output_tokens":2,"total_tokens":12}}}}"#,
            response_items(number, said).join(",")
        ),
        Gemini => {
            let mut parts = Vec::new();
            if !said.text.is_empty() {
                parts.push(format!(r#"{{"text":{}}}"#, quote(said.text)));
            }
            parts.extend(gemini_calls(number, said));
            format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":[{}]}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12}},"responseId":"r{number}"}}"#,
                parts.join(",")
            )
        }
        CallerDialect::OpenaiCompletions => unreachable!(),
    }
}
