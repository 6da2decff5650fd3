//! How a server is reached: as a process, over streamable HTTP, or over the older transport HTTP+SSE (2024-11-05).

use crate::http_address::Address;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// A process and its standard streams.
    Stdio,
    /// Streamable HTTP: each message is a request, whose answer has the response.
    Http,
    /// HTTP+SSE: a stream of events has all responses, and says first where messages are posted.
    EventStream,
}

/// Which transport over HTTP is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpPreference {
    /// Streamable HTTP, or HTTP+SSE where the server does not know that.
    #[default]
    Auto,
    /// Streamable HTTP only.
    Streamable,
    /// HTTP+SSE only.
    Sse,
}

impl HttpPreference {
    /// The transport that is tried first; `remembered` is the one over which the server was reached before.
    #[must_use]
    pub fn first(self, remembered: Option<Transport>) -> Transport {
        match (self, remembered) {
            (Self::Sse, _) | (Self::Auto, Some(Transport::EventStream)) => Transport::EventStream,
            _ => Transport::Http,
        }
    }
}

/// The address to which messages are posted: what the first event of the stream at `stream` says, which must be the same server.
///
/// # Errors
/// What is wrong with it, as the end of a sentence about the server.
pub fn posted_to(stream: &str, said: &str) -> Result<String, &'static str> {
    let stream = Address::parse(stream).map_err(|_| "has an address that is none of HTTP")?;
    let endpoint = stream.join(said.trim()).map_err(|_| "names no usable address for messages")?;
    if endpoint.is_same_server(&stream) {
        Ok(endpoint.url())
    } else {
        Err("names an address of another origin for messages")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_the_server_of_the_stream_only() {
        let stream = "https://a.example:8443/x/sse?key=1";
        for (said, expected) in [
            ("/messages?sessionId=1", "https://a.example:8443/messages?sessionId=1"),
            ("messages", "https://a.example:8443/x/messages"),
            ("?s=1#part", "https://a.example:8443/x/sse?s=1"),
            ("HTTPS://A.example:8443/m", "https://A.example:8443/m"),
            (" /m\n", "https://a.example:8443/m"),
        ] {
            assert_eq!(posted_to(stream, said).as_deref(), Ok(expected), "{said}");
        }
        for said in [
            "https://b.example:8443/m",
            "http://a.example:8443/m",
            "https://a.example/m",
            "//b.example/m",
            "https://a.example:8443@b.example/m",
            "https://a.example:8443.b.example/m",
            "https://user@a.example:8443/m",
            "/a b",
            "/a\tb",
            "https://",
        ] {
            assert!(posted_to(stream, said).is_err(), "{said}");
        }
    }

    #[test]
    fn what_is_remembered_is_tried_first_unless_one_is_wanted() {
        let events = Some(Transport::EventStream);
        assert_eq!(HttpPreference::Auto.first(None), Transport::Http);
        assert_eq!(HttpPreference::Auto.first(events), Transport::EventStream);
        assert_eq!(HttpPreference::Streamable.first(events), Transport::Http);
        assert_eq!(HttpPreference::Sse.first(Some(Transport::Http)), Transport::EventStream);
    }
}
