//! Requests of a legacy server to a client that declared no capability.
//!
//! Without an answer the server would wait: a ping is answered, and anything else is refused.

use crate::json::Members;
use crate::method::Method;
use crate::rpc::{Request, Response, RpcError};

/// The answer to a request of a server.
#[must_use]
pub fn answer_to(request: &Request) -> Response {
    let id = request.id.clone();
    match Method::parse(&request.method) {
        Some(Method::Ping) => Response::result(id, Members::default().write()),
        _ => Response::error(Some(id), RpcError::method_not_found(&request.method)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Id, Outcome, code};

    #[test]
    fn only_a_ping_has_a_result() {
        let answer = |method: &str| {
            answer_to(&Request { id: Id::Number(1), method: method.to_owned(), params: None }).outcome
        };
        assert!(matches!(answer("ping"), Outcome::Result(result) if result.get() == "{}"));
        for method in ["elicitation/create", "sampling/createMessage", "roots/list", "tools/list"] {
            assert!(matches!(answer(method), Outcome::Error(error) if error.code == code::METHOD_NOT_FOUND));
        }
    }
}
