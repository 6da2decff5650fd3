//! The one route table: every operation of the gateway with the handler that answers it.
//!
//! Who may call an operation, and in which dialect it is answered, stands at its declaration in `nexus_edge_api`. A row
//! repeats method and path so that a reader finds them here. The crate does not compile if a row differs from the
//! declaration, or if an operation has no row or two.

use std::future::{Future, ready};
use std::pin::Pin;

use nexus_edge_api as op;
use nexus_edge_api::Operation;
use nexus_edge_core::billing::account::EntryKind;
use nexus_edge_core::catalog::OperationStatus;
use nexus_edge_core::dialect::operation::Operation as Endpoint;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::http::path::{self, Captured};

use crate::api::{
    agent_tools, alerts, audit, backups, bridge, configuration, console, conversations, credits,
    dead_letters, discovery, exports, gemini, grants, guards, health, identity_providers, keys, limits, live,
    logical_models, mcp, mcp_servers, metrics, models, notifications, passkeys, presets, prices, probe_tasks,
    profile, provider_health, provider_keys, provider_models, provider_states, providers, recovery,
    registration, responses, roles, routing, scim, scim_clients, secret_key, sessions, setup, sign_in,
    sign_in_with, statistics, stats, submissions, system, system_config, teams, tokens, tool_calls, toolsets,
    tunnel, users, webhooks, ws,
};
use crate::exchange::Exchange;
use crate::pipeline::forward::forward;
use crate::pipeline::{chat_completion, count};
use crate::platform::http::Response;

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + 'a>>;

/// An operation and its handler.
pub struct Route {
    /// What the API says about it.
    pub operation: &'static Operation,
    /// The handler. It takes the parameters of the path.
    pub answer: for<'a> fn(&'a Exchange, &'a Captured<'a>) -> Answering<'a>,
}

macro_rules! routes {
    ($($row:literal => $operation:path, |$exchange:pat_param, $captured:pat_param| $answer:expr;)+) => {
        $(const _: () = assert!($operation.is_row($row), "a row differs from its declaration");)+

        /// The first match wins, so literal paths stand before those with a parameter. The hot path stands first.
        const ROUTES: &[Route] =
            &[$(Route { operation: &$operation, answer: |$exchange, $captured| Box::pin($answer) }),+];
    };
}

routes! {
    "POST /v1/chat/completions"                        => op::chat::COMPLETIONS, |x, _| chat_completion(x, None);
    "POST /chat/completions"                           => op::chat::COMPLETIONS_UNVERSIONED, |x, _| chat_completion(x, None);
    "POST /v1/messages"                                => op::chat::MESSAGES, |x, _| chat_completion(x, None);
    "POST /v1/responses"                               => op::chat::RESPONSES, |x, _| chat_completion(x, None);
    "POST /v1/responses/compact"                       => op::responses::COMPACT, |x, _| forward(x, Endpoint::CompactResponse);
    "POST /v1/responses/{id}/cancel"                   => op::responses::CANCEL, |x, p| responses::cancel(x, &p.first);
    "POST /v1/responses/input_tokens"                  => op::tokens::COUNT_RESPONSE_INPUT, |x, _| count::count_response_input(x);
    "GET /v1/responses/{id}/input_items"               => op::responses::INPUT_ITEMS, |x, p| responses::input_items(x, &p.first);
    "GET /v1/responses/{id}"                           => op::responses::GET, |x, p| responses::get(x, &p.first);
    "DELETE /v1/responses/{id}"                        => op::responses::DELETE, |x, p| responses::delete(x, &p.first);
    "POST /v1/messages/count_tokens"                   => op::tokens::COUNT_MESSAGES, |x, _| count::count_tokens(x, None);
    "POST /v1/tokenize"                                => op::tokens::TOKENIZE, |x, _| tokens::tokenize(x);
    "POST /v1/detokenize"                              => op::tokens::DETOKENIZE, |x, _| tokens::detokenize(x);
    "POST /v1/completions"                             => op::chat::LEGACY_COMPLETIONS, |x, _| chat_completion(x, None);
    "POST /v1beta/models/{call...}"                    => op::chat::GEMINI, |x, p| gemini::generate_content(x, &p.first);
    "POST /v1/models/{call...}"                        => op::chat::GEMINI_V1, |x, p| gemini::generate_content(x, &p.first);
    "POST /v1/embeddings"                              => op::passthrough::EMBEDDINGS, |x, _| forward(x, Endpoint::Embeddings);
    "POST /v1/images/generations"                      => op::passthrough::IMAGES, |x, _| forward(x, Endpoint::ImageGenerations);
    "POST /v1/images/edits"                            => op::passthrough::IMAGE_EDITS, |x, _| forward(x, Endpoint::ImageEdits);
    "POST /v1/audio/transcriptions"                    => op::passthrough::TRANSCRIPTIONS, |x, _| forward(x, Endpoint::Transcriptions);
    "POST /v1/audio/translations"                      => op::passthrough::AUDIO_TRANSLATIONS, |x, _| forward(x, Endpoint::AudioTranslations);
    "POST /v1/audio/speech"                            => op::passthrough::SPEECH, |x, _| forward(x, Endpoint::Speech);
    "POST /v1/rerank"                                  => op::passthrough::RERANK, |x, _| forward(x, Endpoint::Rerank);
    "POST /v1/moderations"                             => op::passthrough::MODERATIONS, |x, _| forward(x, Endpoint::Moderations);
    "GET /v1/models"                                   => op::models::LIST, |x, _| models::list(x);
    "GET /v1beta/models"                               => op::models::LIST_GEMINI, |x, _| models::list(x);
    "GET /v1beta/models/{id...}"                       => op::models::GET_GEMINI, |x, p| models::get(x, &p.first);
    "GET /models"                                      => op::models::LIST_UNVERSIONED, |x, _| models::list(x);
    "GET /v1/models/{id...}"                           => op::models::GET, |x, p| models::get(x, &p.first);
    "GET /models/{id...}"                              => op::models::GET_UNVERSIONED, |x, p| models::get(x, &p.first);
    "GET /v1/credits/me"                               => op::credits::MINE, |x, _| credits::my_standing(x);
    "GET /v1/credits/me/transactions"                  => op::credits::MY_TRANSACTIONS, |x, _| credits::my_transactions(x);
    "GET /v1/credits/me/consumption/summary"           => op::credits::MY_SUMMARY, |x, _| credits::my_summary(x);
    "GET /v1/credits/me/consumption/providers"         => op::credits::MY_PROVIDERS, |x, _| credits::my_providers(x);
    "GET /v1/credits/me/consumption/timeseries"        => op::credits::MY_SERIES, |x, _| credits::my_series(x);
    "POST /v1/credits/me/grant-token"                  => op::credits::REDEEM, |x, _| credits::redeem(x);
    "GET /credits/accounts"                            => op::credits::LIST, |x, _| credits::list(x);
    "GET /credits/accounts/{id}"                       => op::credits::GET, |x, p| credits::account_standing(x, &p.first);
    "GET /credits/accounts/{id}/transactions"          => op::credits::TRANSACTIONS, |x, p| credits::account_transactions(x, &p.first);
    "GET /credits/accounts/{id}/consumption/summary"   => op::credits::SUMMARY, |x, p| credits::account_summary(x, &p.first);
    "GET /credits/accounts/{id}/consumption/providers" => op::credits::PROVIDERS, |x, p| credits::account_providers(x, &p.first);
    "GET /credits/accounts/{id}/consumption/timeseries" => op::credits::SERIES, |x, p| credits::account_series(x, &p.first);
    "POST /credits/accounts/{id}/topup"                => op::credits::TOP_UP, |x, p| credits::add(x, &p.first, EntryKind::TopUp);
    "POST /credits/accounts/{id}/grant"                => op::credits::GRANT, |x, p| credits::add(x, &p.first, EntryKind::Grant);
    "GET /credits/accounts/{id}/auto-topup"            => op::credits::GET_AUTO_TOP_UP, |x, p| credits::account_rule(x, &p.first);
    "PUT /credits/accounts/{id}/auto-topup"            => op::credits::PUT_AUTO_TOP_UP, |x, p| credits::put_rule(x, &p.first);
    "DELETE /credits/accounts/{id}/auto-topup"         => op::credits::DELETE_AUTO_TOP_UP, |x, p| credits::delete_rule(x, &p.first);
    "POST /credits/grant-tokens"                       => op::credits::ISSUE_GRANT_TOKEN, |x, _| credits::issue_token(x);
    "GET /v1/bridge/agents"                            => op::bridge::LIST, |x, _| bridge::list(x);
    "POST /v1/bridge/agent-token"                      => op::bridge::TOKEN, |x, _| bridge::token(x);
    "GET /v1/bridge/agents/{id}/tools"                 => op::bridge::TOOLS, |x, p| bridge::tools(x, &p.first);
    "GET /v1/bridge/agents/{id}/servers/{server}/tools" => op::bridge::REVIEW, |x, p| agent_tools::list(x, &p.first, &p.second);
    "POST /v1/bridge/agents/{id}/servers/{server}/tools/accept" => op::bridge::ACCEPT, |x, p| agent_tools::accept(x, &p.first, &p.second);
    "PUT /v1/bridge/agents/{id}"                       => op::bridge::UPDATE, |x, p| bridge::update(x, &p.first);
    "DELETE /v1/bridge/agents/{id}"                    => op::bridge::DELETE, |x, p| bridge::delete(x, &p.first);
    "POST /v1/bridge/invoke"                           => op::bridge::INVOKE, |x, _| bridge::invoke(x);
    "POST /v1/bridge/cancel"                           => op::bridge::CANCEL, |x, _| bridge::cancel(x);
    "GET /v1/bridge/events"                            => op::bridge::EVENTS, |x, _| bridge::events(x);
    "GET /v1/bridge/tool-events"                       => op::bridge::TOOL_EVENTS, |x, _| bridge::tool_events(x);
    "GET /v1/bridge/results/{id}"                      => op::bridge::RESULT, |x, p| bridge::result(x, &p.first);
    "POST /v1/bridge/approvals/{id}"                   => op::bridge::APPROVE, |x, p| bridge::approve(x, &p.first);
    "POST /bridge/ticket"                              => op::bridge::TICKET, |x, _| tunnel::ticket(x);
    "GET /bridge/tunnel"                               => op::bridge::TUNNEL, |x, _| tunnel::tunnel(x);
    "GET /audit"                                       => op::audit::SEARCH, |x, _| audit::search(x);
    "GET /audit/verify"                                => op::audit::VERIFY, |x, _| audit::verify(x);
    "GET /audit/heads"                                 => op::audit::HEADS, |x, _| audit::heads(x);
    "GET /audit/{seq}"                                 => op::audit::GET, |x, p| audit::get(x, &p.first);
    "GET /health"                                      => op::health::HEALTH, |_, _| ready(health::health());
    "GET /provider-presets"                            => op::providers::PRESETS, |x, _| presets::list(x);
    "POST /provider-presets"                           => op::presets::CREATE, |x, _| presets::create(x);
    "PUT /provider-presets/{id}"                       => op::presets::UPDATE, |x, p| presets::update(x, &p.first);
    "DELETE /provider-presets/{id}"                    => op::presets::DELETE, |x, p| presets::delete(x, &p.first);
    "GET /metrics"                                     => op::metrics::METRICS, |x, _| metrics::metrics(x);
    "GET /providers"                                   => op::providers::LIST, |x, _| provider_states::list(x);
    "POST /providers"                                  => op::providers::CREATE, |x, _| providers::create(x);
    "GET /providers/available"                         => op::providers::AVAILABLE, |x, _| providers::list_available(x);
    "GET /providers/submissions"                       => op::submissions::LIST, |x, _| submissions::list(x);
    "GET /providers/submissions/{id}"                  => op::submissions::GET, |x, p| submissions::get(x, &p.first);
    "POST /providers/submissions/{id}/test"            => op::submissions::TEST, |x, p| submissions::test(x, &p.first);
    "POST /providers/submissions/{id}/approve"         => op::submissions::APPROVE, |x, p| submissions::approve(x, &p.first);
    "POST /providers/submissions/{id}/reject"          => op::submissions::REJECT, |x, p| submissions::reject(x, &p.first);
    "POST /providers/submissions/{id}/withdraw"        => op::submissions::WITHDRAW, |x, p| submissions::withdraw(x, &p.first);
    "POST /providers/{id}/submit"                      => op::submissions::SUBMIT, |x, p| submissions::submit(x, &p.first);
    "GET /providers/{id}"                              => op::providers::GET, |x, p| providers::get(x, &p.first);
    "PUT /providers/{id}"                              => op::providers::UPDATE, |x, p| providers::update(x, &p.first);
    "DELETE /providers/{id}"                           => op::providers::DELETE, |x, p| providers::delete(x, &p.first);
    "GET /providers/{id}/models"                       => op::provider_models::LIST_OF_PROVIDER, |x, p| provider_models::list_of_provider(x, &p.first);
    "POST /providers/{id}/pause"                       => op::providers::PAUSE, |x, p| providers::set_status(x, &p.first, OperationStatus::Paused);
    "POST /providers/{id}/resume"                      => op::providers::RESUME, |x, p| providers::set_status(x, &p.first, OperationStatus::Active);
    "POST /providers/{id}/offline"                     => op::providers::OFFLINE, |x, p| providers::set_status(x, &p.first, OperationStatus::Offline);
    "POST /providers/{id}/circuit/reset"               => op::providers::RESET_CIRCUIT, |x, p| provider_states::reset_circuit(x, &p.first);
    "GET /providers/{id}/health"                       => op::provider_health::HEALTH, |x, p| provider_health::health(x, &p.first);
    "POST /providers/{id}/test"                        => op::provider_health::TEST, |x, p| provider_health::test(x, &p.first);
    "POST /providers/{id}/validate-models"             => op::provider_health::VALIDATE, |x, p| provider_health::validate_models(x, &p.first);
    "GET /providers/{id}/upstream-models"              => op::provider_health::UPSTREAM_MODELS, |x, p| discovery::upstream_models(x, &p.first);
    "POST /providers/{id}/discover"                    => op::provider_health::DISCOVER, |x, p| discovery::discover(x, &p.first);
    "GET /providers/{id}/keys"                         => op::provider_keys::LIST, |x, p| provider_keys::list(x, &p.first);
    "POST /providers/{id}/keys"                        => op::provider_keys::CREATE, |x, p| provider_keys::create(x, &p.first);
    "GET /providers/{id}/keys/{key_id}"                => op::provider_keys::GET, |x, p| provider_keys::get(x, &p.first, &p.second);
    "PUT /providers/{id}/keys/{key_id}"                => op::provider_keys::UPDATE, |x, p| provider_keys::update(x, &p.first, &p.second);
    "DELETE /providers/{id}/keys/{key_id}"             => op::provider_keys::DELETE, |x, p| provider_keys::delete(x, &p.first, &p.second);
    "GET /provider_models"                             => op::provider_models::LIST, |x, _| provider_models::list(x);
    "POST /provider_models"                            => op::provider_models::CREATE, |x, _| provider_models::create(x);
    "GET /provider_models/{id}"                        => op::provider_models::GET, |x, p| provider_models::get(x, &p.first);
    "PUT /provider_models/{id}"                        => op::provider_models::UPDATE, |x, p| provider_models::update(x, &p.first);
    "DELETE /provider_models/{id}"                     => op::provider_models::DELETE, |x, p| provider_models::delete(x, &p.first);
    "GET /logical-models"                              => op::logical_models::LIST, |x, _| logical_models::list(x);
    "POST /logical-models"                             => op::logical_models::CREATE, |x, _| logical_models::create(x);
    "GET /logical-models/{id}"                         => op::logical_models::GET, |x, p| logical_models::get(x, &p.first);
    "PUT /logical-models/{id}"                         => op::logical_models::UPDATE, |x, p| logical_models::update(x, &p.first);
    "DELETE /logical-models/{id}"                      => op::logical_models::DELETE, |x, p| logical_models::delete(x, &p.first);
    "GET /keys"                                        => op::keys::LIST, |x, _| keys::list(x);
    "POST /keys"                                       => op::keys::CREATE, |x, _| keys::create(x);
    "GET /keys/{id}"                                   => op::keys::GET, |x, p| keys::get(x, &p.first);
    "PUT /keys/{id}"                                   => op::keys::UPDATE, |x, p| keys::update(x, &p.first);
    "DELETE /keys/{id}"                                => op::keys::DELETE, |x, p| keys::delete(x, &p.first);
    "POST /routing/decide"                             => op::routing::DECIDE, |x, _| routing::decide(x);
    "GET /routing/sessions/{id}"                       => op::routing::GET_SESSION, |x, p| routing::session(x, &p.first);
    "DELETE /routing/sessions/{id}"                    => op::routing::DELETE_SESSION, |x, p| routing::unbind_session(x, &p.first);
    "GET /logical-models/{id}/upstreams"               => op::logical_models::UPSTREAMS, |x, p| routing::upstreams(x, &p.first);
    "POST /system/cache/clear"                         => op::system::CLEAR_CACHE, |x, _| system::clear_cache(x);
    "GET /system/status"                               => op::system::STATUS, |x, _| system::status(x);
    "GET /system/config"                               => op::system_config::SHOW, |x, _| system_config::show(x);
    "PUT /system/config"                               => op::system_config::CHANGE, |x, _| system_config::change(x);
    "GET /system/config/history"                       => op::system_config::HISTORY, |x, _| system_config::history(x);
    "POST /system/config/history/{id}/revert"          => op::system_config::REVERT, |x, p| system_config::revert(x, &p.first);
    "GET /system/info"                                 => op::system::INFO, |_, _| ready(system::info());
    "GET /system/dead-letters"                         => op::dead_letters::LIST, |x, _| dead_letters::list(x);
    "GET /system/dead-letters/{id}"                    => op::dead_letters::GET, |x, p| dead_letters::get(x, &p.first);
    "POST /system/dead-letters/{id}/replay"            => op::dead_letters::REPLAY, |x, p| dead_letters::replay(x, &p.first);
    "DELETE /system/dead-letters/{id}"                 => op::dead_letters::DELETE, |x, p| dead_letters::delete(x, &p.first);
    "GET /guards"                                      => op::guards::LIST, |x, _| guards::list(x);
    "POST /guards"                                     => op::guards::CREATE, |x, _| guards::create(x);
    "POST /guards/test"                                => op::guards::TEST, |x, _| guards::test(x);
    "GET /guards/{id}"                                 => op::guards::GET, |x, p| guards::get(x, &p.first);
    "PUT /guards/{id}"                                 => op::guards::UPDATE, |x, p| guards::update(x, &p.first);
    "DELETE /guards/{id}"                              => op::guards::DELETE, |x, p| guards::delete(x, &p.first);
    "GET /export/configuration"                        => op::configuration::EXPORT, |x, _| configuration::export(x);
    "POST /import/configuration"                       => op::configuration::IMPORT, |x, _| configuration::import(x);
    "GET /probe-tasks"                                 => op::probe_tasks::LIST, |x, _| probe_tasks::list(x);
    "POST /probe-tasks"                                => op::probe_tasks::CREATE, |x, _| probe_tasks::create(x);
    "GET /probe-tasks/{id}"                            => op::probe_tasks::GET, |x, p| probe_tasks::get(x, &p.first);
    "PUT /probe-tasks/{id}"                            => op::probe_tasks::UPDATE, |x, p| probe_tasks::update(x, &p.first);
    "DELETE /probe-tasks/{id}"                         => op::probe_tasks::DELETE, |x, p| probe_tasks::delete(x, &p.first);
    "POST /probe-tasks/{id}/run"                       => op::probe_tasks::RUN, |x, p| probe_tasks::run(x, &p.first);
    "GET /probe-tasks/{id}/runs"                       => op::probe_tasks::RUNS, |x, p| probe_tasks::runs(x, &p.first);
    "GET /notifications"                               => op::notifications::LIST, |x, _| notifications::list(x);
    "POST /notifications"                              => op::notifications::SEND, |x, _| notifications::send(x);
    "GET /notifications/sent"                          => op::notifications::SENT, |x, _| notifications::sent(x);
    "POST /notifications/read-all"                     => op::notifications::READ_ALL, |x, _| notifications::read_all(x);
    "POST /notifications/{id}/read"                    => op::notifications::READ, |x, p| notifications::read(x, &p.first);
    "DELETE /notifications/{id}"                       => op::notifications::DELETE, |x, p| notifications::delete(x, &p.first);
    "POST /mcp"                                        => op::mcp::ENDPOINT, |x, _| mcp::endpoint(x);
    "POST /mcp/server/{id}"                            => op::mcp::SERVER_ENDPOINT, |x, p| mcp::server_endpoint(x, &p.first);
    "POST /mcp/agent/{id}/{server}"                    => op::mcp::AGENT_ENDPOINT, |x, p| mcp::agent_endpoint(x, &p.first, &p.second);
    "POST /mcp/toolset/{name}"                         => op::toolsets::ENDPOINT, |x, p| mcp::toolset_endpoint(x, &p.first);
    "GET /toolsets"                                    => op::toolsets::LIST, |x, _| toolsets::list(x);
    "POST /toolsets"                                   => op::toolsets::CREATE, |x, _| toolsets::create(x);
    "GET /toolsets/{id}"                               => op::toolsets::GET, |x, p| toolsets::get(x, &p.first);
    "PUT /toolsets/{id}"                               => op::toolsets::UPDATE, |x, p| toolsets::update(x, &p.first);
    "DELETE /toolsets/{id}"                            => op::toolsets::DELETE, |x, p| toolsets::delete(x, &p.first);
    "GET /tool-calls"                                  => op::tool_calls::SEARCH, |x, _| tool_calls::search(x);
    "GET /mcp-servers"                                 => op::mcp::LIST, |x, _| mcp_servers::list(x);
    "POST /mcp-servers"                                => op::mcp::CREATE, |x, _| mcp_servers::create(x);
    "GET /mcp-servers/{id}"                            => op::mcp::GET, |x, p| mcp_servers::get(x, &p.first);
    "PUT /mcp-servers/{id}"                            => op::mcp::UPDATE, |x, p| mcp_servers::update(x, &p.first);
    "DELETE /mcp-servers/{id}"                         => op::mcp::DELETE, |x, p| mcp_servers::delete(x, &p.first);
    "POST /mcp-servers/{id}/test"                      => op::mcp::TEST, |x, p| mcp_servers::test(x, &p.first);
    "GET /mcp-servers/{id}/tools"                      => op::mcp::TOOLS, |x, p| mcp_servers::tools(x, &p.first);
    "POST /mcp-servers/{id}/tools/accept"              => op::mcp::ACCEPT, |x, p| mcp_servers::accept(x, &p.first);
    "GET /webhooks"                                    => op::webhooks::LIST, |x, _| webhooks::list(x);
    "POST /webhooks"                                   => op::webhooks::CREATE, |x, _| webhooks::create(x);
    "GET /webhooks/deliveries"                         => op::webhooks::DELIVERIES, |x, _| webhooks::deliveries(x);
    "GET /webhooks/deliveries/{id}"                    => op::webhooks::DELIVERY, |x, p| webhooks::delivery(x, &p.first);
    "POST /webhooks/deliveries/{id}/replay"            => op::webhooks::REPLAY, |x, p| webhooks::replay(x, &p.first);
    "GET /webhooks/{id}"                               => op::webhooks::GET, |x, p| webhooks::get(x, &p.first);
    "PUT /webhooks/{id}"                               => op::webhooks::UPDATE, |x, p| webhooks::update(x, &p.first);
    "DELETE /webhooks/{id}"                            => op::webhooks::DELETE, |x, p| webhooks::delete(x, &p.first);
    "POST /webhooks/{id}/test"                         => op::webhooks::TEST, |x, p| webhooks::test(x, &p.first);
    "GET /alerts"                                      => op::alerts::LIST, |x, _| alerts::list(x);
    "GET /alerts/rules"                                => op::alerts::RULES, |x, _| alerts::rules(x);
    "POST /alerts/rules"                               => op::alerts::CREATE_RULE, |x, _| alerts::create_rule(x);
    "GET /alerts/rules/{id}"                           => op::alerts::GET_RULE, |x, p| alerts::rule(x, &p.first);
    "PUT /alerts/rules/{id}"                           => op::alerts::UPDATE_RULE, |x, p| alerts::update_rule(x, &p.first);
    "DELETE /alerts/rules/{id}"                        => op::alerts::DELETE_RULE, |x, p| alerts::delete_rule(x, &p.first);
    "GET /alerts/{id}"                                 => op::alerts::GET, |x, p| alerts::get(x, &p.first);
    "POST /alerts/{id}/acknowledge"                    => op::alerts::ACKNOWLEDGE, |x, p| alerts::acknowledge(x, &p.first);
    "POST /system/backups"                             => op::backups::CREATE, |x, _| backups::create(x);
    "GET /system/backups"                              => op::backups::LIST, |x, _| backups::list(x);
    "GET /system/backups/{id}"                         => op::backups::GET, |x, p| backups::get(x, &p.first);
    "DELETE /system/backups/{id}"                      => op::backups::DELETE, |x, p| backups::delete(x, &p.first);
    "POST /system/backups/{id}/verify"                 => op::backups::VERIFY, |x, p| backups::verify(x, &p.first);
    "POST /system/backups/{id}/restore"                => op::backups::RESTORE, |x, p| backups::restore(x, &p.first);
    "GET /system/backups/{id}/files"                   => op::backups::FILES, |x, p| backups::files(x, &p.first);
    "GET /system/backups/{id}/files/{name...}"         => op::backups::GET_FILE, |x, p| backups::get_file(x, &p.first, &p.second);
    "PUT /system/backups/{id}/files/{name...}"         => op::backups::PUT_FILE, |x, p| backups::put_file(x, &p.first, &p.second);
    "GET /system/secret-key"                           => op::secret_key::STATE, |x, _| secret_key::state(x);
    "POST /system/secret-key/generate"                 => op::secret_key::GENERATE, |_, _| ready(secret_key::generate());
    "POST /system/secret-key/rotate"                   => op::secret_key::ROTATE, |x, _| secret_key::rotate(x);
    "POST /keys/{id}/rotate"                           => op::keys::ROTATE, |x, p| keys::rotate(x, &p.first);
    "POST /keys/{id}/signing-secret"                   => op::keys::SIGNING_SECRET, |x, p| keys::signing_secret(x, &p.first);
    "GET /limits"                                      => op::limits::LIST, |x, _| limits::list(x);
    "GET /limits/{subject...}"                         => op::limits::GET, |x, p| limits::get(x, &p.first);
    "PUT /limits/{subject...}"                         => op::limits::PUT, |x, p| limits::put(x, &p.first);
    "DELETE /limits/{subject...}"                      => op::limits::DELETE, |x, p| limits::delete(x, &p.first);
    "GET /prices"                                      => op::prices::LIST, |x, _| prices::list(x);
    "PUT /prices/table"                                => op::prices::PUT_TABLE, |x, _| prices::put_table(x);
    "DELETE /prices/table"                             => op::prices::DELETE_TABLE, |x, _| prices::delete_table(x);
    "PUT /prices/{subject...}"                         => op::prices::PUT, |x, p| prices::put(x, &p.first);
    "DELETE /prices/{subject...}"                      => op::prices::DELETE, |x, p| prices::delete(x, &p.first);
    "GET /stats/total"                                 => op::stats::TOTAL, |x, _| stats::total(x);
    "GET /stats/overview"                              => op::stats::OVERVIEW, |x, _| statistics::overview(x);
    "GET /stats/timeseries"                            => op::stats::TIMESERIES, |x, _| statistics::timeseries(x);
    "GET /stats/latency"                               => op::stats::LATENCY, |x, _| statistics::latency(x);
    "GET /v1/stats/latency"                            => op::stats::MY_LATENCY, |x, _| statistics::my_latency(x);
    "GET /stats/providers/ranking"                     => op::stats::PROVIDERS, |x, _| statistics::rank_providers(x);
    "GET /stats/by/{dimension}"                        => op::stats::BY, |x, p| statistics::by(x, &p.first);
    "GET /v1/stats/overview"                           => op::stats::MY_OVERVIEW, |x, _| statistics::my_overview(x);
    "GET /v1/stats/timeseries"                         => op::stats::MY_TIMESERIES, |x, _| statistics::my_timeseries(x);
    "GET /v1/stats/by/{dimension}"                     => op::stats::MY_BY, |x, p| statistics::my_by(x, &p.first);
    "GET /export/requests"                             => op::exports::REQUESTS, |x, _| exports::requests(x);
    "GET /export/statistics"                           => op::exports::STATISTICS, |x, _| exports::statistics(x);
    "GET /export/conversations"                        => op::exports::CONVERSATIONS, |x, _| exports::conversations(x);
    "GET /v1/export/requests"                          => op::exports::MY_REQUESTS, |x, _| exports::my_requests(x);
    "GET /v1/export/statistics"                        => op::exports::MY_STATISTICS, |x, _| exports::my_statistics(x);
    "GET /v1/export/conversations"                     => op::exports::MY_CONVERSATIONS, |x, _| exports::my_conversations(x);
    "POST /exports"                                    => op::exports::CREATE, |x, _| exports::create(x);
    "GET /exports"                                     => op::exports::LIST, |x, _| exports::list(x);
    "GET /exports/{id}"                                => op::exports::GET, |x, p| exports::get(x, &p.first);
    "DELETE /exports/{id}"                             => op::exports::DELETE, |x, p| exports::delete(x, &p.first);
    "GET /exports/{id}/download"                       => op::exports::DOWNLOAD, |x, p| exports::download(x, &p.first);
    "GET /requests"                                    => op::stats::SEARCH, |x, _| stats::search(x);
    "GET /stats/live"                                  => op::stats::LIVE, |x, _| live::figures(x);
    "GET /v1/stats/live"                               => op::stats::MY_LIVE, |x, _| live::my_figures(x);
    "GET /requests/live"                               => op::stats::TAIL, |x, _| live::requests(x);
    "GET /v1/requests/live"                            => op::stats::MY_TAIL, |x, _| live::my_requests(x);
    "GET /requests/{id}"                               => op::stats::REQUEST, |x, p| stats::request(x, &p.first);
    "GET /stats/requests"                              => op::stats::REQUESTS, |x, _| stats::requests(x);
    "GET /stats/conversation/{id}"                     => op::conversations::STATS, |x, p| conversations::stats(x, &p.first);
    "GET /conversations"                               => op::conversations::LIST, |x, _| conversations::list(x);
    "GET /conversations/{id}/export"                   => op::conversations::EXPORT, |x, p| conversations::export(x, &p.first);
    "DELETE /conversations/{id}"                       => op::conversations::DELETE, |x, p| conversations::delete(x, &p.first);
    "GET /ws/chat"                                     => op::sockets::CHAT, |x, _| ws::chat(x);
    "POST /ws/ticket"                                  => op::sockets::TICKET, |x, _| ws::ticket(x);
    "GET /api/v1/health"                               => op::sessions::HEALTH, |x, _| ready(Ok(sessions::health(x)));
    "POST /api/v1/sessions"                            => op::sessions::CREATE, |x, _| sessions::create(x);
    "GET /api/v1/sessions"                             => op::sessions::LIST, |x, _| sessions::list(x);
    "GET /api/v1/sessions/{id}"                        => op::sessions::GET, |x, p| sessions::get(x, &p.first);
    "PUT /api/v1/sessions/{id}"                        => op::sessions::UPDATE, |x, p| sessions::update(x, &p.first);
    "DELETE /api/v1/sessions/{id}"                     => op::sessions::DELETE, |x, p| sessions::delete(x, &p.first);
    "GET /api/v1/sessions/{id}/messages"               => op::sessions::MESSAGES, |x, p| sessions::messages(x, &p.first);
    "GET /api/v1/sessions/{id}/export"                 => op::sessions::EXPORT, |x, p| sessions::export(x, &p.first);
    "POST /api/v1/chat"                                => op::sessions::CHAT, |x, _| sessions::chat(x);
    "POST /api/v1/chat/stream"                         => op::sessions::CHAT_STREAM, |x, _| sessions::chat_stream(x);
    "POST /api/v1/chat/regenerate"                     => op::sessions::REGENERATE, |x, _| sessions::regenerate(x);
    "POST /api/v1/chat/approve"                        => op::sessions::APPROVE, |x, _| sessions::approve(x);
    "POST /api/v1/chat/answer"                         => op::sessions::ANSWER, |x, _| sessions::answer(x);
    "POST /api/v1/chat/stop"                           => op::sessions::STOP, |x, _| sessions::stop(x);
    "GET /api/v1/chat/providers"                       => op::sessions::PROVIDERS, |x, _| sessions::providers(x);
    "GET /api/v1/chat/providers/{id}/models"           => op::sessions::MODELS, |x, p| sessions::models(x, &p.first);
    "POST /stats/estimate"                             => op::tokens::ESTIMATE, |x, _| tokens::estimate(x);
    "POST /auth/setup"                                 => op::sign_in::SET_UP, |x, _| sign_in::set_up(x);
    "POST /auth/login"                                 => op::sign_in::LOG_IN, |x, _| sign_in::log_in(x);
    "POST /auth/refresh"                               => op::sign_in::REFRESH, |x, _| sign_in::refresh(x);
    "POST /auth/logout"                                => op::sign_in::LOG_OUT, |x, _| sign_in::log_out(x);
    "POST /auth/logout-all"                            => op::sign_in::LOG_OUT_ALL, |x, _| sign_in::log_out_all(x);
    "GET /auth/me"                                     => op::sign_in::ME, |x, _| sign_in::me(x);
    "GET /auth/sessions"                               => op::sign_in::SESSIONS, |x, _| sign_in::sessions(x);
    "DELETE /auth/sessions/{id}"                       => op::sign_in::END_SESSION, |x, p| sign_in::end_session(x, &p.first);
    "POST /auth/password/change"                       => op::sign_in::CHANGE_PASSWORD, |x, _| sign_in::change_password(x);
    "POST /auth/password/forgot"                       => op::recovery::FORGOT, |x, _| recovery::forgot(x);
    "POST /auth/password/reset"                        => op::recovery::RESET, |x, _| recovery::reset(x);
    "POST /auth/email/verification"                    => op::recovery::SEND_VERIFICATION, |x, _| recovery::send_verification(x);
    "POST /auth/email/verify"                          => op::recovery::VERIFY, |x, _| recovery::verify(x);
    "GET /auth/options"                                => op::sign_in_with::OPTIONS, |x, _| sign_in_with::options(x);
    "GET /auth/with/{id}"                              => op::sign_in_with::BEGIN, |x, p| sign_in_with::begin(x, &p.first);
    "GET /auth/with/{id}/callback"                     => op::sign_in_with::CALLBACK, |x, p| sign_in_with::callback(x, &p.first);
    "POST /auth/with/{id}/assertion"                   => op::sign_in_with::ASSERTION, |x, p| sign_in_with::assertion(x, &p.first);
    "GET /auth/identities"                             => op::sign_in_with::IDENTITIES, |x, _| sign_in_with::identities(x);
    "DELETE /auth/identities/{id}"                     => op::sign_in_with::UNLINK, |x, p| sign_in_with::unlink(x, &p.first);
    "GET /auth/passkeys"                               => op::passkeys::LIST, |x, _| passkeys::list(x);
    "POST /auth/passkeys/options"                      => op::passkeys::CREATION_OPTIONS, |x, _| passkeys::creation_options(x);
    "POST /auth/passkeys"                              => op::passkeys::ADD, |x, _| passkeys::add(x);
    "DELETE /auth/passkeys/{id}"                       => op::passkeys::DELETE, |x, p| passkeys::delete(x, &p.first);
    "POST /auth/passkeys/sign-in/options"              => op::passkeys::REQUEST_OPTIONS, |x, _| passkeys::request_options(x);
    "POST /auth/passkeys/sign-in"                      => op::passkeys::SIGN_IN, |x, _| passkeys::sign_in(x);
    "PUT /auth/me"                                     => op::profile::UPDATE, |x, _| profile::update(x);
    "PUT /auth/me/avatar"                              => op::profile::SET_AVATAR, |x, _| profile::set_avatar(x);
    "DELETE /auth/me/avatar"                           => op::profile::REMOVE_AVATAR, |x, _| profile::remove_avatar(x);
    "GET /users/{id}/avatar"                           => op::profile::AVATAR, |x, p| profile::avatar(x, &p.first);
    "GET /identity-providers"                          => op::identity_providers::LIST, |x, _| identity_providers::list(x);
    "POST /identity-providers"                         => op::identity_providers::CREATE, |x, _| identity_providers::create(x);
    "GET /identity-providers/{id}"                     => op::identity_providers::GET, |x, p| identity_providers::get(x, &p.first);
    "PUT /identity-providers/{id}"                     => op::identity_providers::UPDATE, |x, p| identity_providers::update(x, &p.first);
    "DELETE /identity-providers/{id}"                  => op::identity_providers::DELETE, |x, p| identity_providers::delete(x, &p.first);
    "POST /auth/register"                              => op::registration::REGISTER, |x, _| registration::register(x);
    "GET /registration"                                => op::registration::GET, |x, _| registration::get(x);
    "PUT /registration"                                => op::registration::UPDATE, |x, _| registration::update(x);
    "GET /invitations"                                 => op::registration::INVITATIONS, |x, _| registration::invitations(x);
    "POST /invitations"                                => op::registration::INVITE, |x, _| registration::invite(x);
    "DELETE /invitations/{id}"                         => op::registration::REVOKE, |x, p| registration::revoke(x, &p.first);
    "GET /.well-known/jwks.json"                       => op::sign_in::JWKS, |x, _| sign_in::jwks(x);
    "GET /setup/checks"                                => op::setup::CHECKS, |x, _| setup::checks(x);
    "GET /console/session"                             => op::console::SESSION, |x, _| console::session(x);
    "POST /console/session"                            => op::console::BEGIN, |x, _| console::begin(x);
    "DELETE /console/session"                          => op::console::END, |x, _| console::end(x);
    "GET /console/sessions"                            => op::console::SESSIONS, |x, _| console::list(x);
    "DELETE /console/sessions/{id}"                    => op::console::END_SESSION, |x, p| console::end_session(x, &p.first);
    "GET /console"                                     => op::console::PAGE, |x, _| console::page(x, "");
    "GET /console/{path...}"                           => op::console::PAGES, |x, p| console::page(x, &p.first);
    "GET /users"                                       => op::users::LIST, |x, _| users::list(x);
    "POST /users"                                      => op::users::CREATE, |x, _| users::create(x);
    "GET /users/{id}"                                  => op::users::GET, |x, p| users::get(x, &p.first);
    "PUT /users/{id}"                                  => op::users::UPDATE, |x, p| users::update(x, &p.first);
    "DELETE /users/{id}"                               => op::users::DELETE, |x, p| users::delete(x, &p.first);
    "POST /users/{id}/approve"                         => op::users::APPROVE, |x, p| users::approve(x, &p.first);
    "POST /users/{id}/reject"                          => op::users::REJECT, |x, p| users::reject(x, &p.first);
    "GET /users/{id}/grants"                           => op::roles::GRANTS, |x, p| grants::list(x, &p.first);
    "POST /users/{id}/grants"                          => op::roles::GRANT, |x, p| grants::grant(x, &p.first);
    "DELETE /users/{id}/grants/{grant}"                => op::roles::REVOKE, |x, p| grants::revoke(x, &p.first, &p.second);
    "GET /scim-clients"                                => op::scim_clients::LIST, |x, _| scim_clients::list(x);
    "POST /scim-clients"                               => op::scim_clients::CREATE, |x, _| scim_clients::create(x);
    "GET /scim-clients/{id}"                           => op::scim_clients::GET, |x, p| scim_clients::get(x, &p.first);
    "PUT /scim-clients/{id}"                           => op::scim_clients::UPDATE, |x, p| scim_clients::update(x, &p.first);
    "DELETE /scim-clients/{id}"                        => op::scim_clients::DELETE, |x, p| scim_clients::delete(x, &p.first);
    "POST /scim-clients/{id}/token"                    => op::scim_clients::ROTATE, |x, p| scim_clients::rotate(x, &p.first);
    "GET /scim/v2/ServiceProviderConfig"               => op::scim::CONFIG, |x, _| ready(scim::discovery::config(x));
    "GET /scim/v2/ResourceTypes"                       => op::scim::RESOURCE_TYPES, |x, _| ready(scim::discovery::resource_types(x));
    "GET /scim/v2/ResourceTypes/{id}"                  => op::scim::RESOURCE_TYPE, |x, p| ready(scim::discovery::resource_type(x, &p.first));
    "GET /scim/v2/Schemas"                             => op::scim::SCHEMAS, |x, _| ready(scim::discovery::schemas(x));
    "GET /scim/v2/Schemas/{id}"                        => op::scim::SCHEMA, |x, p| ready(scim::discovery::schema(x, &p.first));
    "GET /scim/v2/Users"                               => op::scim::USERS, |x, _| scim::users::list(x);
    "POST /scim/v2/Users"                              => op::scim::CREATE_USER, |x, _| scim::users::create(x);
    "GET /scim/v2/Users/{id}"                          => op::scim::USER, |x, p| scim::users::get(x, &p.first);
    "PUT /scim/v2/Users/{id}"                          => op::scim::REPLACE_USER, |x, p| scim::users::replace(x, &p.first);
    "PATCH /scim/v2/Users/{id}"                        => op::scim::CHANGE_USER, |x, p| scim::users::patch(x, &p.first);
    "DELETE /scim/v2/Users/{id}"                       => op::scim::DELETE_USER, |x, p| scim::users::delete(x, &p.first);
    "GET /scim/v2/Groups"                              => op::scim::GROUPS, |x, _| scim::groups::list(x);
    "POST /scim/v2/Groups"                             => op::scim::CREATE_GROUP, |x, _| scim::groups::create(x);
    "GET /scim/v2/Groups/{id}"                         => op::scim::GROUP, |x, p| scim::groups::get(x, &p.first);
    "PUT /scim/v2/Groups/{id}"                         => op::scim::REPLACE_GROUP, |x, p| scim::groups::replace(x, &p.first);
    "PATCH /scim/v2/Groups/{id}"                       => op::scim::CHANGE_GROUP, |x, p| scim::groups::patch(x, &p.first);
    "DELETE /scim/v2/Groups/{id}"                      => op::scim::DELETE_GROUP, |x, p| scim::groups::delete(x, &p.first);
    "GET /permissions"                                 => op::roles::PERMISSIONS, |_, _| ready(roles::permissions());
    "GET /roles"                                       => op::roles::LIST, |x, _| roles::list(x);
    "POST /roles"                                      => op::roles::CREATE, |x, _| roles::create(x);
    "GET /roles/{code}"                                => op::roles::GET, |x, p| roles::get(x, &p.first);
    "PUT /roles/{code}"                                => op::roles::UPDATE, |x, p| roles::update(x, &p.first);
    "DELETE /roles/{code}"                             => op::roles::DELETE, |x, p| roles::delete(x, &p.first);
    "GET /teams"                                       => op::teams::LIST, |x, _| teams::list(x);
    "POST /teams"                                      => op::teams::CREATE, |x, _| teams::create(x);
    "GET /teams/{id}"                                  => op::teams::GET, |x, p| teams::get(x, &p.first);
    "PUT /teams/{id}"                                  => op::teams::UPDATE, |x, p| teams::update(x, &p.first);
    "DELETE /teams/{id}"                               => op::teams::DELETE, |x, p| teams::delete(x, &p.first);
    "PUT /teams/{id}/members/{user}"                   => op::teams::PUT_MEMBER, |x, p| teams::put_member(x, &p.first, &p.second);
    "DELETE /teams/{id}/members/{user}"                => op::teams::REMOVE_MEMBER, |x, p| teams::remove_member(x, &p.first, &p.second);
}

/// Every declared operation has a row, and no row is there twice.
const _: () = {
    let (mut rows, mut left) = (0, op::ALL);
    while let [operations, rest @ ..] = left {
        let mut left_of_resource = *operations;
        while let [operation, rest @ ..] = left_of_resource {
            assert!(is_routed(operation), "an operation of nexus_edge_api has no row");
            rows += 1;
            left_of_resource = rest;
        }
        left = rest;
    }
    assert!(rows == ROUTES.len(), "a row is there twice");
};

const fn is_routed(operation: &Operation) -> bool {
    let mut left = ROUTES;
    while let [route, rest @ ..] = left {
        if route.operation.is_same(operation) {
            return true;
        }
        left = rest;
    }
    false
}

/// The route for a request with the parameters of its path.
///
/// # Errors
/// `not_found` (404), `method_not_allowed` (405) with the methods of the path, `invalid_path` (400) for a parameter that
/// is not UTF-8.
pub fn find<'a>(method: &str, path: &'a str) -> Result<(&'static Route, Captured<'a>), ApiError> {
    // The platform leaves out the body of an answer to HEAD.
    let asked = if method == "HEAD" { "GET" } else { method };
    let mut allowed: Vec<&str> = Vec::new();
    for (route, captured) in matching(path) {
        if route.operation.method.name() != asked {
            allowed.push(route.operation.method.name());
            continue;
        }
        let captured = captured.map_err(|error| {
            ApiError::new(400, ErrorKind::InvalidRequest, "invalid_path", format!("{error}."))
        })?;
        return Ok((route, captured));
    }
    if allowed.is_empty() {
        return Err(ApiError::not_found("not_found", "There is nothing at this path."));
    }
    allowed.dedup();
    Err(ApiError::method_not_allowed(&allowed.join(", ")))
}

/// The operations at a path, whatever their method.
pub fn operations_at(path: &str) -> impl Iterator<Item = &'static Operation> {
    matching(path).map(|(route, _)| route.operation)
}

type Matched<'a> = Result<Captured<'a>, path::PathError>;

fn matching(path: &str) -> impl Iterator<Item = (&'static Route, Matched<'_>)> {
    ROUTES.iter().filter_map(move |route| Some((route, path::matches(route.operation.path, path)?)))
}
