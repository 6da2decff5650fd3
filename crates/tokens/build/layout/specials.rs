//! The special tokens of an encoding. `src/bpe/special.rs` reads what is written here.

use std::{collections::BTreeSet, fmt::Write as _};

use super::tables::Tables;

/// So many tokens that are named by consecutive numbers are written as one series.
const SERIES: usize = 10;

/// Names that differ by a number, which grows as that of the token does.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    before: String,
    after: String,
    /// Digits of the number, with zeros before it; 0 if it has as many as it needs.
    digits: usize,
    number: u32,
    token: u32,
    count: u32,
}

/// Writes special tokens, which are in the order of their numbers, as the constant `name`.
pub fn write(tables: &mut Tables, name: &str, all: &[(String, u32)]) {
    let sorted: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(sorted.len(), all.len(), "no name stands for two tokens");
    let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
    assert!(neighbours.all(|(name, next)| !next.starts_with(name)), "no special token begins with another");

    let mut series: Vec<(Series, Vec<&(String, u32)>)> = Vec::new();
    for special in all {
        let next = numbered(&special.0, special.1);
        match series.last_mut() {
            Some((last, members)) if follows(last, next.as_ref()) => {
                last.count += 1;
                members.push(special);
            }
            _ => {
                let alone = || Series {
                    before: special.0.clone(),
                    after: String::new(),
                    digits: 0,
                    number: 0,
                    token: special.1,
                    count: 1,
                };
                series.push((next.unwrap_or_else(alone), vec![special]));
            }
        }
    }
    let (long, short): (Vec<_>, Vec<_>) =
        series.into_iter().partition(|(_, members)| members.len() >= SERIES);
    let named: Vec<_> = short.into_iter().flat_map(|(_, members)| members).collect();
    let long: Vec<Series> = long.into_iter().map(|(series, _)| series).collect();
    let beginnings: BTreeSet<char> = all.iter().filter_map(|(name, _)| name.chars().next()).collect();
    let beginnings: Vec<char> = beginnings.into_iter().collect();
    writeln!(
        tables.source,
        "/// Special tokens: those with a name of their own, and those which are named by a number.\n\
         pub static {name}: Specials = Specials {{ beginnings: &{beginnings:?}, named: &{named:?}, series: &{long:?} }};"
    )
    .unwrap();
}

/// The series that a name with a number would be the first of.
fn numbered(name: &str, token: u32) -> Option<Series> {
    let end = name.rfind(|character: char| character.is_ascii_digit())? + 1;
    let (rest, after) = name.split_at(end);
    let before = rest.trim_end_matches(|character: char| character.is_ascii_digit());
    let number = rest.strip_prefix(before)?;
    let digits = if number.len() > 1 && number.starts_with('0') { number.len() } else { 0 };
    let (before, after, number) = (before.to_owned(), after.to_owned(), number.parse().ok()?);
    Some(Series { before, after, digits, number, token, count: 1 })
}

fn follows(series: &Series, next: Option<&Series>) -> bool {
    next.is_some_and(|next| {
        let digits = if series.digits > 0 && next.digits == 0 { series.digits } else { next.digits };
        let expected = Series {
            number: series.number + series.count,
            token: series.token + series.count,
            count: 1,
            ..series.clone()
        };
        expected == Series { digits, ..next.clone() }
    })
}
