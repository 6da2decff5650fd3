//! Questions about the request log: which rows, newest first, and which of them are looked at.
//!
//! A row is found by its id, which begins with the time of its request. Everything else is compared row by row over a stretch
//! of at most [`SCANNED`] rows, so a filter that few rows fit never holds the database: the answer says up to where it has
//! looked, and the next page goes on there.

use nexus_edge_core::access::person;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::query_number;
use serde::{Deserialize, Serialize};

use crate::compared::{Number, Row, Text};
use crate::condition::Condition;
use crate::scan::{MAX_NUMBER, SCANNED, Scan, check_cursor};
use crate::scope::Scope;
use crate::series::Class;
use crate::sql::{Parameter, Statement};

/// What is wanted of the log. Texts are compared exactly, unless said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// From this time on, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Before this time.
    pub to: Option<u64>,
    /// The id of the API key.
    pub key: Option<String>,
    /// The owner of the key.
    pub owner: Option<String>,
    /// The provider that answered or failed last, by name.
    pub provider: Option<String>,
    /// The model, as the caller or the upstream named it, or the logical model.
    pub model: Option<String>,
    /// The calling program.
    pub app: Option<String>,
    /// The caller dialect or the operation.
    pub dialect: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// The `x-request-id` of the answer.
    pub request_id: Option<String>,
    /// How it ended: `completed`, `failed`, `cancelled`, `rejected`.
    pub outcome: Option<String>,
    /// A status, or a class of [`Class`].
    pub status: Option<String>,
    /// A part of the error code or of an attempt, whatever the case.
    pub error: Option<String>,
    /// Whether a stream was asked for.
    pub stream: Option<bool>,
    /// At least this many milliseconds long.
    pub min_ms: Option<u64>,
    /// At least this cost, in millionths of a dollar.
    pub min_cost_micros: Option<u64>,
    /// The end of the page before.
    pub cursor: Option<String>,
    /// Whose requests may be seen.
    #[serde(default)]
    pub scope: Scope,
}

impl Wanted {
    /// Reads the parameters of a query string; `given` is the value of one by its name.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter.
    pub fn read(given: impl Fn(&str) -> Option<String>) -> Result<Self, ApiError> {
        let text = |name: &str| given(name).filter(|text| !text.is_empty());
        let number = |name: &str| query_number(name, given(name), 0..=MAX_NUMBER);
        let stream = match given("stream").as_deref() {
            None => None,
            Some("true" | "1") => Some(true),
            Some("false" | "0") => Some(false),
            Some(_) => {
                return Err(ApiError::invalid("invalid_value", "stream", "`stream` must be true or false."));
            }
        };
        let wanted = Self {
            from: number("from")?,
            to: number("to")?,
            key: text("key"),
            owner: text("owner"),
            provider: text("provider"),
            model: text("model"),
            app: text("app"),
            dialect: text("dialect"),
            conversation: text("conversation"),
            request_id: text("request_id"),
            outcome: text("outcome"),
            status: text("status"),
            error: text("error"),
            stream,
            min_ms: number("min_ms")?,
            min_cost_micros: number("min_cost_micros")?,
            cursor: text("cursor"),
            scope: Scope::ALL,
        };
        wanted.check()?;
        Ok(wanted)
    }

    /// Whether rows are compared at all; without, a page is full or the last.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.conditions().is_empty()
    }

    /// Checks what cannot be compared with anything.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter.
    pub fn check(&self) -> Result<(), ApiError> {
        if let Some(status) = &self.status
            && class_of(status).is_none()
            && status.parse::<u16>().is_err()
        {
            let classes = Class::ALL.map(Class::as_str).join(", ");
            let message = format!("`status` must be a number or one of {classes}.");
            return Err(ApiError::invalid("invalid_value", "status", message));
        }
        check_cursor(self.cursor.as_deref())
    }

    /// Whether a row fits, its time apart: what [`Wanted::page`] asks the database.
    #[must_use]
    pub fn fits(&self, row: &impl Row) -> bool {
        self.conditions().iter().all(|condition| condition.holds(row))
    }

    /// Whether a request that came at this time, in milliseconds since the epoch, is within the time that is asked about.
    #[must_use]
    pub fn has_time(&self, ts: u64) -> bool {
        self.from.is_none_or(|from| ts >= from) && self.to.is_none_or(|to| ts < to)
    }

    /// A page of rows, without their attempts.
    #[must_use]
    pub fn page(&self, limit: u64) -> Statement {
        let mut parameters = self.scan().parameters();
        let condition = self.condition(&mut parameters);
        Scan::page("request_log", &condition, parameters, limit)
    }

    /// Up to where a page has looked: see [`Scan::scanned`].
    #[must_use]
    pub fn scanned(&self) -> Statement {
        self.scan().scanned("request_log")
    }

    /// The rows over which a page looks.
    #[must_use]
    pub fn scan(&self) -> Scan {
        Scan::new(self.from, self.to, self.cursor.as_deref())
    }

    /// What a row must fit, with its parameters; `1` if any does.
    fn condition(&self, parameters: &mut Vec<Parameter>) -> String {
        let conditions: Vec<String> =
            self.conditions().iter().map(|condition| condition.sql(parameters)).collect();
        if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") }
    }

    /// What a row must fit, its time apart. The one place that says what the filters mean.
    fn conditions(&self) -> Vec<Condition<'_>> {
        let texts: [(&'static [Text], &Option<String>); 9] = [
            (&[Text::Key], &self.key),
            (&[Text::Owner], &self.owner),
            (&[Text::Provider], &self.provider),
            (&[Text::Model, Text::UpstreamModel, Text::LogicalModel], &self.model),
            (&[Text::App], &self.app),
            (&[Text::Dialect], &self.dialect),
            (&[Text::Conversation], &self.conversation),
            (&[Text::RequestId], &self.request_id),
            (&[Text::Outcome], &self.outcome),
        ];
        let numbers = [
            self.stream.map(|stream| Condition::Equals(Number::Stream, stream.into())),
            self.min_ms.map(|least| Condition::AtLeast(Number::DurationMs, least)),
            self.min_cost_micros.map(|least| Condition::AtLeast(Number::CostMicros, least)),
        ];
        let scope = match &self.scope {
            Scope::Person(person::Scope::All) => None,
            Scope::Key(id) => Some(Condition::Is(&[Text::Key], id)),
            Scope::Person(person::Scope::Owners(owners)) => Some(Condition::IsOneOf(Text::Owner, owners)),
        };
        let texts =
            texts.into_iter().filter_map(|(columns, text)| Some(Condition::Is(columns, text.as_deref()?)));
        let status = self.status.as_deref().map(|status| {
            // Checked before: a text that is no class is a number.
            class_of(status).map_or_else(
                || Condition::Equals(Number::Status, status.parse().unwrap_or_default()),
                Condition::Ended,
            )
        });
        let error =
            self.error.as_deref().map(|part| Condition::Contains([Text::ErrorCode, Text::Attempts], part));
        scope
            .into_iter()
            .chain(texts)
            .chain(numbers.into_iter().flatten())
            .chain(status)
            .chain(error)
            .collect()
    }
}

fn class_of(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.as_str() == name)
}

/// Rows among which a request id that a caller chose is looked for.
pub const LOOKED_AT: u64 = 5 * SCANNED;

/// The row that an id names, by either of two statements: its own id, or the `x-request-id` of its answer. The gateway's own request ids contain the row's
/// id; those that callers chose are looked for among the newest rows with ids from one on and below another.
#[must_use]
pub fn one(id: &str, (begin, below): (&str, &str)) -> [Statement; 2] {
    let by_id = Statement {
        sql: "SELECT * FROM request_log WHERE id = ?1".to_owned(),
        parameters: vec![Parameter::Text(id.strip_prefix("req_").unwrap_or(id).to_owned())],
    };
    let by_request_id = Statement {
        sql:
            "SELECT * FROM (SELECT * FROM request_log WHERE id >= ?3 AND id < ?4 ORDER BY id DESC LIMIT ?2) \
            WHERE request_id = ?1 LIMIT 1"
                .to_owned(),
        parameters: vec![
            Parameter::Text(id.to_owned()),
            Parameter::Number(LOOKED_AT),
            Parameter::Text(begin.to_owned()),
            Parameter::Text(below.to_owned()),
        ],
    };
    [by_id, by_request_id]
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::id::ulid;

    use super::*;
    use nexus_edge_core::stats::{Outcome, UsageEvent};

    #[test]
    fn what_a_caller_gives_is_a_parameter() {
        let evil = "x' OR 1=1 --";
        let wanted = Wanted {
            key: Some(evil.to_owned()),
            model: Some(evil.to_owned()),
            error: Some(evil.to_owned()),
            min_ms: Some(5),
            ..Wanted::default()
        };
        let Statement { sql, parameters } = wanted.page(10);
        assert!(!sql.contains(evil), "{sql}");
        assert_eq!(parameters.len(), 3 + 4 + 1);
        for number in 1..=parameters.len() {
            assert!(sql.contains(&format!("?{number}")), "{number} in {sql}");
        }
        assert!(wanted.is_filtered() && !Wanted::default().is_filtered());
    }

    #[test]
    fn a_page_goes_on_where_the_one_before_ended() {
        let end = |wanted: Wanted| match &wanted.page(10).parameters[0] {
            Parameter::Text(end) => end.clone(),
            Parameter::Number(_) => String::new(),
        };
        let cursor = ulid(5_000, [7; 10]);
        assert_eq!(end(Wanted::default()), "~");
        assert_eq!(
            end(Wanted { cursor: Some(cursor.clone()), to: Some(9_000), ..Wanted::default() }),
            cursor
        );
        assert_eq!(
            end(Wanted { cursor: Some(cursor), to: Some(1_000), ..Wanted::default() }),
            ulid(1_000, [0; 10])
        );
    }

    #[test]
    fn what_has_just_ended_is_compared() {
        let event = UsageEvent {
            id: ulid(5_000, [1; 10]),
            ts: 5_000,
            key_id: "k".into(),
            owner: Some("ada".into()),
            provider_name: Some("p".into()),
            model: "asked".into(),
            upstream_model: Some("served".into()),
            dialect: "openai_chat".into(),
            stream: true,
            status: 504,
            outcome: Outcome::Failed,
            error_code: Some("upstream_timeout".into()),
            duration_ms: 70,
            cost_micros: 9,
            attempts: vec![nexus_edge_core::stats::AttemptRecord {
                skipped: Some("circuit_open".into()),
                ..Default::default()
            }],
            ..UsageEvent::default()
        };
        let some = |text: &str| Some(text.to_owned());
        let fitting = [
            Wanted::default(),
            Wanted { key: some("k"), owner: some("ada"), provider: some("p"), ..Wanted::default() },
            Wanted { model: some("asked"), ..Wanted::default() },
            Wanted { model: some("served"), stream: Some(true), ..Wanted::default() },
            Wanted { status: some("timeout"), outcome: some("failed"), ..Wanted::default() },
            Wanted { status: some("504"), min_ms: Some(70), min_cost_micros: Some(9), ..Wanted::default() },
            Wanted { error: some("TIMEOUT"), from: Some(5_000), to: Some(5_001), ..Wanted::default() },
            Wanted { error: some("circuit_open"), ..Wanted::default() },
        ];
        for wanted in fitting {
            assert!(wanted.has_time(event.ts) && wanted.fits(&event), "{wanted:?}");
        }
        let others = [
            Wanted { key: some("x"), ..Wanted::default() },
            Wanted { app: some("any"), ..Wanted::default() },
            Wanted { model: some("m"), ..Wanted::default() },
            Wanted { status: some("server"), ..Wanted::default() },
            Wanted { status: some("503"), ..Wanted::default() },
            Wanted { error: some("hedge"), ..Wanted::default() },
            Wanted { min_ms: Some(71), ..Wanted::default() },
            Wanted { from: Some(5_001), ..Wanted::default() },
            Wanted { to: Some(5_000), ..Wanted::default() },
            Wanted { conversation: some("c"), ..Wanted::default() },
        ];
        for wanted in others {
            assert!(!(wanted.has_time(event.ts) && wanted.fits(&event)), "{wanted:?}");
        }
    }

    #[test]
    fn what_fits_nothing_is_refused_by_name() {
        let refused = |wanted: &Wanted| wanted.check().err().and_then(|error| error.param);
        assert_eq!(
            refused(&Wanted { status: Some("fine".to_owned()), ..Wanted::default() }).as_deref(),
            Some("status")
        );
        assert_eq!(
            refused(&Wanted { cursor: Some("a b".to_owned()), ..Wanted::default() }).as_deref(),
            Some("cursor")
        );
        assert_eq!(refused(&Wanted { status: Some("503".to_owned()), ..Wanted::default() }), None);
        assert_eq!(refused(&Wanted { status: Some("timeout".to_owned()), ..Wanted::default() }), None);
    }
}
