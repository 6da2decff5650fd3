//! The automatic title of a session.

const MAX_CHARS: usize = 60;

/// The title for a session that begins with this text: its first line, cut between words. `None` if the text is
/// blank.
#[must_use]
pub fn title_of(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let words: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.trim_start_matches(['#', '>', '-', '*', ' ']);
    if words.is_empty() {
        return None;
    }
    if words.chars().count() <= MAX_CHARS {
        return Some(words.to_owned());
    }
    let cut: String = words.chars().take(MAX_CHARS - 1).collect();
    // Not every script has spaces between words.
    let cut = match cut.rsplit_once(' ') {
        Some((whole_words, _)) if whole_words.chars().count() > MAX_CHARS / 2 => whole_words,
        _ => &cut,
    };
    Some(format!("{}…", cut.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_cut_between_words() {
        assert_eq!(title_of("\n  Hello   there \nmore"), Some("Hello there".into()));
        assert_eq!(title_of("## Plan"), Some("Plan".into()));
        assert_eq!(title_of(" \n "), None);
        assert_eq!(title_of("###"), None);
        let long = title_of(&"word ".repeat(40)).unwrap();
        assert!(long.ends_with("word…") && long.chars().count() <= MAX_CHARS, "{long}");
        assert_eq!(title_of(&"字".repeat(100)).unwrap().chars().count(), MAX_CHARS);
    }
}
