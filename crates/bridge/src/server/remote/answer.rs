//! What of an answer belongs to a request. Pure.

use nexus_edge_mcp::rpc::{Id, Limits, Message, Outcome, Response, parse_message};

/// The longest answer, and the longest event, in bytes.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// What an answer says about a request.
#[derive(Debug)]
pub(super) enum Told {
    /// Its response.
    Response(Box<Message>),
    /// Nothing.
    Nothing,
}

/// The message that a body is.
pub(super) fn messages(body: &[u8]) -> Option<Message> {
    parse_message(body, Limits::default()).ok()
}

/// The response to the request of this number. An error without an id counts where the status says that the request was
/// wrong; a status that speaks of access or of the server's state says more than such an error.
pub(super) fn own(message: Option<Message>, number: i64, status: u16) -> Told {
    match message {
        Some(Message::Response(response)) if response.id == Some(Id::Number(number)) => {
            Told::Response(Box::new(Message::Response(response)))
        }
        Some(Message::Response(Response { id: None, outcome: outcome @ Outcome::Error(_) }))
            if matches!(status, 400 | 404) =>
        {
            let response = Response { id: Some(Id::Number(number)), outcome };
            Told::Response(Box::new(Message::Response(response)))
        }
        _ => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str, status: u16) -> bool {
        matches!(own(messages(body.as_bytes()), 7, status), Told::Response(_))
    }

    #[test]
    fn an_error_without_an_id_counts_where_the_request_was_wrong() {
        let nameless = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"m"}}"#;
        assert!(told(nameless, 400) && told(nameless, 404));
        assert!(!told(nameless, 401) && !told(nameless, 500) && !told(nameless, 200));
        let named = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"m"}}"#;
        assert!(told(named, 500) && told(named, 200));
        assert!(!told(r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, 200));
        assert!(!told(r#"{"error":"invalid_token"}"#, 400));
    }
}
