//! Why a token is refused.

/// Why a token is refused. Callers of the gateway are not told which: it would help only those who forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token in the compact form, or with claims of other kinds than they must be.
    #[error("the token is malformed")]
    Malformed,
    /// Its key is not known. A newer list of the issuer's keys may have it.
    #[error("the token's key is not known")]
    UnknownKey,
    /// It claims another algorithm than its key has.
    #[error("the token's algorithm is not that of its key")]
    Algorithm,
    /// It is of another type.
    #[error("the token is of another type")]
    Type,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// Another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// For another audience.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
}
