//! The translation of a request to the dialect of the chosen upstream, and what must be stored of it.

use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatRequest, ReplyContext};
use nexus_edge_core::dialect::dify::{DifyOptions, user_of};
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::references::{Kind, Named, noted_in};
use nexus_edge_core::dialect::responses::{
    Kept, KeptElsewhere, ResponsesEncoder, ResponsesRequest, StoredResponse, response_of_item,
};
use nexus_edge_core::dialect::translation::Translation;
use nexus_edge_core::provider::Quirk;
use nexus_edge_core::routing::Candidate;

use super::failed::AttemptError;
use super::{dify_app, native_responses, ownership};
use crate::exchange::Exchange;
use crate::platform::{log_error, new_ulid, rarely};
use crate::store::origin::Origin;
use crate::store::{dify, issued, responses};

/// What to store of an answer.
pub enum Memory {
    /// Nothing.
    None,
    /// The answer itself.
    Answer(Box<Keep>),
    /// The Dify conversation of the answer, under this name.
    DifyConversation { name: String },
}

/// An answer to be stored, so that the caller can continue it.
pub struct Keep {
    origin: Origin,
    what: What,
}

enum What {
    /// The answer to this request.
    Answer(Box<ResponsesRequest>),
    /// A note that the provider with this `uid` stores it, and the ids in it.
    Keeper(String),
    /// The ids in the answer of the provider with this `uid`, in this dialect.
    Issued(String, CallerDialect),
}

impl Keep {
    /// Stores the answer with this body, before the caller sees its end.
    ///
    /// `recognised` is the conversation, if it is known by now: that of a response that is stored before its answer has begun
    /// may not be.
    pub async fn keep(&self, env: &worker::Env, recognised: Option<String>, body: &[u8]) {
        let mut origin = self.origin.clone();
        origin.conversation_id = recognised.unwrap_or(origin.conversation_id);
        let origin = &origin;
        let put = async {
            match &self.what {
                What::Answer(request) => match StoredResponse::of(
                    request.previous_response_id.as_deref(),
                    &request.input_items,
                    body,
                ) {
                    Some(stored) => responses::put(env, origin, &stored).await,
                    None => Ok(()),
                },
                What::Keeper(uid) => {
                    if let Some(kept) = KeptElsewhere::of(uid, body) {
                        responses::put_elsewhere(env, origin, &kept).await?;
                    }
                    let ids = noted_in(CallerDialect::OpenaiResponses, body);
                    issued::put(env, &origin.key_id, uid, &ids).await
                }
                What::Issued(uid, caller_dialect) => {
                    issued::put(env, &origin.key_id, uid, &noted_in(*caller_dialect, body)).await
                }
            }
        };
        if let Err(error) = put.await {
            log_error("a response is not kept", &error);
        }
    }
}

/// The translation for a candidate, which may be the only one (`is_alone`). An error is the caller's: the request is invalid in its dialect.
pub async fn translate(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    named: &Named,
    candidate: &Candidate,
    conversation_id: &str,
    is_alone: bool,
) -> Result<(Translation, Memory), AttemptError> {
    // What a request of the Responses API names of earlier responses, the gateway stores itself where it translates.
    let is_responses = inbound.caller_dialect == CallerDialect::OpenaiResponses;
    let is_stored_here = |kind| matches!(kind, Kind::Item | Kind::Conversation | Kind::Prompt);
    let references = named.references.iter().filter(|found| !(is_responses && is_stored_here(found.kind)));
    ownership::check(exchange, principal, references, candidate).await?;
    let provider = &candidate.upstream.record;
    let origin = Origin {
        key_id: principal.key_id.clone(),
        conversation_id: conversation_id.to_owned(),
        began_at: exchange.started_ms,
    };
    let kind = candidate.upstream.provider();
    if kind.speaks(inbound.caller_dialect) && !inbound.as_array && !provider.has_quirk(Quirk::OddReplies) {
        let model = &candidate.upstream_model;
        if let Some(codec) =
            provider.kind.responses_codec_for_chat(&candidate.upstream.site(), inbound, model)
        {
            let translation = Translation::translated(inbound, codec, context_of(exchange, inbound))?;
            return Ok((translation, Memory::None));
        }
        let asks_usage = !provider.has_quirk(Quirk::NoStreamOptions);
        let what = What::Issued(provider.uid.clone(), inbound.caller_dialect);
        let issued = || Memory::Answer(Box::new(Keep { origin, what }));
        let memory = if named.may_issue { issued() } else { Memory::None };
        return Ok((Translation::native(inbound, asks_usage), memory));
    }
    if is_responses
        && let Some(translation) =
            rarely(native_responses::translate(exchange, principal, inbound, named, candidate)).await?
    {
        let uid = provider.uid.clone();
        let what = match native_responses::is_stored(inbound) {
            true => What::Keeper(uid),
            false if named.may_issue => What::Issued(uid, inbound.caller_dialect),
            false => return Ok((translation, Memory::None)),
        };
        return Ok((translation, Memory::Answer(Box::new(Keep { origin, what }))));
    }
    let context = context_of(exchange, inbound);
    let app = kind.dify_app(provider.quirk_set());
    if let Some(app) = app.filter(|_| !is_responses) {
        // Conversations of before belong to users who were not told apart.
        let name = format!("dify2:{}:{}:{conversation_id}", provider.uid, principal.key_id);
        let known = if app.keeps_conversation() {
            rarely(dify::conversation(&exchange.env, &name)).await
        } else {
            None
        };
        let mut request = Rc::unwrap_or_clone(inbound.canonical()?);
        let user = user_of(&principal.key_id, request.user.as_deref());
        let options = DifyOptions { app, conversation_id: known, user, inputs: None };
        rarely(dify_app::upload(exchange, candidate, &mut request, &options, is_alone)).await?;
        let translation = Translation::to_dify(inbound, request, options, context);
        let keeps = app.keeps_conversation();
        return Ok((translation, if keeps { Memory::DifyConversation { name } } else { Memory::None }));
    }
    let codec_for = |request: &ChatRequest| {
        let (site, model) = (candidate.upstream.site(), &candidate.upstream_model);
        let codec = provider.kind.responses_codec(&site, inbound.caller_dialect, request, model);
        codec.unwrap_or_else(|| provider.codec())
    };
    if inbound.caller_dialect != CallerDialect::OpenaiResponses {
        let codec = codec_for(&*inbound.canonical()?);
        return Ok((Translation::translated(inbound, codec, context)?, Memory::None));
    }
    let mut request = ResponsesRequest::parse(inbound.body, &context.unique)?;
    if !principal.store.keeps_texts() {
        request.do_not_store();
    }
    let request = rarely(resolve(exchange, principal, request)).await?;
    let encoder = Box::new(ResponsesEncoder::new(&request, &context));
    let mut told = request.request.clone();
    let codec = match app {
        Some(app) => {
            let user = user_of(&principal.key_id, told.user.as_deref());
            let options = DifyOptions { app, conversation_id: None, user, inputs: None };
            rarely(dify_app::upload(exchange, candidate, &mut told, &options, is_alone)).await?;
            Translation::dify_codec(options)
        }
        None => codec_for(&told),
    };
    let translation = Translation::of_read(inbound, told, encoder, codec, context);
    let memory = if request.store {
        Memory::Answer(Box::new(Keep { origin, what: What::Answer(Box::new(request)) }))
    } else {
        Memory::None
    };
    Ok((translation, memory))
}

fn context_of(exchange: &Exchange, inbound: &Inbound<'_>) -> ReplyContext {
    ReplyContext {
        unique: new_ulid(exchange.started_ms).to_lowercase(),
        created: exchange.started_ms / 1000,
        model: inbound.model.to_string(),
    }
}

/// Prepends earlier turns to a request that continues a stored response or refers to its items.
pub async fn resolve(
    exchange: &Exchange,
    principal: &Principal,
    request: ResponsesRequest,
) -> Result<ResponsesRequest, AttemptError> {
    let key_id = &principal.key_id;
    let mut chain = Vec::new();
    if let Some(previous) = &request.previous_response_id {
        for kept in responses::chain(&exchange.env, key_id, previous).await? {
            match kept {
                Kept::Here(stored) => chain.push(*stored),
                Kept::Elsewhere(_) => return Err(native_responses::kept_by_another(previous)),
            }
        }
        if chain.is_empty() {
            return Err(native_responses::no_previous(previous).into());
        }
    }
    let mut wanted: Vec<String> = request.references().filter_map(response_of_item).collect();
    wanted.sort();
    wanted.dedup();
    let mut others = Vec::new();
    for id in wanted.iter().filter(|id| chain.iter().all(|stored: &StoredResponse| stored.id != **id)) {
        if let Some(Kept::Here(stored)) = responses::find(&exchange.env, key_id, id).await? {
            others.push(*stored);
        }
    }
    Ok(request.resolve(&chain, &others)?)
}
