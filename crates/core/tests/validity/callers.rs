//! A history in each dialect of callers.

use serde_json::{Value, json};

use super::histories::{Answer, History, Piece, Step};

const PNG: &str = "iVBORw0KGgo=";
const PDF: &str = "JVBERi0xLjQ=";

/// Writes words that can be found again.
pub struct Pen {
    /// The words so far.
    pub words: Vec<String>,
    tool: &'static str,
    id: &'static str,
}

impl Pen {
    /// Has written nothing.
    pub fn new(history: &History) -> Self {
        Self { words: Vec::new(), tool: history.tool, id: history.id }
    }

    fn id_of(&self, call: u8) -> String {
        format!("{}{call}", self.id)
    }

    fn word(&mut self) -> String {
        let word = format!("w{}x", self.words.len());
        self.words.push(word.clone());
        word
    }

    fn text(&mut self, piece: Piece) -> String {
        match piece {
            Piece::Empty => String::new(),
            Piece::Blank => " \n".to_owned(),
            _ => self.word(),
        }
    }

    fn arguments(&mut self) -> Value {
        json!({ "q": self.word() })
    }
}

fn picture_url() -> String {
    format!("data:image/png;base64,{PNG}")
}

fn schema() -> Value {
    json!({ "type": "object", "properties": { "q": { "type": "string" } } })
}

/// Chat Completions.
pub fn chat(history: &History, pen: &mut Pen) -> Value {
    let mut messages = Vec::new();
    for step in &history.steps {
        match step {
            Step::System(pieces) => {
                messages.push(json!({ "role": "system", "content": chat_texts(pieces, pen) }));
            }
            Step::Developer(pieces) => {
                messages.push(json!({ "role": "developer", "content": chat_texts(pieces, pen) }));
            }
            Step::User(pieces) => {
                messages.push(json!({ "role": "user", "content": chat_parts(pieces, pen) }));
            }
            Step::Assistant(pieces) => messages.push(chat_answer(pieces, history.form, pen)),
            Step::Results(answers) => messages.extend(answers.iter().map(|answer| {
                let content = chat_parts(&answer.content, pen);
                json!({ "role": "tool", "tool_call_id": pen.id_of(answer.call), "content": content })
            })),
        }
    }
    let mut body = json!({ "model": "m", "messages": messages });
    if history.declares_tools {
        body["tools"] =
            json!([{ "type": "function", "function": { "name": pen.tool, "parameters": schema() } }]);
    }
    if history.thinks {
        body["reasoning_effort"] = json!("low");
    }
    body
}

fn chat_texts(pieces: &[Piece], pen: &mut Pen) -> Value {
    match pieces {
        [] => json!(""),
        [only] => json!(pen.text(*only)),
        several => several.iter().map(|piece| json!({ "type": "text", "text": pen.text(*piece) })).collect(),
    }
}

fn chat_parts(pieces: &[Piece], pen: &mut Pen) -> Value {
    if !pieces.iter().any(|piece| matches!(piece, Piece::Picture | Piece::Document)) {
        return chat_texts(pieces, pen);
    }
    let part = |piece: &Piece| match piece {
        Piece::Picture => json!({ "type": "image_url", "image_url": { "url": picture_url() } }),
        Piece::Document => {
            let data = format!("data:application/pdf;base64,{PDF}");
            json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": data } })
        }
        other => json!({ "type": "text", "text": pen.text(*other) }),
    };
    pieces.iter().map(part).collect()
}

fn chat_answer(pieces: &[Piece], form: u8, pen: &mut Pen) -> Value {
    let mut message = json!({ "role": "assistant" });
    let (mut content, mut calls, mut blocks, mut details) = (vec![], vec![], vec![], vec![]);
    let mut bare = String::new();
    for piece in pieces {
        match piece {
            // There is one text of thoughts, and one refusal.
            Piece::Thought(_) if form.is_multiple_of(5) && !bare.is_empty() => {}
            Piece::Refusal if message.get("refusal").is_some() => {}
            Piece::Thought(signed) => {
                let text = pen.word();
                let signature = signed.then_some("c2ln");
                let block = json!({ "type": "thinking", "thinking": text, "signature": signature });
                match form % 5 {
                    0 => bare.push_str(&text),
                    1 => content.push(block),
                    // Told twice.
                    2 => {
                        content.push(block.clone());
                        blocks.push(block);
                        bare.push_str(&text);
                    }
                    3 => details
                        .push(json!({ "type": "reasoning.text", "text": text, "signature": signature })),
                    _ => content
                        .push(json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] })),
                }
            }
            Piece::Redacted => blocks.push(json!({ "type": "redacted_thinking", "data": "ZGF0YQ==" })),
            Piece::Call(number) => {
                let arguments = pen.arguments().to_string();
                let function = json!({ "name": pen.tool, "arguments": arguments });
                calls.push(json!({ "id": pen.id_of(*number), "type": "function", "function": function }));
            }
            Piece::Refusal => message["refusal"] = json!(pen.word()),
            Piece::Unknown => content.push(json!({ "type": "hologram", "data": "?" })),
            other => content.push(json!({ "type": "text", "text": pen.text(*other) })),
        }
    }
    message["content"] = if content.is_empty() { Value::Null } else { content.into() };
    for (name, list) in [("tool_calls", calls), ("thinking_blocks", blocks), ("reasoning_details", details)] {
        if !list.is_empty() {
            message[name] = list.into();
        }
    }
    if !bare.is_empty() {
        message["reasoning_content"] = json!(bare);
    }
    message
}

/// Messages.
pub fn messages(history: &History, pen: &mut Pen) -> Value {
    let mut messages: Vec<Value> = Vec::new();
    for step in &history.steps {
        let (role, blocks): (&str, Vec<Value>) = match step {
            Step::System(pieces) | Step::Developer(pieces) => {
                ("system", pieces.iter().map(|piece| messages_block(*piece, pen)).collect())
            }
            Step::User(pieces) => ("user", pieces.iter().map(|piece| messages_block(*piece, pen)).collect()),
            Step::Assistant(pieces) => {
                ("assistant", pieces.iter().map(|piece| messages_block(*piece, pen)).collect())
            }
            Step::Results(answers) => {
                ("user", answers.iter().map(|answer| messages_result(answer, pen)).collect())
            }
        };
        match messages.last_mut() {
            // Content of the user before, between and after results in one message.
            Some(last) if history.form % 2 == 1 && role == "user" && last["role"] == "user" => {
                last["content"].as_array_mut().into_iter().for_each(|content| content.extend(blocks.clone()));
            }
            _ => messages.push(json!({ "role": role, "content": blocks })),
        }
    }
    let mut body = json!({ "model": "m", "max_tokens": 4000, "messages": messages });
    if history.declares_tools {
        body["tools"] = json!([{ "name": pen.tool, "input_schema": schema() }]);
    }
    if history.thinks {
        body["thinking"] = json!({ "type": "enabled", "budget_tokens": 2000 });
    }
    body
}

fn messages_block(piece: Piece, pen: &mut Pen) -> Value {
    match piece {
        Piece::Picture => {
            json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } })
        }
        Piece::Document => json!({ "type": "document",
            "source": { "type": "base64", "media_type": "application/pdf", "data": PDF } }),
        Piece::Thought(signed) => {
            json!({ "type": "thinking", "thinking": pen.word(), "signature": signed.then_some("c2ln") })
        }
        Piece::Redacted => json!({ "type": "redacted_thinking", "data": "ZGF0YQ==" }),
        Piece::Call(number) => {
            json!({ "type": "tool_use", "id": pen.id_of(number), "name": pen.tool, "input": pen.arguments() })
        }
        Piece::Unknown => json!({ "type": "hologram", "data": "?" }),
        other => json!({ "type": "text", "text": pen.text(other) }),
    }
}

fn messages_result(answer: &Answer, pen: &mut Pen) -> Value {
    let content: Vec<Value> = answer.content.iter().map(|piece| messages_block(*piece, pen)).collect();
    json!({ "type": "tool_result", "tool_use_id": pen.id_of(answer.call), "content": content, "is_error": answer.failed })
}

/// Responses.
pub fn responses(history: &History, pen: &mut Pen) -> Value {
    let mut input: Vec<Value> = Vec::new();
    for step in &history.steps {
        let said = |role: &str, pieces: &[Piece], pen: &mut Pen| {
            let content: Vec<Value> = pieces.iter().map(|piece| responses_part(*piece, pen)).collect();
            json!({ "type": "message", "role": role, "content": content })
        };
        match step {
            Step::System(pieces) => input.push(said("system", pieces, pen)),
            Step::Developer(pieces) => input.push(said("developer", pieces, pen)),
            Step::User(pieces) => input.push(said("user", pieces, pen)),
            Step::Assistant(pieces) => input.extend(pieces.iter().map(|piece| responses_item(*piece, pen))),
            Step::Results(answers) => input.extend(answers.iter().map(|answer| {
                let output: Vec<Value> =
                    answer.content.iter().map(|piece| responses_part(*piece, pen)).collect();
                json!({ "type": "function_call_output", "call_id": pen.id_of(answer.call), "output": output })
            })),
        }
    }
    let mut body = json!({ "model": "m", "input": input });
    if history.declares_tools {
        body["tools"] = json!([{ "type": "function", "name": pen.tool, "parameters": schema() }]);
    }
    if history.thinks {
        body["reasoning"] = json!({ "effort": "low" });
    }
    body
}

fn responses_part(piece: Piece, pen: &mut Pen) -> Value {
    match piece {
        Piece::Picture => json!({ "type": "input_image", "image_url": picture_url() }),
        Piece::Document => json!({ "type": "input_file", "filename": "a.pdf",
            "file_data": format!("data:application/pdf;base64,{PDF}") }),
        other => json!({ "type": "input_text", "text": pen.text(other) }),
    }
}

fn responses_item(piece: Piece, pen: &mut Pen) -> Value {
    let said = |part: Value| json!({ "type": "message", "role": "assistant", "content": [part] });
    match piece {
        Piece::Thought(signed) => json!({ "type": "reasoning", "encrypted_content": signed.then_some("c2ln"),
            "summary": [{ "type": "summary_text", "text": pen.word() }] }),
        Piece::Redacted => {
            json!({ "type": "reasoning", "summary": [], "encrypted_content": "redacted_thinking:ZGF0YQ==" })
        }
        Piece::Call(number) => {
            let arguments = pen.arguments().to_string();
            json!({ "type": "function_call", "call_id": pen.id_of(number), "name": pen.tool, "arguments": arguments })
        }
        Piece::Refusal => said(json!({ "type": "refusal", "refusal": pen.word() })),
        Piece::Unknown => json!({ "type": "web_search_call", "id": "ws_1", "status": "completed" }),
        other => said(json!({ "type": "output_text", "text": pen.text(other), "annotations": [] })),
    }
}

/// Gemini. Instructions after the beginning have no place in the dialect and are the user's.
pub fn gemini(history: &History, pen: &mut Pen) -> Value {
    let has_ids = history.form.is_multiple_of(2);
    let mut system: Vec<Value> = Vec::new();
    let mut contents: Vec<Value> = Vec::new();
    for (index, step) in history.steps.iter().enumerate() {
        match step {
            Step::System(pieces) if index == 0 => {
                system.extend(pieces.iter().map(|piece| gemini_part(*piece, has_ids, pen)));
            }
            Step::System(pieces) | Step::Developer(pieces) | Step::User(pieces) => {
                let parts: Vec<Value> =
                    pieces.iter().map(|piece| gemini_part(*piece, has_ids, pen)).collect();
                contents.push(json!({ "role": "user", "parts": parts }));
            }
            Step::Assistant(pieces) => {
                let parts: Vec<Value> =
                    pieces.iter().map(|piece| gemini_part(*piece, has_ids, pen)).collect();
                contents.push(json!({ "role": "model", "parts": parts }));
            }
            Step::Results(answers) => {
                let parts: Vec<Value> =
                    answers.iter().map(|answer| gemini_result(answer, has_ids, pen)).collect();
                contents.push(json!({ "role": "user", "parts": parts }));
            }
        }
    }
    if contents.is_empty() {
        contents.push(json!({ "role": "user", "parts": [{ "text": "" }] }));
    }
    let mut body = json!({ "contents": contents });
    if !system.is_empty() {
        body["systemInstruction"] = json!({ "parts": system });
    }
    if history.declares_tools {
        body["tools"] = json!([{ "functionDeclarations": [{ "name": pen.tool, "parameters": schema() }] }]);
    }
    if history.thinks {
        body["generationConfig"] = json!({ "thinkingConfig": { "thinkingBudget": 2000 } });
    }
    body
}

fn gemini_part(piece: Piece, has_ids: bool, pen: &mut Pen) -> Value {
    match piece {
        Piece::Picture => json!({ "inlineData": { "mimeType": "image/png", "data": PNG } }),
        Piece::Document => json!({ "inlineData": { "mimeType": "application/pdf", "data": PDF } }),
        Piece::Thought(signed) => {
            json!({ "text": pen.word(), "thought": true, "thoughtSignature": signed.then_some("c2ln") })
        }
        Piece::Redacted => json!({ "text": "", "thoughtSignature": "c2ln" }),
        Piece::Call(number) => {
            let id = has_ids.then(|| pen.id_of(number));
            json!({ "functionCall": { "id": id, "name": pen.tool, "args": pen.arguments() } })
        }
        Piece::Unknown => json!({ "toolCall": { "id": "s", "toolType": "FILE_SEARCH", "args": {} } }),
        other => json!({ "text": pen.text(other) }),
    }
}

fn gemini_result(answer: &Answer, has_ids: bool, pen: &mut Pen) -> Value {
    let (mut words, mut parts) = (String::new(), Vec::new());
    for piece in &answer.content {
        match piece {
            Piece::Picture => parts.push(gemini_part(*piece, has_ids, pen)),
            other => words.push_str(&pen.text(*other)),
        }
    }
    let kind = if answer.failed { "error" } else { "output" };
    let id = has_ids.then(|| pen.id_of(answer.call));
    json!({ "functionResponse": { "id": id, "name": pen.tool, "response": { kind: words }, "parts": parts } })
}
