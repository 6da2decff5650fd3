//! The costs of many usages are what the calculator of genai-prices says. `costs.json` is written by it, see
//! `scripts/prices/costs.py`.

use nexus_edge_prices::{BUILT_IN, Counts, Variant};
use serde_json::Value;

/// The times that the file has, in milliseconds since the epoch.
const TIMES: [(&str, u64); 3] = [
    ("2026-11-29T05:00:00Z", 1_795_928_400_000),
    ("2026-12-02T02:30:00Z", 1_796_178_600_000),
    ("2027-02-01T12:00:00Z", 1_801_483_200_000),
];

#[test]
fn costs_are_what_genai_prices_says() {
    let cases: Vec<Value> = serde_json::from_slice(include_bytes!("costs.json")).unwrap();
    assert!(cases.len() >= 200);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str);
        let (seller, model) = (text("seller").unwrap(), text("model").unwrap());
        let at_ms = TIMES.iter().find(|(time, _)| Some(*time) == text("at")).unwrap().1;
        let variant =
            text("variant").map(|name| Variant::NAMES.iter().find(|(known, _)| *known == name).unwrap().1);
        let row = BUILT_IN.rows().find(|row| row.seller == seller && row.model == model).unwrap();
        let usage = case.get("usage").unwrap();
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let counts = Counts {
            prompt: count("prompt"),
            completion: count("completion"),
            cached: count("cached"),
            cache_written: count("cache_written"),
            cache_written_1h: count("cache_written_1h"),
            reasoning: count("reasoning"),
            audio_prompt: count("audio_prompt"),
            audio_completion: count("audio_completion"),
            audio_cached: count("audio_cached"),
            image_prompt: count("image_prompt"),
            image_completion: count("image_completion"),
            web_searches: count("web_searches"),
        };
        let cost = row.price.cost(&counts, variant, at_ms);
        if cost != case.get("micros").and_then(Value::as_u64) {
            wrong.push(format!("{case}: {cost:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
