//! What a collector of OpenTelemetry is sent: OTLP 1.x over HTTP as JSON.
//!
//! Ids are hexadecimal, 64-bit numbers are texts, enumerations are numbers
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

pub mod delivery;
pub mod metrics;
pub mod spans;
mod steps;

use serde_json::{Value, json};

/// The path of traces behind the collector's address.
pub const TRACES: &str = "/v1/traces";
/// The path of metrics.
pub const METRICS: &str = "/v1/metrics";

/// An attribute.
fn attribute(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": value })
}

/// An attribute with a text.
fn text(key: &str, value: &str) -> Value {
    attribute(key, &json!({ "stringValue": value }))
}

/// An attribute with a whole number.
fn number(key: &str, value: u64) -> Value {
    attribute(key, &json!({ "intValue": value.to_string() }))
}

/// An attribute with a number.
fn fraction(key: &str, value: f64) -> Value {
    attribute(key, &json!({ "doubleValue": value }))
}

/// Who sends.
fn resource(version: &str) -> Value {
    json!({ "attributes": [text("service.name", "nexus-edge"), text("service.version", version)] })
}

fn scope(version: &str) -> Value {
    json!({ "name": "nexus-edge", "version": version })
}

/// Milliseconds since the epoch as nanoseconds.
fn nanos(at_ms: u64) -> String {
    // Beyond the year 2554 a 64-bit number holds no nanoseconds.
    at_ms.saturating_mul(1_000_000).to_string()
}
