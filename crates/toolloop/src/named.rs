//! Whether a request names servers of the gateway, and which of their tools.
//!
//! | dialect | how |
//! |---|---|
//! | Responses, Chat Completions | `tools: [{"type": "mcp", "server_url": "nexus:…", …}]`, also `"tunnel_id": "nexus:<agent>"` and, as `LiteLLM` writes it, `"server_url": "litellm_proxy[/mcp/<server>]"` |
//! | Messages | `mcp_servers: [{"url": "nexus:…", "name": …}]`, with or without `{"type": "mcp_toolset", "mcp_server_name": …}` in `tools` |
//! | every dialect | `"nexus": {"tools": ["<server>", {"server_url": "nexus:…", …}]}` |
//!
//! After `nexus:` stands `<server>`, `agent/<id>[/<server>]`, `toolset/<name>` or `all`. Everything else, such as a server of another
//! address in `OpenAI`'s own tool, is not ours and stays in the request.
//!
//! A request that names none is recognised by the members that it has, and by a search for two words in its bytes; nothing is parsed or
//! allocated for it. Names written with escapes (`"\u006eexus:"`) are not recognised and reach the provider, which refuses them.

mod rule;
mod source;

use memchr::memchr_iter;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::json::error::{invalid_value, wrong_type};
use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::object::Kind;
use serde_json::value::RawValue;

pub use rule::{Filter, Rule};
pub use source::{Source, Target};

use crate::json::value;
use crate::limits::Limits;

/// The member of a request that names our tools in every dialect.
pub const MEMBER: &str = "nexus";

/// What a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The servers, in the request's order.
    pub sources: Vec<Source>,
    /// The limits, lowered by the request where it says so.
    pub limits: Limits,
}

/// Whether the bytes of a body may name a server of the gateway. False for almost all requests that do not, never for one that does.
#[must_use]
pub fn may_name(body: &[u8]) -> bool {
    // Both words contain the rare letter x.
    let is_word = |at: usize, before: usize, word: &[u8]| {
        let start = at.checked_sub(before);
        start.and_then(|start| body.get(start..start + word.len())).is_some_and(|found| found == word)
    };
    memchr_iter(b'x', body).any(|at| is_word(at, 2, b"nexus") || is_word(at, 11, b"litellm_proxy"))
}

/// Whether a parsed request may name a server of the gateway; as exact as [`may_name`].
#[must_use]
pub fn may_be_in(inbound: &Inbound<'_>) -> bool {
    let fields = inbound.fields();
    ["tools", "mcp_servers", MEMBER].iter().any(|name| fields.get(name).is_some()) && may_name(inbound.body)
}

/// The servers of the gateway that a request names; `None` if it names none, or cannot be read: that is said by the parser of requests.
///
/// # Errors
/// `invalid_value`, `invalid_type` (400) with the member that does not say what it should.
pub fn of(dialect: CallerDialect, body: &[u8]) -> Result<Option<Named>, ApiError> {
    if !may_name(body) {
        return Ok(None);
    }
    let Some(root) = value(body).and_then(Object::of) else { return Ok(None) };
    let mut named = Named { sources: Vec::new(), limits: Limits::default() };
    match dialect {
        CallerDialect::OpenaiChat | CallerDialect::OpenaiResponses => {
            for (index, item) in root.items("tools").into_iter().enumerate() {
                if is_own_tool(item) {
                    named.sources.push(source::of_tool(item, &format!("tools[{index}]"))?);
                }
            }
        }
        CallerDialect::Anthropic => {
            let toolsets: Vec<Object<'_>> = root.objects("tools").filter(is_toolset).collect();
            for (index, item) in root.items("mcp_servers").into_iter().enumerate() {
                if is_own_server(item) {
                    named.sources.push(source::of_server(item, &toolsets, &format!("mcp_servers[{index}]"))?);
                }
            }
        }
        CallerDialect::Gemini | CallerDialect::OpenaiCompletions => {}
    }
    if let Some(member) = root.get_set(MEMBER) {
        read_member(member, MEMBER, &mut named)?;
    }
    if named.sources.is_empty() {
        return Ok(None);
    }
    one_answer(dialect, &root)?;
    Ok(Some(named))
}

/// Checks what stands elsewhere in place of [`MEMBER`], such as in the settings of a session. `path` names it in errors.
///
/// # Errors
/// Those of [`of`].
pub fn check(member: &[u8], path: &str) -> Result<(), ApiError> {
    let mut named = Named { sources: Vec::new(), limits: Limits::default() };
    value(member).map_or(Ok(()), |member| read_member(member, path, &mut named))
}

/// A set of tools for a request that names none of the gateway, by its name; `None` where the request says that it wants none
/// (`"nexus": {"tools": []}`) and where it cannot have any.
#[must_use]
pub fn by_default(dialect: CallerDialect, body: &[u8], toolset: &str) -> Option<Named> {
    let root = value(body).and_then(Object::of)?;
    one_answer(dialect, &root).ok()?;
    let mut named = Named { sources: vec![Source::of_toolset(toolset)], limits: Limits::default() };
    let Some(member) = root.get_set(MEMBER) else { return Some(named) };
    let names_tools = Object::of(member).is_some_and(|fields| fields.get_set("tools").is_some());
    if names_tools {
        return None;
    }
    read_member(member, MEMBER, &mut named).ok()?;
    Some(named)
}

/// The loop continues one answer: it cannot continue several at once.
fn one_answer(dialect: CallerDialect, root: &Object<'_>) -> Result<(), ApiError> {
    let (field, count) = match dialect {
        CallerDialect::OpenaiChat => ("n", root.integer("n")),
        CallerDialect::Gemini => {
            let config = root.object("generationConfig").or_else(|| root.object("generation_config"));
            ("generationConfig.candidateCount", config.and_then(|config| config.integer("candidateCount")))
        }
        CallerDialect::OpenaiCompletions => {
            return Err(invalid_value(MEMBER, "is not possible in legacy completions, which know no tools"));
        }
        CallerDialect::OpenaiResponses => {
            let is_background = root.boolean("background").unwrap_or(false);
            ("background", is_background.then_some(2))
        }
        CallerDialect::Anthropic => return Ok(()),
    };
    if count.is_some_and(|count| count > 1) {
        return Err(invalid_value(
            field,
            "must be left out where the gateway runs tools: it continues one answer",
        ));
    }
    Ok(())
}

fn read_member(member: &RawValue, path: &str, named: &mut Named) -> Result<(), ApiError> {
    let Some(fields) = Object::of(member) else {
        return Err(wrong_type(path, "an object", Kind::of(member)));
    };
    if let Some(tools) = fields.get_set("tools") {
        if Kind::of(tools) != Kind::Array {
            return Err(wrong_type(format_args!("{path}.tools"), "an array", Kind::of(tools)));
        }
        for (index, item) in items(tools).into_iter().enumerate() {
            named.sources.push(source::of_member(item, &format!("{path}.tools[{index}]"))?);
        }
    }
    for (name, limit) in named.limits.named() {
        let Some(given) = fields.get_set(name) else { continue };
        let Some(wanted) = fields.integer(name).filter(|wanted| *wanted > 0) else {
            return Err(wrong_type(format_args!("{path}.{name}"), "a whole number above 0", Kind::of(given)));
        };
        *limit = (*limit).min(wanted);
    }
    Ok(())
}

/// Whether an item of `tools` is the tool `mcp` with a server of ours.
#[must_use]
pub fn is_own_tool(item: &RawValue) -> bool {
    let Some(tool) = Object::of(item) else { return false };
    tool.text("type").as_deref() == Some("mcp")
        && ["server_url", "tunnel_id"]
            .iter()
            .any(|name| tool.text(name).is_some_and(|url| source::is_own(&url)))
}

/// Whether an item of `mcp_servers` is a server of ours.
#[must_use]
pub fn is_own_server(item: &RawValue) -> bool {
    Object::of(item).and_then(|server| server.text("url")).is_some_and(|url| source::is_own(&url))
}

/// Whether a tool of Messages is a set of tools of some MCP server.
#[must_use]
pub fn is_toolset(tool: &Object<'_>) -> bool {
    tool.text("type").as_deref() == Some("mcp_toolset")
}

#[cfg(test)]
mod tests {
    use super::*;
    use CallerDialect::{Anthropic, Gemini, OpenaiChat, OpenaiCompletions, OpenaiResponses};
    use proptest::prelude::*;

    fn targets(dialect: CallerDialect, body: &str) -> Vec<(Target, String)> {
        let named = of(dialect, body.as_bytes()).unwrap();
        named.map_or(Vec::new(), |named| {
            named.sources.into_iter().map(|source| (source.target, source.label)).collect()
        })
    }

    #[test]
    fn each_face_names_servers_in_its_way() {
        let server = |name: &str| Target::Server(name.to_owned());
        let tools = r#"{"tools":[{"type":"function","name":"nexus:x"},
            {"type":"mcp","server_label":"files","server_url":"nexus:fs"},
            {"type":"mcp","server_label":"w","server_url":"https://mcp.example/nexus:fs"},
            {"type":"mcp","server_url":"litellm_proxy/mcp/git"}, {"type":"mcp","server_url":"litellm_proxy"},
            {"type":"mcp","tunnel_id":"nexus:laptop"}, {"type":"mcp","tunnel_id":"tunnel_1"}]}"#;
        for dialect in [OpenaiChat, OpenaiResponses] {
            assert_eq!(
                targets(dialect, tools),
                [
                    (server("fs"), "files".to_owned()),
                    (server("git"), "git".to_owned()),
                    (Target::All, "nexus".to_owned()),
                    (Target::Agent { id: "laptop".to_owned(), server: None }, "laptop".to_owned()),
                ]
            );
        }
        let messages = r#"{"mcp_servers":[{"type":"url","url":"nexus:agent/laptop/fs","name":"f"},{"url":"https://nexus.example","name":"g"}]}"#;
        assert_eq!(
            targets(Anthropic, messages),
            [(Target::Agent { id: "laptop".to_owned(), server: Some("fs".to_owned()) }, "f".to_owned())]
        );
        let everywhere = r#"{"nexus":{"tools":["fs",{"server_url":"nexus:toolset/t","server_label":"l"}]}}"#;
        for dialect in [OpenaiChat, OpenaiResponses, Anthropic, Gemini] {
            assert_eq!(
                targets(dialect, everywhere),
                [(server("fs"), "fs".to_owned()), (Target::Toolset("t".to_owned()), "l".to_owned())]
            );
        }
    }

    #[test]
    fn a_request_that_names_none_is_left_alone() {
        for body in [
            "{}",
            "not json nexus:",
            r#"{"messages":[{"content":"is nexus:fs a server? {\"nexus\":1}"}]}"#,
            r#"{"tools":[{"type":"mcp","server_url":"https://a.example"}],"metadata":{"nexus":{"tools":["x"]}}}"#,
            r#"{"nexus":{}}"#,
            r#"{"nexus":{"tools":[]}}"#,
        ] {
            for dialect in [OpenaiChat, OpenaiResponses, Anthropic, Gemini, OpenaiCompletions] {
                assert_eq!(of(dialect, body.as_bytes()), Ok(None), "{body}");
            }
        }
    }

    #[test]
    fn a_request_lowers_limits_and_never_raises_them() {
        let body =
            br#"{"nexus":{"tools":["fs"],"max_rounds":2,"max_calls":1000,"call_idle_ms":5,"call_timeout_ms":9}}"#;
        let limits = of(Gemini, body).unwrap().unwrap().limits;
        assert_eq!((limits.rounds, limits.calls), (2, Limits::default().calls));
        assert_eq!((limits.idle_ms, limits.call_ms), (5, 9));
    }

    #[test]
    fn faults_are_named() {
        for (dialect, body, param) in [
            (Gemini, r#"{"nexus":[]}"#, "nexus"),
            (Gemini, r#"{"nexus":{"tools":"fs"}}"#, "nexus.tools"),
            (Gemini, r#"{"nexus":{"tools":["agent/"]}}"#, "nexus.tools[0]"),
            (Gemini, r#"{"nexus":{"tools":["x"],"max_rounds":0}}"#, "nexus.max_rounds"),
            (OpenaiChat, r#"{"n":2,"nexus":{"tools":["x"]}}"#, "n"),
            (OpenaiResponses, r#"{"background":true,"nexus":{"tools":["x"]}}"#, "background"),
            (
                Gemini,
                r#"{"generationConfig":{"candidateCount":2},"nexus":{"tools":["x"]}}"#,
                "generationConfig.candidateCount",
            ),
            (OpenaiCompletions, r#"{"nexus":{"tools":["x"]}}"#, "nexus"),
            (OpenaiChat, r#"{"tools":[{"type":"mcp","server_url":"nexus:a/b/c"}]}"#, "tools[0].server_url"),
            (
                OpenaiChat,
                r#"{"tools":[{"type":"mcp","server_url":"nexus:a","allowed_tools":1}]}"#,
                "tools[0].allowed_tools",
            ),
            (
                OpenaiChat,
                r#"{"tools":[{"type":"mcp","server_url":"nexus:a","require_approval":"no"}]}"#,
                "tools[0].require_approval",
            ),
            (Anthropic, r#"{"mcp_servers":[{"url":"nexus:a"}]}"#, "mcp_servers[0].name"),
        ] {
            let error = of(dialect, body.as_bytes()).unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{body}");
        }
        let error = check(br#"{"tools":["fs","agent/"]}"#, "config.mcp").unwrap_err();
        assert_eq!(error.param.as_deref(), Some("config.mcp.tools[1]"));
        assert_eq!(check(br#"{"tools":["fs"],"max_rounds":2}"#, "config.mcp"), Ok(()));
    }

    #[test]
    fn a_request_that_names_none_has_the_set_of_its_key() {
        let default = |dialect, body: &str| by_default(dialect, body.as_bytes(), "work");
        for dialect in [OpenaiChat, OpenaiResponses, Anthropic, Gemini] {
            let named = default(dialect, r#"{"nexus":{"max_rounds":2}}"#).unwrap();
            assert_eq!(named.sources[0].target, Target::Toolset("work".to_owned()));
            assert_eq!((named.sources[0].label.as_str(), named.limits.rounds), ("work", 2));
            assert_eq!(default(dialect, r#"{"nexus":{"tools":[]}}"#), None);
            assert_eq!(default(dialect, "not json"), None);
        }
        assert_eq!(default(OpenaiChat, r#"{"n":2}"#), None);
        assert_eq!(default(OpenaiResponses, r#"{"background":true}"#), None);
        assert_eq!(default(OpenaiCompletions, "{}"), None);
    }

    proptest! {
        #[test]
        fn the_quick_search_finds_what_a_slow_one_does(body in "[xnesulitm_proy ]{0,40}(nexus|litellm_proxy|nexu|xx)?[xnesu]{0,9}") {
            let slow = body.contains("nexus") || body.contains("litellm_proxy");
            prop_assert_eq!(may_name(body.as_bytes()), slow);
        }
    }
}
