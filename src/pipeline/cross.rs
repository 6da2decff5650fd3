//! How does the request cross to the dialect of the upstream that was chosen, and what must be remembered of it?

use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::ProviderKind;
use nexus_edge_core::dialect::canonical::ReplyContext;
use nexus_edge_core::dialect::crossing::Crossing;
use nexus_edge_core::dialect::dify::DifyOptions;
use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::responses::{
    ResponsesEncoder, ResponsesRequest, StoredResponse, response_of_item,
};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Candidate;

use crate::exchange::Exchange;
use crate::platform::{log_error, new_ulid};
use crate::store::{dify, responses};

/// What is to be remembered of an answer.
pub enum Memory {
    /// Nothing.
    None,
    /// The answer itself.
    Answer(Box<Keep>),
    /// The Dify conversation that it belongs to, under this name.
    DifyConversation(String),
}

/// An answer that is to be kept, so that the caller may continue it.
pub struct Keep {
    key_id: String,
    request: ResponsesRequest,
}

impl Keep {
    /// Keeps the answer with this body. It is there before the caller knows that the answer is whole.
    pub async fn keep(&self, exchange_env: &worker::Env, body: &[u8]) {
        let Some(stored) = StoredResponse::of(&self.request, body) else { return };
        if let Err(error) = responses::put(exchange_env, &self.key_id, &stored).await {
            log_error("a response is not kept", &error);
        }
    }
}

/// The crossing to a candidate. An error is the caller's: its request does not say what its dialect demands.
pub async fn cross(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    candidate: &Candidate,
    conversation_id: &str,
) -> Result<(Crossing, Memory), ApiError> {
    let provider = &candidate.upstream.record;
    if inbound.face.is_native_to(provider.kind) && !inbound.as_array && !provider.has_quirk("odd_replies") {
        return Ok((Crossing::native(inbound, !provider.has_quirk("no_stream_options")), Memory::None));
    }
    let context = ReplyContext {
        unique: new_ulid(exchange.started_ms).to_lowercase(),
        created: exchange.started_ms / 1000,
        model: inbound.model.to_string(),
    };
    if provider.kind == ProviderKind::Dify && inbound.face != Face::OpenaiResponses {
        let name = format!("dify:{}:{}:{conversation_id}", provider.uid, principal.key_id);
        let known = dify::conversation(&exchange.env, &name).await;
        let options = DifyOptions { conversation_id: known, user: principal.key_id.clone(), inputs: None };
        return Ok((registry::to_dify(inbound, options, context)?, Memory::DifyConversation(name)));
    }
    if inbound.face != Face::OpenaiResponses {
        return Ok((registry::translated(inbound, provider, context)?, Memory::None));
    }
    let request = ResponsesRequest::parse(inbound.body, &context.unique)?;
    let request = resolve(exchange, principal, request).await?;
    let encoder = Box::new(ResponsesEncoder::new(&request, &context));
    let crossing = registry::crossing(inbound, request.request.clone(), encoder, provider, context);
    let memory = if request.store {
        Memory::Answer(Box::new(Keep { key_id: principal.key_id.clone(), request }))
    } else {
        Memory::None
    };
    Ok((crossing, memory))
}

/// Puts the turns before this one into a request that continues a kept response or refers to its items.
async fn resolve(
    exchange: &Exchange,
    principal: &Principal,
    request: ResponsesRequest,
) -> Result<ResponsesRequest, ApiError> {
    let key_id = &principal.key_id;
    let mut chain = Vec::new();
    if let Some(previous) = &request.previous_response_id {
        chain = responses::chain(&exchange.env, key_id, previous).await?;
        if chain.is_empty() {
            let message = format!(
                "There is no response with the id `{}`.",
                previous.chars().take(100).collect::<String>()
            );
            return Err(ApiError::not_found("previous_response_not_found", message)
                .with_param("previous_response_id"));
        }
    }
    let mut wanted: Vec<String> = request.references().filter_map(response_of_item).collect();
    wanted.sort();
    wanted.dedup();
    let mut others = Vec::new();
    for id in wanted.iter().filter(|id| chain.iter().all(|stored: &StoredResponse| stored.id != **id)) {
        others.extend(responses::find(&exchange.env, key_id, id).await?);
    }
    request.resolve(&chain, &others)
}
