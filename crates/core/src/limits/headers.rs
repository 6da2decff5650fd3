//! The `x-ratelimit-*` headers in the form that `OpenAI`'s clients read.

use super::amounts::Unit;
use super::sync::MeterState;

/// The headers for the state of a key's limits: the limit on requests and the limit on tokens with the smallest share
/// left.
#[must_use]
pub fn ratelimit_headers(meters: &[MeterState]) -> Vec<(&'static str, String)> {
    let names = [
        (
            Unit::Requests,
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        ),
        (
            Unit::Tokens,
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
        ),
    ];
    let mut headers = Vec::new();
    for (unit, [limit, remaining, reset]) in names {
        let of_unit = meters.iter().filter(|meter| meter.kind.unit() == unit);
        let nearest = of_unit.min_by_key(|meter| share_left(meter));
        if let Some(meter) = nearest {
            headers.push((limit, meter.limit.to_string()));
            headers.push((remaining, meter.remaining().to_string()));
            headers.push((reset, duration(meter.reset_ms)));
        }
    }
    headers
}

fn share_left(meter: &MeterState) -> u128 {
    u128::from(meter.remaining()) * 1_000_000 / u128::from(meter.limit.max(1))
}

/// A duration as `OpenAI` writes it: `0s`, `12ms`, `1s`, `6m0s`, `1h0m0s`; fractions of a second are rounded up.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    if milliseconds == 0 {
        return "0s".into();
    }
    if milliseconds < 1_000 {
        return format!("{milliseconds}ms");
    }
    let seconds = milliseconds.div_ceil(1_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::rules::RuleKind;

    #[test]
    fn durations_are_those_of_openai() {
        let cases =
            [(0, "0s"), (12, "12ms"), (1_000, "1s"), (1_001, "2s"), (360_000, "6m0s"), (3_661_000, "1h1m1s")];
        for (milliseconds, text) in cases {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn the_limit_nearest_to_its_end_is_shown() {
        let meter = |kind, limit, used| MeterState { kind, limit, used, reset_ms: 1_000 };
        let headers = ratelimit_headers(&[
            meter(RuleKind::RequestsPerMinute, 10, 1),
            meter(RuleKind::RequestsPerDay, 100, 95),
            meter(RuleKind::BudgetDay, 5, 5),
        ]);
        let shown: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "x-ratelimit-limit-requests=100",
                "x-ratelimit-remaining-requests=5",
                "x-ratelimit-reset-requests=1s"
            ]
        );
    }
}
