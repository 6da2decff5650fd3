//! The most that one request may owe: tokens and money, before it is sent.
//!
//! Reserved is the prompt and every answer at its longest: as many answers as the request asks for (`n`, `best_of`,
//! `candidateCount`, and for each prompt of a list), each as long as it allows. Where services have several names for one
//! thing, the largest number counts, because it is not known which of them the upstream reads; numbers are read as
//! generously as any service reads them. Money is reserved at the dearest candidate and the dearest kind of token that the
//! request may cause.
//!
//! A request that sets no limit may be answered as long as its model answers. That is reserved where it is known, and
//! [`UNKNOWN_ANSWER_TOKENS`] where it is not; less is reserved where the whole limit, or what is left of it, does not suffice
//! ([`Demand::lengths`]), and then the request is sent with a limit of that length. So usage exceeds what was reserved only by a prompt with more tokens than estimated,
//! or a service that does not keep the limit it was given.

use serde_json::value::RawValue;

use super::candidate::Candidate;
use crate::dialect::inbound::Inbound;
use crate::dialect::operation::Operation;
use crate::dialect::upstream::openai_models::is_reasoning;
use crate::json::object::{JsonObject, Kind, as_str};
use crate::limits::Amounts;
use crate::provider::Quirk;
use crate::tokens::{ServedTier, TokenUsage};

/// Reserved for an answer whose longest length is neither set nor known.
pub const UNKNOWN_ANSWER_TOKENS: u64 = 4_096;
/// Lengths of an answer that are tried where more cannot be reserved for a request that sets no limit.
const SHORTER: [u64; 3] = [16_384, 4_096, 1_024];
/// An answer with a shorter limit is of no use, and not every service accepts one.
pub const SHORTEST_ANSWER_TOKENS: u64 = 16;
/// Reserved for an image: more than the 6,240 tokens of the largest one that is sold by tokens.
const IMAGE_TOKENS: u64 = 8_192;
/// Reserved for an image, a recording or a document of a prompt: more than an image takes at any service's highest resolution …
const ATTACHMENT_TOKENS: u64 = 2_048;
/// … and a token for so many characters of its encoded bytes, for the seconds of a recording and the pages of a document.
const CHARACTERS_PER_ATTACHMENT_TOKEN: u64 = 200;
/// A string of this length without a space in its first part is an encoded attachment.
const ATTACHMENT_CHARACTERS: usize = 1_024;
/// Words of which each attachment has one or two that is only referred to.
const REFERENCES: &[&str] = &[
    "\"image_url\"",
    "\"input_image\"",
    "\"fileUri\"",
    "\"file_uri\"",
    "\"file_url\"",
    "\"file_id\"",
    "\"source\"",
];
/// Bytes for a token of audio: ten tokens a second, of audio at 16 kbit/s.
const BYTES_PER_AUDIO_TOKEN: u64 = 200;
/// Tokens of speech for a byte of text.
const SPEECH_TOKENS_PER_BYTE: u64 = 2;
/// Fields with the number of answers, in lower case without what separates words.
const COUNTS: &[&str] = &[
    "n",
    "bestof",
    "numchoices",
    "candidatecount",
    "numgenerations",
    "numreturnsequences",
    "numberofimages",
    "samplecount",
    "batchsize",
];
/// Fields with the longest length of an answer.
const LENGTHS: &[&str] = &[
    "maxtokens",
    "maxcompletiontokens",
    "maxoutputtokens",
    "maxnewtokens",
    "maxtokenstosample",
    "numpredict",
];
/// Objects in which some dialects have both.
const SETTINGS: &[&str] = &["generationconfig", "parameters", "options", "extrabody"];
/// Above this, a number means "as many as possible"; it also keeps sums from overflowing.
const MAX_COUNT: u64 = 1 << 40;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Tokens of the prompt, by estimate.
    pub prompt: u64,
    /// Number of answers.
    pub answers: u64,
    /// Most tokens of each; `None` if the request sets no limit.
    pub each: Option<u64>,
    /// What is reserved for each if it sets none, where the model's card does not say.
    otherwise: u64,
    /// Of which kinds its tokens may be.
    kinds: Kinds,
    /// Whether it may be served at a dearer tier.
    tiers: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each adds a price that may apply, independently of the others"
)]
struct Kinds {
    audio_prompt: bool,
    audio: bool,
    image: bool,
    caches: bool,
}

impl Demand {
    /// That of a chat.
    #[must_use]
    pub fn of_chat(inbound: &Inbound<'_>) -> Self {
        let mut read = Read::default();
        read.fields(inbound.fields(), true);
        let fields = inbound.fields();
        let has = |word: &str| memchr::memmem::find(inbound.body, word.as_bytes()).is_some();
        let modalities = fields.get_set("modalities").map_or("", RawValue::get).to_ascii_lowercase();
        Self {
            prompt: prompt_of(inbound),
            answers: read.answers.max(1).saturating_mul(prompts_of(fields)).min(MAX_COUNT),
            each: read.each,
            otherwise: UNKNOWN_ANSWER_TOKENS,
            kinds: Kinds {
                audio_prompt: has("input_audio") || has("audio/"),
                audio: modalities.contains("audio") || has("\"AUDIO\""),
                image: modalities.contains("image") || has("\"IMAGE\"") || has("image_generation"),
                caches: has("cache_control") || has("cachePoint") || has("cache_point"),
            },
            tiers: has("service_tier") || has("serviceTier") || has("\"speed\""),
        }
    }

    /// That of an operation without translation, whose body is JSON.
    #[must_use]
    pub fn of_operation(inbound: &Inbound<'_>, operation: Operation) -> Self {
        let chat = Self::of_chat(inbound);
        let bytes = inbound.body.len() as u64;
        let input = inbound.field("input").map_or("", RawValue::get);
        let is_tokens =
            input.trim_start_matches(['[', ' ', '\n']).starts_with(|first: char| first.is_ascii_digit());
        let tokens =
            if is_tokens { memchr::memchr_iter(b',', input.as_bytes()).count() as u64 + 1 } else { 0 };
        // Rerank has its texts in other fields.
        let prompt = chat.prompt.max(bytes / 5).max(tokens);
        match operation {
            Operation::ImageGenerations | Operation::ImageEdits => Self {
                each: None,
                otherwise: IMAGE_TOKENS,
                kinds: Kinds { image: true, ..chat.kinds },
                ..chat
            },
            Operation::Speech => Self {
                answers: 1,
                each: None,
                otherwise: bytes.saturating_mul(SPEECH_TOKENS_PER_BYTE),
                kinds: Kinds { audio: true, ..chat.kinds },
                ..chat
            },
            Operation::Embeddings | Operation::Rerank | Operation::Moderations => {
                Self { prompt, answers: 1, each: Some(0), ..chat }
            }
            _ => chat,
        }
    }

    /// That of an upload of so many bytes, if their number is known. How much of it is audio is not.
    #[must_use]
    pub fn of_upload(operation: Operation, bytes: Option<u64>) -> Self {
        let is_image = operation == Operation::ImageEdits;
        let audio_tokens = bytes.map_or(UNKNOWN_ANSWER_TOKENS, |bytes| bytes / BYTES_PER_AUDIO_TOKEN);
        Self {
            prompt: 1,
            answers: 1,
            each: None,
            otherwise: if is_image { IMAGE_TOKENS } else { audio_tokens.max(1) },
            kinds: Kinds { audio_prompt: !is_image, image: is_image, ..Kinds::default() },
            tiers: false,
        }
    }

    /// Most tokens of each answer: what the request allows, else what these candidates can.
    #[must_use]
    pub fn longest(&self, candidates: &[Candidate]) -> u64 {
        let cards = || candidates.iter().map(|candidate| candidate.max_output_tokens.map(u64::from));
        self.each.unwrap_or_else(|| match cards().collect::<Option<Vec<u64>>>() {
            // Of images and speech, the card of the model says nothing.
            Some(cards) if self.otherwise == UNKNOWN_ANSWER_TOKENS => {
                cards.into_iter().max().unwrap_or(self.otherwise)
            }
            _ => self.otherwise,
        })
    }

    /// The lengths of an answer to try to reserve, the longest first. A request that sets a limit has one. `limit`: the smallest
    /// limit on tokens and on money that holds for the request, if there is one.
    #[must_use]
    pub fn lengths(
        &self,
        candidates: &[Candidate],
        limit: (Option<u64>, Option<u64>),
        now_ms: u64,
    ) -> Vec<u64> {
        let longest = self.longest(candidates);
        if self.each.is_some() {
            return vec![longest];
        }
        let least = SHORTEST_ANSWER_TOKENS.min(longest);
        let fitting = self.fitting(longest, limit, candidates, now_ms).unwrap_or(least).max(least);
        std::iter::once(fitting).chain(SHORTER.into_iter().filter(|length| *length < fitting)).collect()
    }

    /// The limit with which a request must be sent that sets none, so that its answers keep to `each` tokens; `None` if these
    /// candidates cannot answer longer anyway. It is none that one of them refuses as too high.
    #[must_use]
    pub fn limit_to_send(&self, each: u64, candidates: &[Candidate]) -> Option<u64> {
        let card = |candidate: &Candidate| candidate.max_output_tokens.map(u64::from);
        let may_be_longer = candidates.iter().any(|candidate| card(candidate).is_none_or(|most| most > each));
        may_be_longer.then(|| candidates.iter().filter_map(card).fold(each, u64::min).max(1))
    }

    /// What it owes at most with answers of so many tokens.
    #[must_use]
    pub fn owes(&self, each: u64, candidates: &[Candidate], now_ms: u64) -> Amounts {
        let completion = self.answers.saturating_mul(each.min(MAX_COUNT)).min(MAX_COUNT);
        let plain = TokenUsage { prompt: self.prompt, completion, ..TokenUsage::default() };
        let mut usages = vec![plain, TokenUsage { reasoning: completion, ..plain }];
        if self.kinds.audio {
            usages.push(TokenUsage { audio_completion: completion, ..plain });
        }
        if self.kinds.image {
            usages.push(TokenUsage { image_completion: completion, ..plain });
        }
        let prompts = |usage: &TokenUsage| {
            let caches = self.kinds.caches.then_some(TokenUsage {
                cache_written: self.prompt,
                cache_written_1h: self.prompt,
                ..*usage
            });
            let audio = self.kinds.audio_prompt.then_some(TokenUsage { audio_prompt: self.prompt, ..*usage });
            [Some(*usage), caches, audio].into_iter().flatten()
        };
        let tiers: &[ServedTier] = if self.tiers {
            &[ServedTier::Standard, ServedTier::Priority, ServedTier::Fast]
        } else {
            &[ServedTier::Standard]
        };
        let cost_of = |usage: TokenUsage| {
            let tiers = tiers.iter().map(move |tier| TokenUsage { tier: *tier, ..usage });
            tiers.flat_map(|usage| {
                candidates.iter().filter_map(move |candidate| candidate.quote.estimate(&usage, now_ms))
            })
        };
        let cost = usages.iter().flat_map(prompts).flat_map(cost_of).max();
        Amounts::request(plain.total().max(1), cost.unwrap_or(0))
    }

    /// The longest answers, of at most `longest` tokens, with which it owes no more than `limit`: of tokens and money, each only
    /// if it is limited. `None` if even answers of one token are too long.
    fn fitting(
        &self,
        longest: u64,
        limit: (Option<u64>, Option<u64>),
        candidates: &[Candidate],
        now_ms: u64,
    ) -> Option<u64> {
        let fits = |each: u64| {
            let owed = self.owes(each, candidates, now_ms);
            limit.0.is_none_or(|limit| owed.tokens <= limit) && limit.1.is_none_or(|limit| owed.cost <= limit)
        };
        if fits(longest) {
            return Some(longest);
        }
        let (mut least, mut most) = (1, longest);
        if longest == 0 || !fits(least) {
            return None;
        }
        while most - least > 1 {
            let middle = least + (most - least) / 2;
            if fits(middle) {
                least = middle;
            } else {
                most = middle;
            }
        }
        Some(least)
    }
}

/// Whether these candidates read the limit of a chat completion as `max_completion_tokens`.
#[must_use]
pub fn takes_max_completion_tokens(candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| {
        let quirks = candidate.upstream.record.quirk_set();
        !quirks.has(Quirk::MaxTokensOnly)
            && (quirks.has(Quirk::MaxCompletionTokens) || is_reasoning(&candidate.upstream_model))
    })
}

/// Tokens of the prompt, by estimate: the text, and what is attached to it. Encoded attachments are not counted as text: an image
/// has more characters than tokens.
fn prompt_of(inbound: &Inbound<'_>) -> u64 {
    /// Bytes of JSON for a token, as in the estimate of the text.
    const BYTES_PER_TOKEN: u64 = 5;
    let attached = Attached::find(inbound.body);
    let references =
        REFERENCES.iter().map(|word| memchr::memmem::find_iter(inbound.body, word).count() as u64);
    let referred = references.sum::<u64>().div_ceil(2);
    let text = inbound.estimate_prompt_tokens();
    // Only the text of a chat completion is read word by word.
    let text = if inbound.chat().is_some() {
        text
    } else {
        text.saturating_sub(attached.characters / BYTES_PER_TOKEN)
    };
    text + attached.count.max(referred) * ATTACHMENT_TOKENS
        + attached.characters / CHARACTERS_PER_ATTACHMENT_TOKEN
}

/// The encoded attachments in a body.
#[derive(Default)]
struct Attached {
    count: u64,
    characters: u64,
}

impl Attached {
    fn find(body: &[u8]) -> Self {
        let mut found = Self::default();
        let mut begin = 0;
        for end in memchr::memchr_iter(b'"', body).chain([body.len()]) {
            let between = body.get(begin..end).unwrap_or_default();
            begin = end + 1;
            if between.len() >= ATTACHMENT_CHARACTERS
                && !between.iter().take(ATTACHMENT_CHARACTERS / 2).any(u8::is_ascii_whitespace)
            {
                found.count += 1;
                found.characters += between.len() as u64;
            }
        }
        found
    }
}

/// How many prompts the request has: legacy completions take a list of them.
fn prompts_of(fields: &JsonObject<'_>) -> u64 {
    let Some(prompt) = fields.get_set("prompt").filter(|prompt| Kind::of(prompt) == Kind::Array) else {
        return 1;
    };
    let items: Vec<&RawValue> = serde_json::from_str(prompt.get()).unwrap_or_default();
    // A list of numbers is one prompt in tokens.
    let prompts = items.iter().filter(|item| Kind::of(item) != Kind::Number).count() as u64;
    prompts.max(1)
}

/// The numbers in a body.
#[derive(Default)]
struct Read {
    answers: u64,
    each: Option<u64>,
}

impl Read {
    fn fields(&mut self, fields: &JsonObject<'_>, is_top: bool) {
        for (name, value) in fields.iter() {
            let plain: String =
                name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect();
            let plain = plain.as_str();
            if COUNTS.contains(&plain) {
                self.answers = self.answers.max(number(value).unwrap_or(0));
            } else if LENGTHS.contains(&plain) {
                self.each = self.each.max(number(value));
            } else if is_top
                && SETTINGS.contains(&plain)
                && let Ok(inner) = serde_json::from_str::<JsonObject<'_>>(value.get())
            {
                self.fields(&inner, false);
            }
        }
    }
}

/// A number as any service may read it: also with a fraction or an exponent, or in quotes. What is below zero is no number.
fn number(value: &RawValue) -> Option<u64> {
    let text =
        if Kind::of(value) == Kind::String { as_str(value)?.into_owned() } else { value.get().to_owned() };
    let text = text.trim();
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.min(MAX_COUNT));
    }
    let number: f64 = text.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and 2^40"
    )]
    (number > 0.0).then(|| number.ceil().min(MAX_COUNT as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::Quote;
    use crate::catalog::provider::test_record;
    use crate::dialect::caller::CallerDialect;
    use crate::dialect::inbound::FromPath;
    use crate::limits::amounts::Unit;
    use crate::limits::calendar::Period;
    use crate::limits::{Authority, Budget, Lease, Limits, Rules, Spent, Step};
    use crate::routing::Upstream;
    use crate::routing::guard::Guard;
    use nexus_edge_prices::Price;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn candidate(price: Price, card: Option<u32>) -> Candidate {
        let upstream = Upstream {
            record: test_record(1, "p"),
            url: None,
            server_key: None,
            keys: Vec::new(),
            headers: BTreeMap::new(),
            allow_private: false,
            guard: Guard::default(),
        };
        let quote = Quote { price: Some(price), ..Quote::default() };
        let mut candidate = Candidate::of_model(&Arc::new(upstream), "m", Arc::new(quote));
        candidate.max_output_tokens = card;
        candidate
    }

    /// Ten dollars for a million tokens of an answer; prompts are free.
    fn dear(card: Option<u32>) -> Candidate {
        candidate(Price::new(0, 10_000_000), card)
    }

    fn demand(dialect: CallerDialect, rest: &str) -> Demand {
        let words = match dialect {
            CallerDialect::OpenaiChat => r#","messages":[{"role":"user","content":"hi"}]"#,
            _ => "",
        };
        let body = format!(r#"{{"model":"m"{words}{rest}}}"#);
        let path = FromPath { model: "m", stream: false, as_array: false };
        let from_path = (dialect == CallerDialect::Gemini).then_some(path);
        Demand::of_chat(&Inbound::parse(dialect, body.as_bytes(), from_path).unwrap())
    }

    #[test]
    fn answers_are_counted_in_every_spelling_and_the_largest_number_counts() {
        use CallerDialect::{Gemini, OpenaiChat, OpenaiCompletions, OpenaiResponses};
        for (dialect, rest, answers, each) in [
            (OpenaiChat, "", 1, None),
            (OpenaiChat, r#","n":128,"max_tokens":200"#, 128, Some(200)),
            (OpenaiChat, r#","n":1.28e2"#, 128, None),
            (OpenaiChat, r#","n":0"#, 1, None),
            (OpenaiChat, r#","n":null,"best_of":7"#, 7, None),
            (OpenaiChat, r#","max_completion_tokens":1,"max_tokens":9"#, 1, Some(9)),
            (OpenaiChat, r#","max_tokens":1,"max_new_tokens":500"#, 1, Some(500)),
            (OpenaiChat, r#","extra_body":{"n":3,"max_tokens":8}"#, 3, Some(8)),
            (OpenaiChat, r#","\u006e":5"#, 5, None),
            (OpenaiCompletions, r#","prompt":"x","n":2,"best_of":"5","max_tokens":3"#, 5, Some(3)),
            (OpenaiCompletions, r#","prompt":["a","b","c"],"n":2"#, 6, None),
            (OpenaiCompletions, r#","prompt":[1,2,3],"n":2"#, 2, None),
            (OpenaiCompletions, r#","prompt":[[1,2],[3]]"#, 2, None),
            (OpenaiResponses, r#","input":"x","max_output_tokens":11"#, 1, Some(11)),
            (Gemini, r#","generationConfig":{"candidateCount":8,"maxOutputTokens":77}"#, 8, Some(77)),
            (Gemini, r#","generation_config":{"candidate_count":8,"max_output_tokens":77}"#, 8, Some(77)),
            (OpenaiChat, r#","n":99999999999999999999"#, MAX_COUNT, None),
        ] {
            let found = demand(dialect, rest);
            assert_eq!((found.answers, found.each), (answers, each), "{rest}");
        }
    }

    #[test]
    fn every_answer_is_owed_at_its_longest() {
        let chat = demand(CallerDialect::OpenaiChat, r#","n":128,"max_tokens":20000"#);
        let owed = chat.owes(chat.longest(&[dear(None)]), &[dear(None)], 0);
        assert_eq!(owed.tokens, chat.prompt + 128 * 20_000);
        assert_eq!(owed.cost, 128 * 20_000 * 10, "25.6 dollars");
        let open = demand(CallerDialect::OpenaiChat, "");
        assert_eq!(open.longest(&[dear(Some(64_000)), dear(Some(8_000))]), 64_000);
        assert_eq!(open.longest(&[dear(Some(64_000)), dear(None)]), UNKNOWN_ANSWER_TOKENS);
        let most = demand(CallerDialect::OpenaiChat, r#","n":1e30,"max_tokens":1e30"#);
        assert!(most.owes(most.longest(&[]), &[dear(None)], 0).cost >= MAX_COUNT);
    }

    #[test]
    fn the_dearest_kind_of_token_that_may_come_is_owed() {
        let mut price = Price::new(1_000_000, 1_000_000);
        price.base.reasoning = Some(5_000_000);
        price.base.audio_output = Some(80_000_000);
        price.base.cache_write_1h = Some(2_000_000);
        let candidates = [candidate(price, None)];
        let cost = |rest: &str| {
            let demand = demand(CallerDialect::OpenaiChat, rest);
            demand.owes(100, &candidates, 0).cost - demand.prompt
        };
        assert_eq!(cost(""), 500);
        assert_eq!(cost(r#","modalities":["text","audio"]"#), 8_000);
        let cached = demand(CallerDialect::OpenaiChat, r#","x":{"cache_control":{}}"#);
        assert_eq!(cached.owes(0, &candidates, 0).cost, 2 * cached.prompt);
    }

    #[test]
    fn operations_owe_what_they_make() {
        let of = |operation, rest: &str| {
            let body = format!(r#"{{"model":"m"{rest}}}"#);
            Demand::of_operation(&Inbound::parse_any(body.as_bytes()).unwrap(), operation)
        };
        let images = of(Operation::ImageGenerations, r#","prompt":"x","n":10"#);
        assert_eq!(
            images.owes(images.longest(&[dear(Some(5))]), &[], 0).tokens,
            images.prompt + 10 * IMAGE_TOKENS
        );
        let many = format!(r#","input":[{}1]"#, "1,".repeat(9_999));
        let embeddings = of(Operation::Embeddings, &many);
        assert!((10_000..10_100).contains(&embeddings.owes(embeddings.longest(&[]), &[], 0).tokens));
        let speech = of(Operation::Speech, &format!(r#","input":"{}""#, "x".repeat(4_000)));
        assert!(speech.owes(speech.longest(&[]), &[], 0).tokens >= 8_000);
        let upload = Demand::of_upload(Operation::Transcriptions, Some(2_000_000));
        assert_eq!(upload.owes(upload.longest(&[]), &[], 0).tokens, 10_001);
    }

    #[test]
    fn attachments_are_counted_as_such_in_every_dialect() {
        let data = "A".repeat(1_000_000);
        let prompt = |dialect, body: String| {
            let path = FromPath { model: "m", stream: false, as_array: false };
            let from_path = (dialect == CallerDialect::Gemini).then_some(path);
            Demand::of_chat(&Inbound::parse(dialect, body.as_bytes(), from_path).unwrap()).prompt
        };
        let chat = |url: &str| {
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#
            )
        };
        for (dialect, body) in [
            (CallerDialect::OpenaiChat, chat(&format!("data:image/png;base64,{data}"))),
            (
                CallerDialect::Anthropic,
                format!(
                    r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image","source":{{"data":"{data}"}}}}]}}]}}"#
                ),
            ),
            (
                CallerDialect::Gemini,
                format!(r#"{{"contents":[{{"parts":[{{"inlineData":{{"data":"{data}"}}}}]}}]}}"#),
            ),
            (
                CallerDialect::OpenaiResponses,
                format!(r#"{{"model":"m","input":[{{"type":"input_image","image_url":"{data}"}}]}}"#),
            ),
        ] {
            let tokens = prompt(dialect, body);
            assert!((7_000..7_200).contains(&tokens), "{dialect:?} {tokens}");
        }
        assert!((2_048..2_100).contains(&prompt(CallerDialect::OpenaiChat, chat("https://a.example/a.png"))));
        let words = "many words ".repeat(10_000);
        let text = prompt(CallerDialect::OpenaiResponses, format!(r#"{{"model":"m","input":"{words}"}}"#));
        assert!((20_000..25_000).contains(&text), "{text}");
    }

    #[test]
    fn a_limit_is_sent_only_where_an_answer_could_be_longer_and_never_too_high() {
        let open = demand(CallerDialect::OpenaiChat, "");
        assert_eq!(open.limit_to_send(8_000, &[dear(Some(8_000))]), None);
        assert_eq!(open.limit_to_send(1_024, &[dear(Some(8_000))]), Some(1_024));
        assert_eq!(open.limit_to_send(4_096, &[dear(None), dear(Some(2_000))]), Some(2_000));
    }

    #[test]
    fn nothing_fits_where_one_token_is_too_much() {
        let open = demand(CallerDialect::OpenaiChat, "");
        assert_eq!(open.fitting(100, (Some(open.prompt), None), &[], 0), None);
        assert_eq!(open.fitting(100, (Some(open.prompt + 1), None), &[], 0), Some(1));
        assert_eq!(open.fitting(100, (None, None), &[], 0), Some(100));
    }

    #[test]
    fn less_is_tried_where_more_cannot_be_reserved_unless_the_request_says_how_much() {
        let open = demand(CallerDialect::OpenaiChat, "");
        let lengths = |card, limit| open.lengths(&[dear(card)], (limit, None), 0);
        assert_eq!(lengths(Some(64_000), None), [64_000, 16_384, 4_096, 1_024]);
        assert_eq!(lengths(None, None), [4_096, 1_024]);
        assert_eq!(lengths(Some(64_000), Some(open.prompt + 5_000)), [5_000, 4_096, 1_024]);
        assert_eq!(lengths(Some(64_000), Some(open.prompt + 100)), [100]);
        assert_eq!(lengths(Some(64_000), Some(open.prompt + 1)), [16], "which is refused");
        let said = demand(CallerDialect::OpenaiChat, r#","max_tokens":9000"#);
        assert_eq!(said.lengths(&[dear(None)], (Some(10), Some(1)), 0), [9_000]);
    }

    /// What happens to a request.
    #[derive(Debug, Clone)]
    enum Fate {
        /// It is answered, with so many thousandths of what it may use.
        Answered(u64),
        /// Every attempt fails.
        Fails,
        /// It goes on until the end.
        Runs,
    }

    fn request() -> impl Strategy<Value = (u64, Option<u64>, Option<u32>, Fate, usize)> {
        let fate = prop_oneof![
            4 => (0..=1_000u64).prop_map(Fate::Answered),
            1 => Just(Fate::Fails),
            1 => Just(Fate::Runs),
        ];
        let asked = prop::option::of(1..30_000u64);
        let card = prop::option::of(prop::sample::select(vec![2_000u32, 8_000, 64_000]));
        (1..130u64, asked, card, fate, 0..4usize)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// Requests with several answers, with and without a limit, by models with and without a card, in two isolates, of which
        /// up to four run at a time. Providers keep to the limit that they are sent, and to what their models can.
        #[test]
        fn honest_providers_never_exceed_a_budget(
            budget in 1_000..2_000_000u64,
            requests in prop::collection::vec(request(), 1..40),
        ) {
            let amount = Budget { amount_micros: budget, period: Period::Total, alert_percent: vec![] };
            let rules = Rules::new(&Limits::default(), Some(&amount));
            let mut authority = Authority::default();
            let mut leases = [Lease::default(), Lease::default()];
            let mut running: Vec<(usize, Spent, Amounts, Fate)> = Vec::new();
            let mut owed_in_all = 0;
            for (index, (answers, asked, card, fate, waits)) in requests.into_iter().enumerate() {
                let now = 1_800_000_000_000 + 10 * index as u64;
                let limit = asked.map_or(String::new(), |asked| format!(r#","max_tokens":{asked}"#));
                let demand = demand(CallerDialect::OpenaiChat, &format!(r#","n":{answers}{limit}"#));
                // What a model without a card really can is not known.
                let (candidates, can) = ([dear(card)], card.map_or(100_000, u64::from));
                let at = index % 2;
                for each in demand.lengths(&candidates, (None, rules.smallest(Unit::Cost)), now) {
                    let need = demand.owes(each, &candidates, now);
                    if rules.exceeded_by(need).is_some() {
                        break;
                    }
                    let granted = match leases[at].spend(&rules, need, now) {
                        Step::Ask => {
                            let ask = leases[at].ask(need, String::new, now);
                            let (reply, _) = authority.answer(&ask, now);
                            leases[at].receive(&ask, &reply, now, now)
                        }
                        step => step,
                    };
                    let Step::Granted(spent) = granted else { continue };
                    let sent = asked.or(demand.limit_to_send(each, &candidates));
                    let most = demand.answers * sent.unwrap_or(u64::MAX).min(can);
                    let cost = match &fate {
                        Fate::Answered(share) => demand.owes(0, &candidates, now).cost + most * share / 1_000 * 10,
                        Fate::Fails => 0,
                        Fate::Runs => most * 10,
                    };
                    owed_in_all += cost;
                    running.push((at, spent, Amounts::request(0, cost), fate.clone()));
                    break;
                }
                prop_assert!(owed_in_all <= budget, "{owed_in_all} of {budget}");
                while running.len() > waits {
                    let Some(ends) = running.iter().position(|(.., fate)| !matches!(fate, Fate::Runs)) else { break };
                    let (at, spent, real, _) = running.remove(ends);
                    leases[at].settle(spent, real, now);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_fits_is_the_longest_that_fits(
            answers in 1..200u64, longest in 1..100_000u64, tokens in 0..1_000_000u64, money in 0..10_000_000u64,
        ) {
            let demand = demand(CallerDialect::OpenaiChat, &format!(r#","n":{answers}"#));
            let candidates = [dear(None)];
            let fits = |each| {
                let owed = demand.owes(each, &candidates, 0);
                owed.tokens <= tokens && owed.cost <= money
            };
            match demand.fitting(longest, (Some(tokens), Some(money)), &candidates, 0) {
                Some(each) => prop_assert!(fits(each) && (each == longest || !fits(each + 1))),
                None => prop_assert!(!fits(1)),
            }
        }
    }
}
