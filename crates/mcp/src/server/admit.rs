//! In which era a request is asked, and the answers to `initialize`, `server/discover` and `ping`.
//!
//! A server is both at once: a request with the modern `_meta` is served by itself, and `initialize` begins the legacy era,
//! for the process over standard streams, for nothing over HTTP, where each request says its version in a header.

use serde_json::value::RawValue;

use crate::envelope::{self, Freshness, RequestMeta, result_for};
use crate::headers::PROTOCOL_VERSION;
use crate::json::{Members, string, to_raw};
use crate::method::Method;
use crate::rpc::{Id, Request, Response, RpcError, code};
use crate::version::{Era, Version};

/// What a server says of itself.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    /// `Implementation`: name and version.
    pub info: Box<RawValue>,
    /// `ServerCapabilities`.
    pub capabilities: Box<RawValue>,
    /// What models should know.
    pub instructions: Option<String>,
    /// How long its discovery and its lists may be kept.
    pub freshness: Freshness,
}

/// What a connection of the legacy era agreed on.
#[derive(Debug, Clone)]
pub struct Handshake {
    version: Version,
    client_info: Option<Box<RawValue>>,
    capabilities: Option<Box<RawValue>>,
}

/// Where a request comes from.
#[derive(Debug)]
pub enum Channel<'a> {
    /// HTTP, with the header `MCP-Protocol-Version`. Nothing is kept between requests.
    Http(Option<&'a str>),
    /// Standard streams, with what has been agreed on so far.
    Stdio(&'a mut Option<Handshake>),
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The version that the answer must be in.
    pub version: Version,
    /// `Implementation`, unverified.
    pub info: Option<Box<RawValue>>,
    /// `ClientCapabilities`; none are known of a legacy client over HTTP.
    pub capabilities: Members,
    /// The least important log lines that it asks for.
    pub log_level: Option<String>,
    /// What progress is to be told under.
    pub progress_token: Option<Id>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Admitted {
    /// It is answered.
    Answer(Era, Response),
    /// It is to be served.
    Serve(Caller),
}

/// Decides about a request.
#[must_use]
pub fn admit(request: &Request, identity: &ServerIdentity, channel: Channel<'_>) -> Admitted {
    let method = Method::parse(&request.method);
    let meta = match envelope::read(request.params.as_deref()) {
        Ok(meta) => meta,
        Err(fault) => {
            let error = RpcError::invalid_params(format!("`params._meta` {fault}"));
            return Admitted::Answer(Era::Legacy, Response::error(Some(request.id.clone()), error));
        }
    };
    // A request that says a modern version in its body is a modern one, whatever its method.
    if method == Some(Method::Initialize) && meta.version.is_none() {
        return Admitted::Answer(Era::Legacy, initialize(request, identity, channel));
    }
    if let (Channel::Http(Some(said)), Some(version)) = (&channel, &meta.version)
        && said != version
    {
        let message = format!("Header mismatch: {PROTOCOL_VERSION} differs from the body");
        let error = RpcError::new(code::HEADER_MISMATCH, message);
        return Admitted::Answer(Era::Modern, Response::error(Some(request.id.clone()), error));
    }
    let modern_header = matches!(channel, Channel::Http(Some(version)) if is_modern(version));
    if meta.version.is_some() || modern_header || method == Some(Method::Discover) {
        return modern(request, method, meta, identity);
    }
    legacy(request, method, meta, &channel)
}

fn is_modern(version: &str) -> bool {
    // A version that is not known is newer than this code: those before it are all known.
    Version::parse(version).is_none_or(|version| version.era() == Era::Modern)
}

fn modern(
    request: &Request,
    method: Option<Method>,
    meta: RequestMeta,
    identity: &ServerIdentity,
) -> Admitted {
    let refuse = |error| Admitted::Answer(Era::Modern, Response::error(Some(request.id.clone()), error));
    let Some(requested) = meta.version else {
        return refuse(RpcError::invalid_params(format!(
            "`_meta` must have `{}`",
            envelope::PROTOCOL_VERSION
        )));
    };
    let version = match Version::parse(&requested) {
        Some(version) if version.era() == Era::Modern => version,
        _ => {
            let data = serde_json::json!({ "supported": supported(), "requested": requested });
            let error = RpcError::new(code::UNSUPPORTED_VERSION, "Unsupported protocol version");
            return refuse(error.with_data(&data));
        }
    };
    let capabilities = meta.client_capabilities.as_deref().map(|value| Members::parse(value.get()));
    let Some(Ok(capabilities)) = capabilities else {
        return refuse(RpcError::invalid_params(format!(
            "`_meta` must have `{}`, an object",
            envelope::CLIENT_CAPABILITIES
        )));
    };
    match method {
        Some(Method::Discover) => {
            let response = Response::result(request.id.clone(), discovery(version, identity));
            Admitted::Answer(Era::Modern, response)
        }
        Some(known) if !known.exists_in(Era::Modern) => refuse(RpcError::method_not_found(&request.method)),
        _ => Admitted::Serve(Caller {
            version,
            info: meta.client_info,
            capabilities,
            log_level: meta.log_level,
            progress_token: meta.progress_token,
        }),
    }
}

fn legacy(request: &Request, method: Option<Method>, meta: RequestMeta, channel: &Channel<'_>) -> Admitted {
    let answer = |response| Admitted::Answer(Era::Legacy, response);
    if method == Some(Method::Ping) {
        return answer(Response::result(request.id.clone(), Members::default().write()));
    }
    let (version, info, capabilities) = match channel {
        Channel::Http(header) => {
            let version = header.and_then(Version::parse).unwrap_or(Version::WITHOUT_HEADER);
            (version, None, Members::default())
        }
        Channel::Stdio(Some(agreed)) => {
            let capabilities = Members::of(agreed.capabilities.as_deref()).unwrap_or_default();
            (agreed.version, agreed.client_info.clone(), capabilities)
        }
        Channel::Stdio(None) => {
            let error =
                RpcError::new(code::INVALID_REQUEST, "the first request must be `initialize` or modern");
            return answer(Response::error(Some(request.id.clone()), error));
        }
    };
    if method.is_some_and(|method| !method.exists_in(Era::Legacy)) {
        let error = RpcError::method_not_found(&request.method);
        return answer(Response::error(Some(request.id.clone()), error));
    }
    let progress_token = meta.progress_token;
    Admitted::Serve(Caller { version, info, capabilities, log_level: None, progress_token })
}

fn initialize(request: &Request, identity: &ServerIdentity, channel: Channel<'_>) -> Response {
    let params = Members::of(request.params.as_deref()).unwrap_or_default();
    let Some(requested) = params.text("protocolVersion") else {
        let error = RpcError::invalid_params("`protocolVersion` is missing");
        return Response::error(Some(request.id.clone()), error);
    };
    let version = Version::negotiated(&requested);
    if let Channel::Stdio(agreed) = channel {
        *agreed = Some(Handshake {
            version,
            client_info: params.get("clientInfo").map(ToOwned::to_owned),
            capabilities: params.get("capabilities").map(ToOwned::to_owned),
        });
    }
    let mut result = Members::default();
    result.set("protocolVersion", string(version.as_str()));
    result.set("capabilities", identity.capabilities.clone());
    result.set("serverInfo", identity.info.clone());
    if let Some(instructions) = &identity.instructions {
        result.set("instructions", string(instructions));
    }
    Response::result(request.id.clone(), result.write())
}

fn discovery(version: Version, identity: &ServerIdentity) -> Box<RawValue> {
    let mut result = Members::default();
    result.set("supportedVersions", to_raw(&supported()));
    result.set("capabilities", identity.capabilities.clone());
    if let Some(instructions) = &identity.instructions {
        result.set("instructions", string(instructions));
    }
    result_for(version, Method::Discover, &result.write(), Some(&identity.info), identity.freshness)
}

/// The versions that are answered, newest first.
fn supported() -> Vec<&'static str> {
    Version::ALL.into_iter().rev().map(Version::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Outcome;

    fn identity() -> ServerIdentity {
        ServerIdentity {
            info: to_raw(&serde_json::json!({ "name": "nexus", "version": "1" })),
            capabilities: to_raw(&serde_json::json!({ "tools": {} })),
            instructions: None,
            freshness: Freshness { ttl_ms: 30_000, public: false },
        }
    }

    fn request(method: &str, params: &str) -> Request {
        Request { id: Id::Number(1), method: method.to_owned(), params: crate::json::raw(params.to_owned()) }
    }

    fn modern_params(version: &str) -> String {
        format!(
            r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}}}}}}"#
        )
    }

    fn code_of(admitted: Admitted) -> i64 {
        match admitted {
            Admitted::Answer(_, Response { outcome: Outcome::Error(error), .. }) => error.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_handshake_is_remembered_on_standard_streams_only() {
        let hello = request(
            "initialize",
            r#"{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{}},"clientInfo":{}}"#,
        );
        let mut agreed = None;
        let early = admit(&request("tools/list", "{}"), &identity(), Channel::Stdio(&mut agreed));
        assert_eq!(code_of(early), code::INVALID_REQUEST);
        let Admitted::Answer(Era::Legacy, response) = admit(&hello, &identity(), Channel::Stdio(&mut agreed))
        else {
            panic!()
        };
        let Outcome::Result(result) = response.outcome else { panic!() };
        assert!(result.get().contains(r#""protocolVersion":"2025-06-18""#));
        let Admitted::Serve(caller) =
            admit(&request("tools/list", "{}"), &identity(), Channel::Stdio(&mut agreed))
        else {
            panic!()
        };
        assert_eq!(caller.version, Version::V2025_06_18);
        assert!(caller.capabilities.get("elicitation").is_some());
    }

    #[test]
    fn over_http_the_header_says_the_version() {
        for (header, expected) in [(None, Version::V2025_03_26), (Some("2025-11-25"), Version::V2025_11_25)] {
            let Admitted::Serve(caller) =
                admit(&request("tools/list", "{}"), &identity(), Channel::Http(header))
            else {
                panic!()
            };
            assert_eq!(caller.version, expected);
        }
        let missing = admit(&request("tools/list", "{}"), &identity(), Channel::Http(Some("2026-07-28")));
        assert_eq!(code_of(missing), code::INVALID_PARAMS);
    }

    #[test]
    fn a_modern_request_is_served_by_itself_in_the_middle_of_a_legacy_connection() {
        let mut agreed = None;
        let list = request("tools/list", &modern_params("2026-07-28"));
        let Admitted::Serve(caller) = admit(&list, &identity(), Channel::Stdio(&mut agreed)) else {
            panic!()
        };
        assert_eq!(caller.version, Version::NEWEST);
        let discover = request("server/discover", &modern_params("2026-07-28"));
        let Admitted::Answer(Era::Modern, response) =
            admit(&discover, &identity(), Channel::Stdio(&mut agreed))
        else {
            panic!()
        };
        let Outcome::Result(result) = response.outcome else { panic!() };
        assert!(
            result.get().contains(r#""supportedVersions":["2026-07-28","2025-11-25""#),
            "{}",
            result.get()
        );
    }

    #[test]
    fn a_version_in_the_body_makes_a_request_modern_and_is_that_of_the_header() {
        let code = |method: &str, version: &str, header: Option<&str>| {
            code_of(admit(&request(method, &modern_params(version)), &identity(), Channel::Http(header)))
        };
        assert_eq!(code("initialize", "2026-07-28", Some("2026-07-28")), code::METHOD_NOT_FOUND);
        assert_eq!(code("tools/list", "1999-01-01", Some("2026-07-28")), code::HEADER_MISMATCH);
        assert_eq!(code("tools/list", "2026-07-28", Some("2025-11-25")), code::HEADER_MISMATCH);
        assert_eq!(code("tools/list", "1999-01-01", Some("1999-01-01")), code::UNSUPPORTED_VERSION);
    }

    #[test]
    fn every_refusal_has_its_code() {
        let http = || Channel::Http(None);
        for (method, params, expected) in [
            ("server/discover", "{}".to_owned(), code::INVALID_PARAMS),
            ("tools/list", modern_params("1900-01-01"), code::UNSUPPORTED_VERSION),
            ("tools/list", modern_params("2025-11-25"), code::UNSUPPORTED_VERSION),
            ("ping", modern_params("2026-07-28"), code::METHOD_NOT_FOUND),
            ("resources/subscribe", modern_params("2026-07-28"), code::METHOD_NOT_FOUND),
            ("subscriptions/listen", "{}".to_owned(), code::METHOD_NOT_FOUND),
            ("initialize", "{}".to_owned(), code::INVALID_PARAMS),
            ("tools/list", r#"{"_meta":1}"#.to_owned(), code::INVALID_PARAMS),
        ] {
            assert_eq!(code_of(admit(&request(method, &params), &identity(), http())), expected, "{method}");
        }
        let ping = admit(&request("ping", "{}"), &identity(), http());
        assert!(matches!(ping, Admitted::Answer(Era::Legacy, Response { outcome: Outcome::Result(_), .. })));
    }
}
