//! The record of a request that was answered in several rounds, each of which has a record of its own.
//!
//! Guarantees: tokens, searches and cost of the request are the sums of its rounds, each priced at the candidate that answered it;
//! the attempts of all rounds are listed in their order; times are counted from the arrival of the request; what cannot be added up
//! (the provider, the reason for the end) is that of the last round.

use nexus_edge_core::dialect::canonical::{Answered, Part};
use nexus_edge_core::stats::{AttemptRecord, Outcome, PriceSource, UsageEvent};
use nexus_edge_core::tokens::{MAX_COST_MICROS, UsageSource};

use crate::trail::Trail;

/// What the rounds of a request add up to.
#[derive(Debug, Default)]
pub struct Sum {
    rounds: u64,
    /// The last round, with the sums.
    event: UsageEvent,
    attempts: Vec<AttemptRecord>,
    is_plain: bool,
}

impl Sum {
    /// Adds a round that has ended: its event, complete and priced, and its trail.
    pub fn add(&mut self, mut round: UsageEvent, trail: &Trail) {
        // Times of attempts are relative to their own round until the request is known.
        let mut attempts = std::mem::take(&mut round.attempts);
        let is_plain = attempts.is_empty();
        attempts.extend(trail.only_attempt(round.ts).filter(|_| is_plain));
        for attempt in &mut attempts {
            attempt.started_ms = attempt.started_ms.map(|at_ms| at_ms.saturating_add(round.ts));
        }
        self.attempts.extend(attempts);
        self.rounds += 1;
        if self.rounds == 1 {
            self.is_plain = is_plain;
            self.event = round;
            return;
        }
        self.is_plain = false;
        let before = std::mem::take(&mut self.event);
        let is_unknown = |event: &UsageEvent| event.price_source == PriceSource::Unknown;
        let is_partly_unknown = is_unknown(&before) != is_unknown(&round);
        let (price_source, price_table) = if is_unknown(&round) || round.price_source == PriceSource::None {
            (before.price_source, before.price_table)
        } else {
            (round.price_source, round.price_table)
        };
        let guards: Vec<String> = before.guards.into_iter().chain(round.guards).collect();
        let mut usage = before.usage.plus(round.usage);
        usage.is_suspect |= is_partly_unknown;
        self.event = UsageEvent {
            ts: before.ts,
            usage,
            usage_source: worse(before.usage_source, round.usage_source),
            cost_micros: before.cost_micros.saturating_add(round.cost_micros).min(MAX_COST_MICROS),
            price_source,
            price_table,
            first_byte_ms: before.first_byte_ms,
            first_token_ms: before.first_token_ms,
            overhead_ms: before.overhead_ms,
            conversation_id: before.conversation_id,
            guards: (!guards.is_empty()).then(|| guards.join(", ")),
            ..round
        };
    }

    /// Rounds so far.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// What they cost, in millionths of a dollar.
    #[must_use]
    pub fn cost_micros(&self) -> u64 {
        self.event.cost_micros
    }

    /// The conversation of the first round, if there was one.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&str> {
        (self.rounds > 0).then_some(self.event.conversation_id.as_str())
    }

    /// Writes the sums into the event of the request. How the request ended stays, except for a failure that the request leaves to its
    /// last round to name. False if there was no round.
    pub fn write_to(self, event: &mut UsageEvent) -> bool {
        if self.rounds == 0 {
            return false;
        }
        let later_ms = self.event.ts.saturating_sub(event.ts);
        let since = |ms: Option<u64>| ms.map(|ms| ms.saturating_add(later_ms));
        if event.error_code.is_none() && event.outcome == Outcome::Failed {
            event.error_code = self.event.error_code;
        }
        event.provider_id = self.event.provider_id;
        event.provider_name = self.event.provider_name;
        event.upstream_model = self.event.upstream_model;
        event.logical_model = self.event.logical_model;
        event.finish_reason = self.event.finish_reason;
        event.usage = self.event.usage;
        event.usage_source = self.event.usage_source;
        event.cost_micros = self.event.cost_micros;
        event.price_source = self.event.price_source;
        event.price_table = self.event.price_table;
        event.conversation_id = self.event.conversation_id;
        event.guards = self.event.guards;
        event.rounds = self.rounds;
        event.first_byte_ms = since(self.event.first_byte_ms);
        event.first_token_ms = since(self.event.first_token_ms).filter(|_| event.stream);
        event.overhead_ms = since(self.event.overhead_ms);
        if !self.is_plain {
            event.attempts = self.attempts;
            for attempt in &mut event.attempts {
                attempt.started_ms = attempt.started_ms.map(|at_ms| at_ms.saturating_sub(event.ts));
            }
        }
        true
    }
}

/// The less certain of two.
fn worse(one: UsageSource, other: UsageSource) -> UsageSource {
    let rank = |source: UsageSource| match source {
        UsageSource::None => 0,
        UsageSource::Reported => 1,
        UsageSource::Counted => 2,
        UsageSource::Estimated => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// The answers of the rounds as the caller has them in its history: what was said in all of them, and the calls of the last one.
/// `between` stands between texts of different rounds.
#[must_use]
pub fn joined(answers: Vec<Answered>, between: &str) -> Option<Answered> {
    let mut parts: Vec<Part> = Vec::new();
    let mut has_text = false;
    let mut answers = answers.into_iter().peekable();
    while let Some(mut answered) = answers.next() {
        let mut choices = std::mem::take(&mut answered.response.choices).into_iter();
        let mut choice = choices.next().unwrap_or_default();
        let is_last = answers.peek().is_none();
        let mut begins = has_text;
        for mut part in std::mem::take(&mut choice.parts) {
            if matches!(part, Part::ToolCall { .. }) && !is_last {
                continue;
            }
            if let Part::Text { text, .. } = &mut part {
                if std::mem::take(&mut begins) {
                    text.insert_str(0, between);
                }
                has_text = true;
            }
            parts.push(part);
        }
        if is_last {
            choice.parts = parts;
            answered.response.choices = vec![choice];
            return Some(answered);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::dialect::canonical::{ChatResponse, Choice};
    use nexus_edge_core::tokens::TokenUsage;

    fn round(ts: u64, prompt: u64, source: PriceSource, cost_micros: u64) -> UsageEvent {
        UsageEvent {
            ts,
            usage: TokenUsage { prompt, completion: 1, ..TokenUsage::default() },
            usage_source: UsageSource::Reported,
            cost_micros,
            price_source: source,
            first_byte_ms: Some(5),
            conversation_id: format!("c{ts}"),
            outcome: Outcome::Completed,
            provider_name: Some(format!("p{ts}")),
            ..UsageEvent::default()
        }
    }

    fn asked(at_ms: u64) -> Trail {
        let mut trail = Trail::default();
        trail.note_attempt(AttemptRecord { started_ms: Some(at_ms), ..AttemptRecord::default() });
        trail
    }

    #[test]
    fn a_request_has_the_sums_of_its_rounds_and_the_end_of_the_last_one() {
        let mut sum = Sum::default();
        sum.add(round(110, 10, PriceSource::List, 7), &asked(112));
        let estimated =
            UsageEvent { usage_source: UsageSource::Estimated, ..round(200, 30, PriceSource::List, 9) };
        sum.add(estimated, &asked(201));
        assert_eq!((sum.rounds(), sum.cost_micros(), sum.conversation_id()), (2, 16, Some("c110")));
        let mut event = UsageEvent { ts: 100, outcome: Outcome::Completed, ..UsageEvent::default() };
        assert!(sum.write_to(&mut event));
        assert_eq!((event.usage.prompt, event.usage.completion, event.cost_micros), (40, 2, 16));
        assert_eq!((event.rounds, event.usage_source), (2, UsageSource::Estimated));
        assert_eq!((event.first_byte_ms, event.ts), (Some(15), 100));
        assert_eq!(event.provider_name.as_deref(), Some("p200"));
        let starts: Vec<_> = event.attempts.iter().map(|attempt| attempt.started_ms).collect();
        assert_eq!(starts, [Some(12), Some(101)]);
    }

    #[test]
    fn one_plain_round_is_like_a_request_without_rounds() {
        let mut sum = Sum::default();
        sum.add(round(110, 10, PriceSource::List, 7), &asked(112));
        let mut event = UsageEvent { ts: 100, outcome: Outcome::Cancelled, ..UsageEvent::default() };
        assert!(sum.write_to(&mut event));
        assert_eq!((event.attempts.len(), event.outcome), (0, Outcome::Cancelled));
        assert!(!Sum::default().write_to(&mut event));
    }

    #[test]
    fn a_price_that_is_known_only_in_part_is_marked() {
        let mut sum = Sum::default();
        sum.add(round(1, 10, PriceSource::List, 7), &asked(1));
        sum.add(round(2, 10, PriceSource::Unknown, 0), &asked(2));
        let mut event = UsageEvent::default();
        assert!(sum.write_to(&mut event));
        assert_eq!((event.price_source, event.cost_micros), (PriceSource::List, 7));
        assert!(event.usage.is_suspect);
    }

    #[test]
    fn a_failure_is_named_by_the_round_that_failed() {
        let failed = UsageEvent {
            error_code: Some("stream_truncated".to_owned()),
            ..round(1, 1, PriceSource::None, 0)
        };
        for (outcome, expected) in [(Outcome::Failed, Some("stream_truncated")), (Outcome::Completed, None)] {
            let mut sum = Sum::default();
            sum.add(failed.clone(), &asked(1));
            let mut event = UsageEvent { outcome, ..UsageEvent::default() };
            sum.write_to(&mut event);
            assert_eq!(event.error_code.as_deref(), expected);
        }
    }

    #[test]
    fn answers_are_joined_without_the_calls_that_were_run() {
        let call = |id: &str| Part::ToolCall {
            id: id.to_owned(),
            name: "t".to_owned(),
            arguments: String::new(),
            signature: None,
            cache: None,
        };
        let answered = |parts: Vec<Part>| Answered {
            response: ChatResponse {
                choices: vec![Choice { parts, ..Choice::default() }],
                ..ChatResponse::default()
            },
            is_whole: true,
        };
        let all = vec![
            answered(vec![Part::text("I look. "), call("1")]),
            answered(vec![Part::text("It is "), call("2")]),
            answered(vec![Part::text("42."), call("3")]),
        ];
        let all = joined(all, "\n");
        let parts = all.map(|answered| answered.response.choices[0].parts.clone());
        let texts = [Part::text("I look. "), Part::text("\nIt is "), Part::text("\n42.")];
        assert_eq!(parts, Some(texts.into_iter().chain([call("3")]).collect()));
        assert_eq!(joined(Vec::new(), ""), None);
    }
}
