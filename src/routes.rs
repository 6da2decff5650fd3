//! The one route table: every endpoint of the gateway, who may call it, and what answers.

use nexus_edge_core::billing::account::EntryKind;
use nexus_edge_core::catalog::OperationStatus;
use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::operation::Operation;
use nexus_edge_core::error::{ApiError, ErrorType};
use nexus_edge_core::http::path::{self, Captured};
use nexus_edge_core::limits::Rules;
use subtle::ConstantTimeEq;
use worker::{Context, Env, Method, web_sys};

use crate::api::credits::{self, View};
use crate::api::sessions::{self, SessionEndpoint};
use crate::api::{
    conversations, discovery, gemini, health, keys, limits, logical_models, models, prices, provider_health,
    provider_keys, provider_models, providers, responses, routing, secret_key, stats, system, tokens, ws,
};
use crate::envelope;
use crate::exchange::{Exchange, error_response, request_id_of, set_header};
use crate::pipeline;
use crate::pipeline::admit;
use crate::platform::http::{Headers, RequestHead, Response};
use crate::platform::now_ms;
use crate::settings::Settings;

/// Who may call an endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Anyone.
    Public,
    /// The holder of an API key, which the handler checks. Browsers may call it from other origins.
    Caller,
    /// The holder of the admin token.
    Admin,
}

#[derive(Clone, Copy)]
enum Endpoint {
    ChatCompletions,
    Completions,
    Responses,
    GetResponse,
    GetResponseInput,
    DeleteResponse,
    CancelResponse,
    Messages,
    CountMessageTokens,
    CountResponseTokens,
    Tokenize,
    Detokenize,
    GenerateContent,
    Forward(Operation),
    ListModels,
    GetModel,
    ListGeminiModels,
    GetGeminiModel,
    Health,
    ListPresets,
    ListProviders,
    CreateProvider,
    ListAvailableProviders,
    GetProvider,
    UpdateProvider,
    DeleteProvider,
    SetProviderStatus(OperationStatus),
    ProviderHealth,
    TestProvider,
    ValidateModels,
    ListUpstreamModels,
    DiscoverModels,
    ListModelsOfProvider,
    ListKeysOfProvider,
    CreateProviderKey,
    GetProviderKey,
    UpdateProviderKey,
    DeleteProviderKey,
    ListProviderModels,
    CreateProviderModel,
    GetProviderModel,
    UpdateProviderModel,
    DeleteProviderModel,
    ListLogicalModels,
    CreateLogicalModel,
    GetLogicalModel,
    UpdateLogicalModel,
    DeleteLogicalModel,
    ListKeys,
    CreateKey,
    GetKey,
    UpdateKey,
    DeleteKey,
    RotateKey,
    ListLimits,
    GetLimits,
    PutLimits,
    DeleteLimits,
    ListPrices,
    MyCredits(View),
    RedeemGrantToken,
    ListAccounts,
    Account(View),
    AddCredits(EntryKind),
    IssueGrantToken,
    GetAutoTopUp,
    PutAutoTopUp,
    DeleteAutoTopUp,
    PutPrice,
    DeletePrice,
    TotalStats,
    RequestLog,
    Decide,
    LogicalModelUpstreams,
    GetRoutingSession,
    DeleteRoutingSession,
    ClearCache,
    SecretKeyState,
    RotateSecretKey,
    ListConversations,
    DeleteConversation,
    ConversationStats,
    Session(SessionEndpoint),
    ChatSocket,
    SocketTicket,
    EstimateTokens,
}

impl Endpoint {
    /// The dialect in which the endpoint is spoken to, and in which it answers errors.
    const fn face(self) -> Face {
        match self {
            Self::Completions => Face::OpenaiCompletions,
            Self::Responses | Self::CountResponseTokens => Face::OpenaiResponses,
            Self::Messages | Self::CountMessageTokens => Face::Anthropic,
            Self::GenerateContent | Self::ListGeminiModels | Self::GetGeminiModel => Face::Gemini,
            _ => Face::OpenaiChat,
        }
    }
}

/// The dialect of a request: that of the endpoint, and where the SDKs share a path, that of the headers that they send.
fn face_of(endpoint: Endpoint, parameter: &str, head: &RequestHead) -> Face {
    let has = |name: &str| head.headers.get(name).is_some();
    match endpoint {
        Endpoint::ListModels | Endpoint::GetModel if has("anthropic-version") => Face::Anthropic,
        Endpoint::ListModels | Endpoint::GetModel if has("x-goog-api-key") || has("x-goog-api-client") => {
            Face::Gemini
        }
        // A model without an action is a mistake of anyone's.
        Endpoint::GenerateContent if !parameter.contains(':') => Face::OpenaiChat,
        endpoint => endpoint.face(),
    }
}

/// The dialect in which an error is told where no endpoint is.
fn face_of_path(path: &str) -> Face {
    match path {
        path if path.starts_with("/v1/messages") => Face::Anthropic,
        path if path.starts_with("/v1beta/") => Face::Gemini,
        _ => Face::OpenaiChat,
    }
}

struct Route {
    method: Method,
    pattern: &'static str,
    audience: Audience,
    endpoint: Endpoint,
}

const fn route(method: Method, pattern: &'static str, audience: Audience, endpoint: Endpoint) -> Route {
    Route { method, pattern, audience, endpoint }
}

/// The first match wins, so literal paths stand before those with a parameter. The hot path stands first.
#[rustfmt::skip]
const ROUTES: &[Route] = &[
    route(Method::Post,   "/v1/chat/completions",   Audience::Caller, Endpoint::ChatCompletions),
    route(Method::Post,   "/chat/completions",      Audience::Caller, Endpoint::ChatCompletions),
    route(Method::Post,   "/v1/messages",           Audience::Caller, Endpoint::Messages),
    route(Method::Post,   "/v1/responses",          Audience::Caller, Endpoint::Responses),
    route(Method::Post,   "/v1/responses/compact",  Audience::Caller, Endpoint::Forward(Operation::CompactResponse)),
    route(Method::Post,   "/v1/responses/{id}/cancel", Audience::Caller, Endpoint::CancelResponse),
    route(Method::Post,   "/v1/responses/input_tokens", Audience::Caller, Endpoint::CountResponseTokens),
    route(Method::Get,    "/v1/responses/{id}/input_items", Audience::Caller, Endpoint::GetResponseInput),
    route(Method::Get,    "/v1/responses/{id}",     Audience::Caller, Endpoint::GetResponse),
    route(Method::Delete, "/v1/responses/{id}",     Audience::Caller, Endpoint::DeleteResponse),
    route(Method::Post,   "/v1/messages/count_tokens", Audience::Caller, Endpoint::CountMessageTokens),
    route(Method::Post,   "/v1/tokenize",           Audience::Caller, Endpoint::Tokenize),
    route(Method::Post,   "/v1/detokenize",         Audience::Caller, Endpoint::Detokenize),
    route(Method::Post,   "/v1/completions",        Audience::Caller, Endpoint::Completions),
    route(Method::Post,   "/v1beta/models/{call...}", Audience::Caller, Endpoint::GenerateContent),
    route(Method::Post,   "/v1/models/{call...}",   Audience::Caller, Endpoint::GenerateContent),
    route(Method::Post,   "/v1/embeddings",         Audience::Caller, Endpoint::Forward(Operation::Embeddings)),
    route(Method::Post,   "/v1/images/generations", Audience::Caller, Endpoint::Forward(Operation::ImageGenerations)),
    route(Method::Post,   "/v1/images/edits",       Audience::Caller, Endpoint::Forward(Operation::ImageEdits)),
    route(Method::Post,   "/v1/audio/transcriptions", Audience::Caller, Endpoint::Forward(Operation::Transcriptions)),
    route(Method::Post,   "/v1/audio/translations", Audience::Caller, Endpoint::Forward(Operation::AudioTranslations)),
    route(Method::Post,   "/v1/audio/speech",       Audience::Caller, Endpoint::Forward(Operation::Speech)),
    route(Method::Post,   "/v1/rerank",             Audience::Caller, Endpoint::Forward(Operation::Rerank)),
    route(Method::Post,   "/v1/moderations",        Audience::Caller, Endpoint::Forward(Operation::Moderations)),
    route(Method::Get,    "/v1/models",             Audience::Caller, Endpoint::ListModels),
    route(Method::Get,    "/v1beta/models",         Audience::Caller, Endpoint::ListGeminiModels),
    route(Method::Get,    "/v1beta/models/{id...}", Audience::Caller, Endpoint::GetGeminiModel),
    route(Method::Get,    "/models",                Audience::Caller, Endpoint::ListModels),
    route(Method::Get,    "/v1/models/{id...}",     Audience::Caller, Endpoint::GetModel),
    route(Method::Get,    "/models/{id...}",        Audience::Caller, Endpoint::GetModel),
    route(Method::Get,    "/v1/credits/me",         Audience::Caller, Endpoint::MyCredits(View::Standing)),
    route(Method::Get,    "/v1/credits/me/transactions", Audience::Caller, Endpoint::MyCredits(View::Transactions)),
    route(Method::Get,    "/v1/credits/me/consumption/summary", Audience::Caller, Endpoint::MyCredits(View::Summary)),
    route(Method::Get,    "/v1/credits/me/consumption/providers", Audience::Caller, Endpoint::MyCredits(View::ByProvider)),
    route(Method::Get,    "/v1/credits/me/consumption/timeseries", Audience::Caller, Endpoint::MyCredits(View::Series)),
    route(Method::Post,   "/v1/credits/me/grant-token", Audience::Caller, Endpoint::RedeemGrantToken),
    route(Method::Get,    "/credits/accounts",      Audience::Admin,  Endpoint::ListAccounts),
    route(Method::Get,    "/credits/accounts/{id}", Audience::Admin,  Endpoint::Account(View::Standing)),
    route(Method::Get,    "/credits/accounts/{id}/transactions", Audience::Admin, Endpoint::Account(View::Transactions)),
    route(Method::Get,    "/credits/accounts/{id}/consumption/summary", Audience::Admin, Endpoint::Account(View::Summary)),
    route(Method::Get,    "/credits/accounts/{id}/consumption/providers", Audience::Admin, Endpoint::Account(View::ByProvider)),
    route(Method::Get,    "/credits/accounts/{id}/consumption/timeseries", Audience::Admin, Endpoint::Account(View::Series)),
    route(Method::Post,   "/credits/accounts/{id}/topup", Audience::Admin, Endpoint::AddCredits(EntryKind::TopUp)),
    route(Method::Post,   "/credits/accounts/{id}/grant", Audience::Admin, Endpoint::AddCredits(EntryKind::Grant)),
    route(Method::Get,    "/credits/accounts/{id}/auto-topup", Audience::Admin, Endpoint::GetAutoTopUp),
    route(Method::Put,    "/credits/accounts/{id}/auto-topup", Audience::Admin, Endpoint::PutAutoTopUp),
    route(Method::Delete, "/credits/accounts/{id}/auto-topup", Audience::Admin, Endpoint::DeleteAutoTopUp),
    route(Method::Post,   "/credits/grant-tokens",  Audience::Admin,  Endpoint::IssueGrantToken),
    route(Method::Get,    "/health",                Audience::Public, Endpoint::Health),
    route(Method::Get,    "/provider-presets",      Audience::Admin,  Endpoint::ListPresets),
    route(Method::Get,    "/providers",             Audience::Admin,  Endpoint::ListProviders),
    route(Method::Post,   "/providers",             Audience::Admin,  Endpoint::CreateProvider),
    route(Method::Get,    "/providers/available",   Audience::Admin,  Endpoint::ListAvailableProviders),
    route(Method::Get,    "/providers/{id}",        Audience::Admin,  Endpoint::GetProvider),
    route(Method::Put,    "/providers/{id}",        Audience::Admin,  Endpoint::UpdateProvider),
    route(Method::Delete, "/providers/{id}",        Audience::Admin,  Endpoint::DeleteProvider),
    route(Method::Get,    "/providers/{id}/models", Audience::Admin,  Endpoint::ListModelsOfProvider),
    route(Method::Post,   "/providers/{id}/pause",  Audience::Admin,  Endpoint::SetProviderStatus(OperationStatus::Paused)),
    route(Method::Post,   "/providers/{id}/resume", Audience::Admin,  Endpoint::SetProviderStatus(OperationStatus::Active)),
    route(Method::Post,   "/providers/{id}/offline", Audience::Admin, Endpoint::SetProviderStatus(OperationStatus::Offline)),
    route(Method::Get,    "/providers/{id}/health", Audience::Admin,  Endpoint::ProviderHealth),
    route(Method::Post,   "/providers/{id}/test",   Audience::Admin,  Endpoint::TestProvider),
    route(Method::Post,   "/providers/{id}/validate-models", Audience::Admin, Endpoint::ValidateModels),
    route(Method::Get,    "/providers/{id}/upstream-models", Audience::Admin, Endpoint::ListUpstreamModels),
    route(Method::Post,   "/providers/{id}/discover", Audience::Admin, Endpoint::DiscoverModels),
    route(Method::Get,    "/providers/{id}/keys",   Audience::Admin,  Endpoint::ListKeysOfProvider),
    route(Method::Post,   "/providers/{id}/keys",   Audience::Admin,  Endpoint::CreateProviderKey),
    route(Method::Get,    "/providers/{id}/keys/{key_id}", Audience::Admin, Endpoint::GetProviderKey),
    route(Method::Put,    "/providers/{id}/keys/{key_id}", Audience::Admin, Endpoint::UpdateProviderKey),
    route(Method::Delete, "/providers/{id}/keys/{key_id}", Audience::Admin, Endpoint::DeleteProviderKey),
    route(Method::Get,    "/provider_models",       Audience::Admin,  Endpoint::ListProviderModels),
    route(Method::Post,   "/provider_models",       Audience::Admin,  Endpoint::CreateProviderModel),
    route(Method::Get,    "/provider_models/{id}",  Audience::Admin,  Endpoint::GetProviderModel),
    route(Method::Put,    "/provider_models/{id}",  Audience::Admin,  Endpoint::UpdateProviderModel),
    route(Method::Delete, "/provider_models/{id}",  Audience::Admin,  Endpoint::DeleteProviderModel),
    route(Method::Get,    "/logical-models",        Audience::Admin,  Endpoint::ListLogicalModels),
    route(Method::Post,   "/logical-models",        Audience::Admin,  Endpoint::CreateLogicalModel),
    route(Method::Get,    "/logical-models/{id}",   Audience::Admin,  Endpoint::GetLogicalModel),
    route(Method::Put,    "/logical-models/{id}",   Audience::Admin,  Endpoint::UpdateLogicalModel),
    route(Method::Delete, "/logical-models/{id}",   Audience::Admin,  Endpoint::DeleteLogicalModel),
    route(Method::Get,    "/keys",                  Audience::Admin,  Endpoint::ListKeys),
    route(Method::Post,   "/keys",                  Audience::Admin,  Endpoint::CreateKey),
    route(Method::Get,    "/keys/{id}",             Audience::Admin,  Endpoint::GetKey),
    route(Method::Put,    "/keys/{id}",             Audience::Admin,  Endpoint::UpdateKey),
    route(Method::Delete, "/keys/{id}",             Audience::Admin,  Endpoint::DeleteKey),
    route(Method::Post,   "/routing/decide",        Audience::Admin,  Endpoint::Decide),
    route(Method::Get,    "/routing/sessions/{id}", Audience::Admin,  Endpoint::GetRoutingSession),
    route(Method::Delete, "/routing/sessions/{id}", Audience::Admin,  Endpoint::DeleteRoutingSession),
    route(Method::Get,    "/logical-models/{id}/upstreams", Audience::Admin, Endpoint::LogicalModelUpstreams),
    route(Method::Post,   "/system/cache/clear",    Audience::Admin,  Endpoint::ClearCache),
    route(Method::Get,    "/system/secret-key",     Audience::Admin,  Endpoint::SecretKeyState),
    route(Method::Post,   "/system/secret-key/rotate", Audience::Admin, Endpoint::RotateSecretKey),
    route(Method::Post,   "/keys/{id}/rotate",      Audience::Admin,  Endpoint::RotateKey),
    route(Method::Get,    "/limits",                Audience::Admin,  Endpoint::ListLimits),
    route(Method::Get,    "/limits/{subject...}",   Audience::Admin,  Endpoint::GetLimits),
    route(Method::Put,    "/limits/{subject...}",   Audience::Admin,  Endpoint::PutLimits),
    route(Method::Delete, "/limits/{subject...}",   Audience::Admin,  Endpoint::DeleteLimits),
    route(Method::Get,    "/prices",                Audience::Admin,  Endpoint::ListPrices),
    route(Method::Put,    "/prices/{subject...}",   Audience::Admin,  Endpoint::PutPrice),
    route(Method::Delete, "/prices/{subject...}",   Audience::Admin,  Endpoint::DeletePrice),
    route(Method::Get,    "/stats/total",           Audience::Admin,  Endpoint::TotalStats),
    route(Method::Get,    "/stats/requests",        Audience::Admin,  Endpoint::RequestLog),
    route(Method::Get,    "/stats/conversation/{id}", Audience::Admin, Endpoint::ConversationStats),
    route(Method::Get,    "/conversations",         Audience::Admin,  Endpoint::ListConversations),
    route(Method::Delete, "/conversations/{id}",    Audience::Admin,  Endpoint::DeleteConversation),
    route(Method::Get,    "/ws/chat",               Audience::Caller, Endpoint::ChatSocket),
    route(Method::Post,   "/ws/ticket",             Audience::Caller, Endpoint::SocketTicket),
    route(Method::Get,    "/api/v1/health",         Audience::Caller, Endpoint::Session(SessionEndpoint::Health)),
    route(Method::Post,   "/api/v1/sessions",       Audience::Caller, Endpoint::Session(SessionEndpoint::Create)),
    route(Method::Get,    "/api/v1/sessions",       Audience::Caller, Endpoint::Session(SessionEndpoint::List)),
    route(Method::Get,    "/api/v1/sessions/{id}",  Audience::Caller, Endpoint::Session(SessionEndpoint::Get)),
    route(Method::Put,    "/api/v1/sessions/{id}",  Audience::Caller, Endpoint::Session(SessionEndpoint::Update)),
    route(Method::Delete, "/api/v1/sessions/{id}",  Audience::Caller, Endpoint::Session(SessionEndpoint::Delete)),
    route(Method::Get,    "/api/v1/sessions/{id}/messages", Audience::Caller, Endpoint::Session(SessionEndpoint::Messages)),
    route(Method::Get,    "/api/v1/sessions/{id}/export", Audience::Caller, Endpoint::Session(SessionEndpoint::Export)),
    route(Method::Post,   "/api/v1/chat",           Audience::Caller, Endpoint::Session(SessionEndpoint::Chat)),
    route(Method::Post,   "/api/v1/chat/stream",    Audience::Caller, Endpoint::Session(SessionEndpoint::ChatStream)),
    route(Method::Post,   "/api/v1/chat/regenerate", Audience::Caller, Endpoint::Session(SessionEndpoint::Regenerate)),
    route(Method::Post,   "/api/v1/chat/stop",      Audience::Caller, Endpoint::Session(SessionEndpoint::Stop)),
    route(Method::Get,    "/api/v1/chat/providers", Audience::Caller, Endpoint::Session(SessionEndpoint::Providers)),
    route(Method::Get,    "/api/v1/chat/providers/{id}/models", Audience::Caller, Endpoint::Session(SessionEndpoint::ModelsOfProvider)),
    route(Method::Post,   "/stats/estimate",        Audience::Admin,  Endpoint::EstimateTokens),
];

/// Answers a request. Every answer, errors included, carries `x-request-id`.
pub async fn handle(request: web_sys::Request, env: Env, context: Context) -> Response {
    let head = RequestHead::of(&request);
    let method = Method::from(head.method.clone());
    let request_id = request_id_of(&head, now_ms());
    let header = |name: &str| head.headers.get(name).map(str::to_owned);
    let origin = header("origin");
    let preflight = method == Method::Options && header("access-control-request-method").is_some();
    let requested_headers = if preflight { header("access-control-request-headers") } else { None };
    let settings = Settings::get(&env);
    let path = head.path().to_owned();
    let path = path::normalize(&path);
    let from_browser = origin.filter(|_| audience_of(path) == Some(Audience::Caller));

    let found = find(&method, path);
    let face = found
        .as_ref()
        .map_or(face_of_path(path), |(route, parameter)| face_of(route.endpoint, &parameter.first, &head));
    let mut notes = Vec::new();
    let result = match &settings {
        _ if preflight => Ok(Response::empty(204, Headers::new())),
        Ok(settings) => match found {
            Ok((route, parameter)) => {
                let exchange =
                    Exchange::new(request, head, face, env, context, settings.clone(), request_id.clone());
                let answered = answer(route, &parameter, &exchange).await;
                notes = exchange.notes.take();
                answered
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(error.clone()),
    };
    let in_envelope = is_session_api(path);
    let response = result.unwrap_or_else(|error| {
        if in_envelope {
            envelope::failure(&error, &request_id)
        } else {
            error_response(&error, face, &request_id)
        }
    });
    // To an accepted connection, whose headers are its object's, nothing of this is added.
    set_header(response.headers(), "x-request-id", &request_id);
    for (name, value) in notes {
        set_header(response.headers(), name, &value);
    }
    if face == Face::Anthropic {
        set_header(response.headers(), "request-id", &request_id);
    }
    if let (Some(origin), Ok(settings)) = (from_browser, &settings) {
        allow_origin(response.headers(), settings, &origin, preflight, requested_headers.as_deref());
    }
    response
}

async fn answer(route: &Route, captured: &Captured<'_>, exchange: &Exchange) -> Result<Response, ApiError> {
    let (parameter, second) = (captured.first.as_ref(), captured.second.as_ref());
    match route.audience {
        Audience::Admin => require_admin(exchange).await?,
        Audience::Caller => admit::ceiling(exchange)?,
        Audience::Public => {}
    }
    match route.endpoint {
        Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Responses | Endpoint::Messages => {
            pipeline::chat_completion(exchange, None).await
        }
        Endpoint::Forward(operation) => pipeline::forward::forward(exchange, operation).await,
        Endpoint::GetResponse => responses::get(exchange, parameter).await,
        Endpoint::GetResponseInput => responses::input_items(exchange, parameter).await,
        Endpoint::CancelResponse => responses::cancel(exchange, parameter).await,
        Endpoint::DeleteResponse => responses::delete(exchange, parameter).await,
        Endpoint::CountMessageTokens => pipeline::count::count_tokens(exchange, None).await,
        Endpoint::CountResponseTokens => pipeline::count::count_response_input(exchange).await,
        Endpoint::Tokenize => tokens::tokenize(exchange).await,
        Endpoint::Detokenize => tokens::detokenize(exchange).await,
        Endpoint::GenerateContent => gemini::generate_content(exchange, parameter).await,
        Endpoint::ListModels | Endpoint::ListGeminiModels => models::list(exchange).await,
        Endpoint::GetModel | Endpoint::GetGeminiModel => models::get(exchange, parameter).await,
        Endpoint::Health => health::health(),
        Endpoint::ListPresets => providers::presets(),
        Endpoint::ListProviders => providers::list(exchange).await,
        Endpoint::CreateProvider => providers::create(exchange).await,
        Endpoint::ListAvailableProviders => providers::list_available(exchange).await,
        Endpoint::GetProvider => providers::get(exchange, parameter).await,
        Endpoint::UpdateProvider => providers::update(exchange, parameter).await,
        Endpoint::DeleteProvider => providers::delete(exchange, parameter).await,
        Endpoint::ListModelsOfProvider => provider_models::list_of_provider(exchange, parameter).await,
        Endpoint::SetProviderStatus(status) => providers::set_status(exchange, parameter, status).await,
        Endpoint::ProviderHealth => provider_health::health(exchange, parameter).await,
        Endpoint::TestProvider => provider_health::test(exchange, parameter).await,
        Endpoint::ValidateModels => provider_health::validate_models(exchange, parameter).await,
        Endpoint::ListUpstreamModels => discovery::upstream_models(exchange, parameter).await,
        Endpoint::DiscoverModels => discovery::discover(exchange, parameter).await,
        Endpoint::ListKeysOfProvider => provider_keys::list(exchange, parameter).await,
        Endpoint::CreateProviderKey => provider_keys::create(exchange, parameter).await,
        Endpoint::GetProviderKey => provider_keys::get(exchange, parameter, second).await,
        Endpoint::UpdateProviderKey => provider_keys::update(exchange, parameter, second).await,
        Endpoint::DeleteProviderKey => provider_keys::delete(exchange, parameter, second).await,
        Endpoint::ListProviderModels => provider_models::list(exchange).await,
        Endpoint::CreateProviderModel => provider_models::create(exchange).await,
        Endpoint::GetProviderModel => provider_models::get(exchange, parameter).await,
        Endpoint::UpdateProviderModel => provider_models::update(exchange, parameter).await,
        Endpoint::DeleteProviderModel => provider_models::delete(exchange, parameter).await,
        Endpoint::ListLogicalModels => logical_models::list(exchange).await,
        Endpoint::CreateLogicalModel => logical_models::create(exchange).await,
        Endpoint::GetLogicalModel => logical_models::get(exchange, parameter).await,
        Endpoint::UpdateLogicalModel => logical_models::update(exchange, parameter).await,
        Endpoint::DeleteLogicalModel => logical_models::delete(exchange, parameter).await,
        Endpoint::ListKeys => keys::list(exchange).await,
        Endpoint::CreateKey => keys::create(exchange).await,
        Endpoint::GetKey => keys::get(exchange, parameter).await,
        Endpoint::UpdateKey => keys::update(exchange, parameter).await,
        Endpoint::DeleteKey => keys::delete(exchange, parameter).await,
        Endpoint::Decide => routing::decide(exchange).await,
        Endpoint::LogicalModelUpstreams => routing::upstreams(exchange, parameter).await,
        Endpoint::GetRoutingSession => routing::session(exchange, parameter).await,
        Endpoint::DeleteRoutingSession => routing::unbind_session(exchange, parameter).await,
        Endpoint::ClearCache => system::clear_cache(exchange).await,
        Endpoint::SecretKeyState => secret_key::state(exchange).await,
        Endpoint::RotateSecretKey => secret_key::rotate(exchange).await,
        Endpoint::RotateKey => keys::rotate(exchange, parameter).await,
        Endpoint::ListLimits => limits::list(exchange).await,
        Endpoint::GetLimits => limits::get(exchange, parameter).await,
        Endpoint::PutLimits => limits::put(exchange, parameter).await,
        Endpoint::DeleteLimits => limits::delete(exchange, parameter).await,
        Endpoint::ListPrices => prices::list(exchange).await,
        Endpoint::MyCredits(view) => credits::mine(exchange, view).await,
        Endpoint::RedeemGrantToken => credits::redeem(exchange).await,
        Endpoint::ListAccounts => credits::list(exchange).await,
        Endpoint::Account(view) => credits::show(exchange, parameter, view).await,
        Endpoint::AddCredits(kind) => credits::add(exchange, parameter, kind).await,
        Endpoint::IssueGrantToken => credits::issue_token(exchange).await,
        Endpoint::GetAutoTopUp => credits::rule(exchange, parameter).await,
        Endpoint::PutAutoTopUp => credits::put_rule(exchange, parameter).await,
        Endpoint::DeleteAutoTopUp => credits::delete_rule(exchange, parameter).await,
        Endpoint::PutPrice => prices::put(exchange, parameter).await,
        Endpoint::DeletePrice => prices::delete(exchange, parameter).await,
        Endpoint::TotalStats => stats::total(exchange).await,
        Endpoint::RequestLog => stats::requests(exchange).await,
        Endpoint::ConversationStats => conversations::stats(exchange, parameter).await,
        Endpoint::ListConversations => conversations::list(exchange).await,
        Endpoint::DeleteConversation => conversations::delete(exchange, parameter).await,
        Endpoint::ChatSocket => ws::chat(exchange).await,
        Endpoint::SocketTicket => ws::ticket(exchange).await,
        Endpoint::Session(endpoint) => sessions::answer(exchange, endpoint, parameter).await,
        Endpoint::EstimateTokens => tokens::estimate(exchange).await,
    }
}

/// The route for a request with its parameter, or the reason why there is none.
fn find<'a>(method: &Method, path: &'a str) -> Result<(&'static Route, Captured<'a>), ApiError> {
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(parameter) = path::matches(route.pattern, path) else { continue };
        // The platform leaves out the body of an answer to HEAD.
        let asked = if *method == Method::Head { &Method::Get } else { method };
        if route.method != *asked {
            allowed.push(method_name(&route.method));
            continue;
        }
        let captured = parameter.map_err(|error| {
            ApiError::new(400, ErrorType::InvalidRequestError, "invalid_path", format!("{error}."))
        })?;
        return Ok((route, captured));
    }
    if allowed.is_empty() {
        return Err(ApiError::not_found("not_found", "There is nothing at this path."));
    }
    allowed.dedup();
    Err(ApiError::method_not_allowed(&allowed.join(", ")))
}

fn audience_of(path: &str) -> Option<Audience> {
    ROUTES.iter().find(|route| path::matches(route.pattern, path).is_some()).map(|route| route.audience)
}

/// Whether answers of this path have the envelope of the session API.
fn is_session_api(path: &str) -> bool {
    path.starts_with("/api/v1/")
        && ROUTES.iter().any(|route| {
            matches!(route.endpoint, Endpoint::Session(_)) && path::matches(route.pattern, path).is_some()
        })
}

fn method_name(method: &Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        _ => "OPTIONS",
    }
}

/// Wrong admin tokens a minute that one address may try before it is told to wait.
const ADMIN_FAILURES_PER_MINUTE: u64 = 10;

async fn require_admin(exchange: &Exchange) -> Result<(), ApiError> {
    let given = exchange.header("x-admin-token").or_else(|| exchange.credential()).ok_or_else(|| {
        let message = "The admin token is missing: send it as `Authorization: Bearer <token>`.";
        ApiError::unauthorized("missing_admin_token", message)
    })?;
    if bool::from(given.as_bytes().ct_eq(exchange.settings.admin_token.as_bytes())) {
        return Ok(());
    }
    let rules = Rules::requests_per_minute(ADMIN_FAILURES_PER_MINUTE);
    admit::attempt_from_address(exchange, "admin", &rules).await?;
    Err(ApiError::unauthorized("invalid_admin_token", "The admin token is not valid."))
}

/// Lets a browser on an allowed origin read the answer. No cookies are involved, so any origin may be allowed.
fn allow_origin(
    headers: &Headers,
    settings: &Settings,
    origin: &str,
    preflight: bool,
    requested_headers: Option<&str>,
) {
    let allowed = match &settings.cors_origins {
        None => "*",
        Some(origins) if origins.iter().any(|allowed| allowed == origin) => {
            set_header(headers, "vary", "origin");
            origin
        }
        Some(_) => return,
    };
    set_header(headers, "access-control-allow-origin", allowed);
    if preflight {
        set_header(headers, "access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS");
        set_header(
            headers,
            "access-control-allow-headers",
            requested_headers.unwrap_or("authorization, content-type"),
        );
        set_header(headers, "access-control-max-age", "86400");
    } else {
        set_header(headers, "access-control-expose-headers", "*");
    }
}
