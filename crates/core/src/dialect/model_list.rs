//! Lists of models in the shapes of Anthropic (<https://docs.anthropic.com/en/api/models-list>) and Gemini
//! (<https://ai.google.dev/api/models>), for clients that look for models before they ask one.

use serde::Serialize;

/// Anthropic's list, in one page.
#[derive(Debug, Serialize)]
pub struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// One model as Anthropic shows it.
#[derive(Debug, Serialize)]
pub struct AnthropicModel<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
}

/// Gemini's list, in one page.
#[derive(Debug, Serialize)]
pub struct GeminiList {
    models: Vec<GeminiModel>,
}

/// One model as Gemini shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GeminiModel {
    name: String,
    display_name: String,
    supported_generation_methods: [&'static str; 3],
}

impl<'a> AnthropicModel<'a> {
    /// A model known since `created_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: &'a str, created_ms: u64) -> Self {
        Self { r#type: "model", id, display_name: id, created_at: rfc3339(created_ms / 1000) }
    }
}

impl<'a> AnthropicList<'a> {
    /// The list of these models.
    #[must_use]
    pub fn new(data: Vec<AnthropicModel<'a>>) -> Self {
        let (first_id, last_id) = (data.first().map(|model| model.id), data.last().map(|model| model.id));
        Self { data, has_more: false, first_id, last_id }
    }
}

impl GeminiModel {
    /// A model with this name.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let supported_generation_methods = ["generateContent", "streamGenerateContent", "countTokens"];
        Self { name: format!("models/{id}"), display_name: id.to_owned(), supported_generation_methods }
    }
}

impl GeminiList {
    /// The list of these models.
    #[must_use]
    pub fn new(models: Vec<GeminiModel>) -> Self {
        Self { models }
    }
}

/// A time as `2026-11-20T18:01:14Z`. The date is computed as in Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn rfc3339(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_197_674, "2026-11-20T18:01:14Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn shapes() {
        let list = AnthropicList::new(vec![AnthropicModel::new("a", 0), AnthropicModel::new("b", 0)]);
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(json["last_id"], "b");
        assert_eq!(json["data"][0]["type"], "model");
        let json = serde_json::to_value(GeminiList::new(vec![GeminiModel::new("a")])).unwrap();
        assert_eq!(json["models"][0]["name"], "models/a");
    }
}
