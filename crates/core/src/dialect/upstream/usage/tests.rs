use proptest::prelude::*;

use super::*;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn usage_of(json: &str) -> TokenUsage {
    read(&raw(json)).unwrap_or_else(|| panic!("no usage in {json}"))
}

fn counts(prompt: u64, completion: u64) -> TokenUsage {
    TokenUsage { prompt, completion, ..TokenUsage::default() }
}

/// One usage object of each vendor, with what it says.
#[expect(clippy::too_many_lines, reason = "one entry for each vendor")]
fn vendors() -> Vec<(&'static str, &'static str, TokenUsage)> {
    vec![
        (
            "OpenAI",
            r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
                "prompt_tokens_details":{"cached_tokens":1920,"cache_write_tokens":50,"audio_tokens":7},
                "completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":3,
                    "accepted_prediction_tokens":10,"rejected_prediction_tokens":20}}"#,
            TokenUsage {
                cached: 1920,
                cache_written: 50,
                audio_prompt: 7,
                audio_completion: 3,
                reasoning: 192,
                ..counts(2006, 300)
            },
        ),
        (
            "OpenAI Responses",
            r#"{"input_tokens":75,"input_tokens_details":{"cached_tokens":32,"cache_write_tokens":9},"output_tokens":1186,
                "output_tokens_details":{"reasoning_tokens":1024},"total_tokens":1261}"#,
            TokenUsage { cached: 32, cache_written: 9, reasoning: 1024, ..counts(75, 1186) },
        ),
        (
            "Moonshot",
            r#"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,"cached_tokens":900}"#,
            TokenUsage { cached: 900, ..counts(1000, 10) },
        ),
        (
            "Mistral",
            r#"{"prompt_tokens":64,"completion_tokens":6,"total_tokens":70,"num_cached_tokens":32}"#,
            TokenUsage { cached: 32, ..counts(64, 6) },
        ),
        (
            "Mistral, speech",
            r#"{"prompt_audio_seconds":203,"prompt_tokens":4,"total_tokens":3264,"completion_tokens":635}"#,
            TokenUsage { audio_prompt: 2625, ..counts(2629, 635) },
        ),
        (
            "DeepSeek",
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_cache_hit_tokens":64,
                "prompt_cache_miss_tokens":36,"completion_tokens_details":{"reasoning_tokens":40}}"#,
            TokenUsage { cached: 64, reasoning: 40, ..counts(100, 50) },
        ),
        (
            "xAI, reasoning beside the answer",
            r#"{"prompt_tokens":41,"completion_tokens":104,"total_tokens":480,
                "prompt_tokens_details":{"text_tokens":41,"audio_tokens":0,"image_tokens":0,"cached_tokens":3},
                "completion_tokens_details":{"reasoning_tokens":335,"audio_tokens":0},
                "num_sources_used":4,"cost_in_usd_ticks":37756001}"#,
            TokenUsage {
                cached: 3,
                reasoning: 335,
                web_searches: 4,
                reported_cost_micros: Some(3776),
                ..counts(41, 439)
            },
        ),
        (
            "xAI, tools",
            r#"{"input_tokens":10,"output_tokens":5,"total_tokens":15,"num_sources_used":0,
                "server_side_tool_usage_details":{"web_search_calls":2,"x_search_calls":3,"code_interpreter_calls":9}}"#,
            TokenUsage { web_searches: 5, ..counts(10, 5) },
        ),
        (
            "Perplexity, deep research",
            r#"{"prompt_tokens":33,"completion_tokens":95,"total_tokens":128,"citation_tokens":52035,
                "num_search_queries":28,"reasoning_tokens":1946,
                "cost":{"input_tokens_cost":0.0,"output_tokens_cost":0.1,"total_cost":0.1234567}}"#,
            TokenUsage {
                reasoning: 1946,
                web_searches: 28,
                reported_cost_micros: Some(123_457),
                ..counts(33, 2041)
            },
        ),
        (
            "OpenRouter",
            r#"{"prompt_tokens":194,"completion_tokens":2,"total_tokens":196,"cost":0.00014,"is_byok":false,
                "prompt_tokens_details":{"cached_tokens":100,"cache_write_tokens":80,"audio_tokens":0},
                "cost_details":{"upstream_inference_cost":0.00014},"server_tool_use":{"web_search_requests":1},
                "completion_tokens_details":{"reasoning_tokens":0,"image_tokens":1}}"#,
            TokenUsage {
                cached: 100,
                cache_written: 80,
                image_completion: 1,
                web_searches: 1,
                reported_cost_micros: Some(140),
                ..counts(194, 2)
            },
        ),
        (
            "OpenRouter with the account's own key",
            r#"{"prompt_tokens":1,"completion_tokens":2,"cost":0.000005,"is_byok":true,
                "cost_details":{"upstream_inference_cost":0.0001004}}"#,
            TokenUsage { reported_cost_micros: Some(106), ..counts(1, 2) },
        ),
        (
            "OpenRouter, a model without a price",
            r#"{"prompt_tokens":1,"completion_tokens":2,"cost":0,"is_byok":false,"cost_details":{}}"#,
            TokenUsage { reported_cost_micros: Some(0), ..counts(1, 2) },
        ),
        (
            "DeepInfra",
            r#"{"prompt_tokens":15,"completion_tokens":16,"total_tokens":31,"estimated_cost":0.0000268}"#,
            TokenUsage { reported_cost_micros: Some(27), ..counts(15, 16) },
        ),
        (
            "LiteLLM before Anthropic",
            r#"{"prompt_tokens":1030,"completion_tokens":4,"total_tokens":1034,
                "prompt_tokens_details":{"cached_tokens":1000,"cache_creation_tokens":20,
                    "cache_creation_token_details":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15}},
                "cache_creation_input_tokens":20,"cache_read_input_tokens":1000}"#,
            TokenUsage { cached: 1000, cache_written: 20, cache_written_1h: 15, ..counts(1030, 4) },
        ),
        (
            "a gateway that leaves the cache out of the prompt",
            r#"{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,
                "cache_creation_input_tokens":20,"cache_read_input_tokens":1000}"#,
            TokenUsage { cached: 1000, cache_written: 20, ..counts(1030, 4) },
        ),
        (
            "a gateway that leaves the cache out of the prompt, not of the total",
            r#"{"prompt_tokens":500,"completion_tokens":4,"total_tokens":604,"prompt_tokens_details":{"cached_tokens":100}}"#,
            TokenUsage { cached: 100, ..counts(600, 4) },
        ),
        (
            "New API",
            r#"{"prompt_tokens":130,"completion_tokens":4,"total_tokens":134,"input_tokens":0,"output_tokens":0,
                "input_tokens_details":null,"prompt_tokens_details":{"cached_tokens":100,"cached_creation_tokens":20,"text_tokens":0},
                "claude_cache_creation_5_m_tokens":12,"claude_cache_creation_1_h_tokens":8}"#,
            TokenUsage { cached: 100, cache_written: 20, cache_written_1h: 8, ..counts(130, 4) },
        ),
        (
            "Anthropic",
            r#"{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":9,
                "cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},
                "output_tokens_details":{"thinking_tokens":6},"service_tier":"priority","inference_geo":"us",
                "server_tool_use":{"web_search_requests":2,"web_fetch_requests":7}}"#,
            TokenUsage {
                cached: 100,
                cache_written: 20,
                cache_written_1h: 15,
                reasoning: 6,
                web_searches: 2,
                tier: ServedTier::Priority,
                ..counts(130, 9)
            },
        ),
        (
            "Anthropic, a compaction",
            r#"{"input_tokens":200,"output_tokens":12,"speed":"fast","service_tier":"standard","iterations":[
                {"type":"compaction","input_tokens":60000,"output_tokens":385},
                {"type":"message","input_tokens":200,"output_tokens":12}]}"#,
            TokenUsage { tier: ServedTier::Fast, ..counts(60_200, 397) },
        ),
        (
            "Anthropic, only the compaction listed, with cache",
            r#"{"input_tokens":200,"output_tokens":12,"output_tokens_details":{"thinking_tokens":3},"iterations":[
                {"type":"compaction","input_tokens":5,"cache_read_input_tokens":70,"cache_creation_input_tokens":25,
                 "cache_creation":{"ephemeral_1h_input_tokens":25},"output_tokens":50,"iterations":[{"input_tokens":1}]}]}"#,
            TokenUsage {
                cached: 70,
                cache_written: 25,
                cache_written_1h: 25,
                reasoning: 3,
                ..counts(300, 62)
            },
        ),
        (
            "Gemini",
            r#"{"promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":30,"totalTokenCount":157,
                "toolUsePromptTokenCount":7,"cachedContentTokenCount":60,"trafficType":"ON_DEMAND_PRIORITY",
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":70},{"modality":"AUDIO","tokenCount":10},
                    {"modality":"IMAGE","tokenCount":20}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":4},{"modality":"TEXT","tokenCount":56}],
                "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":15}]}"#,
            TokenUsage {
                cached: 60,
                reasoning: 30,
                audio_prompt: 10,
                audio_cached: 4,
                image_prompt: 20,
                image_completion: 15,
                tier: ServedTier::Priority,
                ..counts(107, 50)
            },
        ),
        (
            "Gemini without the count of the candidates",
            r#"{"promptTokenCount":5,"totalTokenCount":12,"thoughtsTokenCount":4}"#,
            TokenUsage { reasoning: 4, ..counts(5, 7) },
        ),
        (
            "Gemini in the shape of Chat Completions",
            r#"{"prompt_tokens":5,"completion_tokens":10,"total_tokens":215,
                "extra_properties":{"google":{"traffic_type":"ON_DEMAND_FLEX"}}}"#,
            TokenUsage { tier: ServedTier::Flex, ..counts(5, 210) },
        ),
        (
            "Bedrock",
            r#"{"inputTokens":9,"outputTokens":10,"totalTokens":2053,"cacheReadInputTokens":1994,
                "cacheWriteInputTokens":40,"cacheDetails":[{"ttl":"1h","inputTokens":30},{"ttl":"5m","inputTokens":10}]}"#,
            TokenUsage { cached: 1994, cache_written: 40, cache_written_1h: 30, ..counts(2043, 10) },
        ),
        (
            "Cohere",
            r#"{"billed_units":{"input_tokens":5.0,"output_tokens":3.0},"tokens":{"input_tokens":210.0,"output_tokens":3.0},"cached_tokens":192}"#,
            counts(5, 3),
        ),
        (
            "Cohere, more of the prompt cached than the service adds",
            r#"{"billed_units":{"input_tokens":50,"output_tokens":9},"tokens":{"input_tokens":255,"output_tokens":9,"reasoning_tokens":4},"cached_tokens":240}"#,
            TokenUsage { cached: 35, reasoning: 4, ..counts(50, 9) },
        ),
        (
            "xAI, what it adds to a prompt counted as cached",
            r#"{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":163,"text_tokens":7}}"#,
            TokenUsage { cached: 7, ..counts(7, 1) },
        ),
        (
            "OpenRouter, read and stored again",
            r#"{"prompt_tokens":2168,"completion_tokens":100,"total_tokens":2268,"prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}"#,
            TokenUsage { cached: 2161, cache_written: 7, ..counts(2168, 100) },
        ),
        (
            "Anthropic, another model takes over",
            r#"{"input_tokens":412,"output_tokens":264,"iterations":[
                {"type":"message","model":"claude-fable-5","input_tokens":408,"output_tokens":0},
                {"type":"fallback_message","model":"claude-opus-4-8","input_tokens":412,"output_tokens":264}]}"#,
            counts(820, 264),
        ),
        (
            "DashScope",
            r#"{"input_tokens":2000,"output_tokens":30,"total_tokens":2030,"image_tokens":1247,
                "output_tokens_details":{"reasoning_tokens":12,"text_tokens":18},"plugins":{"search":{"count":1,"strategy":"turbo"}},
                "prompt_tokens_details":{"cached_tokens":500,"cache_creation_input_tokens":300,"cache_creation":{"ephemeral_5m_input_tokens":300},"cache_type":"ephemeral"}}"#,
            TokenUsage {
                cached: 500,
                cache_written: 300,
                reasoning: 12,
                image_prompt: 1247,
                web_searches: 1,
                ..counts(2000, 30)
            },
        ),
        (
            "DashScope, early audio models",
            r#"{"input_tokens":33,"output_tokens":10,"audio_tokens":85}"#,
            TokenUsage { audio_prompt: 85, ..counts(118, 10) },
        ),
        (
            "Dify",
            r#"{"prompt_tokens":"1033","prompt_unit_price":"0.001","completion_tokens":135,"total_tokens":1168,
                "total_price":"0.0013030","currency":"USD","latency":1.38}"#,
            TokenUsage { reported_cost_micros: Some(1303), ..counts(1033, 135) },
        ),
        (
            "Dify, another currency",
            r#"{"prompt_tokens":1,"completion_tokens":1,"total_price":"0.5","currency":"RMB"}"#,
            counts(1, 1),
        ),
        (
            "Volcengine",
            r#"{"input_tokens":1,"output_tokens":2,"total_tokens":3,"tool_usage":{"web_search":4}}"#,
            TokenUsage { web_searches: 4, ..counts(1, 2) },
        ),
        ("only a total and the prompt", r#"{"prompt_tokens":7.0,"total_tokens":9}"#, counts(7, 2)),
        ("only a total and the answer", r#"{"completion_tokens":4,"total_tokens":9}"#, counts(5, 4)),
        (
            "a detail estimated too high",
            r#"{"prompt_tokens":1,"completion_tokens":5,"total_tokens":6,"completion_tokens_details":{"reasoning_tokens":7}}"#,
            TokenUsage { reasoning: 5, ..counts(1, 5) },
        ),
        (
            "a lifetime beyond what was written",
            r#"{"input_tokens":0,"output_tokens":1,"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_1h_input_tokens":5}}"#,
            TokenUsage { cache_written: 5, cache_written_1h: 5, ..counts(5, 1) },
        ),
    ]
}

#[test]
fn what_each_vendor_says() {
    for (vendor, json, expected) in vendors() {
        assert_eq!(usage_of(json), expected, "{vendor}");
    }
}

#[test]
fn numbers_as_text_null_and_what_is_unknown_change_nothing() {
    for (vendor, json, expected) in vendors() {
        let tree: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(usage_of(&spelled(&tree).to_string()), expected, "{vendor}");
    }
}

/// The same with numbers as text, beside unknown fields.
fn spelled(tree: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match tree {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(spelled).collect()),
        Value::Object(fields) => {
            let mut fields: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), spelled(value))).collect();
            fields.insert("novel_tokens".to_owned(), Value::from(9));
            fields.insert("novel".to_owned(), serde_json::json!([{ "total_tokens": 1 }, null]));
            fields.entry("output_tokens").or_insert(Value::Null);
            fields.entry("prompt_tokens_details").or_insert(Value::Null);
            Value::Object(fields)
        }
        other => other.clone(),
    }
}

#[test]
fn nothing_counted_is_no_usage() {
    for json in [
        "null",
        "{}",
        "[]",
        "3",
        "\"x\"",
        r#"{"prompt_tokens":0}"#,
        r#"{"prompt_tokens":"x"}"#,
        r#"{"promptTokenCount":[7]}"#,
        r#"{"iterations":[7,null,{}],"cache_details":{},"prompt_tokens_details":[{}]}"#,
    ] {
        assert_eq!(read(&raw(json)), None, "{json}");
    }
}

#[test]
fn of_a_repeated_field_the_last_counts() {
    assert_eq!(usage_of(r#"{"prompt_tokens":5,"prompt_tokens":7}"#), counts(7, 0));
}

#[test]
fn the_objects_of_a_stream_add_up() {
    let mut tally = Tally::default();
    let start = r#"{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":1}"#;
    tally.add(&raw(start));
    assert_eq!(tally.usage().unwrap(), TokenUsage { cached: 100, cache_written: 20, ..counts(130, 1) });
    tally.add(&raw("null"));
    tally.add(&raw(r#"{"input_tokens":0,"output_tokens":42}"#));
    assert_eq!(tally.usage().unwrap(), TokenUsage { cached: 100, cache_written: 20, ..counts(130, 42) });
    tally.add(&raw(r#"{"iterations":[{"type":"compaction","input_tokens":1000,"output_tokens":5},
        {"type":"message","input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":42}]}"#));
    tally.add_tier("batch");
    tally.add_tier("default");
    tally.add_searches(3);
    let expected = TokenUsage {
        cached: 100,
        cache_written: 20,
        web_searches: 3,
        tier: ServedTier::Batch,
        ..counts(1130, 47)
    };
    assert_eq!(tally.usage().unwrap(), expected);
}

#[test]
fn an_object_that_says_all_replaces_what_was_said_before() {
    let after = |objects: [&str; 2]| {
        let mut tally = Tally::default();
        for object in objects {
            tally.add(&raw(object));
        }
        tally.usage().unwrap()
    };
    let gemini = after([
        r#"{"promptTokenCount":87,"candidatesTokenCount":21,"totalTokenCount":108}"#,
        r#"{"promptTokenCount":87,"thoughtsTokenCount":78,"totalTokenCount":165}"#,
    ]);
    assert_eq!(gemini, TokenUsage { reasoning: 78, ..counts(87, 78) });
    let compacted = after([
        r#"{"input_tokens":100,"cache_read_input_tokens":55096,"output_tokens":1}"#,
        r#"{"input_tokens":181,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8,"iterations":[
            {"input_tokens":100,"output_tokens":83,"cache_read_input_tokens":55096,"type":"compaction"},
            {"input_tokens":181,"output_tokens":8,"cache_read_input_tokens":0,"type":"message"}]}"#,
    ]);
    assert_eq!(compacted, TokenUsage { cached: 55_096, ..counts(55_377, 91) });
    let lifetimes = after([
        r#"{"input_tokens":3,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_1h_input_tokens":9},"output_tokens":1}"#,
        r#"{"input_tokens":3,"cache_creation_input_tokens":9,"cache_read_input_tokens":0,"output_tokens":8}"#,
    ]);
    assert_eq!(lifetimes, TokenUsage { cache_written: 9, cache_written_1h: 9, ..counts(12, 8) });
    let nothing_at_last = after([
        r#"{"prompt_tokens":3,"completion_tokens":8,"total_tokens":11}"#,
        r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
    ]);
    assert_eq!(nothing_at_last, counts(3, 8));
}

#[test]
fn a_cost_of_zero_without_details_is_unknown() {
    for cost in ["0", "0.0", "null", "\"\"", "{}"] {
        let json = format!(r#"{{"prompt_tokens":1,"cost":{cost}}}"#);
        let expected = if cost == "{}" { None } else { usage_of(&json).reported_cost_micros };
        assert_eq!(expected, None, "{json}");
    }
}

/// Every name of the table with any number, in any shape.
fn objects() -> impl Strategy<Value = serde_json::Value> {
    let row = (0..NUMBERS.len(), 0_u64..2000);
    let iteration = (any::<bool>(), 0_u64..500, 0_u64..500);
    (proptest::collection::vec(row, 0..12), proptest::collection::vec(iteration, 0..3)).prop_map(
        |(rows, iterations)| {
            let mut object = serde_json::json!({});
            for (row, number) in rows {
                let (place, name, _) = NUMBERS[row];
                let mut path = vec![name];
                let mut at = place;
                while at != Place::Top {
                    let (outer, known, _) = PLACES.iter().find(|(_, _, inner)| *inner == at).unwrap();
                    path.push(known);
                    at = *outer;
                }
                let mut inner = &mut object;
                for name in path[1..].iter().rev() {
                    if !inner[*name].is_object() {
                        inner[*name] = serde_json::json!({});
                    }
                    inner = &mut inner[*name];
                }
                inner[name] = number.into();
            }
            if !iterations.is_empty() {
                let iterations: Vec<_> = iterations
                    .into_iter()
                    .map(|(is_compaction, input, cached)| {
                        let kind = if is_compaction { "compaction" } else { "message" };
                        serde_json::json!({ "type": kind, "input_tokens": input, "cache_read_input_tokens": cached, "output_tokens": input / 2 })
                    })
                    .collect();
                object["iterations"] = iterations.into();
            }
            object
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parts_never_exceed_the_whole(first in objects(), second in objects()) {
        let mut tally = Tally::default();
        for object in [first, second] {
            tally.add(&raw(&object.to_string()));
            let Some(usage) = tally.usage() else { continue };
            prop_assert!(usage.cached + usage.cache_written <= usage.prompt);
            prop_assert!(usage.cache_written_1h <= usage.cache_written);
            prop_assert!(usage.reasoning <= usage.completion);
            prop_assert!(usage.audio_prompt + usage.image_prompt <= usage.prompt);
            prop_assert!(usage.audio_completion + usage.image_completion <= usage.completion);
            prop_assert!(usage.audio_cached <= usage.cached && usage.audio_cached <= usage.audio_prompt);
            prop_assert!(usage.total() > 0);
            prop_assert_eq!(usage.clamped(), usage);
        }
    }

    #[test]
    fn saying_it_again_changes_nothing(object in objects()) {
        let object = raw(&object.to_string());
        let mut tally = Tally::default();
        tally.add(&object);
        let once = tally.usage();
        tally.add(&object);
        prop_assert_eq!(tally.usage(), once);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "[-+0-9.eE\"a]{0,40}") {
        if let Ok(value) = RawValue::from_string(text) {
            let _ = (number::count(&value, 9), number::amount(&value, 12, 9));
        }
    }
}
#[test]
fn what_no_request_can_have_is_left_out_and_marked() {
    for json in [
        r#"{"prompt_tokens":-5}"#,
        r#"{"prompt_tokens":9,"completion_tokens":9007199254740993}"#,
        r#"{"prompt_tokens":9,"completion_tokens":1e300}"#,
        r#"{"prompt_tokens":20000001,"completion_tokens":1}"#,
        r#"{"input_tokens":9,"output_tokens":"18446744073709551616"}"#,
        r#"{"prompt_tokens":9,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":-1}}"#,
        r#"{"promptTokenCount":9,"candidatesTokenCount":1,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":1e18}]}"#,
        r#"{"input_tokens":9,"output_tokens":1,"server_tool_use":{"web_search_requests":10001}}"#,
        r#"{"input_tokens":9,"output_tokens":1,"iterations":[{"type":"message","input_tokens":1e17,"output_tokens":1}]}"#,
    ] {
        let usage = usage_of(json);
        assert!(usage.is_suspect && !usage.has_counts(), "{json}: {usage:?}");
    }
    for cost in ["-0.5", "1e300", "1000.5", "9007199254740993"] {
        let usage = usage_of(&format!(
            r#"{{"prompt_tokens":9,"completion_tokens":1,"cost":{cost},"cost_details":{{}}}}"#
        ));
        assert_eq!((usage.is_suspect, usage.reported_cost_micros, usage.total()), (true, None, 10), "{cost}");
    }
    let mut tally = Tally::default();
    for json in [
        r#"{"prompt_tokens":9,"completion_tokens":-1}"#,
        r#"{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}"#,
    ] {
        tally.add(&RawValue::from_string(json.to_owned()).unwrap());
    }
    assert!(tally.usage().unwrap().is_suspect, "once said, it is not taken back");
}
