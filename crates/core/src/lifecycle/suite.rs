//! The automatic checks of a submitted provider: a few real requests of one model, and what they show.
//!
//! | check | passes if |
//! |---|---|
//! | `answer` | a plain question is answered |
//! | `streaming` | the same question is answered as a stream that has text and ends properly |
//! | `tools` | a question that needs a tool is answered by a call of it, with an object of arguments |
//! | `vision` | a question about a picture is answered |
//! | `usage` | the reported tokens of the prompt are near the counted ones, and those of the answer are no more than were allowed |
//! | `price` | the price that is charged is not far from the list price of the model |
//!
//! What a model does not claim to do (`capabilities`) is tried where nothing is known, and fails no check. Guarantees: a report has one
//! finding for each check; its evidence is bounded and, after [`Report::cleaned`], without secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dialect::canonical::{
    ChatRequest, ChatResponse, Function, Json, Media, Message, Part, Role, Tool, ToolChoice,
};
use crate::provider::probe::{Observed, excerpt};
use crate::routing::candidate_facts::Capabilities;

/// Most tokens of an answer: enough for a model that reasons before it says a word.
pub const MAX_TOKENS: u64 = 512;
/// How often [`SENTENCE`] is repeated, so that what a provider adds to a prompt is small beside it.
const SENTENCES: usize = 24;
const SENTENCE: &str = "A gateway relays what it is sent and counts what was used. ";
const TOOL: &str = "get_weather";
/// Reported tokens of a prompt may be half as many as counted, or twice as many and these: templates and hidden instructions.
const PROMPT_SLACK: u64 = 400;
/// A price may be this many times the list price, or the same part of it.
const PRICE_FACTOR: u64 = 5;
/// A picture: 64 × 64 red pixels, as PNG.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PQQkAAAgEsAtx/ZMZxgi+hcEKLNO+FgEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGBywKqxUDxqh7TUQAAAABJRU5ErkJggg==";

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A plain answer.
    Answer,
    /// A streamed answer.
    Streaming,
    /// A call of a tool.
    Tools,
    /// An answer about a picture.
    Vision,
    /// The truth of the reported usage.
    Usage,
    /// The sanity of the price.
    Price,
}

impl Check {
    /// The checks that ask the provider, each once.
    pub const CALLS: [Self; 4] = [Self::Answer, Self::Streaming, Self::Tools, Self::Vision];

    /// The request of the check to `model`, the upstream's own name of it.
    #[must_use]
    pub fn request(self, model: &str) -> ChatRequest {
        let question = match self {
            Self::Tools => Part::text("What is the weather in Paris? Use the tool."),
            Self::Vision => Part::text("Which colour is this picture? Answer with one word."),
            _ => Part::text(format!("{}\nReply with the single word: ok", SENTENCE.repeat(SENTENCES))),
        };
        let mut parts = vec![question];
        if self == Self::Vision {
            let media = Media::inline("image/png", PICTURE.to_owned());
            parts.push(Part::Image { media, detail: None, cache: None });
        }
        let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
        let tool = Function {
            name: TOOL.to_owned(),
            description: Some("The weather in a city.".to_owned()),
            parameters: Json::parse(schema),
            ..Function::default()
        };
        let has_tool = self == Self::Tools;
        ChatRequest {
            model: model.to_owned(),
            messages: vec![Message::new(Role::User, parts)],
            tools: if has_tool { vec![Tool::Function(tool)] } else { Vec::new() },
            tool_choice: has_tool.then_some(ToolChoice::Required),
            max_tokens: Some(MAX_TOKENS),
            stream: self == Self::Streaming,
            include_usage: true,
            user: Some("nexus-edge-probe".to_owned()),
            ..ChatRequest::default()
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CheckOutcome"))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// It does not apply.
    Skipped,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CheckFinding"))]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How it came out.
    pub outcome: Outcome,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status of the provider's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of the provider's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// What was measured: milliseconds (`…_ms`), tokens, prices in micro-dollars for a million tokens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, u64>,
}

/// What the checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SubmissionReport"))]
pub struct Report {
    /// When they ran, in milliseconds since the epoch.
    pub at: u64,
    /// Whether none of them failed.
    pub passed: bool,
    /// A finding for each check.
    pub findings: Vec<Finding>,
}

/// Prices of a million tokens of prompt and answer, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// What the checks are judged by.
#[derive(Debug, Default)]
pub struct Facts {
    /// What is claimed of the model.
    pub declared: Capabilities,
    /// The tokens of the prompt of [`Check::Answer`], as the gateway counts them.
    pub counted_prompt: u64,
    /// The price that requests are charged; `None`: unknown.
    pub price: Option<Prices>,
    /// The list price of the model; `None`: unknown.
    pub list_price: Option<Prices>,
}

impl Report {
    /// The report of these answers, at `at` (milliseconds since the epoch).
    #[must_use]
    pub fn of(at: u64, facts: &Facts, observed: &[(Check, Observed)]) -> Self {
        let mut findings: Vec<Finding> =
            observed.iter().map(|(check, observed)| judge(*check, facts, observed)).collect();
        let plain = observed.iter().find(|(check, _)| *check == Check::Answer);
        findings.push(usage(facts, plain.map(|(_, observed)| observed)));
        findings.push(price(facts));
        Self::with(at, findings)
    }

    /// The report on a provider that could not be asked.
    #[must_use]
    pub fn unusable(at: u64, reason: &str) -> Self {
        let finding =
            |check| Finding { reason: Some(excerpt(reason)), ..Finding::new(check, Outcome::Failed) };
        let all = Check::CALLS.into_iter().chain([Check::Usage, Check::Price]);
        Self::with(at, all.map(finding).collect())
    }

    fn with(at: u64, findings: Vec<Finding>) -> Self {
        let passed = findings.iter().all(|finding| finding.outcome != Outcome::Failed);
        Self { at, passed, findings }
    }

    /// The report with what the provider said passed through `clean`, which removes secrets.
    #[must_use]
    pub fn cleaned(mut self, clean: impl Fn(String) -> String) -> Self {
        for finding in &mut self.findings {
            finding.reason = finding.reason.take().map(&clean);
            finding.excerpt = finding.excerpt.take().map(&clean);
        }
        self
    }
}

impl Finding {
    fn new(check: Check, outcome: Outcome) -> Self {
        let figures = BTreeMap::new();
        Self { check, outcome, reason: None, status: None, excerpt: None, figures }
    }

    fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }
}

/// The finding of a check that asks the provider.
fn judge(check: Check, facts: &Facts, observed: &Observed) -> Finding {
    let declared = match check {
        Check::Tools => facts.declared.tools,
        Check::Vision => facts.declared.vision,
        _ => Some(true),
    };
    let fault = match &observed.answer {
        Err(error) => Some(error.to_string()),
        Ok(answer) => fault_of(check, observed, answer).map(str::to_owned),
    };
    let (outcome, reason) = match (fault, declared) {
        (None, _) => (Outcome::Passed, None),
        (Some(fault), Some(true)) => (Outcome::Failed, Some(fault)),
        (Some(fault), _) => {
            (Outcome::Skipped, Some(format!("It is not claimed, and was not given: {fault}")))
        }
    };
    let mut figures = BTreeMap::from([("latency_ms".to_owned(), observed.latency_ms)]);
    figures.extend(observed.first_token_ms.map(|ms| ("first_token_ms".to_owned(), ms)));
    if check == Check::Streaming {
        figures.insert("pieces".to_owned(), observed.pieces);
    }
    let said = observed.answer.as_ref().ok().map(text_of);
    Finding {
        reason: reason.map(|reason| excerpt(&reason)),
        status: observed.status,
        excerpt: said.filter(|said| !said.is_empty()).map(|said| excerpt(&said)),
        figures,
        ..Finding::new(check, outcome)
    }
}

fn fault_of(check: Check, observed: &Observed, answer: &ChatResponse) -> Option<&'static str> {
    let mut calls = parts_of(answer).filter_map(|part| match part {
        Part::ToolCall { name, arguments, .. } => Some((name, arguments)),
        _ => None,
    });
    match check {
        Check::Streaming if observed.first_token_ms.is_none() => Some("The stream has no text."),
        Check::Tools => match calls.next() {
            None => Some("No tool was called."),
            Some((name, _)) if name != TOOL => Some("A tool was called that was not offered."),
            Some((_, arguments)) => {
                let is_object =
                    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(arguments).is_ok();
                (!is_object).then_some("The arguments of the call are no JSON object.")
            }
        },
        _ if text_of(answer).trim().is_empty() => Some("The answer has no text."),
        _ => None,
    }
}

/// Whether the usage of the plain answer can be true.
fn usage(facts: &Facts, plain: Option<&Observed>) -> Finding {
    let skipped = Finding::new(Check::Usage, Outcome::Skipped);
    let Some(Ok(answer)) = plain.map(|observed| &observed.answer) else {
        return skipped.because("There is no answer to look at.");
    };
    let failed = Finding::new(Check::Usage, Outcome::Failed);
    let Some(usage) = answer.usage else { return failed.because("No usage is reported.") };
    let counted = facts.counted_prompt;
    let figures = BTreeMap::from([
        ("prompt_tokens".to_owned(), usage.prompt),
        ("counted_prompt_tokens".to_owned(), counted),
        ("completion_tokens".to_owned(), usage.completion),
    ]);
    let plausible = counted / 2..=counted.saturating_mul(2).saturating_add(PROMPT_SLACK);
    let reason = if usage.is_suspect {
        Some("The reported usage contradicts itself.")
    } else if !plausible.contains(&usage.prompt) {
        Some("The reported tokens of the prompt are far from the counted ones.")
    } else if usage.completion == 0 || usage.completion > MAX_TOKENS {
        Some("The reported tokens of the answer are none, or more than were allowed.")
    } else {
        None
    };
    let outcome = if reason.is_some() { Outcome::Failed } else { Outcome::Passed };
    Finding { figures, reason: reason.map(str::to_owned), ..Finding::new(Check::Usage, outcome) }
}

/// Whether the price that is charged is near the list price.
fn price(facts: &Facts) -> Finding {
    let (Some(price), Some(list)) = (facts.price, facts.list_price) else {
        let reason = "The price or the list price of the model is not known.";
        return Finding::new(Check::Price, Outcome::Skipped).because(reason);
    };
    let is_near = |one: u64, other: u64| {
        one <= other.saturating_mul(PRICE_FACTOR) && other <= one.saturating_mul(PRICE_FACTOR)
    };
    let figures = BTreeMap::from([
        ("input".to_owned(), price.input),
        ("list_input".to_owned(), list.input),
        ("output".to_owned(), price.output),
        ("list_output".to_owned(), list.output),
    ]);
    let finding = if is_near(price.input, list.input) && is_near(price.output, list.output) {
        Finding::new(Check::Price, Outcome::Passed)
    } else {
        Finding::new(Check::Price, Outcome::Failed).because("The price is far from the list price.")
    };
    Finding { figures, ..finding }
}

fn parts_of(answer: &ChatResponse) -> impl Iterator<Item = &Part> {
    answer.choices.iter().flat_map(|choice| &choice.parts)
}

fn text_of(answer: &ChatResponse) -> String {
    parts_of(answer).filter_map(Part::as_text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::Choice;
    use crate::provider::probe::ProbeError;
    use crate::tokens::TokenUsage;

    fn answer(parts: Vec<Part>, usage: Option<(u64, u64)>) -> Observed {
        let usage =
            usage.map(|(prompt, completion)| TokenUsage { prompt, completion, ..TokenUsage::default() });
        let choices = vec![Choice { parts, ..Choice::default() }];
        Observed {
            status: Some(200),
            latency_ms: 7,
            first_token_ms: Some(3),
            pieces: 2,
            answer: Ok(ChatResponse { choices, usage, ..ChatResponse::default() }),
        }
    }

    fn refused(error: &str) -> Observed {
        Observed {
            status: Some(400),
            latency_ms: 7,
            first_token_ms: None,
            pieces: 0,
            answer: Err(ProbeError::Answer(error.to_owned())),
        }
    }

    fn call(name: &str, arguments: &str) -> Vec<Part> {
        let (id, name, arguments) = ("c".to_owned(), name.to_owned(), arguments.to_owned());
        vec![Part::ToolCall { id, name, arguments, signature: None, cache: None }]
    }

    fn good() -> Vec<(Check, Observed)> {
        let said = |words: &str| answer(vec![Part::text(words)], Some((350, 4)));
        vec![
            (Check::Answer, said("ok")),
            (Check::Streaming, said("ok")),
            (Check::Tools, answer(call(TOOL, r#"{"city":"Paris"}"#), None)),
            (Check::Vision, said("red")),
        ]
    }

    fn facts() -> Facts {
        let declared = Capabilities { tools: Some(true), vision: Some(true), ..Capabilities::default() };
        let price = Some(Prices { input: 2_500_000, output: 10_000_000 });
        Facts { declared, counted_prompt: 320, price, list_price: price }
    }

    fn outcome(report: &Report, check: Check) -> (Outcome, Option<&str>) {
        let found = report.findings.iter().find(|finding| finding.check == check).unwrap();
        (found.outcome, found.reason.as_deref())
    }

    #[test]
    fn a_good_provider_passes_everything() {
        let report = Report::of(5, &facts(), &good());
        assert!(report.passed, "{report:?}");
        let checks: Vec<Check> = report.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(
            checks,
            [Check::Answer, Check::Streaming, Check::Tools, Check::Vision, Check::Usage, Check::Price]
        );
        assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::Passed));
    }

    #[test]
    fn each_fault_fails_its_check() {
        for (at, fault, check) in [
            (0, refused("no"), Check::Answer),
            (0, answer(vec![], Some((350, 4))), Check::Answer),
            (1, Observed { first_token_ms: None, ..answer(vec![], None) }, Check::Streaming),
            (2, answer(vec![Part::text("It rains.")], None), Check::Tools),
            (2, answer(call("other", "{}"), None), Check::Tools),
            (2, answer(call(TOOL, "\"Paris\""), None), Check::Tools),
            (3, refused("images are not supported"), Check::Vision),
            (0, answer(vec![Part::text("ok")], None), Check::Usage),
            (0, answer(vec![Part::text("ok")], Some((3_500, 4))), Check::Usage),
            (0, answer(vec![Part::text("ok")], Some((35, 4))), Check::Usage),
            (0, answer(vec![Part::text("ok")], Some((350, 0))), Check::Usage),
            (0, answer(vec![Part::text("ok")], Some((350, 5_000))), Check::Usage),
        ] {
            let mut observed = good();
            observed[at].1 = fault;
            let report = Report::of(5, &facts(), &observed);
            assert_eq!(outcome(&report, check).0, Outcome::Failed, "{check:?} {report:?}");
            assert!(!report.passed && outcome(&report, check).1.is_some());
        }
    }

    #[test]
    fn a_price_far_from_the_list_fails_and_an_unknown_one_is_skipped() {
        let cheap = Some(Prices { input: 1, output: 10_000_000 });
        let report = Report::of(5, &Facts { price: cheap, ..facts() }, &good());
        assert_eq!(outcome(&report, Check::Price).0, Outcome::Failed);
        let report = Report::of(5, &Facts { list_price: None, ..facts() }, &good());
        assert_eq!((outcome(&report, Check::Price).0, report.passed), (Outcome::Skipped, true));
    }

    #[test]
    fn what_is_not_claimed_fails_nothing() {
        let mut observed = good();
        observed[3].1 = refused("no pictures");
        for vision in [None, Some(false)] {
            let declared = Capabilities { vision, ..facts().declared };
            let report = Report::of(5, &Facts { declared, ..facts() }, &observed);
            assert_eq!((outcome(&report, Check::Vision).0, report.passed), (Outcome::Skipped, true));
        }
    }

    #[test]
    fn evidence_is_bounded_and_cleaned() {
        let secret = format!("sk-secret {}", "x".repeat(10_000));
        let mut observed = good();
        observed[0].1 = answer(vec![Part::text(secret.clone())], Some((350, 4)));
        observed[1].1 = refused(&secret);
        let report = Report::of(5, &facts(), &observed);
        assert!(serde_json::to_string(&report).unwrap().len() < 4_000);
        let cleaned = report.cleaned(|text| text.replace("sk-secret", "…"));
        assert!(!serde_json::to_string(&cleaned).unwrap().contains("sk-secret"));
    }

    #[test]
    fn a_provider_that_cannot_be_asked_fails_every_check() {
        let report = Report::unusable(5, "It has no model.");
        assert_eq!((report.passed, report.findings.len()), (false, 6));
    }

    #[test]
    fn the_requests_ask_for_what_they_check() {
        assert!(Check::Streaming.request("m").stream);
        assert_eq!(Check::Tools.request("m").tools.len(), 1);
        let parts = &Check::Vision.request("m").messages[0].parts;
        assert!(
            matches!(&parts[1], Part::Image { media: Media::Base64 { media_type, .. }, .. } if media_type == "image/png")
        );
    }
}
