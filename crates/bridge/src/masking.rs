//! Takes secrets out of what leaves the agent: the output of children, errors, logs.
//!
//! Values shorter than 8 characters are left alone: masking `1` or `true` would make texts unreadable without hiding a secret.

/// What stands in the place of a secret.
const MASK: &str = "[secret]";

/// The shortest value that is masked, in bytes.
const SHORTEST: usize = 8;

/// The values that are masked.
#[derive(Clone, Default)]
pub struct Masking {
    values: Vec<String>,
}

impl std::fmt::Debug for Masking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masking({} values)", self.values.len())
    }
}

impl Masking {
    /// Masks these values, and each line of those that have several.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for value in values {
            for line in value.lines().chain(std::iter::once(value.as_str())) {
                if line.len() >= SHORTEST && !kept.iter().any(|other| other == line) {
                    kept.push(line.to_owned());
                }
            }
        }
        // Longer ones first, so that a value that contains another is masked whole.
        kept.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values: kept }
    }

    /// The text without the values.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for value in &self.values {
            if masked.contains(value.as_str()) {
                masked = masked.replace(value.as_str(), MASK);
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_wherever_they_stand() {
        let masking =
            Masking::new(["sekret-value".to_owned(), "sekret-value-long".to_owned(), "short".to_owned()]);
        assert_eq!(masking.mask("a sekret-value b sekret-value-long short"), "a [secret] b [secret] short");
    }

    #[test]
    fn each_line_of_a_value_is_masked() {
        let masking = Masking::new(["first-line-of-key\nsecond-line-of-key\n".to_owned()]);
        assert_eq!(masking.mask("x second-line-of-key"), "x [secret]");
    }
}
