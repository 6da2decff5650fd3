//! Why a service beside the providers (mail, sign-in, webhooks) gave no answer that can be used.
//!
//! It is shown to operators and logged, so it has nothing of the request and nothing of the answer but its status.

use thiserror::Error;

/// A fault, written as the end of a sentence that begins with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ServiceFault {
    /// Its address is not one that the gateway asks.
    #[error("has an address that must not be asked")]
    Address,
    /// What it shares with the gateway cannot be decrypted.
    #[error("has a secret that cannot be decrypted: set it again")]
    Secret,
    /// A request to it cannot be signed.
    #[error("has an address that cannot be signed for")]
    Unsigned,
    /// There was no connection, or it ended without an answer.
    #[error("cannot be reached")]
    Unreachable,
    /// It took longer than so many milliseconds.
    #[error("did not answer within {0} ms")]
    Late(u64),
    /// Its answer leads elsewhere.
    #[error("answered with a redirect, which is not followed")]
    Redirect,
    /// Its answer is an error.
    #[error("answered with status {0}")]
    Status(u16),
    /// Its answer is too long, or broke off.
    #[error("answers more than is read, or not to the end")]
    Unread,
    /// Its answer is not of the form that is expected.
    #[error("answered in another form")]
    Form,
}

impl ServiceFault {
    /// The fault of an answer with this status; `None` for a success.
    #[must_use]
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            200..=299 => None,
            300..=399 => Some(Self::Redirect),
            status => Some(Self::Status(status)),
        }
    }

    /// A sentence about the service, which is `It`.
    #[must_use]
    pub fn sentence(self) -> String {
        format!("It {self}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_the_end_of_a_sentence() {
        assert_eq!(ServiceFault::Unreachable.sentence(), "It cannot be reached.");
        assert_eq!(ServiceFault::Late(500).sentence(), "It did not answer within 500 ms.");
    }

    #[test]
    fn only_a_success_is_no_fault() {
        assert_eq!([200, 204].map(ServiceFault::of_status), [None, None]);
        assert_eq!(ServiceFault::of_status(302), Some(ServiceFault::Redirect));
        assert_eq!(
            [101, 404, 500].map(ServiceFault::of_status),
            [101, 404, 500].map(|status| Some(ServiceFault::Status(status)))
        );
    }
}
