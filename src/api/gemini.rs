//! The paths of the Gemini API, where model and action stand in the path: `/v1beta/models/{model}:{action}`.

use nexus_edge_core::dialect::inbound::FromPath;
use nexus_edge_core::error::ApiError;

use crate::exchange::Exchange;
use crate::pipeline;
use crate::platform::http::Response;

/// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`
pub async fn generate_content(exchange: &Exchange, call: &str) -> Result<Response, ApiError> {
    let Some((model, action)) = call.rsplit_once(':') else {
        return Err(ApiError::method_not_allowed("GET"));
    };
    let stream = match action {
        "generateContent" => false,
        "streamGenerateContent" => true,
        "countTokens" => {
            return pipeline::count::count_tokens(
                exchange,
                Some(FromPath { model, stream: false, as_array: false }),
            )
            .await;
        }
        _ => return Err(ApiError::not_found("not_found", "There is no such action on models.")),
    };
    // Without `alt=sse` a stream of this API is one JSON array.
    let as_array = exchange.query("alt").as_deref() != Some("sse");
    pipeline::chat_completion(exchange, Some(FromPath { model, stream, as_array })).await
}
