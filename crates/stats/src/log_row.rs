//! A row of the request log outside of the database: a line of JSON with the columns of `request_log`.
//!
//! The columns are declared once (`Columns`): lines, the statement that inserts them ([`insert`]) and what the API shows come from
//! there, and a test compares them with the migrations. Of what is wanted of the log ([`Wanted`]), a line fits in the same cases as
//! a row of the table, because both are made of the same conditions.

use nexus_edge_core::stats::{Outcome, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use serde::{Deserialize, Serialize};

use crate::compared::LineOfLog;
use crate::request_log::Wanted;

/// Declares the columns, each with its value of an event.
macro_rules! columns {
    ($event:ident; $( $(#[$attribute:meta])* $name:ident: $type:ty = $value:expr, )+) => {
        /// An event as a row of the table. Lists and maps are text there, and flags are numbers.
        #[derive(Serialize)]
        struct Columns<'a> {
            $( $(#[$attribute])* $name: $type, )+
        }

        impl<'a> Columns<'a> {
            fn of($event: &'a UsageEvent) -> serde_json::Result<Self> {
                Ok(Self { $( $name: $value, )+ })
            }
        }

        /// The names of the columns.
        pub const COLUMNS: &[&str] = &[$( stringify!($name), )+];
    };
}

columns! {
    event;
    id: &'a str = &event.id,
    ts: u64 = event.ts,
    request_id: &'a str = &event.request_id,
    key_id: &'a str = &event.key_id,
    provider_id: Option<i64> = event.provider_id,
    provider_name: Option<&'a str> = event.provider_name.as_deref(),
    model: &'a str = &event.model,
    upstream_model: Option<&'a str> = event.upstream_model.as_deref(),
    logical_model: Option<&'a str> = event.logical_model.as_deref(),
    owner: Option<&'a str> = event.owner.as_deref(),
    app: Option<&'a str> = event.app.as_deref(),
    dialect: &'a str = &event.dialect,
    stream: u8 = event.stream.into(),
    status: u16 = event.status,
    outcome: Outcome = event.outcome,
    error_code: Option<&'a str> = event.error_code.as_deref(),
    finish_reason: Option<&'a str> = event.finish_reason.as_deref(),
    prompt_tokens: u64 = event.usage.prompt,
    completion_tokens: u64 = event.usage.completion,
    total_tokens: u64 = event.usage.total(),
    cached_tokens: u64 = event.usage.cached,
    cache_written_tokens: u64 = event.usage.cache_written,
    cache_written_1h_tokens: u64 = event.usage.cache_written_1h,
    reasoning_tokens: u64 = event.usage.reasoning,
    usage_source: UsageSource = event.usage_source,
    usage_suspect: u8 = event.usage.is_suspect.into(),
    first_byte_ms: Option<u64> = event.first_byte_ms,
    duration_ms: u64 = event.duration_ms,
    overhead_ms: Option<u64> = event.overhead_ms,
    request_bytes: u64 = event.request_bytes,
    answer_bytes: u64 = event.answer_bytes,
    conversation_id: &'a str = &event.conversation_id,
    attempts: Option<String> = json_unless(event.attempts.is_empty(), &event.attempts)?,
    cost_micros: u64 = event.cost_micros,
    price_source: &'a str = event.price_source.as_str(),
    price_table: Option<&'a str> = event.price_table.as_deref(),
    tags: Option<String> = json_unless(event.tags.is_empty(), &event.tags)?,
    #[serde(skip_serializing_if = "Option::is_none")]
    guards: Option<&'a str> = event.guards.as_deref(),
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<u64> = (event.rounds > 0).then_some(event.rounds),
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<u64> = (event.rounds > 0).then_some(event.tool_calls),
}

fn json_unless(is_empty: bool, list: &impl Serialize) -> serde_json::Result<Option<String>> {
    if is_empty { Ok(None) } else { serde_json::to_string(list).map(Some) }
}

/// The line of an event.
///
/// # Errors
/// Those of the JSON writer, which do not occur for events.
pub fn line(event: &UsageEvent) -> serde_json::Result<String> {
    serde_json::to_string(&Columns::of(event)?)
}

/// The lines of events as a JSON list.
///
/// # Errors
/// Those of the JSON writer, which do not occur for events.
pub fn list(events: &[&UsageEvent]) -> serde_json::Result<String> {
    let rows: Vec<Columns<'_>> = events.iter().map(|event| Columns::of(event)).collect::<Result<_, _>>()?;
    serde_json::to_string(&rows)
}

/// Inserts rows into the table. Parameter: what [`list`] wrote.
#[must_use]
pub fn insert() -> String {
    let values: Vec<String> = COLUMNS.iter().map(|column| format!("value ->> '{column}'")).collect();
    let (columns, values) = (COLUMNS.join(", "), values.join(", "));
    format!("INSERT INTO request_log ({columns}) SELECT {values} FROM json_each(?1)")
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

/// Whether a line fits what is wanted, its time apart.
///
/// # Errors
/// If the line is no row of the log.
pub fn fits(wanted: &Wanted, line: &str) -> serde_json::Result<bool> {
    Ok(wanted.fits(&serde_json::from_str::<LineOfLog<'_>>(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;
    use nexus_edge_core::access::person;
    use nexus_edge_core::stats::AttemptRecord;
    use proptest::prelude::*;
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
            rounds: 2,
            tool_calls: 1,
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
        assert_eq!(COLUMNS.iter().map(|column| (*column).to_owned()).collect::<BTreeSet<_>>(), columns);
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

    proptest! {
        /// What has just ended, and its line in a pack, fit the same filters.
        #[test]
        fn an_event_fits_where_its_line_does(
            words in prop::collection::vec(prop::option::of("[a-cA-C\"\\\\ ]{0,3}"), 9), status in 0_u16..600,
            outcome in 0_usize..4, flags in any::<(bool, bool, bool)>(), numbers in (0_u64..4, 0_u64..4),
            asked in prop::collection::vec(prop::option::weighted(0.3, "[a-cA-C\"\\\\ ]{0,3}"), 9),
            class in prop::option::of(0_usize..8), least in prop::option::of((0_u64..4, 0_u64..4)),
        ) {
            let outcomes = [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Rejected];
            let word = |at: usize| words[at].clone();
            let idle = flags.0.then(|| "upstream_stream_idle".to_owned());
            let attempt = AttemptRecord { provider: word(8).unwrap_or_default(), ..AttemptRecord::default() };
            let event = UsageEvent {
                key_id: word(0).unwrap_or_default(),
                owner: word(1),
                provider_name: word(2),
                model: word(3).unwrap_or_default(),
                upstream_model: word(4),
                logical_model: word(5),
                app: word(6),
                conversation_id: word(7).unwrap_or_default(),
                error_code: idle.or_else(|| word(8)),
                attempts: if flags.1 { vec![attempt] } else { Vec::new() },
                stream: flags.2,
                status,
                outcome: outcomes[outcome],
                duration_ms: numbers.0,
                cost_micros: numbers.1,
                ..UsageEvent::default()
            };
            let ask = |at: usize| asked[at].clone();
            let classes = ["ok", "client", "limited", "timeout", "server", "cancelled", "504", "200"];
            let wanted = Wanted {
                key: ask(0),
                owner: ask(1),
                provider: ask(2),
                model: ask(3),
                app: ask(4),
                conversation: ask(5),
                error: ask(6),
                outcome: ask(7).map(|_| "failed".to_owned()),
                stream: ask(8).map(|_| true),
                status: class.map(|class| classes[class].to_owned()),
                min_ms: least.map(|(ms, _)| ms),
                min_cost_micros: least.map(|(_, cost)| cost),
                ..Wanted::default()
            };
            prop_assert_eq!(wanted.fits(&event), fits(&wanted, &line(&event).unwrap()).unwrap());
        }
    }
}
