//! Addresses, lists and names of every kind.

use super::models::UpstreamModel;
use super::*;
use crate::http::upstream_url::UpstreamUrl;

fn with_site<T>(base: &str, quirks: &str, test: impl FnOnce(&Site<'_>) -> T) -> T {
    let url = UpstreamUrl::parse(base, false).ok();
    test(&Site { server_url: base, url: url.as_ref(), quirks: Quirks::read(quirks) })
}

fn ask(kind: ProviderKind, base: &str, operation: Operation, model: &str) -> Option<Call> {
    with_site(base, "", |site| kind.call(site, operation, model))
}

fn asked(kind: ProviderKind, base: &str, next: Option<&str>) -> Option<Call> {
    with_site(base, "", |site| kind.provider().models(site, next))
}

#[test]
fn every_kind_has_one_name() {
    for kind in ProviderKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert_eq!(ProviderKind::named(kind.name()), Some(*kind));
    }
    assert_eq!(ProviderKind::named("telepathy"), None);
}

#[test]
fn every_kind_has_its_address() {
    let chat = Operation::Chat { stream: false, multimodal: false };
    let stream = Operation::Chat { stream: true, multimodal: false };
    for (kind, base, operation, url) in [
        (ProviderKind::Openai, "https://a.example", chat, "https://a.example/v1/chat/completions"),
        (
            ProviderKind::Openai,
            "https://a.example/v1",
            Operation::Speech,
            "https://a.example/v1/audio/speech",
        ),
        (
            ProviderKind::AzureOpenai,
            "https://r.openai.azure.com/openai/v1",
            chat,
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            ProviderKind::AzureOpenai,
            "https://r.openai.azure.com?api-version=2024-10-21#",
            Operation::Embeddings,
            "https://r.openai.azure.com/openai/deployments/m%2F1/embeddings?api-version=2024-10-21",
        ),
        (
            ProviderKind::Anthropic,
            "https://api.anthropic.com",
            stream,
            "https://api.anthropic.com/v1/messages",
        ),
        (
            ProviderKind::Anthropic,
            "https://a.example/v1",
            Operation::CountTokens,
            "https://a.example/v1/messages/count_tokens",
        ),
        (
            ProviderKind::Gemini,
            "https://g.example",
            chat,
            "https://g.example/v1beta/models/m%2F1:generateContent",
        ),
        (
            ProviderKind::Gemini,
            "https://g.example/v1beta/",
            stream,
            "https://g.example/v1beta/models/m%2F1:streamGenerateContent?alt=sse",
        ),
        (
            ProviderKind::Vertex,
            "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l",
            chat,
            "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m%2F1:generateContent",
        ),
        (
            ProviderKind::Bedrock,
            "https://bedrock-runtime.us-east-1.amazonaws.com/",
            chat,
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/m%2F1/converse",
        ),
        (ProviderKind::Cohere, "https://api.cohere.com", stream, "https://api.cohere.com/v2/chat"),
        (ProviderKind::Cohere, "https://c.example/v2", Operation::Rerank, "https://c.example/v2/rerank"),
        (
            ProviderKind::Cohere,
            "https://c.example/v2",
            Operation::Embeddings,
            "https://c.example/compatibility/v1/embeddings",
        ),
        (
            ProviderKind::Bedrock,
            "https://a.example/aws",
            stream,
            "https://a.example/aws/model/m%2F1/converse-stream",
        ),
        (ProviderKind::Dify, "https://d.example/v1", stream, "https://d.example/v1/chat-messages"),
    ] {
        assert_eq!(ask(kind, base, operation, "m/1").unwrap().url, url);
    }
}

#[test]
fn no_name_of_a_model_leads_elsewhere() {
    let chat = Operation::Chat { stream: false, multimodal: false };
    let gemini = |model: &str| ask(ProviderKind::Gemini, "https://g.example", chat, model).unwrap().url;
    for (model, path) in [
        ("models/m", "models/m"),
        ("tunedModels/mine x", "tunedModels/mine%20x"),
        ("tunedModels/../m", "tunedModels/..%2Fm"),
        ("../../evil", "models/..%2F..%2Fevil"),
        ("m?key=1#x", "models/m%3Fkey%3D1%23x"),
    ] {
        assert_eq!(gemini(model), format!("https://g.example/v1beta/{path}:generateContent"));
    }
}

#[test]
fn a_model_is_never_a_step_in_the_path() {
    let chat = Operation::Chat { stream: false, multimodal: false };
    let bedrock = |model: &str| ask(ProviderKind::Bedrock, "https://b.example", chat, model);
    assert!(bedrock("..").is_none() && bedrock(".").is_none());
    let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.m";
    let path = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.m";
    assert_eq!(bedrock(arn).unwrap().url, format!("https://b.example/model/{path}/converse"));
}

#[test]
fn responses_are_asked_for_where_they_are_spoken() {
    let operation = Operation::Responses { stream: true };
    let base = "https://a.example/v1";
    let kind = ProviderKind::Openai;
    assert_eq!(with_site(base, "", |site| kind.call(site, operation, "m")), None);
    with_site(base, "responses", |site| {
        assert_eq!(kind.call(site, operation, "m").unwrap().url, "https://a.example/v1/responses");
        let get = kind.kept_response(site, "resp/1", ResponseAction::InputItems, Some("limit=2")).unwrap();
        let url = "https://a.example/v1/responses/resp%2F1/input_items?limit=2";
        assert_eq!((get.method, get.url.as_str()), ("GET", url));
        assert_eq!(kind.provider().body_model(site, "m"), None);
    });
    let kind = ProviderKind::AzureOpenai;
    let base =
        "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-04-01-preview#";
    with_site(base, "responses", |site| {
        let cancel = kind.kept_response(site, "resp_1", ResponseAction::Cancel, Some("a=b")).unwrap();
        let url =
            "https://r.openai.azure.com/openai/responses/resp_1/cancel?api-version=2025-04-01-preview&a=b";
        assert_eq!((cancel.method, cancel.url.as_str()), ("POST", url));
        assert_eq!(kind.provider().body_model(site, "m").as_deref(), Some("d"));
        assert_eq!(kind.provider().body_model(site, "d"), None);
    });
}

#[test]
fn what_a_service_does_not_offer_is_not_asked_for() {
    assert!(ask(ProviderKind::Anthropic, "https://a.example", Operation::Embeddings, "m").is_none());
    assert!(ask(ProviderKind::Openai, "https://a.example", Operation::CountTokens, "m").is_none());
    assert!(
        ask(
            ProviderKind::Demo,
            "https://a.example",
            Operation::Chat { stream: true, multimodal: false },
            "m"
        )
        .is_none()
    );
}

#[test]
fn every_kind_is_asked_at_its_own_place() {
    for (kind, base, next, url) in [
        (ProviderKind::Openai, "https://a.example", None, "https://a.example/v1/models"),
        (ProviderKind::Openai, "https://a.example/api/v3/", None, "https://a.example/api/v3/models"),
        (
            ProviderKind::AzureOpenai,
            "https://r.openai.azure.com",
            None,
            "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
        ),
        (
            ProviderKind::Anthropic,
            "https://a.example",
            Some("m/1"),
            "https://a.example/v1/models?limit=1000&after_id=m%2F1",
        ),
        (ProviderKind::Gemini, "https://g.example", None, "https://g.example/v1beta/models?pageSize=1000"),
        (
            ProviderKind::Gemini,
            "https://g.example/v1beta",
            Some("t"),
            "https://g.example/v1beta/models?pageSize=1000&pageToken=t",
        ),
        (
            ProviderKind::Vertex,
            "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l",
            None,
            "https://l-aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=200",
        ),
        (
            ProviderKind::Dashscope,
            "https://dashscope.aliyuncs.com/api/v1",
            None,
            "https://dashscope.aliyuncs.com/compatible-mode/v1/models",
        ),
        (
            ProviderKind::Bedrock,
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            None,
            "https://bedrock.us-east-1.amazonaws.com/foundation-models?byOutputModality=TEXT",
        ),
        (
            ProviderKind::Cohere,
            "https://api.cohere.com/v2",
            Some("t"),
            "https://api.cohere.com/v1/models?endpoint=chat&page_size=1000&page_token=t",
        ),
        (
            ProviderKind::Bedrock,
            "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
            Some("inference-profilesa/b"),
            "https://bedrock-fips.us-east-1.amazonaws.com/inference-profiles?maxResults=1000&nextToken=a%2Fb",
        ),
        (ProviderKind::Dify, "https://d.example/v1", None, "https://d.example/v1/info"),
    ] {
        assert_eq!(asked(kind, base, next).unwrap().url, url);
    }
    assert!(asked(ProviderKind::Demo, "https://x.example", None).is_none());
    assert!(asked(ProviderKind::WorkersAi, "", None).is_none());
}

fn ids(kind: ProviderKind, body: &str) -> Vec<String> {
    kind.provider().read_models(body.as_bytes()).unwrap().models.into_iter().map(|model| model.id).collect()
}

#[test]
fn lists_of_all_shapes_are_read() {
    let openai = r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b","context_window":8192,
        "max_completion_tokens":99},{"nothing":1}]}"#;
    let page = ProviderKind::Openai.provider().read_models(openai.as_bytes()).unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.models.len(), 2);
    assert_eq!((page.models[1].context_length, page.models[1].max_output), (Some(8192), Some(99)));
    assert_eq!(ids(ProviderKind::Openai, r#"[{"id":"x"},"y"]"#), ["x", "y"]);
    assert_eq!(ids(ProviderKind::Openai, r#"{"models":[{"name":"llama3:8b"}]}"#), ["llama3:8b"]);
    assert_eq!(ids(ProviderKind::Dify, r#"{"name":"My app","mode":"chat"}"#), ["My app"]);
    let gemini = r#"{"models":[
        {"name":"models/gemini-2.5-pro","displayName":"Gemini 2.5 Pro","inputTokenLimit":1048576,
         "outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"]},
        {"name":"models/embedding-001","supportedGenerationMethods":["embedContent"]}],"nextPageToken":"t"}"#;
    let page = ProviderKind::Gemini.provider().read_models(gemini.as_bytes()).unwrap();
    assert_eq!(page.next.as_deref(), Some("t"));
    let expected = UpstreamModel {
        id: "gemini-2.5-pro".into(),
        name: Some("Gemini 2.5 Pro".into()),
        context_length: Some(1_048_576),
        max_output: Some(65_536),
    };
    assert_eq!(page.models, [expected]);
    let cohere = r#"{"models":[{"name":"command-a-03-2025","endpoints":["chat"],"context_length":256000.0}],
        "next_page_token":"t"}"#;
    let page = ProviderKind::Cohere.provider().read_models(cohere.as_bytes()).unwrap();
    assert_eq!((page.models[0].id.as_str(), page.next.as_deref()), ("command-a-03-2025", Some("t")));
    let vertex = r#"{"publisherModels":[{"name":"publishers/google/models/gemini-3"}]}"#;
    assert_eq!(ids(ProviderKind::Vertex, vertex), ["gemini-3"]);
    assert!(ids(ProviderKind::Gemini, "{}").is_empty());
}

#[test]
fn pages_go_on_only_where_there_is_more() {
    let page = |more| format!(r#"{{"data":[{{"id":"claude"}}],"has_more":{more},"last_id":"claude"}}"#);
    let next = |more| ProviderKind::Anthropic.provider().read_models(page(more).as_bytes()).unwrap().next;
    assert_eq!((next(true), next(false)), (Some("claude".into()), None));
}

#[test]
fn what_is_no_list_is_an_error() {
    for body in ["<html>", "7", r#"{"error":{"message":"no"}}"#, r#"{"object":"list"}"#] {
        assert!(ProviderKind::Openai.provider().read_models(body.as_bytes()).is_err(), "{body}");
    }
    assert!(ProviderKind::Dify.provider().read_models(b"{}").is_err());
}
