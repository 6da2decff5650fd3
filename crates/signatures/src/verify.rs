//! Checking the signature of a request (RFC 9421, 3.2).
//!
//! A signature counts only if it covers everything that the policy asks for, is as young as it says, and is made with a key
//! that is known. What a nonce is worth is for the caller to decide: only it knows which ones were seen.

use crate::base::signature_base;
use crate::component::{Component, ComponentError};
use crate::key::VerifyingKey;
use crate::parameters::{InputError, SignatureInput};
use crate::request::Request;
use crate::structured::{BareItem, FieldError, InnerList, Item, Member, dictionary};

/// Most signatures of one request.
const MAX_SIGNATURES: usize = 8;

/// What a signature must fulfil.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// The components that it must cover.
    pub components: &'a [Component],
    /// The tag that it must have; signatures with another one are for others and are not looked at.
    pub tag: Option<&'a str>,
    /// How old it may be, in seconds.
    pub max_age_s: u64,
    /// How much the clocks may differ, in seconds.
    pub max_skew_s: u64,
}

/// A signature that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name of the key.
    pub key_id: String,
    /// What it covers, and its parameters.
    pub input: SignatureInput,
}

/// Why a request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is missing.
    #[error("the request has no header `{0}`")]
    NoHeader(&'static str),
    /// A header cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(&'static str, FieldError),
    /// There are too many signatures.
    #[error("the request has more than {MAX_SIGNATURES} signatures")]
    TooMany,
    /// No signature has the tag that is asked for, or names a known key.
    #[error("no signature of the request is made with a known key for this purpose")]
    NoneFits,
    /// The value of a signature is missing, or is no bytes.
    #[error("the signature `{0}` has no value in `signature`")]
    NoValue(String),
    /// What a signature says about itself is not understood.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A component cannot be covered.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A component that must be covered is not.
    #[error("the signature does not cover {0}")]
    NotCovered(String),
    /// The algorithm that the signature names is not that of the key.
    #[error("the signature names another algorithm than that of its key, `{0}`")]
    Algorithm(&'static str),
    /// It has no time, is from the future, too old or expired.
    #[error("the signature {0}")]
    Time(&'static str),
    /// It is not the signature of this request.
    #[error("the signature is not that of this request")]
    Forged,
}

/// A signature of a request that says what it must and is yet to be compared: with
/// [`VerifyingKey::verifies`], or where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The name of the key.
    pub key_id: String,
    /// What it covers, and its parameters.
    pub input: SignatureInput,
    /// The text that must be signed.
    pub base: String,
    /// The signature of it.
    pub signature: Vec<u8>,
}

/// The name of the key of the first signature that has this tag, without any check: for those who have to look the key up.
/// `None` if no signature has the tag.
///
/// # Errors
/// If the header cannot be read, has too many signatures, or the one with the tag names no key.
pub fn named_key(request: &Request<'_>, tag: &str) -> Result<Option<String>, VerifyError> {
    let inputs = read(request, "signature-input")?;
    if inputs.len() > MAX_SIGNATURES {
        return Err(VerifyError::TooMany);
    }
    let mut lists = inputs.iter().filter_map(|(_, member)| match member {
        Member::List(list) => Some(list),
        Member::Item(_) => None,
    });
    match lists.find(|list| text_of(list, "tag") == Some(tag)) {
        None => Ok(None),
        Some(list) => {
            let named = text_of(list, "keyid").ok_or_else(|| InputError::Parameter("keyid".to_owned()))?;
            Ok(Some(named.to_owned()))
        }
    }
}

/// Checks everything about the signature of a request but the signature itself. `algorithm_of` gives the algorithm of the key
/// with a name. Of several signatures, the first that has the tag of the policy and a known key counts.
///
/// # Errors
/// The first thing that is wrong.
pub fn claim(
    request: &Request<'_>,
    policy: &Policy<'_>,
    now_s: u64,
    algorithm_of: impl Fn(&str) -> Option<&'static str>,
) -> Result<Claim, VerifyError> {
    let inputs = read(request, "signature-input")?;
    let values = read(request, "signature")?;
    if inputs.len() > MAX_SIGNATURES || values.len() > MAX_SIGNATURES {
        return Err(VerifyError::TooMany);
    }
    for (label, member) in inputs {
        let Member::List(list) = member else { continue };
        // What is for another application need not be understood here.
        if policy.tag.is_some_and(|tag| text_of(&list, "tag") != Some(tag)) {
            continue;
        }
        let named = text_of(&list, "keyid");
        let Some((key_id, algorithm)) = named.and_then(|id| Some((id.to_owned(), algorithm_of(id)?))) else {
            continue;
        };
        let input = SignatureInput::of_list(&list)?;
        let signature = values.iter().find_map(|(name, member)| match member {
            Member::Item(Item { value: BareItem::Bytes(bytes), .. }) if *name == label => Some(bytes.clone()),
            _ => None,
        });
        let signature = signature.ok_or(VerifyError::NoValue(label))?;
        check_claims(&input, policy, now_s, algorithm)?;
        let base = signature_base(&input, request)?;
        return Ok(Claim { key_id, input, base, signature });
    }
    Err(VerifyError::NoneFits)
}

/// Checks the signature of a request. `key_of` gives the key with a name. Of several signatures, the first that has the tag of
/// the policy and a known key counts. The body is not looked at: cover `content-digest` and compare it
/// ([`crate::digest::check`]).
///
/// # Errors
/// The first thing that is wrong.
pub fn verify<K: VerifyingKey>(
    request: &Request<'_>,
    policy: &Policy<'_>,
    now_s: u64,
    key_of: impl Fn(&str) -> Option<K>,
) -> Result<Verified, VerifyError> {
    let claim = claim(request, policy, now_s, |id| key_of(id).map(|key| key.algorithm()))?;
    let key = key_of(&claim.key_id).ok_or(VerifyError::NoneFits)?;
    if !key.verifies(claim.base.as_bytes(), &claim.signature) {
        return Err(VerifyError::Forged);
    }
    Ok(Verified { key_id: claim.key_id, input: claim.input })
}

/// A parameter of a signature that is a text.
fn text_of<'a>(list: &'a InnerList, name: &str) -> Option<&'a str> {
    list.parameters.iter().find_map(|(known, value)| match value {
        BareItem::Text(text) if known == name => Some(text.as_str()),
        _ => None,
    })
}

fn read(request: &Request<'_>, name: &'static str) -> Result<Vec<(String, Member)>, VerifyError> {
    let field = request.header(name).ok_or(VerifyError::NoHeader(name))?;
    dictionary(&field).map_err(|error| VerifyError::Unreadable(name, error))
}

fn check_claims(
    input: &SignatureInput,
    policy: &Policy<'_>,
    now_s: u64,
    algorithm: &'static str,
) -> Result<(), VerifyError> {
    if input.algorithm.as_deref().is_some_and(|named| named != algorithm) {
        return Err(VerifyError::Algorithm(algorithm));
    }
    if let Some(missing) = policy.components.iter().find(|needed| !input.components.contains(needed)) {
        return Err(VerifyError::NotCovered(missing.to_string()));
    }
    let created_s = input.created_s.ok_or(VerifyError::Time("does not say when it was created"))?;
    if created_s > now_s.saturating_add(policy.max_skew_s) {
        return Err(VerifyError::Time("is created in the future"));
    }
    if created_s.saturating_add(policy.max_age_s).saturating_add(policy.max_skew_s) < now_s {
        return Err(VerifyError::Time("is too old"));
    }
    if input.expires_s.is_some_and(|expires_s| expires_s.saturating_add(policy.max_skew_s) <= now_s) {
        return Err(VerifyError::Time("has expired"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Target;

    fn named(input: &str) -> Result<Option<String>, VerifyError> {
        let headers = [("signature-input", input)];
        let target = Target::of_url("https://h/").ok_or(VerifyError::NoneFits)?;
        named_key(&Request { method: "GET", target, headers: &headers }, "nexus")
    }

    #[test]
    fn the_key_of_the_signature_with_the_tag_is_named() {
        let both = r#"a=("@method");keyid="x";tag="other", b=("@path");tag="nexus";keyid="y""#;
        assert_eq!(named(both), Ok(Some("y".to_owned())));
        assert_eq!(named(r#"a=("@method");keyid="x";tag="other""#), Ok(None));
        assert_eq!(named(r#"a=1;tag="nexus";keyid="x""#), Ok(None));
        assert!(matches!(named(r#"a=();tag="nexus""#), Err(VerifyError::Input(_))));
        assert!(matches!(named("("), Err(VerifyError::Unreadable(..))));
        let many: Vec<String> = (0..9).map(|n| format!("s{n}=()")).collect();
        assert_eq!(named(&many.join(", ")), Err(VerifyError::TooMany));
    }
}
