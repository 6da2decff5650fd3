//! The session API: conversations whose history the gateway keeps. Every answer is in an envelope.

#[cfg(feature = "openapi")]
use nexus_edge_core::chat::approval::Decided;
use nexus_edge_core::chat::config::SessionConfig;
use nexus_edge_core::chat::event::Usage;
#[cfg(feature = "openapi")]
use nexus_edge_core::chat::input::Taken;
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::session::Session;
use serde::Serialize;

use crate::declare::operations;
use crate::operation::Speaks;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "INVALID_SESSION"), (503, "SESSION_UNAVAILABLE")];
#[cfg(feature = "openapi")]
const OF_TURNS: &[(u16, &str)] = &[
    (402, "BUDGET_EXCEEDED, INSUFFICIENT_CREDITS"),
    (404, "INVALID_SESSION, MODEL_NOT_FOUND"),
    (409, "DUPLICATE_TURN"),
    (502, "UPSTREAM_UNREACHABLE, UPSTREAM_ERROR"),
    (503, "SESSION_UNAVAILABLE, PROVIDER_UNAVAILABLE"),
    (504, "UPSTREAM_TIMEOUT"),
];

operations! {
    "Sessions";

    /// Is the session API alive?
    HEALTH: Get "/api/v1/health" Caller in Speaks::Envelope, |it| it.answer::<crate::health::Health>(200, "It runs.");

    /// Create a session.
    CREATE: Post "/api/v1/sessions" Caller in Speaks::Envelope, |it| it
        .free_body(&[], "`id`, `title`, `ai_provider`, `model`, `config`, `pinned`, `archived`; all of them optional.")
        .answer::<SessionView<'_>>(201, "The session.").errors(&[(409, "SESSION_EXISTS")]);

    /// List the sessions of the key.
    LIST: Get "/api/v1/sessions" Caller in Speaks::Envelope, |it| it
        .number("page", 1..=1_000_000, "1 is the default.").number("page_size", 1..=100, "20 is the default.")
        .number("limit", 1..=100, "The same as `page_size`.").text("search", "Only those in whose title or messages this stands.")
        .text("q", "The same as `search`.").choice("pinned", &["true", "false"], "Only those that are, or are not.")
        .choice("archived", &["true", "false"], "`false` is the default.").text("model", "Only those of this model.")
        .answer::<SessionPage<'_>>(200, "A page.");

    /// Show a session.
    GET: Get "/api/v1/sessions/{id}" Caller in Speaks::Envelope, |it| it.answer::<SessionView<'_>>(200, "The session.")
        .errors(NOT_FOUND);

    /// Change a session.
    UPDATE: Put "/api/v1/sessions/{id}" Caller in Speaks::Envelope, |it| it
        .free_body(&[], "`title`, `ai_provider`, `model`, `config`, `pinned`, `archived`; what is not named stays.")
        .answer::<SessionView<'_>>(200, "The session as it is now.").errors(NOT_FOUND);

    /// Delete a session.
    DELETE: Delete "/api/v1/sessions/{id}" Caller in Speaks::Envelope, |it| it
        .choice("permanent", &["true", "false"], "`true` removes it for good; otherwise it is only marked.")
        .answer::<DeletedSession>(200, "It is gone.").errors(NOT_FOUND);

    /// List the messages of a session.
    MESSAGES: Get "/api/v1/sessions/{id}/messages" Caller in Speaks::Envelope, |it| it
        .number("limit", 1..=500, "Messages of a page; 50 is the default.")
        .number("before", 1..=1 << 52, "`next_before` of the page before.")
        .answer::<MessagePage<'_>>(200, "A page, the oldest message first.").errors(NOT_FOUND);

    /// Export a session.
    EXPORT: Get "/api/v1/sessions/{id}/export" Caller in Speaks::Envelope, |it| it
        .choice("format", &["json", "csv", "markdown", "md"], "`json` is the default.")
        .file("application/json", "The file.").file("text/csv", "").file("text/markdown", "").errors(NOT_FOUND);

    /// Say something in a session.
    ///
    /// `stream: true` answers with events, as `/api/v1/chat/stream` does.
    CHAT: Post "/api/v1/chat" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id"], "`session_id` and `message`; optional `id`, `model`, `ai_provider`, `provider_id`, `config`, `bridge_agent_id`, `bridge_agent_ids`, `bridge_tool_selections`, `stream`.")
        .answer::<TurnAnswer>(200, "The answer.").streams().errors(OF_TURNS);

    /// Say something in a session, and be answered with events.
    CHAT_STREAM: Post "/api/v1/chat/stream" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id"], "The same as for `/api/v1/chat`.").streams().errors(OF_TURNS);

    /// Answer the last message anew.
    REGENERATE: Post "/api/v1/chat/regenerate" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id"], "`session_id`; optional `model`, `ai_provider`, `provider_id`, `config`, `bridge_agent_id`, `bridge_agent_ids`, `bridge_tool_selections`, `stream`.")
        .answer::<TurnAnswer>(200, "The answer.").streams().errors(OF_TURNS).errors(&[(400, "NOTHING_TO_REGENERATE")]);

    /// Answer a call of a tool that waits for agreement.
    APPROVE: Post "/api/v1/chat/approve" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id", "call_id", "decision"], "`session_id`, `call_id`, and `decision`: `once`, `session` or `deny`.")
        .answer::<Decided>(200, "What was decided.").errors(&[(404, "INVALID_SESSION, APPROVAL_NOT_FOUND"), (503, "SESSION_UNAVAILABLE")]);

    /// Answer a call of a tool that waits for input.
    ANSWER: Post "/api/v1/chat/answer" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id", "call_id", "action"], "`session_id`, `call_id`, `action`: `accept`, `decline` or `cancel`, and with `accept` the `content` for the form.")
        .answer::<Taken<'_>>(200, "What was answered.").errors(&[(404, "INVALID_SESSION, INPUT_NOT_FOUND"), (503, "SESSION_UNAVAILABLE")]);

    /// Stop the answer that is being made.
    STOP: Post "/api/v1/chat/stop" Caller in Speaks::Envelope, |it| it
        .free_body(&["session_id"], "`session_id`; optional `turn_id`.").answer::<Stopped>(200, "Whether there was one.")
        .errors(NOT_FOUND);

    /// List the providers that the key may use.
    PROVIDERS: Get "/api/v1/chat/providers" Caller in Speaks::Envelope, |it| it
        .answer::<CallerProviders<'_>>(200, "The providers.");

    /// List the models of a provider that the key may use.
    MODELS: Get "/api/v1/chat/providers/{id}/models" Caller in Speaks::Envelope, |it| it
        .path("id", "The name of the provider, or its number.").answer::<CallerModels<'_>>(200, "The models.")
        .errors(&[(404, "PROVIDER_NOT_FOUND")]);
}

/// A session as the API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SessionView<'a> {
    /// Its id.
    pub id: &'a str,
    /// The same, by the name that clients of the predecessor look for.
    pub session_id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// The provider that is asked.
    pub ai_provider: Option<&'a str>,
    /// The model that is asked.
    pub model: Option<&'a str>,
    /// Parameters of its requests.
    pub config: &'a SessionConfig,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is not deleted.
    pub is_active: bool,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
    /// Messages in it.
    pub message_count: u64,
    /// Tokens of all its requests.
    pub total_tokens: u64,
}

impl<'a> SessionView<'a> {
    /// The view of a session.
    #[must_use]
    pub fn of(session: &'a Session) -> Self {
        Self {
            id: &session.id,
            session_id: &session.id,
            title: &session.title,
            ai_provider: session.ai_provider.as_deref(),
            model: session.model.as_deref(),
            config: &session.config,
            pinned: session.pinned,
            archived: session.archived,
            is_active: session.deleted_at.is_none(),
            created_at: session.created_at,
            updated_at: session.updated_at,
            message_count: session.message_count,
            total_tokens: session.total_tokens,
        }
    }
}

/// A page of sessions.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SessionPage<'a> {
    /// The sessions.
    pub sessions: Vec<SessionView<'a>>,
    /// How many there are.
    pub total: u64,
    /// The number of the page.
    pub page: u64,
    /// Sessions of a page.
    pub page_size: u64,
    /// Whether there are more.
    pub has_more: bool,
}

/// A deleted session.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeletedSession {
    /// Its id.
    pub session_id: String,
    /// Always true.
    pub deleted: bool,
    /// Whether it is gone for good.
    pub permanent: bool,
}

/// A page of messages.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MessagePage<'a> {
    /// The session.
    pub session_id: &'a str,
    /// The messages.
    pub messages: Vec<StoredMessage>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// Give it as `before` for the next page.
    pub next_before: Option<u64>,
    /// What stands for the oldest messages in requests.
    pub summary: Option<&'a str>,
}

/// Whether an answer was stopped.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Stopped {
    /// Whether there was one.
    pub stopped: bool,
}

/// The answer of a turn.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TurnAnswer {
    /// The session.
    pub session_id: String,
    /// The turn.
    pub turn_id: String,
    /// What was said.
    pub message: TurnMessage,
    /// Its tokens.
    pub usage: Usage,
    /// The model.
    pub model: String,
    /// Why it ended.
    pub finish_reason: String,
    /// The provider.
    pub provider: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// Always empty; clients of the predecessor look for it.
    pub metadata: NoMetadata,
}

/// A message of an answer.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TurnMessage {
    /// Its id.
    pub id: String,
    /// Always `assistant`.
    pub role: &'static str,
    /// The text.
    pub content: String,
    /// When, in RFC 3339.
    pub timestamp: String,
    /// Calls of tools, as in Chat Completions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<TurnToolCall>,
    /// Always empty.
    pub metadata: NoMetadata,
}

/// A call of a tool in an answer.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TurnToolCall {
    /// Its id, for the result.
    pub id: String,
    /// Always `function`.
    pub r#type: &'static str,
    /// What is called.
    pub function: TurnFunction,
}

/// The function of a [`TurnToolCall`].
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TurnFunction {
    /// Its name.
    pub name: String,
    /// JSON text.
    pub arguments: String,
}

impl TurnToolCall {
    /// The call with this id.
    #[must_use]
    pub fn of(id: String, name: String, arguments: String) -> Self {
        Self { id, r#type: "function", function: TurnFunction { name, arguments } }
    }
}

/// An empty object.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct NoMetadata {}

/// Providers that a key may use.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallerProviders<'a> {
    /// The providers.
    pub providers: Vec<CallerProvider<'a>>,
}

/// A provider that a key may use.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallerProvider<'a> {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// Its models that the key may use.
    pub models: Vec<&'a str>,
}

/// Models of a provider that a key may use.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallerModels<'a> {
    /// The provider, as the caller named it.
    pub provider: &'a str,
    /// The models.
    pub models: Vec<CallerModel<'a>>,
}

/// A model that a key may use.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallerModel<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
}
