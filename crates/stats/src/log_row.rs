//! A row of the request log outside of the database: a line of JSON with the columns of `request_log`.
//!
//! Of what is wanted of the log ([`Wanted`]), a line fits in the same cases as a row of the table: [`fits`], the condition of
//! [`Wanted::page`] and [`Wanted::fits`] say the same of each filter.

use std::borrow::Cow;

use nexus_edge_core::stats::UsageEvent;
use serde::{Deserialize, Serialize};

use crate::request_log::Wanted;
use crate::series::Class;

/// An event as a row of the table. Lists and maps are text there, and flags are numbers.
#[derive(Serialize)]
struct Columns<'a> {
    id: &'a str,
    ts: u64,
    request_id: &'a str,
    key_id: &'a str,
    provider_id: Option<i64>,
    provider_name: Option<&'a str>,
    model: &'a str,
    upstream_model: Option<&'a str>,
    logical_model: Option<&'a str>,
    owner: Option<&'a str>,
    app: Option<&'a str>,
    dialect: &'a str,
    stream: u8,
    status: u16,
    outcome: nexus_edge_core::stats::Outcome,
    error_code: Option<&'a str>,
    finish_reason: Option<&'a str>,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    cached_tokens: u64,
    cache_written_tokens: u64,
    cache_written_1h_tokens: u64,
    reasoning_tokens: u64,
    usage_source: nexus_edge_core::tokens::UsageSource,
    usage_suspect: u8,
    first_byte_ms: Option<u64>,
    duration_ms: u64,
    overhead_ms: Option<u64>,
    conversation_id: &'a str,
    attempts: Option<String>,
    cost_micros: u64,
    price_source: &'a str,
    price_table: Option<&'a str>,
    tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guards: Option<&'a str>,
}

/// The line of an event.
pub fn line(event: &UsageEvent) -> serde_json::Result<String> {
    let attempts = (!event.attempts.is_empty()).then(|| serde_json::to_string(&event.attempts));
    let tags = (!event.tags.is_empty()).then(|| serde_json::to_string(&event.tags));
    serde_json::to_string(&Columns {
        id: &event.id,
        ts: event.ts,
        request_id: &event.request_id,
        key_id: &event.key_id,
        provider_id: event.provider_id,
        provider_name: event.provider_name.as_deref(),
        model: &event.model,
        upstream_model: event.upstream_model.as_deref(),
        logical_model: event.logical_model.as_deref(),
        owner: event.owner.as_deref(),
        app: event.app.as_deref(),
        dialect: &event.dialect,
        stream: event.stream.into(),
        status: event.status,
        outcome: event.outcome,
        error_code: event.error_code.as_deref(),
        finish_reason: event.finish_reason.as_deref(),
        prompt_tokens: event.usage.prompt,
        completion_tokens: event.usage.completion,
        total_tokens: event.usage.total(),
        cached_tokens: event.usage.cached,
        cache_written_tokens: event.usage.cache_written,
        cache_written_1h_tokens: event.usage.cache_written_1h,
        reasoning_tokens: event.usage.reasoning,
        usage_source: event.usage_source,
        usage_suspect: event.usage.is_suspect.into(),
        first_byte_ms: event.first_byte_ms,
        duration_ms: event.duration_ms,
        overhead_ms: event.overhead_ms,
        conversation_id: &event.conversation_id,
        attempts: attempts.transpose()?,
        cost_micros: event.cost_micros,
        price_source: event.price_source.as_str(),
        price_table: event.price_table.as_deref(),
        tags: tags.transpose()?,
        guards: event.guards.as_deref(),
    })
}

/// The id of the row that a line is; `None` if it is no row.
#[must_use]
pub fn id_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    serde_json::from_str::<Id>(line).ok().map(|row| row.id)
}

/// What is compared of a row.
#[derive(Deserialize)]
struct Compared<'a> {
    #[serde(borrow)]
    key_id: Cow<'a, str>,
    #[serde(borrow)]
    owner: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    upstream_model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    logical_model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    app: Option<Cow<'a, str>>,
    #[serde(borrow)]
    dialect: Cow<'a, str>,
    #[serde(borrow)]
    conversation_id: Cow<'a, str>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attempts: Option<Cow<'a, str>>,
    stream: u64,
    status: u16,
    duration_ms: u64,
    cost_micros: u64,
}

/// Whether a line fits what is wanted, its time apart. A line that is no row of the log is an error.
pub fn fits(wanted: &Wanted, line: &str) -> serde_json::Result<bool> {
    let row: Compared<'_> = serde_json::from_str(line)?;
    let is = |wanted: &Option<String>, value: Option<&Cow<'_, str>>| {
        wanted.as_ref().is_none_or(|wanted| value.is_some_and(|value| value == wanted))
    };
    let texts = wanted.scope.has(&row.key_id, row.owner.as_deref())
        && is(&wanted.key, Some(&row.key_id))
        && is(&wanted.owner, row.owner.as_ref())
        && is(&wanted.provider, row.provider_name.as_ref())
        && is(&wanted.app, row.app.as_ref())
        && is(&wanted.dialect, Some(&row.dialect))
        && is(&wanted.conversation, Some(&row.conversation_id))
        && is(&wanted.request_id, Some(&row.request_id))
        && is(&wanted.outcome, Some(&row.outcome));
    let models = [Some(&row.model), row.upstream_model.as_ref(), row.logical_model.as_ref()];
    let fits = texts
        && wanted
            .model
            .as_ref()
            .is_none_or(|wanted| models.into_iter().flatten().any(|model| model == wanted))
        && wanted.stream.is_none_or(|wanted| u64::from(wanted) == row.stream)
        && wanted.min_ms.is_none_or(|least| row.duration_ms >= least)
        && wanted.min_cost_micros.is_none_or(|least| row.cost_micros >= least)
        && wanted.status.as_ref().is_none_or(|status| has_status(&row, status))
        && wanted.error.as_ref().is_none_or(|part| has_error(&row, part));
    Ok(fits)
}

fn has_status(row: &Compared<'_>, wanted: &str) -> bool {
    match wanted.parse::<u16>() {
        Ok(status) => row.status == status,
        Err(_) => Class::of_row(&row.outcome, row.status, row.error_code.as_deref()).as_str() == wanted,
    }
}

fn has_error(row: &Compared<'_>, part: &str) -> bool {
    let error = row.error_code.as_deref().unwrap_or_default();
    let attempts = row.attempts.as_deref().unwrap_or_default();
    format!("{error} {attempts}").to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;
    use nexus_edge_core::access::person;
    use nexus_edge_core::stats::{AttemptRecord, Outcome};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn event() -> UsageEvent {
        UsageEvent {
            id: "01KBEXAMPLE".into(),
            key_id: "k1".into(),
            provider_name: Some("openai".into()),
            model: "smart \"quoted\"".into(),
            logical_model: Some("smart".into()),
            status: 504,
            outcome: Outcome::Failed,
            error_code: Some("upstream_timeout".into()),
            attempts: vec![AttemptRecord { provider: "Hedge".into(), ..AttemptRecord::default() }],
            stream: true,
            duration_ms: 900,
            cost_micros: 7,
            guards: Some("request:mask:emails".into()),
            ..UsageEvent::default()
        }
    }

    #[test]
    fn a_line_has_the_columns_of_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../d1-migrations");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let (mut columns, mut is_within) = (BTreeSet::new(), false);
        for line in files
            .iter()
            .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["CREATE", "TABLE", "request_log", ..] => is_within = true,
                ["ALTER", "TABLE", "request_log", "ADD", "COLUMN", column, ..] => {
                    columns.insert((*column).to_owned());
                }
                ["ALTER", "TABLE", "request_log", "DROP", "COLUMN", column] => {
                    columns.remove(column.trim_end_matches(';'));
                }
                [first, ..] if is_within && first.starts_with(')') => is_within = false,
                [column, ..] if is_within => {
                    columns.insert((*column).to_owned());
                }
                _ => {}
            }
        }
        let line: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&line(&event()).unwrap()).unwrap();
        assert_eq!(line.keys().cloned().collect::<BTreeSet<_>>(), columns);
    }

    #[test]
    fn each_filter_is_compared() {
        let line = line(&event()).unwrap();
        assert_eq!(id_of(&line).as_deref(), Some("01KBEXAMPLE"));
        let some = |text: &str| Some(text.to_owned());
        let fitting = [
            Wanted::default(),
            Wanted { scope: Scope::Key("k1".into()), ..Wanted::default() },
            Wanted { key: some("k1"), provider: some("openai"), ..Wanted::default() },
            Wanted { model: some("smart \"quoted\""), ..Wanted::default() },
            Wanted { model: some("smart"), ..Wanted::default() },
            Wanted { status: some("504"), ..Wanted::default() },
            Wanted { status: some("timeout"), outcome: some("failed"), ..Wanted::default() },
            Wanted { error: some("TIMEOUT"), ..Wanted::default() },
            Wanted { error: some("hedge"), stream: Some(true), ..Wanted::default() },
            Wanted { min_ms: Some(900), min_cost_micros: Some(7), ..Wanted::default() },
        ];
        for wanted in fitting {
            assert!(fits(&wanted, &line).unwrap(), "{wanted:?}");
        }
        let others = [
            Wanted { key: some("k"), ..Wanted::default() },
            Wanted { owner: some(""), ..Wanted::default() },
            Wanted { model: some("smar"), ..Wanted::default() },
            Wanted { status: some("server"), ..Wanted::default() },
            Wanted { status: some("500"), ..Wanted::default() },
            Wanted { error: some("refused"), ..Wanted::default() },
            Wanted {
                scope: Scope::Person(person::Scope::Owners(vec!["of another".into()])),
                ..Wanted::default()
            },
            Wanted { scope: Scope::Key("of another".into()), ..Wanted::default() },
            Wanted { stream: Some(false), ..Wanted::default() },
            Wanted { min_ms: Some(901), ..Wanted::default() },
            Wanted { min_cost_micros: Some(8), ..Wanted::default() },
        ];
        for wanted in others {
            assert!(!fits(&wanted, &line).unwrap(), "{wanted:?}");
        }
        assert!(fits(&Wanted::default(), "{}").is_err());
    }
}
