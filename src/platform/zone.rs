//! Time zones by name, from the platform's own database.

use worker::wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/js/zone.js")]
extern "C" {
    /// The offset of a zone from UTC at a point in time, in milliseconds; NaN if there is no such zone.
    #[wasm_bindgen(js_name = zoneOffset)]
    fn zone_offset(name: &str, at_ms: f64) -> f64;
}

/// Whether there is a time zone of that name.
pub fn is_known(name: &str) -> bool {
    !zone_offset(name, 0.0).is_nan()
}

/// The offset of a zone from UTC at a point in time, in milliseconds; 0 if there is no such zone.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "times and offsets are below 2^53"
)]
pub fn offset_ms(name: &str, at_ms: u64) -> i64 {
    zone_offset(name, at_ms as f64) as i64
}
