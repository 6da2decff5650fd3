//! Probe tasks: an owner's scheduled questions to a provider of their own.
//!
//! Guarantees: a task asks no more often than its interval and no more than its number of runs a day, both within bounds that keep
//! what one user costs the deployment small; the cron takes each due run once.

use serde::{Deserialize, Serialize};

use crate::dialect::canonical::{ChatRequest, Message, Part, Role};
use crate::input;
use crate::input::{Rule, boolean, integer, integer_u32, text};
use crate::provider::probe::DEFAULT_PROMPT;
use crate::row::flag;
use crate::row::table::table;

/// Most tasks of one owner.
pub const MAX_TASKS: u32 = 10;
/// Runs that are kept of a task.
pub const KEPT_RUNS: u32 = 50;
const INTERVAL_RANGE_S: std::ops::RangeInclusive<u64> = 300..=86_400;
const DEFAULT_INTERVAL_S: u32 = 3_600;
const DAILY_RUNS_RANGE: std::ops::RangeInclusive<u64> = 1..=288;
const DEFAULT_DAILY_RUNS: u32 = 96;
const MAX_TOKENS_RANGE: std::ops::RangeInclusive<u64> = 1..=256;
const DEFAULT_MAX_TOKENS: u32 = 16;
/// The largest id that a JSON number holds exactly.
const MAX_ID: u64 = 1 << 53;

/// A task as it is stored and shown. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ProbeTask"))]
pub struct ProbeTaskRecord {
    /// ULID.
    pub id: String,
    /// The provider that is asked.
    pub provider_id: i64,
    /// Whose the task is: the owner of the provider when it was made; `null`: the operator's.
    pub owner: Option<String>,
    /// A name for people.
    pub name: String,
    /// The model that is asked; `null`: the first that is enabled.
    pub model: Option<String>,
    /// What is asked; `null`: a short greeting.
    pub prompt: Option<String>,
    /// Most tokens of an answer.
    pub max_tokens: u32,
    /// Whether the answer is streamed, so that the time to its first token is known.
    #[serde(deserialize_with = "flag")]
    pub stream: bool,
    /// Seconds between two runs.
    pub interval_s: u32,
    /// Most runs of the cron in a day of UTC.
    pub daily_runs: u32,
    /// Whether the cron runs it.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// When the cron runs it next.
    #[serde(default)]
    pub next_at: u64,
    /// Whether its last run succeeded; `null` before the first.
    #[serde(default, deserialize_with = "known_flag")]
    pub last_ok: Option<bool>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    ProbeTaskRecord in "probe_tasks" unique "id" {
        given id;
        fixed { provider_id, owner, created_at }
        changing { name, model, prompt, max_tokens, stream, interval_s, daily_runs, enabled }
        elsewhere { next_at, last_ok, day, runs_today }
    }
}

/// Reads a boolean that may be stored as 0 or 1, or as nothing.
fn known_flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => None,
        stored => Some(flag(stored).unwrap_or(false)),
    })
}

impl ProbeTaskRecord {
    /// A task with default values for a provider, made at `now_ms`.
    #[must_use]
    pub fn new(id: String, provider_id: i64, owner: Option<String>, now_ms: u64) -> Self {
        Self {
            id,
            provider_id,
            owner,
            name: String::new(),
            model: None,
            prompt: None,
            max_tokens: DEFAULT_MAX_TOKENS,
            stream: false,
            interval_s: DEFAULT_INTERVAL_S,
            daily_runs: DEFAULT_DAILY_RUNS,
            enabled: true,
            next_at: now_ms,
            last_ok: None,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The request of a run to `model`, the upstream's own name of it.
    #[must_use]
    pub fn request(&self, model: &str) -> ChatRequest {
        let prompt = self.prompt.as_deref().unwrap_or(DEFAULT_PROMPT);
        ChatRequest {
            model: model.to_owned(),
            messages: vec![Message::new(Role::User, vec![Part::text(prompt)])],
            max_tokens: Some(self.max_tokens.into()),
            stream: self.stream,
            include_usage: true,
            user: Some("nexus-edge-probe".to_owned()),
            ..ChatRequest::default()
        }
    }

    /// What changes by a run that came out like this: `true` for a task that fails from now on, `false` for one that succeeds
    /// again; `None` if nothing does.
    #[must_use]
    pub fn begins_to_fail(&self, is_ok: bool) -> Option<bool> {
        match self.last_ok {
            Some(before) if before != is_ok => Some(!is_ok),
            None if !is_ok => Some(true),
            _ => None,
        }
    }
}

/// One run of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ProbeRun"))]
pub struct ProbeRun {
    /// ULID.
    pub id: String,
    /// The task.
    pub task_id: String,
    /// When it began, in milliseconds since the epoch.
    pub ts: u64,
    /// Whether there was an answer.
    #[serde(deserialize_with = "flag")]
    pub ok: bool,
    /// HTTP status of the answer, if one came.
    pub status: Option<u16>,
    /// Milliseconds until the answer was complete, or had failed.
    pub latency_ms: u64,
    /// Milliseconds until the first token of a streamed answer.
    pub first_token_ms: Option<u64>,
    /// Tokens of the prompt, as reported.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, as reported.
    pub completion_tokens: Option<u64>,
    /// The upstream's name of the model.
    pub model: String,
    /// The beginning of the answer.
    pub reply: Option<String>,
    /// The error.
    pub error: Option<String>,
}

input! {
    /// What may be said about a probe task.
    pub struct ProbeTaskInput {
        /// The provider that is asked. It cannot be changed.
        pub provider_id: u64 = integer(1..=MAX_ID).not_null(),
        /// A name for people.
        pub name: String = text(1..=100).not_null().required(),
        /// The model that is asked; `null`: the first that is enabled.
        pub model: String = text(1..=200),
        /// What is asked; `null`: a short greeting.
        pub prompt: String = text(1..=2000),
        /// Most tokens of an answer; `null`: 16.
        pub max_tokens: u32 = integer_u32(MAX_TOKENS_RANGE),
        /// Whether the answer is streamed, so that the time to its first token is known.
        pub stream: bool = boolean().not_null(),
        /// Seconds between two runs; `null`: 3600.
        pub interval_s: u32 = integer_u32(INTERVAL_RANGE_S),
        /// Most runs of the cron in a day of UTC; `null`: 96.
        pub daily_runs: u32 = integer_u32(DAILY_RUNS_RANGE),
        /// Whether the cron runs it.
        pub enabled: bool = boolean().not_null(),
    }
}

impl ProbeTaskInput {
    /// Applies the change. The provider is not part of it.
    pub fn apply(&self, record: &mut ProbeTaskRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.model.clone().apply_to(&mut record.model);
        self.prompt.clone().apply_to(&mut record.prompt);
        self.max_tokens.clone().apply_or(&mut record.max_tokens, DEFAULT_MAX_TOKENS);
        self.stream.clone().apply_or(&mut record.stream, false);
        self.interval_s.clone().apply_or(&mut record.interval_s, DEFAULT_INTERVAL_S);
        self.daily_runs.clone().apply_or(&mut record.daily_runs, DEFAULT_DAILY_RUNS);
        self.enabled.clone().apply_or(&mut record.enabled, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"interval_s":299}"#, "interval_s"),
            (r#"{"interval_s":86401}"#, "interval_s"),
            (r#"{"daily_runs":0}"#, "daily_runs"),
            (r#"{"daily_runs":289}"#, "daily_runs"),
            (r#"{"max_tokens":257}"#, "max_tokens"),
            (r#"{"provider_id":0}"#, "provider_id"),
        ] {
            let error = ProbeTaskInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn a_change_touches_what_it_names_and_null_brings_back_the_default() {
        let mut task = ProbeTaskRecord::new("T".into(), 1, Some("ada".into()), 5);
        let input = br#"{"prompt":"1+1?","interval_s":600,"max_tokens":5}"#;
        ProbeTaskInput::parse(input).unwrap().apply(&mut task);
        let request = task.request("m");
        assert_eq!((request.messages[0].text().as_str(), request.max_tokens), ("1+1?", Some(5)));
        ProbeTaskInput::parse(br#"{"prompt":null,"interval_s":null}"#).unwrap().apply(&mut task);
        assert_eq!((task.prompt.as_deref(), task.interval_s, task.max_tokens), (None, DEFAULT_INTERVAL_S, 5));
    }

    #[test]
    fn only_a_change_of_fortune_is_told() {
        let mut task = ProbeTaskRecord::new("T".into(), 1, None, 5);
        assert_eq!((task.begins_to_fail(true), task.begins_to_fail(false)), (None, Some(true)));
        task.last_ok = Some(true);
        assert_eq!((task.begins_to_fail(true), task.begins_to_fail(false)), (None, Some(true)));
        task.last_ok = Some(false);
        assert_eq!((task.begins_to_fail(true), task.begins_to_fail(false)), (Some(false), None));
    }

    #[test]
    fn a_row_is_read_as_it_is_stored() {
        let row = r#"{"id":"T","provider_id":1,"owner":null,"name":"n","model":null,"prompt":null,"max_tokens":16,"stream":0,
            "interval_s":300,"daily_runs":9,"enabled":1,"next_at":7,"last_ok":1,"day":3,"runs_today":2,"created_at":1,"updated_at":2}"#;
        let task: ProbeTaskRecord = serde_json::from_str(row).unwrap();
        assert_eq!((task.last_ok, task.enabled, task.stream), (Some(true), true, false));
    }
}
