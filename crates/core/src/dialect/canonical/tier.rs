//! The words of service tiers in answers. Services have their own (`on_demand`, `provisioned`, `reserved`); the official
//! libraries of a dialect know only its own, and strictly typed ones refuse any other.

/// A served tier in the dialects of `OpenAI`; `None` if they have no word for it.
#[must_use]
pub fn openai_tier(tier: &str) -> Option<&str> {
    match tier {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(tier),
        // Chat Completions have no word for it.
        "ultrafast" => Some("fast"),
        "standard" | "on_demand" => Some("default"),
        _ => None,
    }
}

/// A served tier in Anthropic's dialect; `None` if it has no word for it.
#[must_use]
pub fn anthropic_tier(tier: &str) -> Option<&str> {
    match tier {
        "standard" | "priority" | "batch" => Some(tier),
        "default" | "on_demand" => Some("standard"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_service_becomes_one_of_the_dialect_or_nothing() {
        for (tier, openai, anthropic) in [
            ("default", Some("default"), Some("standard")),
            ("standard", Some("default"), Some("standard")),
            ("on_demand", Some("default"), Some("standard")),
            ("priority", Some("priority"), Some("priority")),
            ("flex", Some("flex"), None),
            ("fast", Some("fast"), None),
            ("ultrafast", Some("fast"), None),
            ("batch", None, Some("batch")),
            ("auto", Some("auto"), None),
            ("provisioned", None, None),
        ] {
            assert_eq!((openai_tier(tier), anthropic_tier(tier)), (openai, anthropic), "{tier}");
        }
    }
}
