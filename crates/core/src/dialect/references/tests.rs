use serde_json::{Value, json};

use super::*;

fn found(caller_dialect: CallerDialect, body: &Value) -> Vec<(Kind, String, String)> {
    let named = find(caller_dialect, body.to_string().as_bytes()).unwrap();
    named.references.into_iter().map(|found| (found.kind, found.id, found.param)).collect()
}

fn only(caller_dialect: CallerDialect, body: &Value, kind: Kind, id: &str, param: &str) {
    assert_eq!(found(caller_dialect, body), [(kind, id.to_owned(), param.to_owned())], "{body}");
}

#[test]
fn responses_name_things_in_many_places() {
    let input = |item: Value| json!({"model": "m", "input": [item]});
    let content = |part: Value| input(json!({"role": "user", "content": [part]}));
    for (body, kind, id, param) in [
        (json!({"conversation": "conv_1"}), Kind::Conversation, "conv_1", "conversation"),
        (json!({"conversation": {"id": "conv_1"}}), Kind::Conversation, "conv_1", "conversation.id"),
        (json!({"prompt": {"id": "pmpt_1", "version": "2"}}), Kind::Prompt, "pmpt_1", "prompt.id"),
        (input(json!({"type": "item_reference", "id": "msg_1"})), Kind::Item, "msg_1", "input[0].id"),
        (input(json!({"id": "msg_1"})), Kind::Item, "msg_1", "input[0].id"),
        (input(json!({"type": null, "id": "msg_1"})), Kind::Item, "msg_1", "input[0].id"),
        (input(json!({"type": "reasoning", "id": "rs_1", "summary": []})), Kind::Item, "rs_1", "input[0].id"),
        (input(json!({"type": "image_generation_call", "id": "ig_1"})), Kind::Item, "ig_1", "input[0].id"),
        (input(json!({"type": "web_search_call", "id": "ws_1"})), Kind::Item, "ws_1", "input[0].id"),
        (
            input(json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true})),
            Kind::Item,
            "mcpr_1",
            "input[0].approval_request_id",
        ),
        (
            content(json!({"type": "input_file", "file_id": "file-1"})),
            Kind::File,
            "file-1",
            "input[0].content[0].file_id",
        ),
        (
            content(json!({"type": "input_image", "file_id": "file-1"})),
            Kind::File,
            "file-1",
            "input[0].content[0].file_id",
        ),
        (
            content(json!({"type": "input_image", "image_url": "gs://bucket/a.png"})),
            Kind::Storage,
            "gs://bucket/a.png",
            "input[0].content[0].image_url",
        ),
        (
            input(
                json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_file", "file_id": "file-1"}]}),
            ),
            Kind::File,
            "file-1",
            "input[0].output[0].file_id",
        ),
        (
            input(
                json!({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "file_id": "file-1"}}),
            ),
            Kind::File,
            "file-1",
            "input[0].output.file_id",
        ),
    ] {
        only(CallerDialect::OpenaiResponses, &body, kind, id, param);
    }
}

#[test]
fn tools_of_responses_name_things_too() {
    let tool = |tool: Value| json!({"model": "m", "input": "hi", "tools": [tool]});
    for (body, kind, id, param) in [
        (
            tool(json!({"type": "file_search", "vector_store_ids": ["vs_1"]})),
            Kind::Store,
            "vs_1",
            "tools[0].vector_store_ids[0]",
        ),
        (
            tool(json!({"type": "code_interpreter", "container": "cntr_1"})),
            Kind::Container,
            "cntr_1",
            "tools[0].container",
        ),
        (
            tool(json!({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}})),
            Kind::File,
            "file-1",
            "tools[0].container.file_ids[0]",
        ),
        (
            tool(json!({"type": "image_generation", "input_image_mask": {"file_id": "file-1"}})),
            Kind::File,
            "file-1",
            "tools[0].input_image_mask.file_id",
        ),
        (
            tool(json!({"type": "mcp", "server_label": "x", "connector_id": "connector_gmail"})),
            Kind::Connector,
            "connector_gmail",
            "tools[0].connector_id",
        ),
        (
            tool(
                json!({"type": "shell", "environment": {"type": "container_reference", "container_id": "cntr_1"}}),
            ),
            Kind::Container,
            "cntr_1",
            "tools[0].environment.container_id",
        ),
        (
            tool(
                json!({"type": "shell", "environment": {"type": "container_auto", "skills": [{"type": "skill_reference", "skill_id": "skill_1"}]}}),
            ),
            Kind::Skill,
            "skill_1",
            "tools[0].environment.skills[0].skill_id",
        ),
        (
            json!({"prompt": {"variables": {"doc": {"type": "input_file", "file_id": "file-1"}}}}),
            Kind::File,
            "file-1",
            "prompt.variables.doc.file_id",
        ),
    ] {
        only(CallerDialect::OpenaiResponses, &body, kind, id, param);
    }
}

#[test]
fn what_a_caller_sends_itself_names_nothing() {
    for body in [
        json!({"input": "file-1", "previous_response_id": "resp_1", "conversation": null, "prompt": null}),
        json!({"input": [
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
            {"id": "msg_1", "role": "user", "content": "hi"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{\"file_id\":\"file-1\"}"},
            {"type": "function_call_output", "id": "fco_1", "call_id": "c", "output": "{\"file_id\":\"file-1\"}"},
            {"type": "image_generation_call", "id": "ig_1", "result": "AAAA"},
        ]}),
        json!({"tools": [
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "function", "name": "f", "parameters": {"properties": {"file_id": {"const": "file-1"}, "container": "x"}}},
            {"type": "mcp", "server_url": "https://a.example/mcp", "authorization": "token"},
            {"type": "mcp", "connector_id": "connector_gmail", "authorization": "token"},
            {"type": "shell", "environment": {"skills": [{"type": "skill_reference", "skill_id": "openai-spreadsheets"}]}},
        ]}),
        json!({"metadata": {"file_id": "file-1", "conversation": "conv_1"}, "user": "u"}),
    ] {
        assert_eq!(found(CallerDialect::OpenaiResponses, &body), [], "{body}");
    }
}

#[test]
fn chat_completions_name_files_and_audio() {
    let said = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    for (body, kind, id, param) in [
        (
            said(json!([{"type": "file", "file": {"file_id": "file-1"}}])),
            Kind::File,
            "file-1",
            "messages[0].content[0].file.file_id",
        ),
        (
            said(json!([{"type": "image_url", "image_url": {"url": "ms://file-1"}}])),
            Kind::Storage,
            "ms://file-1",
            "messages[0].content[0].image_url.url",
        ),
        (
            said(json!([{"type": "video_url", "video_url": {"url": "GS://b/o"}}])),
            Kind::Storage,
            "GS://b/o",
            "messages[0].content[0].video_url.url",
        ),
        (said(json!("fileid://file-fe-1")), Kind::File, "fileid://file-fe-1", "messages[0].content"),
        (
            json!({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
            Kind::Audio,
            "audio_1",
            "messages[0].audio.id",
        ),
        (
            json!({"data_sources": [{"type": "azure_search", "parameters": {}}]}),
            Kind::Store,
            "data source",
            "data_sources",
        ),
        (
            json!({"extra_body": {"google": {"cached_content": "cachedContents/1"}}}),
            Kind::Cache,
            "cachedContents/1",
            "extra_body.google.cached_content",
        ),
        (json!({"previous_response_id": "resp_1"}), Kind::Response, "resp_1", "previous_response_id"),
        (
            json!({"tools": [{"type": "retrieval", "retrieval": {"knowledge_id": "k1"}}]}),
            Kind::Store,
            "k1",
            "tools[0].retrieval.knowledge_id",
        ),
        (json!({"voice": {"id": "voice_1"}, "input": "hi"}), Kind::Voice, "voice_1", "voice.id"),
        (
            json!({"images": [{"file_id": "file-1"}], "prompt": "a cat"}),
            Kind::File,
            "file-1",
            "images[0].file_id",
        ),
    ] {
        only(CallerDialect::OpenaiChat, &body, kind, id, param);
    }
    for body in [
        said(json!([{"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}])),
        said(json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])),
        said(
            json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}]),
        ),
        said(json!("what is gs://bucket and fileid://x?")),
        json!({"audio": {"voice": "alloy", "format": "wav"}, "voice": "alloy", "prompt": "say", "store": true}),
        json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}),
    ] {
        assert_eq!(found(CallerDialect::OpenaiChat, &body), [], "{body}");
    }
}

#[test]
fn messages_name_files_containers_and_skills() {
    let said = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    for (body, kind, id, param) in [
        (
            said(json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}})),
            Kind::File,
            "file_1",
            "messages[0].content[0].source.file_id",
        ),
        (
            said(json!({"type": "container_upload", "file_id": "file_1"})),
            Kind::File,
            "file_1",
            "messages[0].content[0].file_id",
        ),
        (
            said(
                json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]}),
            ),
            Kind::File,
            "file_1",
            "messages[0].content[0].content[0].source.file_id",
        ),
        (json!({"container": "container_1"}), Kind::Container, "container_1", "container"),
        (json!({"container": {"id": "container_1"}}), Kind::Container, "container_1", "container.id"),
        (
            json!({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}),
            Kind::Skill,
            "skill_1",
            "container.skills[0].skill_id",
        ),
    ] {
        only(CallerDialect::Anthropic, &body, kind, id, param);
    }
    for body in [
        said(
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "file_1", "container": "c", "uri": "gs://x"}}),
        ),
        said(json!({"input": {"file_id": "file_1"}, "type": "server_tool_use"})),
        json!({"container": {"skills": [{"skill_id": "xlsx", "type": "anthropic"}]}}),
        json!({"mcp_servers": [{"type": "url", "url": "https://a.example", "authorization_token": "t"}], "metadata": {"user_id": "u"}}),
    ] {
        assert_eq!(found(CallerDialect::Anthropic, &body), [], "{body}");
    }
}

#[test]
fn gemini_names_files_caches_and_stores() {
    let said = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
    let file = "https://generativelanguage.googleapis.com/v1beta/files/abc";
    for (body, kind, id, param) in [
        (
            said(json!({"fileData": {"fileUri": file}})),
            Kind::File,
            file,
            "contents[0].parts[0].fileData.fileUri",
        ),
        (
            said(json!({"file_data": {"file_uri": "files/abc"}})),
            Kind::File,
            "files/abc",
            "contents[0].parts[0].file_data.file_uri",
        ),
        (
            said(json!({"fileData": {"fileUri": "gs://b/o"}})),
            Kind::File,
            "gs://b/o",
            "contents[0].parts[0].fileData.fileUri",
        ),
        (
            said(
                json!({"functionResponse": {"name": "f", "response": {"fileUri": "gs://free"}, "parts": [{"fileData": {"fileUri": "gs://b/o"}}]}}),
            ),
            Kind::File,
            "gs://b/o",
            "contents[0].parts[0].functionResponse.parts[0].fileData.fileUri",
        ),
        (json!({"cachedContent": "cachedContents/1"}), Kind::Cache, "cachedContents/1", "cachedContent"),
        (
            json!({"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/1"]}}]}),
            Kind::Store,
            "fileSearchStores/1",
            "tools[0].fileSearch.fileSearchStoreNames[0]",
        ),
        (
            json!({"tools": [{"retrieval": {"vertexRagStore": {"ragResources": [{"ragCorpus": "projects/p/r"}]}}}]}),
            Kind::Store,
            "projects/p/r",
            "tools[0].retrieval.vertexRagStore.ragResources[0].ragCorpus",
        ),
    ] {
        only(CallerDialect::Gemini, &body, kind, id, param);
    }
    for body in [
        said(json!({"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}})),
        said(json!({"fileData": {"fileUri": "https://storage.googleapis.com/public/a.pdf"}})),
        said(json!({"functionCall": {"name": "f", "args": {"fileUri": "gs://free", "file_id": "1"}}})),
        said(json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})),
    ] {
        assert_eq!(found(CallerDialect::Gemini, &body), [], "{body}");
    }
}

#[test]
fn spelling_hides_nothing() {
    for body in [
        r#"{"messages":[{"content":[{"file_id":"file-1"}]}]}"#,
        r#"{"messages":[{"content":[{"file_id":"","file_id":"file-1"}]}]}"#,
        r#"{"messages":[{"content":[{"type":"tool_use","type":"document","input":{"file_id":"file-1"}}]}]}"#,
        r#"{"unknown":{"deep":[[[{"file_id":"file-1"}]]]}}"#,
    ] {
        let named = find(CallerDialect::Anthropic, body.as_bytes()).unwrap();
        assert_eq!(named.references.len(), 1, "{body}: {named:?}");
        assert_eq!(named.references[0].id, "file-1");
    }
    let doubled = r#"{"input":[{"type":"item_reference","id":"msg_1","type":"message"}]}"#;
    let named = find(CallerDialect::OpenaiResponses, doubled.as_bytes()).unwrap();
    assert_eq!(named.references.len(), 1);
    // What cannot be walked is refused.
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(find(CallerDialect::OpenaiChat, deep.as_bytes()).unwrap_err().code, "invalid_json");
    // Data may be as deep as it likes.
    let data = format!(r#"{{"metadata":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(find(CallerDialect::OpenaiChat, data.as_bytes()).unwrap(), Named::default());
}

#[test]
fn requests_whose_answers_bring_ids() {
    for (body, may) in [
        (json!({"modalities": ["text", "audio"]}), true),
        (json!({"modalities": ["text"]}), false),
        (json!({"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}), true),
        (json!({"container": {"skills": []}}), true),
        (json!({"messages": [{"role": "user", "content": "audio"}]}), false),
    ] {
        assert_eq!(
            find(CallerDialect::Anthropic, body.to_string().as_bytes()).unwrap().may_issue,
            may,
            "{body}"
        );
    }
}

#[test]
fn ids_are_taken_from_where_the_service_writes_them() {
    let ids = |caller_dialect, body: Value| -> Vec<String> {
        in_answer(caller_dialect, body.to_string().as_bytes()).into_iter().collect()
    };
    let response = json!({
        "id": "resp_1",
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_other"]}, {"type": "code_interpreter", "container": "cntr_other"}],
        "metadata": {"file_id": "file-other"},
        "output": [
            {"type": "reasoning", "id": "rs_1"},
            {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "code": "x"},
            {"type": "mcp_list_tools", "id": "mcpl_1", "tools": [{"annotations": {"file_id": "file-other"}}]},
            {"type": "function_call", "id": "fc_1", "arguments": "{\"file_id\":\"file-other\"}"},
            {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "fileid://file-other", "annotations":
                [{"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1"}]}]},
        ],
    });
    assert!(
        !ids(CallerDialect::OpenaiResponses, response.clone())
            .iter()
            .any(|id| id.contains("other") && !id.starts_with("fileid"))
    );
    assert_eq!(
        ids(CallerDialect::OpenaiResponses, response)
            .into_iter()
            .filter(|id| !id.starts_with("fileid"))
            .collect::<Vec<_>>(),
        ["cfile_1", "ci_1", "cntr_1", "fc_1", "mcpl_1", "msg_1", "rs_1"]
    );
    let message = json!({
        "container": {"id": "container_1", "expires_at": "2026"},
        "content": [
            {"type": "text", "text": "file_other"},
            {"type": "tool_use", "input": {"file_id": "file_other"}},
            {"type": "mcp_tool_result", "content": [{"file_id": "file_other"}]},
            {"type": "bash_code_execution_tool_result", "content":
                {"type": "bash_code_execution_result", "content": [{"type": "bash_code_execution_output", "file_id": "file_1"}]}},
        ],
    });
    assert_eq!(ids(CallerDialect::Anthropic, message), ["container_1", "file_1"]);
    let spoken = json!({"choices": [{"message": {"audio": {"id": "audio_1", "data": "AAAA"}}}]});
    assert_eq!(ids(CallerDialect::OpenaiChat, spoken), ["audio_1"]);
    assert!(in_answer(CallerDialect::Anthropic, b"nonsense").is_empty());
}

/// A text with half of a character is the dialect's to judge, and hides nothing beside it.
#[test]
fn halves_of_characters_hide_nothing() {
    for half in [r"\ud83d", r"\udc00", r"\ud83d\ud83d", r"\\\ud83d", r"\ud83d\n"] {
        let body = format!(
            r#"{{"model":"m","input":[{{"role":"user","content":"{half}"}},{{"role":"user","content":[
                {{"type":"input_file","file_id":"file_1"}}]}}]}}"#
        );
        let named = find(CallerDialect::OpenaiResponses, body.as_bytes()).unwrap();
        let found: Vec<&str> = named.references.iter().map(|reference| reference.id.as_str()).collect();
        assert_eq!(found, ["file_1"], "{half}");
        // In a name of a field, and in the id itself.
        let odd = format!(
            r#"{{"{half}":1,"input":[{{"content":[{{"type":"input_file","file_id":"f{half}"}}]}}]}}"#
        );
        assert_eq!(
            find(CallerDialect::OpenaiResponses, odd.as_bytes()).unwrap().references.len(),
            1,
            "{half}"
        );
    }
    let whole = br#"{"input":"\ud83d\ude00 \\ud83d \u00e9"}"#;
    assert!(find(CallerDialect::OpenaiResponses, whole).is_ok());
    assert!(find(CallerDialect::OpenaiResponses, br#"{"input":"\ud8"#).is_err());
}
