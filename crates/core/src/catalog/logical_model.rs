//! A logical model: a name that callers use, and its candidates.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::operation::{DEFAULT_WEIGHT, PRIORITY_RANGE};
use super::pattern::Pattern;
use super::provider::TIMEOUT_RANGE_MS;
use super::strategy::Strategy;
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, integer, integer_u32, objects, one_of, text, texts};
use crate::row::table::{json, table};
use crate::row::{flag, json_list};

/// The largest id that a JSON number holds exactly.
const MAX_ID: u64 = 1 << 53;
const MAX_CANDIDATES: usize = 100;
const MAX_FALLBACKS: usize = 20;
const MAX_ATTEMPTS_RANGE: RangeInclusive<u64> = 1..=20;
const DEADLINE_RANGE_MS: RangeInclusive<u64> = 100..=3_600_000;
const HEDGE_RANGE_MS: RangeInclusive<u64> = 10..=600_000;
/// Longest caching of responses, in seconds: 30 days.
pub const MAX_CACHE_TTL_S: u64 = 30 * 24 * 60 * 60;
const CACHE_TTL_RANGE_S: RangeInclusive<u64> = 1..=MAX_CACHE_TTL_S;
/// 0 is a candidate that is tried only when no other is left.
const CANDIDATE_WEIGHT_RANGE: RangeInclusive<u64> = 0..=1000;

/// A logical model as it is stored and returned by the admin API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LogicalModelRecord {
    /// Id.
    pub id: i64,
    /// The name that callers use, or a pattern of names: a prefix and `*`. Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it is enabled.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// How to order the candidates: the name of a [`Strategy`]; `None` is the gateway's default.
    pub strategy: Option<String>,
    /// The candidates, in the order of the configuration; at least one.
    #[serde(deserialize_with = "json_list")]
    pub candidates: Vec<CandidateSpec>,
    /// Names of models to try when no candidate answers, in this order.
    #[serde(deserialize_with = "json_list")]
    pub fallbacks: Vec<String>,
    /// Most attempts for one request; `None` is the gateway's default.
    pub max_attempts: Option<u32>,
    /// Milliseconds for all attempts together; `None` is the gateway's default.
    pub deadline_ms: Option<u32>,
    /// Milliseconds without a first token after which a second upstream is asked as well (a hedged request); `None`
    /// is never.
    pub hedge_after_ms: Option<u32>,
    /// Seconds for which responses are cached; `None` is not at all.
    pub cache_ttl_s: Option<u32>,
    /// Whether a session stays with the upstream that answered it before.
    #[serde(deserialize_with = "flag")]
    pub sticky: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

/// A candidate of a logical model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CandidateSpec {
    /// The provider.
    pub provider_id: i64,
    /// The provider's name of the model, or the upstream's own name. A `*` in it is replaced with what the `*` of the
    /// logical model's pattern matched.
    pub model: String,
    /// Share of the traffic, relative to others of the same priority. 0: only when no other is left.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// Lower is tried first.
    #[serde(default)]
    pub priority: u32,
    /// Whether it is enabled.
    #[serde(default = "yes", deserialize_with = "flag")]
    pub enabled: bool,
    /// Its location; `None`: the provider's.
    #[serde(default)]
    pub region: Option<String>,
    /// Milliseconds to wait for its headers; `None`: the provider's setting.
    #[serde(default)]
    pub first_byte_timeout_ms: Option<u32>,
    /// Milliseconds to wait for each further chunk of its answer; `None`: the provider's setting.
    #[serde(default)]
    pub idle_timeout_ms: Option<u32>,
}

fn default_weight() -> u32 {
    DEFAULT_WEIGHT
}

fn yes() -> bool {
    true
}

table! {
    LogicalModelRecord in "logical_models" unique "name" {
        generated id;
        fixed { created_at }
        changing {
            name, description, enabled, strategy,
            candidates = |model| json(&model.candidates),
            fallbacks = |model| json(&model.fallbacks),
            max_attempts, deadline_ms, hedge_after_ms, cache_ttl_s, sticky,
        }
        elsewhere {}
    }
}

impl LogicalModelRecord {
    /// A logical model with default values, created at `now_ms` (milliseconds since the epoch). It gets its id when
    /// it is stored.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self {
            id: 0,
            name: String::new(),
            description: String::new(),
            enabled: true,
            strategy: None,
            candidates: Vec::new(),
            fallbacks: Vec::new(),
            max_attempts: None,
            deadline_ms: None,
            hedge_after_ms: None,
            cache_ttl_s: None,
            sticky: true,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// Whether the name is a pattern.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.name.ends_with('*')
    }

    /// Checks conditions between fields.
    fn check(&self) -> Result<(), ApiError> {
        if self.candidates.is_empty() {
            let message = "`candidates` must name at least one candidate.";
            return Err(ApiError::invalid("missing_required_parameter", "candidates", message));
        }
        if !self.is_pattern()
            && let Some(index) = self.candidates.iter().position(|candidate| candidate.model.contains('*'))
        {
            let message = "`model` may contain `*` only if the name of the logical model ends in one.";
            return Err(ApiError::invalid("invalid_value", format!("candidates[{index}].model"), message));
        }
        if let Some(index) = self.fallbacks.iter().position(|fallback| *fallback == self.name) {
            let message = "A logical model cannot be its own fallback.";
            return Err(ApiError::invalid("invalid_value", format!("fallbacks[{index}]"), message));
        }
        Ok(())
    }
}

input! {
    /// What may be said about a logical model.
    pub struct LogicalModelInput {
        /// What callers write, or a prefix and `*` for all names that begin with it. Unique.
        pub name: String = text(1..=200).not_null().required().check(check_name),
        /// Free text.
        pub description: String = text(0..=2000),
        /// Whether it is used.
        pub enabled: bool = boolean().not_null(),
        /// How the upstream is chosen among the candidates; `null`: the default of the gateway.
        pub strategy: Strategy = one_of(Strategy::NAMES),
        /// The upstreams that may serve it, in the order in which they are to be shown; at least one.
        pub candidates: Vec<CandidateInput> = objects::<CandidateInput>(MAX_CANDIDATES).not_null(),
        /// Models that are asked for instead when no candidate answers, in this order.
        pub fallbacks: Vec<String> = texts(1..=200).check(check_fallbacks),
        /// Most attempts for one request; `null`: the default of the gateway.
        pub max_attempts: u32 = integer_u32(MAX_ATTEMPTS_RANGE),
        /// Milliseconds that all attempts may take together; `null`: the default of the gateway.
        pub deadline_ms: u32 = integer_u32(DEADLINE_RANGE_MS),
        /// Milliseconds without an answer after which a second upstream is asked as well (a hedged request); `null`: never.
        pub hedge_after_ms: u32 = integer_u32(HEDGE_RANGE_MS),
        /// Seconds for which answers are cached; `null`: not at all.
        pub cache_ttl_s: u32 = integer_u32(CACHE_TTL_RANGE_S),
        /// Whether a conversation stays with the upstream that it began with.
        pub sticky: bool = boolean().not_null(),
    }
}

input! {
    /// One of the upstreams that may serve a logical model.
    pub struct CandidateInput {
        /// The provider.
        pub provider_id: u64 = integer(1..=MAX_ID).required(),
        /// A model of the provider, or the upstream's own name of one. `*` in it stands for what the `*` of the logical
        /// model's name matched.
        pub model: String = text(1..=200).required().check(check_candidate_model),
        /// Share of the traffic, relative to the others of its priority. 0: only when no other is left.
        pub weight: u32 = integer_u32(CANDIDATE_WEIGHT_RANGE),
        /// Lower is tried first.
        pub priority: u32 = integer_u32(PRIORITY_RANGE),
        /// Whether it is used.
        pub enabled: bool = boolean(),
        /// Where it is; `null`: where the provider is.
        pub region: String = text(1..=50),
        /// Milliseconds to wait for its headers; `null`: as the provider.
        pub first_byte_timeout_ms: u32 = integer_u32(TIMEOUT_RANGE_MS),
        /// Milliseconds to wait for each further piece of its answer; `null`: as the provider.
        pub idle_timeout_ms: u32 = integer_u32(TIMEOUT_RANGE_MS),
    }
}

impl From<CandidateInput> for CandidateSpec {
    fn from(input: CandidateInput) -> Self {
        Self {
            provider_id: input.provider_id.into_set().unwrap_or_default().cast_signed(),
            model: input.model.into_set().unwrap_or_default(),
            weight: input.weight.into_set().unwrap_or(DEFAULT_WEIGHT),
            priority: input.priority.into_set().unwrap_or_default(),
            enabled: input.enabled.into_set().unwrap_or(true),
            region: input.region.into_set(),
            first_byte_timeout_ms: input.first_byte_timeout_ms.into_set(),
            idle_timeout_ms: input.idle_timeout_ms.into_set(),
        }
    }
}

impl LogicalModelInput {
    /// Applies the change, and checks that the whole makes sense. Whether the providers exist has to be looked up.
    pub fn apply(&self, record: &mut LogicalModelRecord) -> Result<(), ApiError> {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.strategy.clone().map(|strategy| strategy.name().to_owned()).apply_to(&mut record.strategy);
        let candidates = |inputs: Vec<CandidateInput>| inputs.into_iter().map(CandidateSpec::from).collect();
        self.candidates.clone().map(candidates).apply_or(&mut record.candidates, Vec::new());
        self.fallbacks.clone().apply_or(&mut record.fallbacks, Vec::new());
        self.max_attempts.clone().apply_to(&mut record.max_attempts);
        self.deadline_ms.clone().apply_to(&mut record.deadline_ms);
        self.hedge_after_ms.clone().apply_to(&mut record.hedge_after_ms);
        self.cache_ttl_s.clone().apply_to(&mut record.cache_ttl_s);
        self.sticky.clone().apply_or(&mut record.sticky, true);
        record.check()
    }
}

fn check_candidate_model(model: String) -> Result<String, ApiError> {
    if model.matches('*').count() > 1 {
        return Err(ApiError::invalid("invalid_value", "model", "`model` may contain one `*`."));
    }
    Ok(model)
}

fn check_name(name: String) -> Result<String, ApiError> {
    match Pattern::parse(&name) {
        Ok(_) => Ok(name),
        Err(error) => Err(ApiError::invalid("invalid_value", "name", format!("`name` {error}."))),
    }
}

fn check_fallbacks(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    if names.len() > MAX_FALLBACKS {
        let message = format!("`fallbacks` must have at most {MAX_FALLBACKS} items.");
        return Err(ApiError::invalid("invalid_value", "fallbacks", message));
    }
    if let Some(index) = names.iter().position(|name| name.contains('*')) {
        let message = "A fallback is the name of a model, not a pattern.";
        return Err(ApiError::invalid("invalid_value", format!("fallbacks[{index}]"), message));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn made(body: &str) -> Result<LogicalModelRecord, ApiError> {
        let mut record = LogicalModelRecord::new(0);
        LogicalModelInput::parse(body.as_bytes())?.apply(&mut record)?;
        Ok(record)
    }

    #[test]
    fn bad_values_name_their_field() {
        let good = r#"{"provider_id":1,"model":"m"}"#;
        for (fields, param) in [
            (r#""name":"","candidates":[GOOD]"#, "name"),
            (r#""name":"a*b","candidates":[GOOD]"#, "name"),
            (r#""name":"a**","candidates":[GOOD]"#, "name"),
            (r#""name":"a b","candidates":[GOOD]"#, "name"),
            (r#""name":"m""#, "candidates"),
            (r#""name":"m","candidates":[]"#, "candidates"),
            (r#""name":"m","candidates":{}"#, "candidates"),
            (r#""name":"m","candidates":[7]"#, "candidates[0]"),
            (r#""name":"m","candidates":[GOOD,{"model":"m"}]"#, "candidates[1].provider_id"),
            (r#""name":"m","candidates":[GOOD,{"provider_id":1}]"#, "candidates[1].model"),
            (
                r#""name":"m","candidates":[GOOD,{"provider_id":1,"model":"m","weight":-1}]"#,
                "candidates[1].weight",
            ),
            (r#""name":"m","candidates":[{"provider_id":1,"model":"m","wieght":1}]"#, "candidates[0].wieght"),
            (r#""name":"m","candidates":[{"provider_id":1,"model":"x-*"}]"#, "candidates[0].model"),
            (r#""name":"m*","candidates":[{"provider_id":1,"model":"**"}]"#, "candidates[0].model"),
            (r#""name":"m","candidates":[GOOD],"fallbacks":["n","m"]"#, "fallbacks[1]"),
            (r#""name":"m","candidates":[GOOD],"fallbacks":["n*"]"#, "fallbacks[0]"),
            (r#""name":"m","candidates":[GOOD],"strategy":"fastest""#, "strategy"),
            (r#""name":"m","candidates":[GOOD],"max_attempts":0"#, "max_attempts"),
            (r#""name":"m","candidates":[GOOD],"hedge_after_ms":1"#, "hedge_after_ms"),
            (r#""name":"m","candidates":[GOOD],"sticky":1"#, "sticky"),
        ] {
            let body = format!("{{{}}}", fields.replace("GOOD", good));
            assert_eq!(made(&body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default_and_can_be_had_back() {
        let body = r#"{"name":"qwen-*","strategy":"ordered","candidates":[{"provider_id":3,"model":"vendor/*"},
            {"provider_id":4,"model":"q","weight":0,"priority":1,"enabled":false,"region":"eu","idle_timeout_ms":900}]}"#;
        let mut record = made(body).unwrap();
        assert!(record.is_pattern() && record.sticky);
        let (first, second) = (&record.candidates[0], &record.candidates[1]);
        assert_eq!((first.weight, first.priority, first.enabled), (100, 0, true));
        assert_eq!((second.weight, second.priority, second.enabled), (0, 1, false));
        assert_eq!((second.region.as_deref(), second.idle_timeout_ms), (Some("eu"), Some(900)));
        let input = LogicalModelInput::parse(br#"{"strategy":null,"fallbacks":null}"#).unwrap();
        input.apply(&mut record).unwrap();
        assert_eq!((record.strategy, record.candidates.len()), (None, 2));
    }

    #[test]
    fn a_changed_name_is_checked_against_what_stands() {
        let mut record = made(r#"{"name":"a-*","candidates":[{"provider_id":1,"model":"*"}]}"#).unwrap();
        let input = LogicalModelInput::parse(br#"{"name":"a"}"#).unwrap();
        assert_eq!(input.apply(&mut record).unwrap_err().param.as_deref(), Some("candidates[0].model"));
    }

    #[test]
    fn a_row_of_the_database_and_a_copy_of_it_read_the_same() {
        let row = r#"{"id":1,"name":"m","description":"","enabled":1,"strategy":null,
            "candidates":"[{\"provider_id\":1,\"model\":\"m\"}]","fallbacks":"[\"n\"]","max_attempts":null,
            "deadline_ms":null,"hedge_after_ms":null,"cache_ttl_s":null,"sticky":0,"created_at":5,"updated_at":6}"#;
        let record: LogicalModelRecord = serde_json::from_str(row).unwrap();
        assert_eq!((record.fallbacks[0].as_str(), record.candidates[0].weight), ("n", 100));
        assert!(!record.sticky);
        let copy: LogicalModelRecord =
            serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(copy, record);
    }
}
