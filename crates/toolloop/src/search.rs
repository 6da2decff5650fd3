//! Finding tools by words (Okapi BM25, k1 = 1.2, b = 0.75). A word of a name counts as three of a description.

use std::collections::BTreeMap;

use crate::tool::Tool;

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// How much more a word of a name counts.
const NAME_WEIGHT: usize = 3;

/// The words of a text in lower case; `camelCase` and `snake_case` are split.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_lower) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The form in which words are compared: without the ending of a plural.
fn stem(word: &str) -> &str {
    if word.len() > 3 && !word.ends_with("ss") { word.strip_suffix('s').unwrap_or(word) } else { word }
}

fn counts(tool: &Tool) -> (BTreeMap<String, usize>, usize) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut length = 0;
    for (text, weight) in [(&tool.name, NAME_WEIGHT), (&tool.server, NAME_WEIGHT), (&tool.description, 1)] {
        for word in words(text) {
            *counts.entry(stem(&word).to_owned()).or_default() += weight;
            length += weight;
        }
    }
    (counts, length)
}

/// The tools that fit a question best, at most `limit`. Equal ones are in their own order.
#[must_use]
pub fn search<'a>(tools: &'a [Tool], question: &str, limit: usize) -> Vec<&'a Tool> {
    let documents: Vec<(BTreeMap<String, usize>, usize)> = tools.iter().map(counts).collect();
    let number = as_f64(tools.len());
    let average = as_f64(documents.iter().map(|(_, length)| length).sum()) / number.max(1.0);
    let asked = words(question);
    let mut found: Vec<(f64, &Tool)> = Vec::new();
    for (tool, (counts, length)) in tools.iter().zip(&documents) {
        let mut score = 0.0;
        for word in &asked {
            let word = stem(word);
            let Some(count) = counts.get(word) else { continue };
            let having = as_f64(documents.iter().filter(|(counts, _)| counts.contains_key(word)).count());
            let rarity = (1.0 + (number - having + 0.5) / (having + 0.5)).ln();
            let count = as_f64(*count);
            let norm = K1 * (1.0 - B + B * as_f64(*length) / average.max(1.0));
            score += rarity * count * (K1 + 1.0) / (count + norm);
        }
        if score > 0.0 {
            found.push((score, tool));
        }
    }
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found.into_iter().take(limit).map(|(_, tool)| tool).collect()
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tool;

    fn named(alias: &str, description: &str) -> Tool {
        Tool { description: description.to_owned(), ..tool(alias) }
    }

    #[test]
    fn the_tool_that_is_meant_comes_first() {
        let tools = [
            named("fs__read_file", "Reads a file and returns its text."),
            named("fs__write_file", "Writes a text to a file."),
            named("git__createBranch", "Makes a branch in a repository."),
            named("mail__send", "Sends a message to people."),
        ];
        let first = |question: &str| search(&tools, question, 3).first().map(|tool| tool.alias.as_str());
        assert_eq!(first("read files"), Some("fs__read_file"));
        assert_eq!(first("new branch"), Some("git__createBranch"));
        assert_eq!(first("MESSAGES"), Some("mail__send"));
        assert_eq!(first("weather"), None);
        assert_eq!(search(&tools, "file", 1).len(), 1);
        assert!(search(&[], "file", 5).is_empty());
    }
}
