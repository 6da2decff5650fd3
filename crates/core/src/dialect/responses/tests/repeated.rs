//! A stream is read, and its facts are noted, as they are when each of its events is parsed, whether or not events repeat each other.

use proptest::prelude::*;

use super::super::stream_decoder::compared;
use super::super::tap::ResponsesObserver;
use crate::dialect::canonical::StreamDecoder;
use crate::dialect::tap::Observer as _;
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::testing_repeats::{Sample, check, samples, sse};
use crate::sse::Event;

fn delta(kind: &str, sample: &Sample, place: &str) -> String {
    let Sample { text, count, padding, .. } = sample;
    format!(
        r#"{{"type":"{kind}","sequence_number":{count},{place},"delta":{text},"logprobs":[],"obfuscation":{padding}}}"#
    )
}

fn written(sample: &Sample) -> Vec<u8> {
    let Sample { text, count, .. } = sample;
    let at = |index: u8| {
        format!(r#""item_id":"i{index}","output_index":{index},"content_index":0,"summary_index":0"#)
    };
    let (kind, data) = match sample.kind {
        0 => ("response.created", format!(r#"{{"type":"response.created","sequence_number":{count},"response":{{"id":"r"}}}}"#)),
        1 => ("response.output_item.added", r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"i1","name":"f"}}"#.to_owned()),
        2 => ("response.output_item.done", r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"i1","name":"f","arguments":"{}"}}"#.to_owned()),
        3 => ("response.output_text.done", format!(r#"{{"type":"response.output_text.done",{},"text":{text}}}"#, at(0))),
        4 => ("response.output_text.delta", format!(r#"{{"type":"response.output_text.delta",{},"delta":{text},"logprobs":[{{"token":{text},"logprob":-1}}]}}"#, at(0))),
        5 => ("response.output_text.delta", format!(r#"{{{},"delta":{text}}}"#, at(0))),
        6 => ("response.unknown.delta", delta("response.unknown.delta", sample, &at(0))),
        7 => ("response.output_text.delta", format!(r#"{{"type":"response.output_text.delta",{},"delta":{text},"response":{{"id":"x"}}}}"#, at(0))),
        8..=14 => ("response.function_call_arguments.delta", delta("response.function_call_arguments.delta", sample, &at(1))),
        15..=22 => ("response.reasoning_summary_text.delta", delta("response.reasoning_summary_text.delta", sample, &at(2))),
        23..=25 => ("response.reasoning_text.delta", delta("response.reasoning_text.delta", sample, &at(2))),
        26..=28 => ("response.refusal.delta", delta("response.refusal.delta", sample, &at(0))),
        _ => ("response.output_text.delta", delta("response.output_text.delta", sample, &at(0))),
    };
    sse(kind, &sample.damaged(data))
}

proptest! {
    #[test]
    fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
        let events: Vec<_> = samples.iter().map(written).collect();
        check(&events, size, |parses_all| Box::new(Joined::new(compared::decoder(parses_all))));
    }

    #[test]
    fn the_same_facts_are_noted(samples in samples()) {
        let observers = [true, false].map(|parses_all| {
            let mut observer = if parses_all { ResponsesObserver::that_parses_all() } else { ResponsesObserver::default() };
            for sample in &samples {
                observer.observe(Event::from_raw(&written(sample)));
            }
            (format!("{:?}", observer.facts()), observer.ending(), observer.is_at_work(), observer.encode_error(&crate::dialect::canonical::ErrorInfo::truncated()))
        });
        prop_assert_eq!(&observers[0], &observers[1]);
    }
}

#[test]
fn more_text_is_recognised_whatever_its_number_and_what_hides_its_length() {
    let (mut decoder, mut events) = (compared::decoder(false), Vec::new());
    for (number, text) in (98..).zip(["one", "two", "three", "four"]) {
        let data = format!(
            r#"{{"type":"response.output_text.delta","sequence_number":{number},"item_id":"i","delta":"{text}","obfuscation":"{}"}}"#,
            "x".repeat(9 - text.len()),
        );
        decoder.push(&sse("response.output_text.delta", data.as_bytes()), &mut events);
    }
    assert_eq!(compared::recognised(&decoder), 3);
}
