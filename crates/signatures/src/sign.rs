//! Signing a request.

use crate::base::signature_base;
use crate::component::ComponentError;
use crate::key::SigningKey;
use crate::parameters::SignatureInput;
use crate::request::Request;
use crate::structured::BareItem;

/// The two headers of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The value of `signature-input`.
    pub signature_input: String,
    /// The value of `signature`.
    pub signature: String,
}

/// Signs a request. `label` names the signature in both headers; it must be a name of RFC 8941 in lower case.
///
/// # Errors
/// A component that the request does not have.
pub fn sign(
    label: &str,
    input: &SignatureInput,
    request: &Request<'_>,
    key: &impl SigningKey,
) -> Result<SignatureHeaders, ComponentError> {
    let base = signature_base(input, request)?;
    let signature = BareItem::Bytes(key.sign(base.as_bytes()));
    Ok(SignatureHeaders {
        signature_input: format!("{label}={}", input.to_list()),
        signature: format!("{label}={signature}"),
    })
}
