//! A usage object that comes again and again with other counts, as services send it that report usage with every event.
//!
//! Guarantee: [`Form::add_to`] with the counts of an object that is written like the noted one does to a [`Tally`] what
//! [`Tally::add`] with that object does.

use serde_json::value::RawValue;

use super::table::{NUMBERS, PLACES, Place, is_same};
use super::{ABSENT, Tally};
use crate::json::lenient::for_each_field;
use crate::json::object::Kind;

/// What a usage object says without its counts, and where each of them belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the object says beside the counts that vary.
    fixed: Tally,
    /// For each count that varies its row of the table; `None` if the table does not know it.
    rows: Vec<Option<usize>>,
}

/// The numbers of an object.
#[derive(Default)]
struct Numbers<'a> {
    varying: Vec<(Option<usize>, &'a RawValue)>,
    /// Rows of what does not vary: amounts, and counts that are written otherwise than with digits.
    fixed: Vec<usize>,
}

impl Form {
    /// The form of a usage object, and its counts that may vary. `None` if the object is no object, or cannot be taken apart: it has
    /// a count that no request can have, or says one thing twice.
    pub fn of(usage: &RawValue) -> Option<(Self, Vec<&RawValue>)> {
        if Kind::of(usage) != Kind::Object {
            return None;
        }
        let mut numbers = Numbers::default();
        numbers.walk(usage, Place::Top);
        let (rows, counts): (Vec<_>, Vec<_>) = numbers.varying.into_iter().unzip();
        let mut fixed = Tally::default();
        fixed.add_object(usage, Place::Top);
        let is_apart = |row: &usize| !numbers.fixed.contains(row);
        if fixed.has_absurd_count || !rows.iter().flatten().all(is_apart) {
            return None;
        }
        for row in rows.iter().flatten() {
            if let Some(held) = fixed.numbers.get_mut(*row) {
                *held = ABSENT;
            }
        }
        Some((Self { fixed, rows }, counts))
    }

    /// Adds the object with these counts, in the order in which [`of`](Self::of) told them.
    pub fn add_to(&self, tally: &mut Tally, counts: &[u64]) {
        let mut said = self.fixed.clone();
        for (row, count) in self.rows.iter().zip(counts) {
            let Some(row) = row else { continue };
            let (Some(held), Some((_, _, says))) = (said.numbers.get_mut(*row), NUMBERS.get(*row)) else {
                continue;
            };
            if *count <= says.most() {
                *held = *count;
            } else {
                said.has_absurd_count = true;
            }
        }
        tally.merge(&said);
    }
}

impl<'a> Numbers<'a> {
    /// Collects the numbers of an object at a place. Lists, and objects that the table does not know, do not vary.
    fn walk(&mut self, object: &'a RawValue, place: Place) {
        for_each_field(object, |name, value| match Kind::of(value) {
            Kind::Object => {
                let inner = PLACES.iter().find(|(outer, known, _)| *outer == place && is_same(known, name));
                if let Some((_, _, inner)) = inner {
                    self.walk(value, *inner);
                }
            }
            Kind::Number | Kind::String => {
                let row = NUMBERS.iter().position(|(at, known, _)| *at == place && is_same(known, name));
                let is_amount =
                    row.and_then(|row| NUMBERS.get(row)).is_some_and(|(_, _, says)| says.is_amount());
                if !is_amount && value.get().bytes().all(|byte| byte.is_ascii_digit()) {
                    self.varying.push((row, value));
                } else {
                    self.fixed.extend(row);
                }
            }
            Kind::Boolean | Kind::Null | Kind::Array => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn count() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0..2000_u64, 1 => Just(0), 1 => 19_999_999..20_000_002_u64]
    }

    /// Fields with and without counts, in an object of the given names.
    fn fields() -> impl Strategy<Value = Map<String, Value>> {
        let name = prop_oneof![
            4 => prop::sample::select(NUMBERS).prop_map(|(_, name, _)| name.to_owned()),
            1 => Just("promptTokenCount".to_owned()),
            1 => Just("unknown".to_owned()),
        ];
        let value = prop_oneof![
            6 => count().prop_map(Value::from),
            1 => count().prop_map(|count| count.to_string().into()),
            1 => Just(json!(1.5)),
            1 => Just(json!(-3)),
            1 => Just(json!(null)),
            1 => Just(json!([{"modality": "AUDIO", "tokenCount": 3}])),
        ];
        prop::collection::btree_map(name, value, 0..6).prop_map(|fields| fields.into_iter().collect())
    }

    fn usage() -> impl Strategy<Value = Value> {
        let inner = prop::sample::select(PLACES).prop_map(|(_, name, _)| name.to_owned());
        (fields(), prop::collection::btree_map(inner, fields(), 0..3), any::<bool>()).prop_map(
            |(mut outer, inner, has_list)| {
                outer.extend(inner.into_iter().map(|(name, fields)| (name, Value::Object(fields))));
                if has_list {
                    outer.insert(
                        "promptTokensDetails".into(),
                        json!([{"modality": "AUDIO", "tokenCount": 4}]),
                    );
                }
                Value::Object(outer)
            },
        )
    }

    /// The object with every whole number replaced that the form says may vary.
    fn with_counts(text: &str, counts: &[&RawValue], new: &[u64]) -> String {
        let mut places: Vec<_> =
            counts.iter().map(|count| count.get().as_ptr().addr() - text.as_ptr().addr()).collect();
        let mut out = text.to_owned();
        let mut order: Vec<_> = places.drain(..).zip(counts).zip(new).collect();
        order.sort_unstable_by_key(|((place, _), _)| std::cmp::Reverse(*place));
        for ((place, count), new) in order {
            out.replace_range(place..place + count.get().len(), &new.to_string());
        }
        out
    }

    proptest! {
        #[test]
        fn other_counts_do_what_another_object_does(
            before in usage(), usage in usage(), new in prop::collection::vec(count(), 40),
        ) {
            let usage = raw(&usage);
            if let Some((form, counts)) = Form::of(&usage) {
                let text = with_counts(usage.get(), &counts, &new);
                let (mut parsed, mut known) = (Tally::default(), Tally::default());
                parsed.add(&raw(&before));
                known.add(&raw(&before));
                parsed.add(&RawValue::from_string(text).unwrap());
                form.add_to(&mut known, new.get(..counts.len()).unwrap());
                prop_assert_eq!(known, parsed);
            }
        }
    }

    #[test]
    fn counts_are_found_where_services_have_them() {
        for (usage, counts) in [
            (
                json!({"promptTokenCount": 7, "candidatesTokenCount": 2, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}]}),
                Some(2),
            ),
            (
                json!({"input_tokens": 1, "output_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0}, "image_count": 1}),
                Some(4),
            ),
            (json!({"total_tokens": "5", "latency": 0.5, "other": {"a": 1}, "cost": 3}), Some(0)),
            (json!({"total_tokens": "5", "totalTokens": 5}), None),
            (json!({"total_tokens": 99_000_000}), None),
            (json!([1]), None),
        ] {
            assert_eq!(Form::of(&raw(&usage)).map(|(_, found)| found.len()), counts, "{usage}");
        }
    }
}
