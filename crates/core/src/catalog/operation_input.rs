//! The fields of a provider about its part in routing, as the admin API accepts them.

use super::operation::{
    DEFAULT_WEIGHT, OperationStatus, PRIORITY_RANGE, PROBE_INTERVAL_RANGE_S, RATE_RANGE, RETRY_STATUS_RANGE,
    WEIGHT_RANGE,
};
use super::provider::ProviderRecord;
use crate::input;
use crate::input::{Rule, boolean, integer_u32, numbers, one_of, text};

input! {
    /// How a provider takes part in routing.
    pub struct OperationInput {
        /// Whether requests are let through to it.
        pub status: OperationStatus = one_of(OperationStatus::NAMES).not_null(),
        /// Where it is.
        pub region: String = text(1..=50),
        /// Share of the traffic among those of the same priority; `null`: 100.
        pub weight: u32 = integer_u32(WEIGHT_RANGE),
        /// Lower is tried first; `null`: 0.
        pub priority: u32 = integer_u32(PRIORITY_RANGE),
        /// Requests under way at the same time; `null`: any number.
        pub max_in_flight: u32 = integer_u32(RATE_RANGE),
        /// Requests a second; `null`: any number.
        pub max_qps: u32 = integer_u32(RATE_RANGE),
        /// Status codes that are tried elsewhere besides those that always are.
        pub retry_statuses: String = numbers(RETRY_STATUS_RANGE).check(|statuses| Ok(join(statuses))),
        /// Whether it is probed from time to time.
        pub probe_enabled: bool = boolean().not_null(),
        /// The model that probes ask; `null`: its first.
        pub probe_model: String = text(1..=200),
        /// The prompt of probes; `null`: a short greeting.
        pub probe_prompt: String = text(1..=2000),
        /// Seconds between two probes; `null`: 300.
        pub probe_interval_s: u32 = integer_u32(PROBE_INTERVAL_RANGE_S),
    }
}

impl OperationInput {
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

fn join(mut statuses: Vec<u64>) -> String {
    statuses.sort_unstable();
    statuses.dedup();
    statuses.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;
    use crate::error::ApiError;
    use crate::input::Input;

    fn read(body: &str) -> Result<OperationInput, ApiError> {
        OperationInput::parse(body.as_bytes())
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
