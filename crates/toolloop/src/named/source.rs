//! One server, or several, that a request names.

use std::borrow::Cow;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::json::error::{invalid_value, missing, wrong_type};
use nexus_edge_core::json::lenient::{Object, string};
use nexus_edge_core::json::object::Kind;
use serde_json::value::RawValue;

use super::rule::{Filter, Rule};

const SCHEME: &str = "nexus:";
const LITELLM: &str = "litellm_proxy";
/// Longest part of an address, in bytes.
const MAX_PART: usize = 128;

/// What a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Everything that the key may use.
    All,
    /// A server that is declared at the gateway.
    Server(String),
    /// An agent on a machine of the caller's: all of its servers, or one.
    Agent {
        /// The agent.
        id: String,
        /// One of its servers.
        server: Option<String>,
    },
    /// A set of tools that is declared at the gateway.
    Toolset(String),
}

/// Servers of a request, with the rules that it gives for their tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub target: Target,
    /// How the caller calls it.
    pub label: String,
    /// The tools that may be used.
    pub allowed: Filter,
    /// Which calls must be agreed to.
    pub approval: Rule,
    /// Whether the tools may be searched for instead of being listed.
    pub is_deferred: bool,
    /// The member that names it, for errors.
    pub param: String,
}

impl Source {
    /// The names of tools that the source says itself.
    pub fn written(&self) -> impl Iterator<Item = &str> {
        self.allowed.written().chain(self.approval.written())
    }

    /// A set of tools that the request does not name itself. Calls need no agreement.
    pub(super) fn of_toolset(name: &str) -> Self {
        Self {
            target: Target::Toolset(name.to_owned()),
            label: name.to_owned(),
            allowed: Filter::default(),
            approval: Rule::never(),
            is_deferred: false,
            param: "default_toolset".to_owned(),
        }
    }
}

/// Whether an address is one of ours.
pub(super) fn is_own(url: &str) -> bool {
    url.starts_with(SCHEME)
        || url == LITELLM
        || url.strip_prefix(LITELLM).is_some_and(|rest| rest.starts_with('/'))
}

/// What an address names, and a label for it.
fn target(url: &str, param: &str) -> Result<(Target, String), ApiError> {
    let unknown = || {
        invalid_value(
            param,
            "must be `nexus:` with <server>, agent/<id>, agent/<id>/<server>, toolset/<name> or all",
        )
    };
    let name = match url.strip_prefix(LITELLM) {
        Some("" | "/") => "all",
        Some(rest) => rest.strip_prefix("/mcp/").ok_or_else(unknown)?,
        None => url.strip_prefix(SCHEME).unwrap_or(url),
    };
    let parts: Vec<&str> = name.split('/').collect();
    let is_part =
        |part: &&str| !part.is_empty() && part.len() <= MAX_PART && !part.contains(char::is_whitespace);
    if !parts.iter().all(is_part) {
        return Err(unknown());
    }
    Ok(match *parts.as_slice() {
        ["all"] => (Target::All, "nexus".to_owned()),
        [server] => (Target::Server(server.to_owned()), server.to_owned()),
        ["agent", id] => (Target::Agent { id: id.to_owned(), server: None }, id.to_owned()),
        ["agent", id, server] => {
            (Target::Agent { id: id.to_owned(), server: Some(server.to_owned()) }, server.to_owned())
        }
        ["toolset", set] => (Target::Toolset(set.to_owned()), set.to_owned()),
        _ => return Err(unknown()),
    })
}

/// An item of `tools` in Responses and Chat Completions. A call needs agreement unless the item says otherwise, as with `OpenAI`.
pub(super) fn of_tool(item: &RawValue, path: &str) -> Result<Source, ApiError> {
    let tool = Object::of(item).unwrap_or_default();
    let url = tool.text("server_url").filter(|url| is_own(url));
    let (target, label, param) = if let Some(url) = url {
        let param = format!("{path}.server_url");
        let (target, label) = target(&url, &param)?;
        (target, label, param)
    } else {
        let param = format!("{path}.tunnel_id");
        let tunnel = tool.text("tunnel_id").unwrap_or(Cow::Borrowed(""));
        let id = tunnel.strip_prefix(SCHEME).unwrap_or_default().to_owned();
        if id.is_empty() || id.contains('/') {
            return Err(invalid_value(&param, "must be `nexus:` with the id of an agent"));
        }
        (Target::Agent { id: id.clone(), server: None }, id, param)
    };
    ruled(&tool, target, label, param, path, Rule::always())
}

/// An item of `nexus.tools`: an address, or an object like the tool `mcp`. Calls need no agreement unless it says so.
pub(super) fn of_member(item: &RawValue, path: &str) -> Result<Source, ApiError> {
    if let Some(url) = string(item) {
        let (target, label) = target(&url, path)?;
        return ruled(&Object::default(), target, label, path.to_owned(), path, Rule::never());
    }
    let Some(tool) = Object::of(item) else {
        return Err(wrong_type(path, "a string or an object", Kind::of(item)));
    };
    let param = format!("{path}.server_url");
    let url = tool.text("server_url").ok_or_else(|| missing(&param))?;
    let (target, label) = target(&url, &param)?;
    ruled(&tool, target, label, param, path, Rule::never())
}

/// An item of `mcp_servers` of Messages, with the sets of tools that belong to it.
pub(super) fn of_server(item: &RawValue, toolsets: &[Object<'_>], path: &str) -> Result<Source, ApiError> {
    let server = Object::of(item).unwrap_or_default();
    let param = format!("{path}.url");
    let (target, _) = target(&server.text("url").unwrap_or_default(), &param)?;
    let label = server.text("name").ok_or_else(|| missing(format_args!("{path}.name")))?.into_owned();
    let set = toolsets.iter().find(|set| set.text("mcp_server_name").as_deref() == Some(label.as_str()));
    let mut allowed = Filter::default();
    if let Some(configuration) = server.object("tool_configuration") {
        if configuration.boolean("enabled") == Some(false) {
            allowed.names = Some(Vec::new());
        } else if let Some(names) = configuration.get_set("allowed_tools") {
            allowed = Filter::read(names, &format!("{path}.tool_configuration.allowed_tools"))?;
        }
    }
    let mut is_deferred = false;
    if let Some(set) = set {
        let default = set.object("default_config").unwrap_or_default();
        is_deferred = default.boolean("defer_loading").unwrap_or(false);
        let is_enabled = default.boolean("enabled").unwrap_or(true);
        let configs = set.object("configs").unwrap_or_default();
        let unlike = |(name, config): (&str, &RawValue)| {
            let enabled = Object::of(config)?.boolean("enabled")?;
            (enabled != is_enabled).then(|| name.to_owned())
        };
        let exceptions: Vec<String> = configs.iter().filter_map(unlike).collect();
        if is_enabled {
            allowed.denied = exceptions;
        } else {
            allowed.names = Some(exceptions);
        }
    }
    Ok(Source { target, label, allowed, approval: Rule::never(), is_deferred, param })
}

fn ruled(
    tool: &Object<'_>,
    target: Target,
    label: String,
    param: String,
    path: &str,
    default: Rule,
) -> Result<Source, ApiError> {
    let allowed = match tool.get_set("allowed_tools") {
        Some(given) => Filter::read(given, &format!("{path}.allowed_tools"))?,
        None => Filter::default(),
    };
    let approval = match tool.get_set("require_approval") {
        Some(given) => Rule::read(given, &format!("{path}.require_approval"))?,
        None => default,
    };
    let label = tool.text("server_label").map_or(label, Cow::into_owned);
    let is_deferred = tool.boolean("defer_loading").unwrap_or(false);
    Ok(Source { target, label, allowed, approval, is_deferred, param })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::value;
    use crate::tool::Approval;

    #[test]
    fn a_set_of_tools_says_which_are_enabled() {
        let server = value(br#"{"url":"nexus:fs","name":"f"}"#).unwrap();
        let read = |set: &str| {
            let set = Object::of(value(set.as_bytes()).unwrap()).unwrap();
            of_server(server, &[set], "s").unwrap()
        };
        let all_but = read(r#"{"mcp_server_name":"f","configs":{"write":{"enabled":false},"read":{}}}"#);
        assert!(all_but.allowed.admits(&["read"], false) && !all_but.allowed.admits(&["write"], false));
        let only = read(
            r#"{"mcp_server_name":"f","default_config":{"enabled":false,"defer_loading":true},"configs":{"read":{"enabled":true}}}"#,
        );
        assert!(
            only.allowed.admits(&["read"], false)
                && !only.allowed.admits(&["write"], false)
                && only.is_deferred
        );
        let other = read(r#"{"mcp_server_name":"g","default_config":{"enabled":false}}"#);
        assert!(other.allowed.admits(&["write"], false));
        assert_eq!(other.approval.of(&["write"], false), Approval::Never);
    }
}
