//! The usage of several rounds: the sum of every count, whatever a provider counts.

use serde_json::{Map, Value};

/// The usages of the rounds of one answer.
#[derive(Debug, Clone, Default)]
pub struct Usages {
    earlier: Option<Value>,
    current: Option<Value>,
    rounds: usize,
}

impl Usages {
    /// What the round has reported so far, which replaces what it reported before. Members that it does not repeat stay.
    pub fn report(&mut self, text: &str) {
        let Ok(Value::Object(reported)) = serde_json::from_str(text) else { return };
        match &mut self.current {
            Some(Value::Object(known)) => {
                known.extend(reported.into_iter().filter(|(_, value)| !value.is_null()));
            }
            current => *current = Some(Value::Object(reported)),
        }
    }

    /// The round has ended.
    pub fn end_round(&mut self) {
        let Some(current) = self.current.take() else { return };
        self.rounds += 1;
        self.earlier = Some(match self.earlier.take() {
            Some(earlier) => sum(earlier, current),
            None => current,
        });
    }

    /// The sum over all rounds that reported one, if there was more than one.
    #[must_use]
    pub fn sum_of_several(&self) -> Option<String> {
        self.earlier.as_ref().filter(|_| self.rounds > 1).map(Value::to_string)
    }
}

/// Adds the numbers at the same places; of other values the later one counts.
#[must_use]
pub fn sum(earlier: Value, later: Value) -> Value {
    match (earlier, later) {
        (Value::Number(earlier), Value::Number(later)) => match (earlier.as_u64(), later.as_u64()) {
            (Some(earlier), Some(later)) => earlier.saturating_add(later).into(),
            _ => (earlier.as_f64().unwrap_or(0.0) + later.as_f64().unwrap_or(0.0)).into(),
        },
        (Value::Object(earlier), Value::Object(mut later)) => {
            let mut summed = Map::new();
            for (name, value) in earlier {
                let value = match later.remove(&name) {
                    Some(other) => sum(value, other),
                    None => value,
                };
                summed.insert(name, value);
            }
            summed.extend(later);
            Value::Object(summed)
        }
        (Value::Array(earlier), Value::Array(later)) => sum_lists(earlier, later),
        (earlier, Value::Null) => earlier,
        (_, later) => later,
    }
}

/// Lists such as Gemini's `[{"modality": "TEXT", "tokenCount": 7}]`: what has the same texts is added up.
fn sum_lists(mut earlier: Vec<Value>, later: Vec<Value>) -> Value {
    let texts = |value: &Value| -> Vec<(String, String)> {
        let of = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        value.as_object().map(|fields| fields.iter().filter_map(of).collect()).unwrap_or_default()
    };
    for item in later {
        match earlier.iter_mut().find(|known| known.is_object() && texts(known) == texts(&item)) {
            Some(known) => *known = sum(known.take(), item),
            None => earlier.push(item),
        }
    }
    Value::Array(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_count_is_added_up() {
        let first = json!({"a": 1, "details": {"x": 2, "tier": "default"}, "cost": 0.5, "l": [{"modality": "TEXT", "n": 3}], "only": 9});
        let second = json!({"a": 10, "details": {"x": 20, "y": 5, "tier": "flex"}, "cost": 0.25, "l": [{"modality": "TEXT", "n": 4}, {"modality": "IMAGE", "n": 1}], "only": null});
        let expected = json!({"a": 11, "details": {"x": 22, "y": 5, "tier": "flex"}, "cost": 0.75, "l": [{"modality": "TEXT", "n": 7}, {"modality": "IMAGE", "n": 1}], "only": 9});
        assert_eq!(sum(first, second), expected);
    }

    #[test]
    fn a_report_replaces_what_the_round_reported_before() {
        let mut usages = Usages::default();
        usages.report(r#"{"input_tokens":5,"output_tokens":1}"#);
        usages.report(r#"{"input_tokens":null,"output_tokens":7}"#);
        usages.end_round();
        assert_eq!(usages.sum_of_several(), None);
        usages.report(r#"{"input_tokens":6,"output_tokens":3}"#);
        usages.end_round();
        assert_eq!(usages.sum_of_several().unwrap(), r#"{"input_tokens":11,"output_tokens":10}"#);
    }

    proptest! {
        #[test]
        fn the_order_of_rounds_does_not_matter(counts in proptest::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 1..6)) {
            let of = |(a, b): &(u64, u64)| json!({"a": a, "in": {"b": b}});
            let add = |all: &mut dyn Iterator<Item = &(u64, u64)>| all.map(of).reduce(sum).unwrap();
            prop_assert_eq!(add(&mut counts.iter()), add(&mut counts.iter().rev()));
        }
    }
}
