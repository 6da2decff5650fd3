//! RS256 signatures (RFC 7518, section 3.3) by the platform's own cryptography, which is faster and smaller than an
//! RSA implementation in WebAssembly.

use worker::wasm_bindgen::JsValue;

use super::subtle;

/// Signs `message` with a private key in PKCS #8 form.
pub async fn sign(pkcs8: &[u8], message: &[u8]) -> Result<Vec<u8>, JsValue> {
    let algorithm = subtle::object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")])?;
    subtle::sign(&algorithm, pkcs8, message).await
}
