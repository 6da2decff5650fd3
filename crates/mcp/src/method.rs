//! The methods of the protocol that a client asks a server, and in which era each exists.

use crate::version::Era;

/// A method of a request from client to server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
    /// `ping`
    Ping,
    /// `tools/list`
    ListTools,
    /// `tools/call`
    CallTool,
    /// `resources/list`
    ListResources,
    /// `resources/templates/list`
    ListTemplates,
    /// `resources/read`
    ReadResource,
    /// `prompts/list`
    ListPrompts,
    /// `prompts/get`
    GetPrompt,
    /// `completion/complete`
    Complete,
    /// `logging/setLevel`
    SetLevel,
    /// `resources/subscribe`
    Subscribe,
    /// `resources/unsubscribe`
    Unsubscribe,
    /// `subscriptions/listen`
    Listen,
}

/// The notification by which a client ends the handshake.
pub const INITIALIZED: &str = "notifications/initialized";
/// The notification by which a request is cancelled.
pub const CANCELLED: &str = "notifications/cancelled";
/// The notification of progress.
pub const PROGRESS: &str = "notifications/progress";
/// The notification of a log line.
pub const LOG_MESSAGE: &str = "notifications/message";

const NAMES: [(Method, &str); 15] = [
    (Method::Initialize, "initialize"),
    (Method::Discover, "server/discover"),
    (Method::Ping, "ping"),
    (Method::ListTools, "tools/list"),
    (Method::CallTool, "tools/call"),
    (Method::ListResources, "resources/list"),
    (Method::ListTemplates, "resources/templates/list"),
    (Method::ReadResource, "resources/read"),
    (Method::ListPrompts, "prompts/list"),
    (Method::GetPrompt, "prompts/get"),
    (Method::Complete, "completion/complete"),
    (Method::SetLevel, "logging/setLevel"),
    (Method::Subscribe, "resources/subscribe"),
    (Method::Unsubscribe, "resources/unsubscribe"),
    (Method::Listen, "subscriptions/listen"),
];

impl Method {
    /// The method of this name; `None` for those of extensions and for anything else.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(method, _)| *method)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    /// Whether requests of this era may use it.
    #[must_use]
    pub const fn exists_in(self, era: Era) -> bool {
        match self {
            Self::Initialize | Self::Ping | Self::SetLevel | Self::Subscribe | Self::Unsubscribe => {
                matches!(era, Era::Legacy)
            }
            Self::Discover | Self::Listen => matches!(era, Era::Modern),
            _ => true,
        }
    }

    /// Whether a server may answer it with `input_required`.
    #[must_use]
    pub const fn may_need_input(self) -> bool {
        matches!(self, Self::CallTool | Self::ReadResource | Self::GetPrompt)
    }

    /// The member of `params` that the header `Mcp-Name` repeats.
    #[must_use]
    pub const fn named_by(self) -> Option<&'static str> {
        match self {
            Self::CallTool | Self::GetPrompt => Some("name"),
            Self::ReadResource => Some("uri"),
            _ => None,
        }
    }

    /// Whether results carry `ttlMs` and `cacheScope` (2026-07-28).
    #[must_use]
    pub const fn is_cacheable(self) -> bool {
        matches!(
            self,
            Self::Discover
                | Self::ListTools
                | Self::ListPrompts
                | Self::ListResources
                | Self::ListTemplates
                | Self::ReadResource
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name() {
        for (method, name) in NAMES {
            assert_eq!(Method::parse(name), Some(method));
            assert_eq!(method.as_str(), name);
        }
        assert_eq!(Method::parse("tasks/get"), None);
    }
}
