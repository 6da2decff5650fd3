//! Decodes a streamed answer.
//!
//! | event | becomes |
//! |---|---|
//! | `message`, `agent_message`, `text_chunk` | text |
//! | `agent_thought`, `reasoning_chunk` | reasoning, which also mentions the tools that the app used |
//! | `message_file` | a link in the text |
//! | `message_replace` | the new text, and "filtered" as the finish reason |
//! | `message_end` | usage, sources, the end |
//! | `workflow_finished` | the end, where no `message_end` comes |
//! | `workflow_paused` | the end: the app waits for a person |
//! | `error` | an error |
//! | everything else, `ping` included | a keep-alive |

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ids::DifyIds;
use super::wire::{Reply, finish_of};
use super::{decode_response, error};
use crate::dialect::canonical::{ChatResponse, ErrorInfo, FinishReason, StreamDecoder, StreamEvent};
use crate::dialect::upstream::joined::Joined;
use crate::dialect::upstream::parts::{ChoiceParts, Prose};
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::json::lenient::{self, Spare};
use crate::json::object::Kind;
use crate::sse::Event;

/// Most of the answer that is held to recognise repetitions.
const REMEMBERED_BYTES: usize = 1 << 20;

/// Decodes the stream of a chat app, and records Dify's ids.
pub struct DifyStreamDecoder(Joined<SseDecoder<DifyReading>>);

impl DifyStreamDecoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self(Joined::new(SseDecoder::new(DifyReading {
            parts: ChoiceParts::new(0),
            ..DifyReading::default()
        })))
    }

    /// The ids so far. All of them come with the first event.
    #[must_use]
    pub fn ids(&self) -> &DifyIds {
        &self.0.inner().reading().ids
    }
}

impl Default for DifyStreamDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamDecoder for DifyStreamDecoder {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        self.0.push(chunk, events);
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        self.0.finish(events);
    }
}

#[derive(Debug, Default)]
struct DifyReading {
    begun: bool,
    ids: DifyIds,
    parts: ChoiceParts,
    /// The answer so far.
    said: String,
    /// The answer came as `agent_message`; a later `message` repeats all of it.
    is_agent: bool,
    is_replaced: bool,
    thought: Thought,
    workflow: Option<Result<FinishReason, ErrorInfo>>,
    /// The last event, if it was a piece of the answer and nothing else.
    repeated: Repeated,
    /// How that piece came.
    repeated_manner: Manner,
}

/// How a piece of the answer comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Manner {
    /// `message`
    #[default]
    Message,
    /// `agent_message`
    AgentMessage,
    /// `text_chunk`, whose text is in the data of the workflow.
    TextChunk,
}

impl Manner {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "message" => Self::Message,
            "agent_message" => Self::AgentMessage,
            "text_chunk" => Self::TextChunk,
            _ => return None,
        })
    }
}

/// A piece of the answer as it is written.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<WrittenData<'a>>,
}

#[derive(Deserialize)]
struct WrittenData<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

/// The text of a thought so far; later events repeat and extend it.
#[derive(Debug, Default)]
struct Thought {
    id: String,
    words: String,
    tool: String,
    observation: String,
}

impl Reading for DifyReading {
    fn repeated(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) -> bool {
        let Some(text) = self.repeated.text_in(event.raw()) else { return false };
        self.answer(self.repeated_manner, &text, events);
        true
    }

    fn event(&mut self, event: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool {
        let Ok(mut reply) = lenient::read::<Reply>(data, &Spare::default()) else {
            events.push(StreamEvent::Error(ErrorInfo::malformed()));
            return true;
        };
        let named = || event.name().map(|name| String::from_utf8_lossy(name).into_owned());
        let kind = reply.event.take().or_else(named).unwrap_or_default();
        self.note_ids(&mut reply);
        if kind == "error" {
            let unknown = || ErrorInfo::in_stream("upstream_error", "The app reported an error.");
            events.push(StreamEvent::Error(error::in_answer(reply, data).unwrap_or_else(unknown)));
            return true;
        }
        self.begin(&reply, events);
        if let Some(manner) = Manner::of(&kind) {
            self.piece(manner, &reply, events);
            self.note(manner, event, data);
            return false;
        }
        match kind.as_str() {
            "message_replace" => self.replace(&reply, events),
            "agent_thought" => self.thought(reply, events),
            "reasoning_chunk" => {
                let words = reply.data().reasoning.unwrap_or_default();
                self.parts.prose(Prose::Thinking, &words, events);
            }
            "message_file" => self.file(&reply, events),
            // A workflow that failed has no answer, whatever is said after it.
            "message_end" if matches!(self.workflow, Some(Err(_))) => {
                self.end(events);
                return true;
            }
            "message_end" => {
                let mut metadata = reply.metadata.take().unwrap_or_default();
                for citation in metadata.citations() {
                    self.parts.citation(citation, events);
                }
                let usage = metadata.usage();
                self.close(FinishReason::Stop, events);
                events.extend(usage.map(StreamEvent::Usage));
                events.push(StreamEvent::Done);
                return true;
            }
            "human_input_required" => {
                let form = reply.data().form_content.unwrap_or_default();
                self.say(&form, events);
            }
            "workflow_paused" => {
                self.close(FinishReason::Pause, events);
                events.push(StreamEvent::Done);
                return true;
            }
            "workflow_finished" => {
                // A workflow without a chat may send all of its output at its end.
                if self.said.is_empty()
                    && let Some(output) = reply.data().output()
                {
                    self.say(&output, events);
                }
                let data = reply.data();
                self.workflow = Some(error::of_workflow(&data).map_or_else(|| Ok(finish_of(&data)), Err));
            }
            _ => events.push(StreamEvent::Ping),
        }
        false
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        match self.workflow.take() {
            Some(Ok(reason)) => {
                self.close(reason, events);
                events.push(StreamEvent::Done);
            }
            Some(Err(error)) => events.push(StreamEvent::Error(error)),
            None => events.push(StreamEvent::Error(ErrorInfo::truncated())),
        }
    }

    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        let reply: Reply = lenient::read(body, &Spare::default()).map_err(|_| ErrorInfo::malformed())?;
        let (response, ids) = decode_response::read(reply, body)?;
        self.ids = ids;
        Ok(response)
    }
}

impl DifyReading {
    fn note_ids(&mut self, reply: &mut Reply) {
        for (held, seen) in [
            (&mut self.ids.conversation_id, reply.conversation_id.take()),
            (&mut self.ids.message_id, reply.message_id.take()),
            (&mut self.ids.task_id, reply.task_id.take()),
        ] {
            let seen = seen.filter(|id| !id.is_empty());
            if seen.is_some() {
                *held = seen;
            }
        }
    }

    fn begin(&mut self, reply: &Reply, events: &mut Vec<StreamEvent>) {
        if !self.begun {
            self.begun = true;
            events.push(StreamEvent::Start {
                id: self.ids.message_id.clone(),
                model: None,
                created: reply.created(),
            });
        }
    }

    fn say(&mut self, text: &str, events: &mut Vec<StreamEvent>) {
        if self.said.len() + text.len() <= REMEMBERED_BYTES {
            lenient::append(&mut self.said, text);
        }
        self.parts.prose(Prose::Text, text, events);
    }

    fn piece(&mut self, manner: Manner, reply: &Reply, events: &mut Vec<StreamEvent>) {
        let text = if manner == Manner::TextChunk { reply.data().text } else { None };
        let text = text.as_deref().or(reply.answer.as_deref()).map(String::as_str).unwrap_or_default();
        self.answer(manner, text, events);
    }

    /// Notes an event with a piece of the answer. Nothing else in such an event is news once it was read.
    fn note(&mut self, manner: Manner, event: Event<'_>, data: &[u8]) {
        let Ok(Written { answer, data }) = serde_json::from_slice(data) else { return };
        let text = match manner {
            Manner::TextChunk => data.and_then(|data| data.text),
            Manner::Message | Manner::AgentMessage => answer,
        };
        if let Some(text) = text.filter(|text| Kind::of(text) == Kind::String) {
            self.repeated_manner = manner;
            self.repeated.note(event.raw(), text);
        }
    }

    fn answer(&mut self, manner: Manner, text: &str, events: &mut Vec<StreamEvent>) {
        if manner == Manner::Message && self.is_agent {
            let rest = text.strip_prefix(self.said.as_str()).unwrap_or_default().to_owned();
            self.say(&rest, events);
            return;
        }
        self.is_agent |= manner == Manner::AgentMessage;
        self.say(text, events);
    }

    /// Text that was sent cannot be taken back; the replacement follows in a part of its own.
    fn replace(&mut self, reply: &Reply, events: &mut Vec<StreamEvent>) {
        let text = reply.answer.as_deref().map(String::as_str).unwrap_or_default();
        self.is_replaced = true;
        let rest = text.strip_prefix(self.said.as_str()).map(str::to_owned);
        if rest.is_none() {
            self.parts.end_prose(events);
            self.said = String::new();
        }
        self.say(rest.as_deref().unwrap_or(text), events);
    }

    fn thought(&mut self, reply: Reply, events: &mut Vec<StreamEvent>) {
        let id = reply.id.unwrap_or_default();
        if self.thought.id != id {
            self.thought = Thought { id, ..Thought::default() };
        }
        let words = reply.thought.unwrap_or_default();
        // Apps with function calling repeat the answer as a thought.
        let new = words.strip_prefix(self.thought.words.as_str()).unwrap_or(&words);
        let is_said = !words.is_empty() && self.said.trim_end().ends_with(words.trim_end());
        let mut text = if is_said { String::new() } else { new.to_owned() };
        let tool = reply.tool.unwrap_or_default();
        if !tool.is_empty() && self.thought.tool.is_empty() {
            let input = crate::dialect::upstream::arguments_text(reply.tool_input.as_ref());
            line(&mut text, &format!("[{tool}] {input}"));
            self.thought.tool = tool;
        }
        let observation = reply.observation.unwrap_or_default();
        if !observation.is_empty() && self.thought.observation.is_empty() {
            line(&mut text, &format!("[{}] -> {observation}", self.thought.tool));
            self.thought.observation = observation;
        }
        self.thought.words = words;
        self.parts.prose(Prose::Thinking, &text, events);
    }

    fn file(&mut self, reply: &Reply, events: &mut Vec<StreamEvent>) {
        if reply.belongs_to.as_deref() == Some("user") {
            return;
        }
        let Some(url) = reply.url.as_deref().filter(|url| !url.is_empty()) else { return };
        let kind = reply.r#type.as_deref().unwrap_or("file");
        let mark = if kind == "image" { "!" } else { "" };
        self.say(&format!("{mark}[{kind}]({url})\n"), events);
    }

    fn close(&mut self, reason: FinishReason, events: &mut Vec<StreamEvent>) {
        self.parts.finish("", events);
        let reason = if self.is_replaced { FinishReason::ContentFilter } else { reason };
        events.push(StreamEvent::Finish { choice: 0, reason });
    }
}

fn line(text: &mut String, more: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(more);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::upstream::testing_repeats::{Sample, check, samples, sse};
    use proptest::prelude::*;

    fn decoder(parses_all: bool) -> SseDecoder<DifyReading> {
        let repeated = if parses_all { Repeated::blind() } else { Repeated::default() };
        SseDecoder::new(DifyReading { repeated, ..DifyReading::default() })
    }

    fn written(sample: &Sample) -> Vec<u8> {
        let Sample { text, count, .. } = sample;
        let (kind, fields) = match sample.kind {
            0 => ("agent_thought", format!(r#""id":"1","thought":{text},"tool":"f","observation":{text}"#)),
            1 => ("message_replace", format!(r#""answer":{text}"#)),
            2 => ("message_file", r#""type":"image","url":"u""#.to_owned()),
            3 => ("reasoning_chunk", format!(r#""data":{{"reasoning":{text}}}"#)),
            4 => ("text_chunk", format!(r#""answer":{text},"data":{{"other":{count}}}"#)),
            5 => ("ping", String::from(r#""answer":"""#)),
            6 => ("message", format!(r#""answer":{text},"message_id":{count}"#)),
            7 => ("message", format!(r#""answer":{text},"data":{text}"#)),
            8..=14 => ("text_chunk", format!(r#""data":{{"text":{text},"from":[]}}"#)),
            15..=20 => ("agent_message", format!(r#""answer":{text}"#)),
            _ => ("message", format!(r#""answer":{text}"#)),
        };
        let data = format!(
            r#"{{"event":"{kind}","conversation_id":"c","message_id":"m","created_at":1705407629,{fields}}}"#
        );
        sse(kind, &sample.damaged(data))
    }

    proptest! {
        #[test]
        fn repeated_events_mean_what_parsed_ones_do(samples in samples(), size in 1..90_usize) {
            let events: Vec<_> = samples.iter().map(written).collect();
            check(&events, size, |parses_all| Box::new(Joined::new(decoder(parses_all))));
            let ids = [true, false].map(|parses_all| {
                let mut decoder = decoder(parses_all);
                decoder.push(&events.concat(), &mut Vec::new());
                (decoder.reading().ids.conversation_id.clone(), decoder.reading().ids.message_id.clone())
            });
            prop_assert_eq!(&ids[0], &ids[1]);
        }
    }

    #[test]
    fn a_piece_of_the_answer_is_recognised_by_its_envelope() {
        let (mut decoder, mut events) = (decoder(false), Vec::new());
        for text in ["one", "two", "three", "four"] {
            let data = format!(r#"{{"event": "message", "message_id": "m", "answer": "{text}"}}"#);
            decoder.push(&sse("message", data.as_bytes()), &mut events);
        }
        assert_eq!(decoder.reading().repeated.recognised(), 3);
    }
}
