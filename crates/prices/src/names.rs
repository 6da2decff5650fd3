//! Names of models: how they are compared, and under which names the price of a model is looked for.
//!
//! Letters are compared without case, and dots as dashes (`claude-opus-4.5` is `claude-opus-4-5`). Only endings that are a
//! version for certain are left out: a rule such as "begins with" gives a newer model the price of an older one.

use std::cmp::Ordering;

/// Compares two names.
pub fn compare(one: &str, other: &str) -> Ordering {
    one.bytes().map(normal).cmp(other.bytes().map(normal))
}

const fn normal(byte: u8) -> u8 {
    match byte {
        b'.' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

/// The names under which a price is looked for, the most specific first: as it is, without the path in front
/// (`vendor/`, `accounts/fireworks/models/`), under the region of Bedrock, and each of them without the version.
#[must_use]
pub fn forms(model: &str) -> Vec<String> {
    let mut forms = vec![model.to_owned()];
    let bare = model.rsplit('/').next().unwrap_or(model);
    add(&mut forms, bare);
    for form in of_bedrock(bare) {
        add(&mut forms, &form);
    }
    let fine_tuned = bare.strip_prefix("ft:").and_then(|rest| rest.split(':').next());
    if let Some(base) = fine_tuned {
        add(&mut forms, &format!("ft:{base}"));
    }
    let mut at = 0;
    while let Some(form) = forms.get(at).cloned() {
        if let Some(shorter) = without_version(&form) {
            add(&mut forms, shorter);
        }
        at += 1;
    }
    forms
}

fn add(forms: &mut Vec<String>, form: &str) {
    if !form.is_empty() && !forms.iter().any(|known| known == form) {
        forms.push(form.to_owned());
    }
}

/// Prefixes of Bedrock's inference profiles that stay in a region, which costs more than `global.`.
const REGIONS: [&str; 8] = ["us.", "eu.", "apac.", "jp.", "au.", "in.", "ca.", "us-gov."];

/// The makers whose models Bedrock lists as `maker.model`.
const MAKERS: [&str; 2] = ["anthropic.", "openai."];

/// A model of Bedrock: `eu.anthropic.claude-…` is what the table calls `regional.anthropic.claude-…`, and so is
/// `anthropic.claude-…` without a region; at its maker it is `claude-…`.
fn of_bedrock(model: &str) -> Vec<String> {
    let lower = model.to_ascii_lowercase();
    let region = REGIONS.iter().chain(&["global."]).find(|region| lower.starts_with(**region));
    let listed = region.map_or(lower.as_str(), |region| lower.get(region.len()..).unwrap_or_default());
    let of_maker = MAKERS.iter().find_map(|maker| listed.strip_prefix(maker));
    if region.is_none() && of_maker.is_none() {
        return Vec::new();
    }
    let mut names = Vec::new();
    if region != Some(&"global.") {
        names.push(format!("regional.{listed}"));
    }
    names.push(listed.to_owned());
    names.extend(of_maker.map(str::to_owned));
    names
}

/// The name without its version, if it ends with one.
#[must_use]
pub fn without_version(name: &str) -> Option<&str> {
    for ending in ["-latest", "@latest", "@default", "-001", "@001"] {
        if let Some(rest) = strip_ignoring_case(name, ending) {
            return Some(rest);
        }
    }
    let (dated, versioned) = (without_date(name), without_bedrock_version(name));
    dated.or(versioned).filter(|rest| !rest.is_empty())
}

fn strip_ignoring_case<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(ending.len())?;
    let (rest, end) = (name.get(..at)?, name.get(at..)?);
    (end.eq_ignore_ascii_case(ending) && !rest.is_empty()).then_some(rest)
}

/// `-YYYYMMDD`, `@YYYYMMDD`, `-YYYY-MM-DD`; and of previews `-MM-YYYY`, `-MM-DD`.
fn without_date(name: &str) -> Option<&str> {
    let bytes = name.as_bytes();
    let digits = |from: usize, to: usize| -> Option<u32> {
        let part = bytes.get(bytes.len().checked_sub(from)?..bytes.len().checked_sub(to)?)?;
        let value = |sum: u32, byte: &u8| {
            byte.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(u32::from(byte - b'0')))
        };
        part.iter().try_fold(0, value)
    };
    let is = |from_end: usize, allowed: &[u8]| {
        let at = bytes.len().checked_sub(from_end);
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| allowed.contains(byte))
    };
    let cut = |length: usize| name.get(..name.len().checked_sub(length)?);
    let is_month = |month: u32| (1..=12).contains(&month);
    let is_day = |day: u32| (1..=31).contains(&day);
    let is_year = |year: u32| (2020..2100).contains(&year);
    if is(9, b"-@")
        && let (Some(year), Some(month), Some(day)) = (digits(8, 4), digits(4, 2), digits(2, 0))
        && is_year(year)
        && is_month(month)
        && is_day(day)
    {
        return cut(9);
    }
    if is(11, b"-@")
        && is(6, b"-")
        && is(3, b"-")
        && let (Some(year), Some(month), Some(day)) = (digits(10, 6), digits(5, 3), digits(2, 0))
        && is_year(year)
        && is_month(month)
        && is_day(day)
    {
        return cut(11);
    }
    let of_preview =
        |length: usize| cut(length).filter(|rest| rest.to_ascii_lowercase().ends_with("-preview"));
    if is(8, b"-") && is(5, b"-") && digits(7, 5).is_some_and(is_month) && digits(4, 0).is_some_and(is_year) {
        return of_preview(8);
    }
    if is(6, b"-") && is(3, b"-") && digits(5, 3).is_some_and(is_month) && digits(2, 0).is_some_and(is_day) {
        return of_preview(6);
    }
    None
}

/// `-v1:0`, or `:0` alone.
fn without_bedrock_version(name: &str) -> Option<&str> {
    let (rest, minor) = name.rsplit_once(':')?;
    let is_number =
        |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(minor) {
        return None;
    }
    match rest.rsplit_once("-v") {
        Some((rest, major)) if is_number(major) => Some(rest),
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_version_for_certain_is_left_out() {
        for (name, rest) in [
            ("claude-opus-4-5-20251101", "claude-opus-4-5"),
            ("claude-opus-4-5@20251101", "claude-opus-4-5"),
            ("gpt-4o-2024-08-06", "gpt-4o"),
            ("Claude-Opus-5-LATEST", "Claude-Opus-5"),
            ("gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite-preview"),
            ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview"),
            ("anthropic.claude-opus-4-5-20251101-v1:0", "anthropic.claude-opus-4-5-20251101"),
            ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1"),
        ] {
            assert_eq!(without_version(name), Some(rest), "{name}");
        }
        for whole in [
            "gpt-4",
            "gpt-4o-mini",
            "gpt-4-0613",
            "gpt-3.5-turbo-1106",
            "claude-opus-4-5",
            "claude-opus-4-1",
            "kimi-k2-0905-preview",
            "grok-4-0709",
            "magistral-small-2509",
            "gemini-1.5-pro-002",
            "claude-x-20251399",
            "model-12345678",
            "deep-research-04-2026",
            "llama3:8b",
            "-latest",
            "",
            "ü-20251101é",
        ] {
            assert_eq!(without_version(whole), None, "{whole}");
        }
    }

    #[test]
    fn the_forms_of_a_name() {
        assert_eq!(
            forms("openai/gpt-4o-2024-08-06"),
            ["openai/gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "openai/gpt-4o", "gpt-4o"]
        );
        let bedrock = forms("eu.anthropic.claude-opus-4-5-20251101-v1:0");
        let at = |name: &str| bedrock.iter().position(|form| form == name).unwrap();
        assert!(at("regional.anthropic.claude-opus-4-5") < at("claude-opus-4-5"));
        assert!(!forms("global.anthropic.claude-opus-5-5").iter().any(|form| form.starts_with("regional.")));
        assert!(forms("ft:gpt-4o-2024-08-06:acme::B1").contains(&"ft:gpt-4o".to_owned()));
        assert_eq!(compare("Claude-Opus-4.5", "claude-opus-4-5"), Ordering::Equal);
    }
}
