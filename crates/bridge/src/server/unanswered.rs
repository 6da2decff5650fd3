//! Why a request over HTTP has no response.

/// Why a request has no response.
#[derive(Debug, Clone)]
pub enum Unanswered {
    /// The server answered with this status and no response.
    Status(u16),
    /// The server does not know the session any more, so that it did not execute the request.
    Forgotten,
    /// No connection could be made.
    Unreachable(String),
    /// The connection ended: whether the request was executed is not known.
    Lost(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(401) => {
                f.write_str("the server answered with status 401: `headers` need a valid key")
            }
            Self::Status(status) => write!(f, "the server answered with status {status}"),
            Self::Forgotten => f.write_str("the server has forgotten the session"),
            Self::Unreachable(why) => write!(f, "the server cannot be reached: {why}"),
            Self::Lost(why) => {
                write!(f, "the connection ended ({why}); whether the call was executed is not known")
            }
        }
    }
}
