//! A secret in clear, on its way to where it is needed.
//!
//! It can be neither serialised nor printed: `Debug` writes `***`, and there is no `Display`, so that a secret is in no answer, log or
//! error unless code says [`Secret::expose`] there. That it has neither holds when this compiles, see the end of the file.

use std::fmt;

use serde::Deserialize;
use subtle::ConstantTimeEq;

/// A secret in clear.
#[derive(Clone, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret that this text is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for where it is needed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this text, which another party gave, is the secret. Takes as long for every text of the same length.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Does not compile if a type has a trait: then two implementations of `Lacks` apply to it, and neither is chosen.
macro_rules! lacks {
    ($type:ty: $($bound:path),+) => {
        $(const _: fn() = || {
            trait Lacks<A> {
                fn proof() {}
            }
            struct WithTrait;
            impl<T: ?Sized> Lacks<()> for T {}
            impl<T: ?Sized + $bound> Lacks<WithTrait> for T {}
            let _proof = <$type as Lacks<_>>::proof;
        };)+
    };
}

lacks!(Secret: serde::Serialize, fmt::Display, AsRef<str>, std::ops::Deref, std::borrow::Borrow<str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only printed")]
        struct Holder {
            name: &'static str,
            key: Option<Secret>,
        }
        let holder = Holder { name: "provider", key: Some(Secret::new("sk-top-secret")) };
        assert_eq!(format!("{holder:?}"), r#"Holder { name: "provider", key: Some(***) }"#);
        assert_eq!(format!("{:#?}", Secret::new("x")), "***");
    }

    #[test]
    fn secrets_are_compared_by_their_text() {
        let secret = Secret::new("sk-top-secret");
        assert!(secret.is("sk-top-secret") && secret == Secret::new("sk-top-secret"));
        for other in ["", "sk-top-secre", "sk-top-secret ", "sk-top-secreT"] {
            assert!(!secret.is(other) && secret != Secret::new(other), "{other}");
        }
        assert_eq!(secret.expose(), "sk-top-secret");
    }
}
