//! Why the table of prices lacks a model that a preset offers.
//!
//! A request for such a model is recorded with an unknown price, and a key with a budget needs a price of the operator's for
//! it. A test compares this list with the table of prices in both directions.

/// A reason: the preset, its model (`*`: all), and why there is no price.
pub const REASONS: &[(&str, &str, &str)] = &[
    ("baichuan", "*", "no source lists the prices of Baichuan's own API"),
    ("ernie", "*", "no source lists the prices of Qianfan"),
    (
        "openrouter",
        "openrouter/auto",
        "the provider chooses the model, and says with each answer what it costs",
    ),
    ("dify", "*", "an app may use any model, and says with each answer what it costs"),
];

/// Why the table of prices lacks a model of a preset; `None`: it has a price, or the model is unknown.
#[must_use]
pub fn reason(preset: &str, model: &str) -> Option<&'static str> {
    let is_named = |named: &str, name: &str| named == "*" || named == name;
    REASONS.iter().find(|(id, name, _)| *id == preset && is_named(name, model)).map(|(_, _, reason)| *reason)
}
