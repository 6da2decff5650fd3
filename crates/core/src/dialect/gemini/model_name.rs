//! What a model accepts, by its name (<https://ai.google.dev/gemini-api/docs/thinking>).

use crate::dialect::upstream::constraints::efforts;

/// The generation of a Gemini model: 2 for `gemini-2.5-flash`; `None` if the name does not contain it.
pub(super) fn generation(model: &str) -> Option<u32> {
    let (_, after) = model.rsplit_once("gemini-")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Whether the model has thinking levels rather than a thinking budget.
pub(super) fn has_thinking_levels(model: &str) -> bool {
    generation(model).is_some_and(|generation| generation >= 3)
}

/// Whether function calls in the history must have a signature. An alias such as `gemini-flash-latest` counts as the
/// newest generation.
pub(super) fn wants_signed_calls(model: &str) -> bool {
    match generation(model) {
        Some(generation) => generation >= 3,
        None => model.contains("gemini-") && model.ends_with("-latest"),
    }
}

/// The level of an effort: the nearest that the model has.
pub(super) fn thinking_level(model: &str, effort: &str) -> &'static str {
    let levels = efforts::of_gemini(model);
    // The service's own translation of efforts.
    if effort == "medium" && !levels.contains(&effort) {
        return "high";
    }
    efforts::nearest(effort, levels).unwrap_or("high")
}

/// The budget of an effort: that of Google's own `OpenAI` endpoint.
pub(super) fn budget_of_effort(effort: &str) -> u64 {
    match effort {
        "none" => 0,
        "minimal" | "low" => 1_024,
        "medium" => 8_192,
        _ => 24_576,
    }
}

/// The nearest budget that the model accepts.
pub(super) fn clamp_budget(model: &str, budget: u64) -> u64 {
    if !model.contains("gemini-2.5") {
        return budget;
    }
    match budget {
        _ if model.contains("pro") => budget.clamp(128, 32_768),
        0 => 0,
        _ if model.contains("flash-lite") => budget.clamp(512, 24_576),
        _ => budget.min(24_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_off_names() {
        assert_eq!(generation("gemini-2.5-flash"), Some(2));
        assert_eq!(generation("models/gemini-3-pro-preview"), Some(3));
        assert_eq!(generation("gemini-10"), Some(10));
        assert_eq!(generation("gemini-flash-latest"), None);
        assert_eq!(generation("tuned"), None);
        assert!(wants_signed_calls("gemini-flash-latest") && !wants_signed_calls("gemini-2.0-flash"));
    }

    #[test]
    fn budgets_stay_in_the_range_of_the_model() {
        assert_eq!(clamp_budget("gemini-2.5-pro", 0), 128);
        assert_eq!(clamp_budget("gemini-2.5-flash", 32_000), 24_576);
        assert_eq!(clamp_budget("gemini-2.5-flash", 0), 0);
        assert_eq!(clamp_budget("gemini-2.5-flash-lite", 5), 512);
        assert_eq!(clamp_budget("gemini-x", 99_999), 99_999);
    }
}
