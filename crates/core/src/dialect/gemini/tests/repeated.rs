//! A stream is read, and its facts are noted, as they are when each of its events is parsed, whether or not events repeat each other.

use proptest::prelude::*;

use crate::dialect::canonical::StreamDecoder;
use crate::dialect::gemini::stream_decoder::Decoder;
use crate::dialect::gemini::usage_tap::UsageTap;
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::testing_repeats::{Sample, check, samples, sse};

fn data(sample: &Sample) -> Vec<u8> {
    let Sample { text, count, .. } = sample;
    let candidate = |parts: String, more: &str| {
        format!(r#"{{"content":{{"parts":[{parts}],"role":"model"}},"index":0{more}}}"#)
    };
    let part = format!(r#"{{"text":{text}}}"#);
    let candidates = match sample.kind {
        0 => candidate(part, r#","finishReason":"STOP""#),
        1 => candidate(r#"{"functionCall":{"name":"f","args":{}}}"#.to_owned(), ""),
        2 => candidate(
            part,
            r#","groundingMetadata":{"webSearchQueries":["a"],"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"endIndex":2},"groundingChunkIndices":[0]}]}"#,
        ),
        3 => candidate(format!(r#"{{"text":{text},"thoughtSignature":"c2ln"}}"#), ""),
        4 => candidate(format!("{part},{part}"), ""),
        5 => format!(r#"{},{{"content":{{"parts":[{part}]}},"index":1}}"#, candidate(part.clone(), "")),
        6 => format!(r#"{{"content":{{"parts":[{part}]}},"index":{count}}}"#),
        7 => candidate(
            part,
            r#","citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":1,"uri":"u"}]}"#,
        ),
        8 => candidate(r#"{"functionCall":{"name":"f","willContinue":true}}"#.to_owned(), ""),
        9..=20 => candidate(format!(r#"{{"text":{text},"thought":true}}"#), ""),
        _ => candidate(part, ""),
    };
    let usage = match sample.kind {
        50.. => String::new(),
        _ => format!(
            r#","usageMetadata":{{"promptTokenCount":7,"candidatesTokenCount":{count},"totalTokenCount":{count},"promptTokensDetails":[{{"modality":"AUDIO","tokenCount":3}}]}}"#
        ),
    };
    sample.damaged(format!(
        r#"{{"candidates":[{candidates}]{usage},"modelVersion":"gemini-2.5-flash","responseId":"r"}}"#
    ))
}

proptest! {
    #[test]
    fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
        let events: Vec<_> = samples.iter().map(|sample| sse("message", &data(sample))).collect();
        check(&events, size, |parses_all| {
            Box::new(Joined::new(if parses_all { Decoder::that_parses_all() } else { Decoder::new() }))
        });
    }

    #[test]
    fn the_same_facts_are_noted(samples in samples()) {
        let facts = [UsageTap::that_parses_all(), UsageTap::default()].map(|mut tap| {
            for sample in &samples {
                tap.observe(&data(sample));
            }
            (tap.usage, tap.finish_reason, tap.complete, tap.error, tap.estimated_completion)
        });
        prop_assert_eq!(&facts[0], &facts[1]);
    }
}

#[test]
fn a_piece_of_text_is_recognised_whatever_its_counts() {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    for (count, text) in (8..).zip(["one", "two", "three", "four"]) {
        let data = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}}}],"usageMetadata":{{"promptTokenCount":4,"candidatesTokenCount":{count}}}}}"#
        );
        decoder.push(&sse("message", data.as_bytes()), &mut events);
    }
    assert_eq!(decoder.recognised(), 2);
}
