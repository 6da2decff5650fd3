//! The signature base: the text that is signed (RFC 9421, 2.5).

use std::fmt::Write as _;

use crate::component::ComponentError;
use crate::parameters::SignatureInput;
use crate::request::Request;

/// The text that a signature with this input signs for this request.
///
/// # Errors
/// A component that the request does not have, or that cannot stand there.
pub fn signature_base(input: &SignatureInput, request: &Request<'_>) -> Result<String, ComponentError> {
    let mut base = String::new();
    for component in &input.components {
        // Writing to a string does not fail.
        let _ = writeln!(base, "{component}: {}", component.value(request)?);
    }
    let _ = write!(base, "\"@signature-params\": {}", input.to_list());
    Ok(base)
}
