//! The fields of a provider about its part in routing, as the admin API accepts them.

use super::fields::{Fields, Patch};
use super::operation::{
    DEFAULT_WEIGHT, OperationStatus, PRIORITY_RANGE, PROBE_INTERVAL_RANGE_S, RATE_RANGE, RETRY_STATUS_RANGE,
    WEIGHT_RANGE,
};
use super::provider::ProviderRecord;
use crate::error::ApiError;

/// The fields of [`super::operation`] in the body of `POST /providers` and `PUT /providers/{id}`, checked.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct OperationInput {
    pub status: Patch<OperationStatus>,
    pub region: Patch<String>,
    pub weight: Patch<u32>,
    pub priority: Patch<u32>,
    pub max_in_flight: Patch<u32>,
    pub max_qps: Patch<u32>,
    pub retry_statuses: Patch<String>,
    pub probe_enabled: Patch<bool>,
    pub probe_model: Patch<String>,
    pub probe_prompt: Patch<String>,
    pub probe_interval_s: Patch<u32>,
}

impl OperationInput {
    /// The names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "status",
        "region",
        "weight",
        "priority",
        "max_in_flight",
        "max_qps",
        "retry_statuses",
        "probe_enabled",
        "probe_model",
        "probe_prompt",
        "probe_interval_s",
    ];

    /// Parses and validates the fields.
    pub fn read(fields: &Fields<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            status: fields.text("status", 1..=20)?.not_null("status")?.try_map(|name| read_status(&name))?,
            region: fields.text("region", 1..=50)?,
            weight: fields.integer_u32("weight", WEIGHT_RANGE)?,
            priority: fields.integer_u32("priority", PRIORITY_RANGE)?,
            max_in_flight: fields.integer_u32("max_in_flight", RATE_RANGE)?,
            max_qps: fields.integer_u32("max_qps", RATE_RANGE)?,
            retry_statuses: fields
                .number_list("retry_statuses", &RETRY_STATUS_RANGE)?
                .try_map(|statuses| Ok(join(statuses)))?,
            probe_enabled: fields.boolean("probe_enabled")?.not_null("probe_enabled")?,
            probe_model: fields.text("probe_model", 1..=200)?,
            probe_prompt: fields.text("probe_prompt", 1..=2000)?,
            probe_interval_s: fields.integer_u32("probe_interval_s", PROBE_INTERVAL_RANGE_S)?,
        })
    }

    /// Applies the change.
    pub fn apply(&self, record: &mut ProviderRecord) {
        self.status.clone().apply_or(&mut record.status, OperationStatus::Active);
        self.region.clone().apply_to(&mut record.region);
        self.weight.clone().apply_or(&mut record.weight, DEFAULT_WEIGHT);
        self.priority.clone().apply_or(&mut record.priority, 0);
        self.max_in_flight.clone().apply_to(&mut record.max_in_flight);
        self.max_qps.clone().apply_to(&mut record.max_qps);
        self.retry_statuses.clone().apply_or(&mut record.retry_statuses, String::new());
        self.probe_enabled.clone().apply_or(&mut record.probe_enabled, false);
        self.probe_model.clone().apply_to(&mut record.probe_model);
        self.probe_prompt.clone().apply_to(&mut record.probe_prompt);
        self.probe_interval_s.clone().apply_to(&mut record.probe_interval_s);
    }
}

fn read_status(name: &str) -> Result<OperationStatus, ApiError> {
    let found = OperationStatus::NAMES.iter().find(|(known, _)| *known == name);
    found.map(|(_, status)| *status).ok_or_else(|| {
        let names: Vec<&str> = OperationStatus::NAMES.iter().map(|(name, _)| *name).collect();
        ApiError::invalid(
            "invalid_value",
            "status",
            format!("`status` must be one of: {}.", names.join(", ")),
        )
    })
}

fn join(mut statuses: Vec<u64>) -> String {
    statuses.sort_unstable();
    statuses.dedup();
    statuses.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;

    fn read(body: &str) -> Result<OperationInput, ApiError> {
        OperationInput::read(&Fields::parse(body.as_bytes(), OperationInput::FIELDS)?)
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"status":"asleep"}"#, "status"),
            (r#"{"status":null}"#, "status"),
            (r#"{"weight":0}"#, "weight"),
            (r#"{"weight":1001}"#, "weight"),
            (r#"{"priority":101}"#, "priority"),
            (r#"{"max_qps":0.5}"#, "max_qps"),
            (r#"{"retry_statuses":[429,200]}"#, "retry_statuses[1]"),
            (r#"{"retry_statuses":"429"}"#, "retry_statuses"),
            (r#"{"probe_interval_s":59}"#, "probe_interval_s"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn null_brings_back_the_default() {
        let mut record = test_record(1, "p");
        let input =
            r#"{"status":"paused","weight":7,"priority":3,"region":"eu","retry_statuses":[500,409,500]}"#;
        read(input).unwrap().apply(&mut record);
        assert_eq!((record.status, record.weight, record.priority), (OperationStatus::Paused, 7, 3));
        assert_eq!(record.retry_statuses().collect::<Vec<_>>(), [409, 500]);
        read(r#"{"weight":null,"priority":null,"region":null,"retry_statuses":null}"#)
            .unwrap()
            .apply(&mut record);
        assert_eq!(record.retry_statuses().count(), 0);
        record.status = OperationStatus::Active;
        assert_eq!(record, test_record(1, "p"));
    }
}
