//! The status of an answer over HTTP.

use crate::rpc::{Outcome, Response, code};
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
