//! `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`.

use serde_json::value::RawValue;

use super::value::{decode, encode};
use crate::envelope;
use crate::json::Members;
use crate::method::Method;
use crate::rpc::{Request, RpcError, code};
use crate::version::Version;

/// The version of a request, in both eras.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The method of a request.
pub const METHOD: &str = "mcp-method";
/// What a request calls, gets or reads.
pub const NAME: &str = "mcp-name";

/// The headers of a modern request, names in lower case.
#[must_use]
pub fn mirror(version: Version, method: &str, params: Option<&RawValue>) -> Vec<(&'static str, String)> {
    let mut headers = vec![(PROTOCOL_VERSION, version.as_str().to_owned()), (METHOD, encode(method))];
    if let Some(name) = named(method, params) {
        headers.push((NAME, encode(&name)));
    }
    headers
}

/// Compares the headers of a modern request with its body. `header` gives the value of a header by its name in lower case.
///
/// # Errors
/// The answer to a request without a header that it needs, or with one that says something else than the body.
pub fn check<'a>(request: &Request, header: impl Fn(&str) -> Option<&'a str>) -> Result<(), RpcError> {
    let mismatch =
        |message: String| RpcError::new(code::HEADER_MISMATCH, format!("Header mismatch: {message}"));
    let compare = |name: &str, expected: &str, is_encoded: bool| match header(name) {
        None => Err(mismatch(format!("{name} is missing"))),
        Some(value) => {
            let said = if is_encoded { decode(value) } else { Some(value.to_owned()) };
            match said {
                Some(said) if said == expected => Ok(()),
                Some(_) => Err(mismatch(format!("{name} differs from the body"))),
                None => Err(mismatch(format!("{name} has invalid characters"))),
            }
        }
    };
    let meta = envelope::read(request.params.as_deref()).unwrap_or_default();
    compare(PROTOCOL_VERSION, meta.version.as_deref().unwrap_or_default(), false)?;
    compare(METHOD, &request.method, false)?;
    match named(&request.method, request.params.as_deref()) {
        Some(name) => compare(NAME, &name, true),
        None => Ok(()),
    }
}

fn named(method: &str, params: Option<&RawValue>) -> Option<String> {
    Members::of(params).ok()?.text(Method::parse(method)?.named_by()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, params: &str) -> Request {
        Request { id: 1.into(), method: method.to_owned(), params: crate::json::raw(params.to_owned()) }
    }

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;

    #[test]
    fn what_a_client_writes_a_server_accepts() {
        for (method, params) in [
            ("tools/call", format!(r#"{{"name":"wétter","arguments":{{}},{META}}}"#)),
            ("resources/read", format!(r#"{{"uri":"file:///a b",{META}}}"#)),
            ("tools/list", format!("{{{META}}}")),
        ] {
            let request = request(method, &params);
            let headers = mirror(Version::NEWEST, method, request.params.as_deref());
            let find = |name: &str| {
                headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
            };
            assert_eq!(check(&request, find), Ok(()));
        }
    }

    #[test]
    fn what_is_missing_or_different_is_a_mismatch() {
        let call = request("tools/call", &format!(r#"{{"name":"bar",{META}}}"#));
        let good = [(PROTOCOL_VERSION, "2026-07-28"), (METHOD, "tools/call"), (NAME, "bar")];
        for (index, (name, _)) in good.iter().enumerate() {
            for other in [None, Some("other"), Some("Tools/call"), Some("=?base64?!?=")] {
                let mut headers = good.to_vec();
                headers.remove(index);
                headers.extend(other.map(|value| (*name, value)));
                let find =
                    |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
                assert_eq!(check(&call, find).unwrap_err().code, code::HEADER_MISMATCH, "{name}");
            }
        }
    }
}
