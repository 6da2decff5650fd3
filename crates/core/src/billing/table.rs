//! The built-in table of public list prices: `prices.json`, which states its month.
//!
//! Prices that depend on the length of the prompt or the time of day are left out: a wrong price is worse than none.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Price;

#[derive(Deserialize)]
struct File {
    as_of: String,
    prices: Vec<Row>,
}

/// A row of the table: dollars per million tokens.
#[derive(Deserialize)]
struct Row {
    model: String,
    input: f64,
    output: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    cache_write_1h: Option<f64>,
}

/// The table.
pub struct Table {
    /// The month of these prices, as `YYYY-MM`.
    pub as_of: String,
    /// Model name and price.
    pub prices: Vec<(String, Price)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let Ok(File { as_of, prices }) = serde_json::from_str(include_str!("prices.json")) else {
        return Table { as_of: String::new(), prices: Vec::new() };
    };
    let price = |row: &Row| Price {
        cached_input: row.cached_input.map(micros),
        cache_write: row.cache_write.map(micros),
        cache_write_1h: row.cache_write_1h.map(micros),
        ..Price::new(micros(row.input), micros(row.output))
    };
    let prices = prices.into_iter().map(|row| (row.model.clone(), price(&row))).collect();
    Table { as_of, prices }
});

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "prices are positive and below 10^6 dollars"
)]
fn micros(dollars: f64) -> u64 {
    (dollars * 1e6).round() as u64
}

/// The table.
#[must_use]
pub fn built_in() -> &'static Table {
    &TABLE
}

/// The price of a model under the name that a provider gives it: `gpt-4o`, `openai/gpt-4o`, `gpt-4o-2024-08-06` and
/// `gpt-4o-latest` are the same model, `gpt-4o-audio` is not.
#[must_use]
pub fn look_up(model: &str) -> Option<Price> {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let is_version = |rest: &str| {
        let digits = rest.bytes().filter(u8::is_ascii_digit).count();
        rest == "-latest"
            || (digits >= 4 && rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'@')))
    };
    let found = TABLE.prices.iter().find(|(known, _)| {
        name.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || is_version(rest))
    });
    found.map(|(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_names_are_told_apart() {
        assert!(built_in().prices.len() > 20 && built_in().as_of.len() == 7);
        let gpt = look_up("gpt-4o").unwrap();
        assert_eq!((gpt.input, gpt.cached_input, gpt.output), (2_500_000, Some(1_250_000), 10_000_000));
        for same in ["openai/gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-latest", "GPT-4o"] {
            assert_eq!(look_up(same), Some(gpt), "{same}");
        }
        assert_eq!(look_up("claude-3-5-haiku-20241022").unwrap().output, 4_000_000);
        assert_eq!(look_up("claude-3-5-haiku@20241022").unwrap().output, 4_000_000);
        let claude = look_up("claude-sonnet-4-20250514").unwrap();
        assert_eq!((claude.cache_write, claude.cache_write_1h), (Some(3_750_000), Some(6_000_000)));
        for unknown in ["gpt-4o-audio-preview", "gpt-4o-mini-tts", "o1-pro", "llama", "", "gpt-4.5"] {
            assert_eq!(look_up(unknown), None, "{unknown}");
        }
    }
}
