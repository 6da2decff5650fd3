//! Dify's `POST /chat-messages` (<https://docs.dify.ai/api-reference/chat/send-chat-message>).

use serde_json::Value;

use super::rules::{Faults, items, text};

/// Everything that the service would refuse in the request.
pub fn faults(body: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(!text(&body["query"]).trim().is_empty(), || "query is required".into());
    faults.check(!text(&body["user"]).is_empty(), || "user is required".into());
    faults.check(body["inputs"].is_object(), || "inputs is required".into());
    let is_mode = matches!(text(&body["response_mode"]), "blocking" | "streaming");
    faults.check(is_mode, || "response_mode".into());
    for file in items(&body["files"]) {
        let is_kept = match text(&file["transfer_method"]) {
            "remote_url" => !text(&file["url"]).is_empty(),
            "local_file" => !text(&file["upload_file_id"]).is_empty(),
            _ => false,
        };
        faults.check(is_kept, || format!("file {file}"));
    }
    faults.0
}
