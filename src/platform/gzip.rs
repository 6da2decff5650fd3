//! gzip by the platform's own streams: no compressor is part of the module, and none of its work happens in WebAssembly.

use thiserror::Error;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::promise::Awaited;

#[wasm_bindgen(module = "/src/js/gzip.js")]
extern "C" {
    fn nexus_gzip(bytes: &Uint8Array) -> Promise;
    fn nexus_gunzip(bytes: &Uint8Array, limit: f64) -> Promise;
}

/// Why bytes could not be compressed or decompressed.
#[derive(Debug, Error)]
pub enum GzipError {
    /// They are not one gzip member, or damaged.
    #[error("the bytes are not gzip, or damaged")]
    Damaged,
    /// They would be more than the limit.
    #[error("the bytes decompress to more than is allowed")]
    TooLarge,
    /// The platform failed; its reason.
    #[error("{0}")]
    Platform(String),
}

/// The bytes as one gzip member.
///
/// # Errors
/// `Platform`
pub async fn compress(bytes: &[u8]) -> Result<Vec<u8>, GzipError> {
    let compressed = Awaited::from(nexus_gzip(&Uint8Array::from(bytes))).await;
    compressed
        .map(|compressed| Uint8Array::new(&compressed).to_vec())
        .map_err(|error| GzipError::Platform(format!("{error:?}")))
}

/// The bytes of one gzip member, at most `limit`. Members one after the other are an error of the platform's stream: a pack
/// is read block by block.
pub async fn decompress(member: &[u8], limit: u64) -> Result<Vec<u8>, GzipError> {
    #[expect(clippy::cast_precision_loss, reason = "what fits into memory is below 2^53")]
    let whole = Awaited::from(nexus_gunzip(&Uint8Array::from(member), limit as f64)).await;
    match whole {
        Err(_) => Err(GzipError::Damaged),
        Ok(none) if none.is_null() => Err(GzipError::TooLarge),
        Ok(whole) => Ok(Uint8Array::new(&whole).to_vec()),
    }
}
