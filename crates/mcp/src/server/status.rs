//! The status of an answer over HTTP.

use crate::method::Method;
use crate::rpc::{Outcome, Response, RpcError, code};
use crate::version::Era;

/// The HTTP status of a response. The modern era says which errors have one; in the legacy era an error is an answer like
/// any other, unless the request could not be read.
#[must_use]
pub fn http_status(era: Era, response: &Response) -> u16 {
    let Outcome::Error(error) = &response.outcome else { return 200 };
    match (error.code, era) {
        (code::METHOD_NOT_FOUND, Era::Modern) => 404,
        (code::PARSE | code::INVALID_REQUEST, _)
        | (
            code::INVALID_PARAMS
            | code::HEADER_MISMATCH
            | code::MISSING_CLIENT_CAPABILITY
            | code::UNSUPPORTED_VERSION,
            Era::Modern,
        ) => 400,
        _ => 200,
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
    fn a_resource_that_there_is_not_has_the_code_of_the_era() {
        let missing = || RpcError::new(code::RESOURCE_NOT_FOUND, "no");
        let of = |era, method| error_for(era, method, missing()).code;
        assert_eq!(of(Era::Modern, Method::ReadResource), code::INVALID_PARAMS);
        assert_eq!(of(Era::Legacy, Method::ReadResource), code::RESOURCE_NOT_FOUND);
        assert_eq!(of(Era::Modern, Method::CallTool), code::RESOURCE_NOT_FOUND);
    }
}
