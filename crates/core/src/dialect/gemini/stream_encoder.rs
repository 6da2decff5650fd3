//! Encodes a streamed answer: every chunk is an answer with the next piece of content.
//!
//! - A function call is written complete, so that overlapping calls do not mix.
//! - Finish reason and usage are in the last chunk, when both are known, and so are citations, unless other content
//!   follows their text.
//! - There is no end marker: after an error, the chunk with the finish reason is missing.
//! - A keep-alive is a chunk with an empty thought. Google's client libraries accept neither comments nor blank
//!   lines.

use std::collections::BTreeMap;

use super::encode_media::media_part;
use super::encode_response::{call, redacted, signed, text_part, thought};
use super::wire::{CandidateOut, ContentOut, PartOut, ResponseOut, to_line};
use super::{citations, error, finish, logprobs, usage};
use crate::dialect::canonical::{
    Citation, FinishReason, PartStart, ReplyContext, StreamEncoder, StreamEvent,
};
use crate::sse::writer::write_data;
use crate::time::rfc3339;
use crate::tokens::TokenUsage;

/// Text of one part that is held to compute positions in it.
const MAX_REMEMBERED: usize = 1 << 20;

/// The framing of the chunks of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Server-Sent Events, requested with `alt=sse`.
    #[default]
    Sse,
    /// One JSON array, the default.
    JsonArray,
}

/// The encoder of one stream.
pub(super) struct Encoder {
    framing: Framing,
    id: String,
    model: String,
    created: u64,
    open: BTreeMap<(usize, usize), Open>,
    choices: BTreeMap<usize, Choice>,
    usage: Option<TokenUsage>,
    wrote: bool,
    over: bool,
}

enum Open {
    /// Text, with its citations.
    Text {
        text: String,
        citations: Vec<Citation>,
    },
    Thinking {
        has_text: bool,
        signature: String,
    },
    Call {
        id: String,
        name: String,
        arguments: String,
        signature: String,
    },
    /// Its parts are complete.
    Plain,
}

#[derive(Default)]
struct Choice {
    /// The last text and its citations, which are written when the choice continues or ends.
    cited: Option<(String, Vec<Citation>)>,
    finish: Option<FinishReason>,
}

impl Encoder {
    pub(super) fn new(context: &ReplyContext, framing: Framing) -> Self {
        Self {
            framing,
            id: context.unique.clone(),
            model: context.model.clone(),
            created: context.created,
            open: BTreeMap::new(),
            choices: BTreeMap::new(),
            usage: None,
            wrote: false,
            over: false,
        }
    }

    fn start(&mut self, choice: usize, part: usize, start: &PartStart, out: &mut Vec<u8>) {
        if let Some((text, citations)) = self.choices.entry(choice).or_default().cited.take() {
            let candidate = with_citations(choice, &text, &citations);
            self.chunk(vec![candidate], None, out);
        }
        let open = match start {
            PartStart::Text => Open::Text { text: String::new(), citations: Vec::new() },
            PartStart::Thinking => Open::Thinking { has_text: false, signature: String::new() },
            PartStart::Refusal => Open::Plain,
            PartStart::RedactedThinking { data } => {
                self.part(choice, redacted(data), out);
                Open::Plain
            }
            PartStart::ProviderBlock { origin, block } => {
                self.part(choice, redacted(&origin.seal(block)), out);
                Open::Plain
            }
            PartStart::Image { media } | PartStart::Audio { media } => {
                let default_type =
                    if matches!(start, PartStart::Image { .. }) { "image/png" } else { "audio/wav" };
                if let Some(piece) = media_part(media, default_type, None) {
                    self.part(choice, piece, out);
                }
                Open::Plain
            }
            PartStart::ToolCall { id, name } => Open::Call {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
                signature: String::new(),
            },
        };
        self.open.insert((choice, part), open);
    }

    fn text(&mut self, choice: usize, part: usize, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let piece = match self.open.get_mut(&(choice, part)) {
            Some(Open::Thinking { has_text, .. }) => {
                *has_text = true;
                thought(text)
            }
            Some(Open::Text { text: held, .. }) => {
                if held.len() < MAX_REMEMBERED {
                    held.push_str(text);
                }
                text_part(text)
            }
            Some(Open::Plain) => text_part(text),
            Some(Open::Call { .. }) | None => return,
        };
        self.part(choice, piece, out);
    }

    fn close(&mut self, choice: usize, part: usize, out: &mut Vec<u8>) {
        match self.open.remove(&(choice, part)) {
            Some(Open::Text { text, citations }) if !citations.is_empty() => {
                self.choices.entry(choice).or_default().cited = Some((text, citations));
            }
            Some(Open::Thinking { has_text, signature }) if !signature.is_empty() => {
                let signature = signed(&signature);
                // The signature of visible thoughts follows them; otherwise it stands alone.
                self.part(choice, PartOut { thought: has_text, ..signature }, out);
            }
            Some(Open::Call { id, name, arguments, signature }) => {
                let signature = Some(signature.as_str()).filter(|signature| !signature.is_empty());
                self.part(choice, call(&id, &name, &arguments, signature), out);
            }
            _ => {}
        }
    }

    /// Writes a chunk with one part.
    fn part(&mut self, choice: usize, part: PartOut<'_>, out: &mut Vec<u8>) {
        let content = ContentOut { role: Some("model"), parts: vec![part] };
        let candidate = CandidateOut { content: Some(content), index: choice, ..CandidateOut::default() };
        self.chunk(vec![candidate], None, out);
    }

    /// The last chunk.
    fn done(&mut self, out: &mut Vec<u8>) {
        let unfinished: Vec<(usize, usize)> = self.open.keys().copied().collect();
        for (choice, part) in unfinished {
            self.close(choice, part, out);
        }
        let choices = std::mem::take(&mut self.choices);
        let candidates = choices
            .iter()
            .map(|(index, choice)| {
                let (text, citations) =
                    choice.cited.as_ref().map_or(("", &[][..]), |(text, citations)| (text, citations));
                CandidateOut {
                    finish_reason: choice.finish.as_ref().map(finish::write),
                    ..with_citations(*index, text, citations)
                }
            })
            .collect();
        self.chunk(candidates, self.usage, out);
        if self.framing == Framing::JsonArray {
            out.push(b']');
        }
    }

    fn chunk(&mut self, candidates: Vec<CandidateOut<'_>>, usage: Option<TokenUsage>, out: &mut Vec<u8>) {
        let chunk = to_line(&ResponseOut {
            candidates,
            usage_metadata: usage.as_ref().map(usage::write),
            model_version: &self.model,
            create_time: Some(rfc3339(self.created)),
            response_id: &self.id,
        });
        self.frame(&chunk, out);
    }

    fn frame(&mut self, json: &[u8], out: &mut Vec<u8>) {
        match self.framing {
            Framing::Sse => write_data(out, json),
            Framing::JsonArray => {
                out.extend_from_slice(if self.wrote { b",\n" } else { b"[" });
                out.extend_from_slice(json);
            }
        }
        self.wrote = true;
    }

    fn ping(&mut self, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Sse => self.part(0, thought(""), out),
            Framing::JsonArray => out.push(b'\n'),
        }
    }
}

/// A candidate that contains only the citations of the text before it.
fn with_citations<'a>(index: usize, text: &str, citations: &[Citation]) -> CandidateOut<'a> {
    let (citation_metadata, grounding_metadata) = citations::write([(text, citations)]);
    CandidateOut {
        content: Some(ContentOut { role: Some("model"), parts: vec![text_part("")] }),
        index,
        citation_metadata,
        grounding_metadata,
        ..CandidateOut::default()
    }
}

impl StreamEncoder for Encoder {
    fn takes_comments(&self) -> bool {
        self.framing == Framing::Sse
    }

    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            StreamEvent::Start { id, model, created } => {
                if let Some(id) = id {
                    self.id.clone_from(id);
                }
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                self.created = created.unwrap_or(self.created);
            }
            // The dialect has it only for the prompt.
            StreamEvent::Served { .. } => {}
            StreamEvent::PartStart { choice, part, start } => self.start(*choice, *part, start, out),
            StreamEvent::TextDelta { choice, part, text } => self.text(*choice, *part, text, out),
            StreamEvent::ArgumentsDelta { choice, part, text } => {
                if let Some(Open::Call { arguments, .. }) = self.open.get_mut(&(*choice, *part)) {
                    arguments.push_str(text);
                }
            }
            StreamEvent::SignatureDelta { choice, part, signature: more } => {
                if let Some(Open::Thinking { signature, .. } | Open::Call { signature, .. }) =
                    self.open.get_mut(&(*choice, *part))
                {
                    signature.push_str(more);
                }
            }
            StreamEvent::Citation { choice, part, citation } => {
                if let Some(Open::Text { citations, .. }) = self.open.get_mut(&(*choice, *part)) {
                    citations.push(citation.clone());
                }
            }
            StreamEvent::Logprobs { choice, logprobs } => {
                if let Some(result) = logprobs::write(logprobs) {
                    let logprobs_result = Some(result);
                    let candidate =
                        CandidateOut { index: *choice, logprobs_result, ..CandidateOut::default() };
                    self.chunk(vec![candidate], None, out);
                }
            }
            StreamEvent::PartEnd { choice, part } => self.close(*choice, *part, out),
            StreamEvent::Finish { choice, reason } => {
                self.choices.entry(*choice).or_default().finish = Some(reason.clone());
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Ping => self.ping(out),
            StreamEvent::Done => {
                self.done(out);
                self.over = true;
            }
            StreamEvent::Error(error) => {
                self.frame(&error::encode(error, "", None), out);
                if self.framing == Framing::JsonArray {
                    out.push(b']');
                }
                self.over = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::ErrorInfo;
    use serde_json::Value;

    fn context() -> ReplyContext {
        ReplyContext { unique: "u1".into(), created: 1_756_720_800, model: "m".into() }
    }

    fn written(events: &[StreamEvent], framing: Framing) -> String {
        let mut encoder = Encoder::new(&context(), framing);
        let mut out = Vec::new();
        for event in events {
            encoder.encode(event, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    fn chunks(events: &[StreamEvent]) -> Vec<Value> {
        let text = written(events, Framing::Sse);
        assert!(text.is_empty() || text.ends_with("\n\n"));
        text.split_terminator("\n\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect()
    }

    fn started(part: usize, start: PartStart) -> StreamEvent {
        StreamEvent::PartStart { choice: 0, part, start }
    }

    fn arguments(part: usize, text: &str) -> StreamEvent {
        StreamEvent::ArgumentsDelta { choice: 0, part, text: text.into() }
    }

    fn call_start(part: usize) -> StreamEvent {
        started(part, PartStart::ToolCall { id: format!("c{part}"), name: "f".into() })
    }

    fn calls() -> Vec<StreamEvent> {
        vec![
            StreamEvent::Start { id: None, model: Some("served".into()), created: None },
            started(0, PartStart::Text),
            StreamEvent::TextDelta { choice: 0, part: 0, text: "Hi".into() },
            StreamEvent::PartEnd { choice: 0, part: 0 },
            call_start(1),
            arguments(1, "{\"a\":"),
            call_start(2),
            arguments(2, "{}"),
            arguments(1, "\n1}"),
            StreamEvent::PartEnd { choice: 0, part: 1 },
            StreamEvent::PartEnd { choice: 0, part: 2 },
            StreamEvent::Finish { choice: 0, reason: FinishReason::ToolCalls },
            StreamEvent::Usage(TokenUsage { prompt: 1, completion: 2, ..TokenUsage::default() }),
            StreamEvent::Done,
        ]
    }

    #[test]
    fn calls_beside_each_other_leave_whole() {
        let chunks = chunks(&calls());
        assert_eq!(chunks.len(), 4);
        let part = |index: usize| &chunks[index]["candidates"][0]["content"]["parts"][0];
        assert_eq!(part(0)["text"], "Hi");
        assert_eq!(part(1)["functionCall"]["args"]["a"], 1);
        assert_eq!(part(2)["functionCall"]["id"], "c2");
        assert!(chunks[..3].iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
        assert_eq!(chunks[3]["candidates"][0]["finishReason"], "STOP");
        assert_eq!(chunks[3]["usageMetadata"]["totalTokenCount"], 3);
        assert!(chunks.iter().all(|chunk| chunk["modelVersion"] == "served" && chunk["responseId"] == "u1"));
    }

    #[test]
    fn an_array_is_the_same_in_other_words() {
        let array: Vec<Value> = serde_json::from_str(&written(&calls(), Framing::JsonArray)).unwrap();
        assert_eq!(array, chunks(&calls()));
        let mut broken = vec![StreamEvent::Ping];
        broken.extend(calls().into_iter().take(4));
        broken.push(StreamEvent::Error(ErrorInfo::truncated()));
        broken.push(StreamEvent::Done);
        let array: Vec<Value> = serde_json::from_str(&written(&broken, Framing::JsonArray)).unwrap();
        assert_eq!(array.len(), 2);
        assert_eq!(array[1]["error"]["code"], 502);
    }

    #[test]
    fn after_an_error_nothing_looks_whole() {
        let mut events: Vec<_> = calls().into_iter().take(4).collect();
        events.push(StreamEvent::Error(ErrorInfo::of_status(503, "Overloaded.")));
        events.push(StreamEvent::Done);
        let chunks = chunks(&events);
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[1]["error"]["status"], "UNAVAILABLE");
        assert!(!written(&events, Framing::Sse).contains("finishReason"));
    }

    #[test]
    fn a_keep_alive_is_a_chunk_without_content() {
        let chunks = chunks(&[StreamEvent::Ping]);
        let part = &chunks[0]["candidates"][0]["content"]["parts"][0];
        assert_eq!((&part["text"], &part["thought"]), (&"".into(), &true.into()));
    }
}
