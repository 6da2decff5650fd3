//! What the modern era adds to requests and results: `_meta.io.modelcontextprotocol/*`, `resultType`, `ttlMs`.
//!
//! Guarantee: adding and removing changes nothing else of the parameters or the result.

use serde_json::value::RawValue;

use crate::json::{JsonFault, Members, string, to_raw};
use crate::method::Method;
use crate::rpc::Id;
use crate::version::Version;

/// The prefix of what the protocol reserves in `_meta`.
pub const RESERVED: &str = "io.modelcontextprotocol/";
/// The version of a request.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Name and version of the client.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The least important log lines that a request asks for.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Name and version of the server, in results.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The request that opened a subscription, in notifications of it.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// Asks for progress.
pub const PROGRESS_TOKEN: &str = "progressToken";

/// Who a client says that it is.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// `Implementation`: name and version.
    pub info: Box<RawValue>,
    /// `ClientCapabilities`.
    pub capabilities: Box<RawValue>,
}

impl ClientIdentity {
    /// A client of this name and version with these capabilities, a JSON object; none where it is no JSON.
    #[must_use]
    pub fn new(name: &str, version: &str, capabilities: &str) -> Self {
        let info = to_raw(&serde_json::json!({ "name": name, "version": version }));
        let capabilities = crate::json::raw(capabilities.to_owned());
        Self { info, capabilities: capabilities.unwrap_or_else(|| to_raw(&serde_json::json!({}))) }
    }
}

/// What `_meta` of a request says.
#[derive(Debug, Clone, Default)]
pub struct RequestMeta {
    /// The version, in the modern era.
    pub version: Option<String>,
    /// The client, as it was written.
    pub client_info: Option<Box<RawValue>>,
    /// Its capabilities, as they were written.
    pub client_capabilities: Option<Box<RawValue>>,
    /// The least important log lines that it asks for.
    pub log_level: Option<String>,
    /// What progress is to be told under.
    pub progress_token: Option<Id>,
}

/// What `_meta` of a request says. `Ok` with nothing in it where there is no `_meta`.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn read(params: Option<&RawValue>) -> Result<RequestMeta, JsonFault> {
    let params = Members::of(params)?;
    let meta = Members::of(params.get("_meta"))?;
    let owned = |name: &str| meta.get(name).map(ToOwned::to_owned);
    Ok(RequestMeta {
        version: meta.text(PROTOCOL_VERSION),
        client_info: owned(CLIENT_INFO),
        client_capabilities: owned(CLIENT_CAPABILITIES),
        log_level: meta.text(LOG_LEVEL),
        progress_token: meta.read(PROGRESS_TOKEN),
    })
}

/// The parameters of a request as a modern server expects them. What they say in the reserved names is replaced.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn wrap(
    params: Option<&RawValue>,
    version: Version,
    identity: &ClientIdentity,
    log_level: Option<&str>,
) -> Result<Box<RawValue>, JsonFault> {
    change_meta(params, |meta| {
        meta.set(PROTOCOL_VERSION, string(version.as_str()));
        meta.set(CLIENT_INFO, identity.info.clone());
        meta.set(CLIENT_CAPABILITIES, identity.capabilities.clone());
        match log_level {
            Some(level) => meta.set(LOG_LEVEL, string(level)),
            None => drop(meta.remove(LOG_LEVEL)),
        }
    })
}

/// The parameters of a modern request as a legacy server expects them: without the names that describe the request itself.
/// Those of extensions, the progress token and the trace stay.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn unwrap(params: Option<&RawValue>) -> Result<Option<Box<RawValue>>, JsonFault> {
    let Some(params) = params else { return Ok(None) };
    let mut members = Members::parse(params.get())?;
    let Some(meta) = members.get("_meta") else { return Ok(Some(params.to_owned())) };
    let mut meta = Members::parse(meta.get())?;
    for name in [PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL] {
        meta.remove(name);
    }
    if meta.is_empty() {
        members.remove("_meta");
    } else {
        members.set("_meta", meta.write());
    }
    Ok(Some(members.write()))
}

/// Parameters with another `_meta`.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn change_meta(
    params: Option<&RawValue>,
    change: impl FnOnce(&mut Members),
) -> Result<Box<RawValue>, JsonFault> {
    let mut members = Members::of(params)?;
    let mut meta = Members::of(members.get("_meta"))?;
    change(&mut meta);
    members.set("_meta", meta.write());
    Ok(members.write())
}

/// What a result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultType {
    /// The answer. What legacy servers send, without saying so.
    Complete,
    /// More is needed first ([`crate::mrtr`]).
    InputRequired,
    /// A type of an extension, or unknown: invalid unless the extension was agreed on.
    Other(String),
}

/// What a result is.
#[must_use]
pub fn result_type(result: &RawValue) -> ResultType {
    let members = Members::parse(result.get()).unwrap_or_default();
    match members.text("resultType").as_deref() {
        None | Some("complete") => ResultType::Complete,
        Some("input_required") => ResultType::InputRequired,
        Some(other) => ResultType::Other(other.to_owned()),
    }
}

/// How long a result may be kept, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Milliseconds.
    pub ttl_ms: u64,
    /// Whether others than the asking client may be given it.
    pub public: bool,
}

/// A result as a client of `version` expects it. For a modern one `resultType`, the server in `_meta`, and the freshness of
/// cacheable results are added where they are missing; for a legacy one `resultType` is taken out.
#[must_use]
pub fn result_for(
    version: Version,
    method: Method,
    result: &RawValue,
    server_info: Option<&RawValue>,
    freshness: Freshness,
) -> Box<RawValue> {
    // A result that is no object is against the protocol of every version; it is passed on as it is.
    let Ok(mut members) = Members::parse(result.get()) else { return result.to_owned() };
    if version.era() == crate::version::Era::Legacy {
        return match members.remove("resultType") {
            Some(_) => members.write(),
            None => result.to_owned(),
        };
    }
    if members.get("resultType").is_none() {
        members.set("resultType", string("complete"));
    }
    if method.is_cacheable() && members.text("resultType").as_deref() == Some("complete") {
        if members.get("ttlMs").is_none() {
            members.set("ttlMs", to_raw(&freshness.ttl_ms));
        }
        if members.get("cacheScope").is_none() {
            members.set("cacheScope", string(if freshness.public { "public" } else { "private" }));
        }
    }
    if let (Some(info), Ok(mut meta)) = (server_info, Members::of(members.get("_meta")))
        && meta.get(SERVER_INFO).is_none()
    {
        meta.set(SERVER_INFO, info.to_owned());
        members.set("_meta", meta.write());
    }
    members.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    #[test]
    fn wrapping_and_unwrapping_leave_everything_else_as_it_was() {
        let params =
            raw(r#"{"name":"t","arguments":{ "n" : 1.0 },"_meta":{"progressToken":7,"traceparent":"00-a"}}"#);
        let identity = ClientIdentity::new("nexus", "1", r#"{"elicitation":{}}"#);
        let wrapped = wrap(Some(&params), Version::NEWEST, &identity, Some("info")).unwrap();
        let meta = read(Some(&wrapped)).unwrap();
        assert_eq!(meta.version.as_deref(), Some("2026-07-28"));
        assert_eq!(meta.progress_token, Some(Id::Number(7)));
        assert_eq!(meta.log_level.as_deref(), Some("info"));
        assert_eq!(meta.client_capabilities.unwrap().get(), r#"{"elicitation":{}}"#);
        assert_eq!(unwrap(Some(&wrapped)).unwrap().unwrap().get(), params.get());
        let bare = wrap(None, Version::NEWEST, &identity, None).unwrap();
        assert_eq!(unwrap(Some(&bare)).unwrap().unwrap().get(), "{}");
    }

    #[test]
    fn a_result_says_to_modern_clients_what_legacy_ones_are_not_told() {
        let freshness = Freshness { ttl_ms: 30_000, public: false };
        let info = raw(r#"{"name":"s","version":"1"}"#);
        let legacy = raw(r#"{"tools":[ {"name":"a"} ]}"#);
        let modern = result_for(Version::NEWEST, Method::ListTools, &legacy, Some(&info), freshness);
        assert_eq!(
            modern.get(),
            r#"{"tools":[ {"name":"a"} ],"resultType":"complete","ttlMs":30000,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}"#
        );
        let back = result_for(Version::NEWEST_LEGACY, Method::ListTools, &modern, None, freshness);
        assert!(!back.get().contains("resultType"));
        let call = result_for(Version::NEWEST, Method::CallTool, &raw(r#"{"content":[]}"#), None, freshness);
        assert_eq!(call.get(), r#"{"content":[],"resultType":"complete"}"#);
    }

    #[test]
    fn a_result_without_a_type_is_complete() {
        assert_eq!(result_type(&raw("{}")), ResultType::Complete);
        assert_eq!(result_type(&raw(r#"{"resultType":"input_required"}"#)), ResultType::InputRequired);
        assert_eq!(result_type(&raw(r#"{"resultType":"task"}"#)), ResultType::Other("task".to_owned()));
    }
}
