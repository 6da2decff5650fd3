//! Patterns of names: `*` stands for any characters, `?` for one.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A pattern that a whole name must match. Upper and lower case differ, as in the names of tools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// A pattern.
    #[must_use]
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether a name matches. Takes at most the product of both lengths.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.0.chars().collect(), name.chars().collect());
        let (mut at, mut read) = (0, 0);
        // The last star, and how much of the name it stands for.
        let mut star: Option<(usize, usize)> = None;
        while let Some(character) = name.get(read) {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(expected) if *expected == '?' || expected == character => {
                    at += 1;
                    read += 1;
                }
                _ => match star {
                    Some((place, taken)) => {
                        star = Some((place, taken + 1));
                        at = place + 1;
                        read = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern.get(at..).is_none_or(|rest| rest.iter().all(|character| *character == '*'))
    }

    /// Whether it matches any name that begins with `prefix` and is longer.
    #[must_use]
    pub fn matches_below(&self, prefix: &str) -> bool {
        self.rests(prefix).any(|rest| !rest.is_empty())
    }

    /// Whether it matches every name that begins with `prefix`.
    #[must_use]
    pub fn matches_all_below(&self, prefix: &str) -> bool {
        self.rests(prefix).any(|rest| rest.starts_with('*') && rest.trim_start_matches('*').is_empty())
    }

    /// What may be left of the pattern where its beginning has matched `prefix`.
    fn rests(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let skipped = |from: &str| from.len() - from.trim_start_matches('*').len();
        // The places that the pattern may have come to: behind a star also the star itself.
        let with_stars = move |places: BTreeSet<usize>, pattern: &str| -> BTreeSet<usize> {
            let behind = |place: &usize| {
                let stars = skipped(pattern.get(*place..).unwrap_or_default());
                *place..=*place + stars
            };
            places.iter().flat_map(behind).collect()
        };
        let mut places = with_stars(BTreeSet::from([0]), &self.0);
        for character in prefix.chars() {
            let next = places.iter().filter_map(|place| {
                let expected = self.0.get(*place..)?.chars().next()?;
                match expected {
                    '*' => Some(*place),
                    '?' => Some(*place + 1),
                    _ => (expected == character).then(|| *place + expected.len_utf8()),
                }
            });
            places = with_stars(next.collect(), &self.0);
        }
        places.into_iter().filter_map(|place| self.0.get(place..))
    }

    /// Whether it names one thing only.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whether any of the patterns matches.
#[must_use]
pub fn any_matches(patterns: &[Glob], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_matches_the_whole_name() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("read_*", "read_file", true),
            ("read_*", "xread_file", false),
            ("*delete*", "force_delete_all", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a", "A", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("", "", true),
            ("", "a", false),
            ("**", "ä", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_knows_what_it_may_match_below_a_prefix() {
        for (pattern, prefix, some, all) in [
            ("*", "fs/", true, true),
            ("fs/*", "fs/", true, true),
            ("fs/**", "fs/", true, true),
            ("fs/read_*", "fs/", true, false),
            ("fs/", "fs/", false, false),
            ("fs", "fs/", false, false),
            ("f?/x", "fs/", true, false),
            ("*/get_*", "agent/laptop/fs/", true, false),
            ("agent/*", "agent/laptop/", true, true),
            ("agent/laptop/fs/*", "agent/laptop/", true, false),
            ("agent/laptop/fs/*", "agent/other/", false, false),
            ("git*", "fs/", false, false),
            ("ä/*", "ä/", true, true),
        ] {
            let glob = Glob::new(pattern);
            let said = (glob.matches_below(prefix), glob.matches_all_below(prefix));
            assert_eq!(said, (some, all), "{pattern} {prefix}");
        }
    }

    fn slowly(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|taken| slowly(rest, &name[taken..])),
            Some((expected, rest)) => name
                .split_first()
                .is_some_and(|(first, left)| (*expected == '?' || expected == first) && slowly(rest, left)),
        }
    }

    proptest! {
        #[test]
        fn it_is_what_trying_everything_says(pattern in "[ab*?]{0,7}", name in "[ab]{0,8}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(Glob::new(pattern).matches(&name), slowly(&p, &n));
        }

        #[test]
        fn what_matches_a_name_may_match_below_each_beginning_of_it(pattern in "[ab*?]{0,7}", name in "[ab]{1,8}") {
            let glob = Glob::new(pattern);
            for at in 0..name.len() {
                let beginning: String = name.chars().take(at).collect();
                prop_assert!(!glob.matches(&name) || glob.matches_below(&beginning));
                prop_assert!(glob.matches(&name) || !glob.matches_all_below(&beginning));
            }
        }
    }
}
