//! A server of the Model Context Protocol whose tools the gateway offers.

use std::collections::BTreeMap;

use nexus_edge_mcp::client::{HttpPreference, Preference};
use nexus_edge_mcp::glob::Glob;
use nexus_edge_mcp::trust::Strictness;
use serde::{Deserialize, Serialize};

use super::provider_input::check_headers;
use super::webhook::check_url;
use crate::access::tool_approval::ToolApproval;
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, credential, integer_u32, one_of, text, text_map, texts};
use crate::row::table::{name, optional_json, table};
use crate::row::{allowed, flag};

/// Milliseconds that a server may take to answer, unless something else is said.
pub const DEFAULT_TIMEOUT_MS: u32 = 60_000;

/// The eras that may be asked for.
pub const ERAS: &[(&str, Preference)] =
    &[("auto", Preference::Auto), ("legacy", Preference::Legacy), ("modern", Preference::Modern)];
/// The transports that may be asked for.
pub const TRANSPORTS: &[(&str, HttpPreference)] = &[
    ("auto", HttpPreference::Auto),
    ("streamable", HttpPreference::Streamable),
    ("sse", HttpPreference::Sse),
];
/// What becomes of tools that are not as they were accepted.
pub const PINS: &[(&str, Strictness)] =
    &[("strict", Strictness::Strict), ("warn", Strictness::Warn), ("off", Strictness::Off)];

/// A server as it is stored: its token sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServerRecord {
    /// Its name, which is a part of the names of its tools and of grants. It does not change.
    pub id: String,
    /// The address of its endpoint.
    pub url: String,
    /// The era that is spoken with it.
    pub era: Preference,
    /// The transport over which it is reached.
    #[serde(default)]
    pub transport: HttpPreference,
    /// What it is sent as `Authorization: Bearer`, sealed.
    #[serde(default)]
    pub token_sealed: Option<String>,
    /// Further headers that it is sent, as a JSON object, sealed.
    #[serde(default)]
    pub headers_sealed: Option<String>,
    /// The same with masked values, as a JSON object.
    #[serde(default)]
    pub headers_hint: Option<String>,
    /// Which calls of its tools in chats a person must agree to.
    #[serde(default)]
    pub tool_approval: ToolApproval,
    /// The tools of which each call must be agreed to, as patterns.
    #[serde(default, deserialize_with = "allowed")]
    pub ask_tools: Option<Vec<String>>,
    /// The tools that are offered, as patterns; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub allow_tools: Option<Vec<String>>,
    /// The tools that are not offered.
    #[serde(default, deserialize_with = "allowed")]
    pub deny_tools: Option<Vec<String>>,
    /// What becomes of tools that are not as they were accepted.
    pub pins: Strictness,
    /// Milliseconds that it may take to answer.
    pub timeout_ms: u32,
    /// Whether its tools are offered.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    McpServerRecord in "mcp_servers" unique "id" {
        given id;
        fixed { created_at }
        changing {
            url, token_sealed, headers_sealed, headers_hint, timeout_ms, enabled,
            tool_approval = |record| name(record.tool_approval.name()),
            ask_tools = |record| optional_json(record.ask_tools.as_ref()),
            era = |record| name(named(ERAS, record.era)),
            transport = |record| name(named(TRANSPORTS, record.transport)),
            allow_tools = |record| optional_json(record.allow_tools.as_ref()),
            deny_tools = |record| optional_json(record.deny_tools.as_ref()),
            pins = |record| name(named(PINS, record.pins)),
        }
        elsewhere {}
    }
}

/// The name of a value.
fn named<T: PartialEq + Copy>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

impl McpServerRecord {
    /// A server with default values, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            url: String::new(),
            era: Preference::Auto,
            transport: HttpPreference::Auto,
            token_sealed: None,
            headers_sealed: None,
            headers_hint: None,
            tool_approval: ToolApproval::Never,
            ask_tools: None,
            allow_tools: None,
            deny_tools: None,
            pins: Strictness::Strict,
            timeout_ms: DEFAULT_TIMEOUT_MS,
            enabled: true,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The associated data that binds a sealed field, `token` or `headers`, to this record.
    #[must_use]
    pub fn seal_context(&self, field: &str) -> String {
        format!("mcp_servers/{}/{field}", self.id)
    }

    /// Checks what excludes each other.
    ///
    /// # Errors
    /// `invalid_value` for a transport that the era does not have.
    pub fn check(&self) -> Result<(), ApiError> {
        if (self.era, self.transport) == (Preference::Modern, HttpPreference::Sse) {
            let message = "`transport` cannot be `sse` where `era` is `modern`.";
            return Err(ApiError::invalid("invalid_value", "transport", message));
        }
        Ok(())
    }

    /// The rule for calls of one of its tools.
    #[must_use]
    pub fn approval_of(&self, tool: &str) -> ToolApproval {
        let asks = self.ask_tools.iter().flatten().any(|pattern| Glob::new(pattern).matches(tool));
        let of_tool = if asks { ToolApproval::Always } else { ToolApproval::Never };
        self.tool_approval.strictest(of_tool)
    }

    /// The patterns of tools that are offered, and of those that are not. An empty first list is all.
    #[must_use]
    pub fn patterns(&self) -> (Vec<Glob>, Vec<Glob>) {
        let globs = |list: &Option<Vec<String>>| list.iter().flatten().map(Glob::new).collect();
        (globs(&self.allow_tools), globs(&self.deny_tools))
    }

    /// The record as the admin API returns it.
    #[must_use]
    pub fn view(&self) -> McpServerView<'_> {
        McpServerView {
            id: &self.id,
            url: &self.url,
            era: named(ERAS, self.era),
            transport: named(TRANSPORTS, self.transport),
            has_token: self.token_sealed.is_some(),
            headers: self
                .headers_hint
                .as_deref()
                .and_then(|hint| serde_json::from_str(hint).ok())
                .unwrap_or_default(),
            tool_approval: self.tool_approval,
            ask_tools: self.ask_tools.as_deref(),
            allow_tools: self.allow_tools.as_deref(),
            deny_tools: self.deny_tools.as_deref(),
            pins: named(PINS, self.pins),
            timeout_ms: self.timeout_ms,
            enabled: self.enabled,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A server as the admin API returns it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct McpServerView<'a> {
    /// Its name, a part of the names of its tools and of grants.
    pub id: &'a str,
    /// The address of its endpoint.
    pub url: &'a str,
    /// The era that is spoken with it: `auto`, `legacy` or `modern`.
    pub era: &'static str,
    /// The transport over which it is reached: `auto`, `streamable` or `sse`.
    pub transport: &'static str,
    /// Whether it is sent a token.
    pub has_token: bool,
    /// Further headers that it is sent, with masked values.
    pub headers: BTreeMap<String, String>,
    /// Which calls of its tools in chats a person must agree to.
    pub tool_approval: ToolApproval,
    /// The tools of which each call must be agreed to, as patterns.
    pub ask_tools: Option<&'a [String]>,
    /// The tools that are offered, as patterns; `null` is all.
    pub allow_tools: Option<&'a [String]>,
    /// The tools that are not offered, as patterns.
    pub deny_tools: Option<&'a [String]>,
    /// What becomes of tools that are not as they were accepted: `strict`, `warn` or `off`.
    pub pins: &'static str,
    /// Milliseconds that it may take to answer.
    pub timeout_ms: u32,
    /// Whether its tools are offered.
    pub enabled: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

input! {
    /// What may be said about a server of tools.
    pub struct McpServerInput {
        /// Its name, of `a-z`, `0-9`, `-` and `_`: a part of the names of its tools and of grants. It cannot be changed.
        pub id: String = text(1..=30).check(check_id).not_null().required(),
        /// The address of its endpoint for streamable HTTP, or of its stream for HTTP+SSE: an `https` or `http` URL. Redirects are not followed.
        pub url: String = text(1..=2000).not_null().required(),
        /// The era that is spoken with it: `auto`, which finds it out and is the default, `legacy` or `modern`.
        pub era: Preference = one_of(ERAS).not_null(),
        /// The transport over which it is reached: `auto`, the default, is streamable HTTP, or HTTP+SSE of 2024-11-05 where the server
        /// does not know that; `streamable`; or `sse`, which has no modern era.
        pub transport: HttpPreference = one_of(TRANSPORTS).not_null(),
        /// What it is sent as `Authorization: Bearer`. It is stored sealed and never shown; `null`: nothing.
        pub token: String = credential(1..=4000),
        /// Further headers that it is sent, such as `X-Api-Key`: name → value. They are stored sealed and shown masked; `null`: none.
        pub headers: BTreeMap<String, String> = text_map().check(check_headers),
        /// Which calls of its tools in chats a person must agree to: `never`, the default, `rules` (of tools that write or send),
        /// `always`. What the key or the request says counts where it is stricter.
        pub tool_approval: ToolApproval = one_of(ToolApproval::NAMES).not_null(),
        /// The tools of which each call in a chat must be agreed to, as patterns of their names.
        pub ask_tools: Vec<String> = texts(1..=200),
        /// The tools that are offered, as patterns of their names such as `get_*`; `null`: all.
        pub allow_tools: Vec<String> = texts(1..=200),
        /// The tools that are not offered, whatever `allow_tools` says.
        pub deny_tools: Vec<String> = texts(1..=200),
        /// What becomes of tools that are new or not as they were accepted: `strict`, the default, hides and refuses them; `warn`
        /// shows them in `GET /mcp-servers/{id}/tools` only; `off` compares nothing.
        pub pins: Strictness = one_of(PINS).not_null(),
        /// Milliseconds that it may take to answer; 60,000 is the default.
        pub timeout_ms: u32 = integer_u32(1_000..=600_000).not_null(),
        /// Whether its tools are offered.
        pub enabled: bool = boolean().not_null(),
    }
}

impl McpServerInput {
    /// Checks the address. Private and local ones are refused unless `allow_private`.
    ///
    /// # Errors
    /// `invalid_value` for an address that must not be asked.
    pub fn checked(self, allow_private: bool) -> Result<Self, ApiError> {
        if let Some(url) = self.url.as_set() {
            check_url(url, allow_private)?;
        }
        Ok(self)
    }

    /// Applies everything but the name, and the token and the headers, which must be sealed first.
    pub fn apply_public(&self, record: &mut McpServerRecord) {
        self.url.clone().apply_or(&mut record.url, String::new());
        self.era.clone().apply_or(&mut record.era, Preference::Auto);
        self.transport.clone().apply_or(&mut record.transport, HttpPreference::Auto);
        self.tool_approval.clone().apply_or(&mut record.tool_approval, ToolApproval::Never);
        self.ask_tools.clone().apply_to(&mut record.ask_tools);
        self.allow_tools.clone().apply_to(&mut record.allow_tools);
        self.deny_tools.clone().apply_to(&mut record.deny_tools);
        self.pins.clone().apply_or(&mut record.pins, Strictness::Strict);
        self.timeout_ms.clone().apply_or(&mut record.timeout_ms, DEFAULT_TIMEOUT_MS);
        self.enabled.clone().apply_or(&mut record.enabled, true);
    }
}

/// `agent` is how servers of agents begin in grants.
fn check_id(id: String) -> Result<String, ApiError> {
    if id == "agent" {
        return Err(ApiError::invalid("invalid_value", "id", "`id` must not be `agent`."));
    }
    if id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
        return Ok(id);
    }
    Err(ApiError::invalid("invalid_value", "id", "`id` may only have `a-z`, `0-9`, `-` and `_`."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn read(body: &str) -> Result<McpServerInput, ApiError> {
        McpServerInput::parse(body.as_bytes())?.checked(false)
    }

    #[test]
    fn a_server_has_a_name_that_models_accept_and_an_address_that_may_be_asked() {
        let input =
            read(r#"{"id":"git_hub-1","url":"https://mcp.example/mcp?x=1","pins":"warn","era":"legacy"}"#)
                .unwrap();
        let mut record = McpServerRecord::new("git_hub-1".into(), 1);
        input.apply_public(&mut record);
        assert_eq!(
            (record.pins, record.era, record.timeout_ms),
            (Strictness::Warn, Preference::Legacy, 60_000)
        );
        assert_eq!(serde_json::to_value(record.view()).unwrap()["era"], "legacy");
        read(r#"{"transport":"sse"}"#).unwrap().apply_public(&mut record);
        assert_eq!((record.transport, record.check()), (HttpPreference::Sse, Ok(())));
        record.era = Preference::Modern;
        assert_eq!(record.check().unwrap_err().param.as_deref(), Some("transport"));
        read(r#"{"tool_approval":"rules","ask_tools":["rm_*"]}"#).unwrap().apply_public(&mut record);
        assert_eq!(record.approval_of("ls"), ToolApproval::Rules);
        assert_eq!(record.approval_of("rm_all"), ToolApproval::Always);
        for (body, param) in [
            (r#"{"id":"Git"}"#, "id"),
            (r#"{"id":"a/b"}"#, "id"),
            (r#"{"id":"agent"}"#, "id"),
            (r#"{"url":"http://127.0.0.1/"}"#, "url"),
            (r#"{"pins":"none"}"#, "pins"),
            (r#"{"transport":"stdio"}"#, "transport"),
            (r#"{"tool_approval":"sometimes"}"#, "tool_approval"),
            (r#"{"headers":{"Host":"x"}}"#, "headers.Host"),
            (r#"{"timeout_ms":10}"#, "timeout_ms"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }
}
