//! The status of an answer over HTTP.

use crate::method::Method;
use crate::rpc::{Outcome, Response, RpcError, code};
use crate::version::Era;

/// The HTTP status of a response. The modern era says which errors have one; in the legacy era an error is an answer like
/// any other, unless it is not known which request it answers: clients of that era read no body at another status, and some
/// end their session.
#[must_use]
pub fn http_status(era: Era, response: &Response) -> u16 {
    let Outcome::Error(error) = &response.outcome else { return 200 };
    match (era, error.code) {
        (Era::Legacy, _) => {
            if response.id.is_some() {
                200
            } else {
                400
            }
        }
        (Era::Modern, code::METHOD_NOT_FOUND) => 404,
        (
            Era::Modern,
            code::PARSE
            | code::INVALID_REQUEST
            | code::INVALID_PARAMS
            | code::HEADER_MISMATCH
            | code::MISSING_CLIENT_CAPABILITY
            | code::UNSUPPORTED_VERSION,
        ) => 400,
        (Era::Modern, _) => 200,
    }
}

/// The error of a server as a client of this era knows it: of a resource that there is not, the modern era has no code of its own.
#[must_use]
pub fn error_for(era: Era, method: Method, error: RpcError) -> RpcError {
    if era == Era::Modern && method == Method::ReadResource && error.code == code::RESOURCE_NOT_FOUND {
        return RpcError { code: code::INVALID_PARAMS, ..error };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_answers_a_request_is_a_success_of_http_in_the_legacy_era() {
        use crate::rpc::Id;
        let of = |era, id, code| http_status(era, &Response::error(id, RpcError::new(code, "no")));
        let id = || Some(Id::Number(1));
        for (code, modern) in [
            (code::PARSE, 400),
            (code::INVALID_REQUEST, 400),
            (code::INVALID_PARAMS, 400),
            (code::METHOD_NOT_FOUND, 404),
            (code::INTERNAL, 200),
        ] {
            assert_eq!(of(Era::Legacy, id(), code), 200, "{code}");
            assert_eq!(of(Era::Modern, id(), code), modern, "{code}");
        }
        assert_eq!(of(Era::Legacy, None, code::PARSE), 400);
    }

    #[test]
    fn a_resource_that_there_is_not_has_the_code_of_the_era() {
        let missing = || RpcError::new(code::RESOURCE_NOT_FOUND, "no");
        let of = |era, method| error_for(era, method, missing()).code;
        assert_eq!(of(Era::Modern, Method::ReadResource), code::INVALID_PARAMS);
        assert_eq!(of(Era::Legacy, Method::ReadResource), code::RESOURCE_NOT_FOUND);
        assert_eq!(of(Era::Modern, Method::CallTool), code::RESOURCE_NOT_FOUND);
    }
}
