//! Where answers and stream chunks of this dialect have their usage.
//!
//! It is at the top, in `x_groq` (Groq), or in a choice (Moonshot); the tier is beside it.

use serde_json::value::RawValue;

use crate::dialect::upstream::usage::Tally;
use crate::json::lenient::{for_each_field, string};

/// The values of one answer or chunk that say what was used.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// `usage`
    pub usage: Option<&'a RawValue>,
    /// `x_groq`
    pub groq: Option<&'a RawValue>,
    /// `choices[].usage` of the first choice that has one.
    pub choice: Option<&'a RawValue>,
    /// `service_tier`
    pub service_tier: Option<&'a RawValue>,
}

impl Sources<'_> {
    /// Whether there are counts in one of the places.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        self.usage.is_some() || self.groq.is_some() || self.choice.is_some()
    }

    /// Adds them; of two that say the same, the one at the top counts.
    pub fn add_to(&self, tally: &mut Tally) {
        if let Some(usage) = self.choice {
            tally.add(usage);
        }
        if let Some(groq) = self.groq {
            for_each_field(groq, |name, value| {
                if name == "usage" {
                    tally.add(value);
                }
            });
        }
        if let Some(usage) = self.usage {
            tally.add(usage);
        }
        if let Some(tier) = self.service_tier.and_then(string) {
            tally.add_tier(&tier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::ServedTier;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn usage_in_each_of_its_places() {
        let counts = raw(r#"{"prompt_tokens":1000,"completion_tokens":10,"cached_tokens":900}"#);
        let groq =
            raw(r#"{"id":"r","usage":{"prompt_tokens":1000,"completion_tokens":10,"cached_tokens":900}}"#);
        let tier = raw("\"flex\"");
        for sources in [
            Sources { usage: Some(&counts), ..Sources::default() },
            Sources { groq: Some(&groq), ..Sources::default() },
            Sources { choice: Some(&counts), ..Sources::default() },
        ] {
            let mut tally = Tally::default();
            Sources { service_tier: Some(&tier), ..sources }.add_to(&mut tally);
            let usage = tally.usage().unwrap();
            assert_eq!((usage.prompt, usage.completion, usage.cached), (1000, 10, 900));
            assert_eq!(usage.tier, ServedTier::Flex);
        }
    }
}
