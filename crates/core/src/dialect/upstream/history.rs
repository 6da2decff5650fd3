//! The history of a conversation in the order that every service requires.
//!
//! Callers tell histories in any order: a message between a call and its result, two messages of the assistant whose
//! results come together, results in another order, twice, or not at all because the history was cut off. Services
//! refuse all of these: `OpenAI`, Cohere, `DashScope` and `DeepSeek` want the results directly after the calls, Gemini
//! one response for each call of the turn before, Anthropic and Bedrock a result for each call in the next turn.
//!
//! Guarantees of [`settled`], which every encoder of an upstream applies before anything else:
//! - a message with calls is followed directly by messages of [`Role::Tool`] that hold exactly one result for each
//!   call, in the order of the calls, and nothing else;
//! - what was said between a call and its result follows the results, in its own order;
//! - messages of the assistant that follow each other are one message if results of an earlier one come after a later
//!   one: its calls were made together;
//! - ids of calls are not empty and no id occurs twice in a history; results follow a renamed call;
//! - several results of one call are one result, in which equal ones are told once;
//! - a result without a call is content of the user, under a line that says what it is; a call without a result gets
//!   [`NO_RESULT`];
//! - there is a message;
//! - nothing else is changed, and a history that is in order is borrowed.
//!
//! Services that take instructions only before the conversation, or not as its last message, get instructions at its
//! end, after an answer, as what the user says ([`History::role_of`]): they are what the model is to answer now.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::dialect::canonical::limits::Spelling;
use crate::dialect::canonical::{Message, Part, Role};

/// The result of a call that the history has no result of.
pub const NO_RESULT: &str = "No result of this call was returned.";
/// The result of a tool that returned nothing, or nothing that can be expressed, for services that refuse an empty one.
pub const EMPTY_RESULT: &str = "The tool returned no text.";
/// The same of a tool that failed.
pub const EMPTY_FAILURE: &str = "Error: the tool failed.";
/// What stands where a service requires a turn of the user and the caller has none.
pub const FILLER: &str = "Continue.";
/// What an answer between results and the next question says, where a service requires one and there is none.
pub const ACKNOWLEDGED: &str = "Understood.";

/// Index of a message and of a part in it.
type Place = (usize, usize);

/// A history in order.
pub struct History<'a> {
    /// The messages.
    pub messages: Cow<'a, [Message]>,
    /// Where each message and each of its parts were in the request; empty if all are where they were.
    places: Vec<(usize, Vec<Place>)>,
    /// Index of the first of the instructions at the end, if they follow an answer.
    question: usize,
}

/// Brings the messages of a request in order.
///
/// `ids` are those that the upstream accepts; given ids are accepted already, and new ones will be.
pub fn settled<'a>(messages: &'a [Message], ids: &'static Spelling) -> History<'a> {
    if is_settled(messages) {
        return History {
            messages: Cow::Borrowed(messages),
            places: Vec::new(),
            question: question(messages),
        };
    }
    let mut writer = Writer::new(messages, ids);
    for (index, message) in messages.iter().enumerate() {
        writer.message(index, message);
    }
    writer.end_round();
    if writer.written.is_empty() {
        writer.written.push(Message::new(Role::User, vec![Part::text(FILLER)]));
    }
    let question = question(&writer.written);
    History { messages: Cow::Owned(writer.written), places: writer.places, question }
}

fn is_instruction(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

fn question(messages: &[Message]) -> usize {
    match messages.iter().rposition(|message| !is_instruction(message)) {
        Some(last) if messages.get(last).is_some_and(|last| last.role == Role::Assistant) => last + 1,
        _ => messages.len(),
    }
}

impl History<'_> {
    /// Messages that are not brought in order.
    #[cfg(test)]
    pub fn as_given(messages: &[Message]) -> History<'_> {
        History { messages: Cow::Borrowed(messages), places: Vec::new(), question: messages.len() }
    }

    /// The role of a message for a service that takes instructions only before the conversation.
    pub fn role_of(&self, index: usize) -> Role {
        match self.messages.get(index) {
            Some(message) if index < self.question => message.role,
            _ => Role::User,
        }
    }

    /// Rewrites names of dropped content (`messages[3].content[0]…`) from positions in this history to positions in
    /// the request.
    pub fn restore_places(&self, dropped: &mut [String]) {
        if self.places.is_empty() {
            return;
        }
        for name in dropped {
            if let Some(restored) = self.restored(name) {
                *name = restored;
            }
        }
    }

    fn restored(&self, name: &str) -> Option<String> {
        let (message, rest) = name.strip_prefix("messages[")?.split_once(']')?;
        let (own, parts) = self.places.get(message.parse::<usize>().ok()?)?;
        let part = rest.strip_prefix(".content[").and_then(|rest| rest.split_once(']'));
        let Some((part, rest)) = part else { return Some(format!("messages[{own}]{rest}")) };
        let (message, part) = parts.get(part.parse::<usize>().ok()?)?;
        Some(format!("messages[{message}].content[{part}]{rest}"))
    }
}

/// Whether the messages keep the order already.
fn is_settled(messages: &[Message]) -> bool {
    let mut ids = BTreeSet::new();
    let mut due = VecDeque::new();
    for message in messages {
        if message.role == Role::Tool {
            let answers = |part: &Part| match part {
                Part::ToolResult { call_id, .. } => due.pop_front() == Some(call_id.as_str()),
                _ => false,
            };
            if message.parts.is_empty() || !message.parts.iter().all(answers) {
                return false;
            }
            continue;
        }
        if !due.is_empty() {
            return false;
        }
        for part in &message.parts {
            match part {
                Part::ToolCall { id, .. } if message.role == Role::Assistant => {
                    if id.is_empty() || !ids.insert(id.as_str()) {
                        return false;
                    }
                    due.push_back(id.as_str());
                }
                Part::ToolCall { .. } | Part::ToolResult { .. } => return false,
                _ => {}
            }
        }
    }
    due.is_empty() && !messages.is_empty()
}

/// A call of the history.
struct Call<'a> {
    place: Place,
    /// The id as it was given; it may be empty.
    id: &'a str,
    name: &'a str,
    results: Vec<Place>,
}

/// The calls in order, and the call of each result that has one.
struct Rounds<'a> {
    calls: Vec<Call<'a>>,
    owner: BTreeMap<Place, usize>,
}

impl<'a> Rounds<'a> {
    /// Finds the call of each result: the first open one with its id in the latest message before it. Failing that, an
    /// answered one before it (the result is told twice), or an open one after it. A result without an id belongs to
    /// the first open call before it, of its name if it has one.
    fn of(messages: &'a [Message]) -> Self {
        let mut rounds = Self { calls: Vec::new(), owner: BTreeMap::new() };
        // Calls without a result, by id and message, and in order, altogether and by name.
        let mut open: BTreeMap<&str, Vec<(usize, VecDeque<usize>)>> = BTreeMap::new();
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut by_name: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
        let mut early = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            for (position, part) in message.parts.iter().enumerate() {
                let place = (index, position);
                match part {
                    Part::ToolCall { id, name, .. } if message.role == Role::Assistant => {
                        let call = rounds.calls.len();
                        rounds.calls.push(Call { place, id, name, results: Vec::new() });
                        let groups = open.entry(id).or_default();
                        match groups.last_mut() {
                            Some((last, group)) if *last == index => group.push_back(call),
                            _ => groups.push((index, VecDeque::from([call]))),
                        }
                        queue.push_back(call);
                        by_name.entry(name).or_default().push_back(call);
                    }
                    Part::ToolResult { call_id, name, .. } => {
                        let call = if call_id.is_empty() {
                            let named = name.as_deref().and_then(|name| by_name.get_mut(name));
                            rounds.next_open(named.unwrap_or(&mut queue))
                        } else {
                            open.get_mut(call_id.as_str()).and_then(|groups| rounds.last_open(groups))
                        };
                        if let Some(call) = call {
                            latest.insert(call_id, call);
                            rounds.answer(call, place);
                        } else if let Some(call) = latest.get(call_id.as_str()) {
                            rounds.answer(*call, place);
                        } else {
                            early.push((call_id.as_str(), place));
                        }
                    }
                    _ => {}
                }
            }
        }
        rounds.place_early(&early);
        rounds
    }

    /// Results before their calls.
    fn place_early(&mut self, early: &[(&str, Place)]) {
        let mut unanswered: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        for (index, call) in self.calls.iter().enumerate().filter(|(_, call)| call.results.is_empty()) {
            unanswered.entry(call.id).or_default().push_back(index);
        }
        for (id, place) in early.iter().filter(|(id, _)| !id.is_empty()) {
            if let Some(call) = unanswered.get_mut(id).and_then(VecDeque::pop_front) {
                self.answer(call, *place);
            }
        }
    }

    fn answer(&mut self, call: usize, place: Place) {
        self.owner.insert(place, call);
        if let Some(call) = self.calls.get_mut(call) {
            call.results.push(place);
        }
    }

    fn is_open(&self, call: usize) -> bool {
        self.calls.get(call).is_some_and(|call| call.results.is_empty())
    }

    /// The first call of the queue without a result.
    fn next_open(&self, queue: &mut VecDeque<usize>) -> Option<usize> {
        while let Some(call) = queue.pop_front() {
            if self.is_open(call) {
                return Some(call);
            }
        }
        None
    }

    /// The first call without a result of the latest message that has one.
    fn last_open(&self, groups: &mut Vec<(usize, VecDeque<usize>)>) -> Option<usize> {
        while let Some((_, group)) = groups.last_mut() {
            if let Some(call) = self.next_open(group) {
                return Some(call);
            }
            groups.pop();
        }
        None
    }
}

/// Writes the messages in order.
struct Writer<'a> {
    request: &'a [Message],
    rounds: Rounds<'a>,
    /// The index of the next call.
    next: usize,
    /// The calls of the last message written, whose results are not yet written, with their new ids.
    due: Vec<(usize, String)>,
    /// Index of the message with the last of these results.
    due_until: usize,
    ids: BTreeMap<String, usize>,
    accepted: &'static Spelling,
    written: Vec<Message>,
    places: Vec<(usize, Vec<Place>)>,
}

impl<'a> Writer<'a> {
    fn new(request: &'a [Message], accepted: &'static Spelling) -> Self {
        Self {
            request,
            rounds: Rounds::of(request),
            next: 0,
            due: Vec::new(),
            due_until: 0,
            ids: BTreeMap::new(),
            accepted,
            written: Vec::with_capacity(request.len()),
            places: Vec::with_capacity(request.len()),
        }
    }

    fn message(&mut self, index: usize, message: &'a Message) {
        let is_assistant = message.role == Role::Assistant;
        if !(is_assistant && self.due_until > index) {
            self.end_round();
        }
        let mut parts = Vec::with_capacity(message.parts.len());
        let mut places = Vec::with_capacity(message.parts.len());
        let mut calls = Vec::new();
        for (position, part) in message.parts.iter().enumerate() {
            let place = (index, position);
            match part {
                Part::ToolCall { id, name, arguments, signature, cache } if is_assistant => {
                    let id = self.unique(id);
                    calls.push((self.next, id.clone()));
                    self.next += 1;
                    parts.push(Part::ToolCall {
                        id,
                        name: name.clone(),
                        arguments: arguments.clone(),
                        signature: signature.clone(),
                        cache: cache.clone(),
                    });
                    places.push(place);
                }
                Part::ToolResult { .. } if self.rounds.owner.contains_key(&place) => {}
                Part::ToolResult { call_id, name, parts: content, is_error, .. } => {
                    let title = name.as_deref().filter(|_| call_id.is_empty()).unwrap_or(call_id);
                    let what = if *is_error { "Error" } else { "Result" };
                    parts.push(Part::text(format!("{what} of the tool call {title}:")));
                    parts.extend(content.iter().cloned());
                    places.resize(parts.len(), place);
                }
                _ => {
                    parts.push(part.clone());
                    places.push(place);
                }
            }
        }
        let held_results = message.parts.iter().any(|part| matches!(part, Part::ToolResult { .. }));
        if parts.is_empty() && (held_results || message.role == Role::Tool) {
            return;
        }
        if is_assistant && !self.due.is_empty() {
            if let (Some(last), Some((_, held))) = (self.written.last_mut(), self.places.last_mut()) {
                last.parts.append(&mut parts);
                held.append(&mut places);
            }
        } else {
            let role = if message.role == Role::Tool { Role::User } else { message.role };
            self.written.push(Message { role, parts, name: message.name.clone() });
            self.places.push((index, places));
        }
        let results = calls.iter().filter_map(|(call, _)| self.rounds.calls.get(*call)?.results.iter().max());
        self.due_until = results.map(|(message, _)| *message).fold(self.due_until, usize::max);
        self.due.append(&mut calls);
    }

    /// Writes the results of the last message's calls.
    fn end_round(&mut self) {
        let due = std::mem::take(&mut self.due);
        self.due_until = 0;
        let Some(own) = self.places.last().map(|(own, _)| *own).filter(|_| !due.is_empty()) else { return };
        let (mut results, mut places) = (Vec::new(), Vec::new());
        for (call, id) in due {
            let Some(call) = self.rounds.calls.get(call) else { continue };
            results.push(self.result(call, id));
            places.push(call.results.first().copied().unwrap_or(call.place));
        }
        let index = places.first().map_or(own, |(message, _)| *message);
        self.written.push(Message::new(Role::Tool, results));
        self.places.push((index, places));
    }

    /// The only result of a call.
    fn result(&self, call: &Call<'_>, id: String) -> Part {
        let given =
            call.results.iter().filter_map(|(message, part)| self.request.get(*message)?.parts.get(*part));
        let mut tellings: Vec<&Vec<Part>> = Vec::new();
        let (mut failed, mut mark) = (false, None);
        for part in given {
            if let Part::ToolResult { parts, is_error, cache, .. } = part {
                failed |= is_error;
                mark = mark.or_else(|| cache.clone());
                if tellings.first() != Some(&parts) {
                    tellings.push(parts);
                }
            }
        }
        let parts = match tellings.as_slice() {
            [] => vec![Part::text(NO_RESULT)],
            tellings => tellings.iter().flat_map(|parts| parts.iter().cloned()).collect(),
        };
        let name = (!call.name.is_empty()).then(|| call.name.to_owned());
        Part::ToolResult { call_id: id, name, parts, is_error: failed, cache: mark }
    }

    /// The id, or one that no call has had yet.
    fn unique(&mut self, id: &str) -> String {
        let base = if id.is_empty() { self.accepted.spelled_out("call") } else { id.into() };
        let base = base.as_ref();
        let mut count = self.ids.get(base).map_or(1, |count| count + 1);
        let mut unique = base.to_owned();
        while count > 1 {
            unique = format!("{base}_{count}");
            if !self.accepted.accepts(&unique) {
                unique = self.accepted.numbered(base, count);
            }
            if !self.ids.contains_key(&unique) {
                break;
            }
            count += 1;
        }
        self.ids.insert(base.to_owned(), count);
        self.ids.entry(unique.clone()).or_insert(1);
        unique
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn call(id: &str) -> Part {
        Part::ToolCall {
            id: id.into(),
            name: format!("f{id}"),
            arguments: "{}".into(),
            signature: None,
            cache: None,
        }
    }

    fn result(id: &str, text: &str) -> Part {
        let parts = vec![Part::text(text)];
        Part::ToolResult { call_id: id.into(), name: None, parts, is_error: false, cache: None }
    }

    fn said(role: Role, parts: Vec<Part>) -> Message {
        Message::new(role, parts)
    }

    fn calls(ids: &[&str]) -> Message {
        said(Role::Assistant, ids.iter().map(|id| call(id)).collect())
    }

    fn results(ids: &[&str]) -> Message {
        said(Role::Tool, ids.iter().map(|id| result(id, &format!("r{id}"))).collect())
    }

    fn user(text: &str) -> Message {
        said(Role::User, vec![Part::text(text)])
    }

    /// A history in short: `u:text`, `a:id,id`, `t:id=result,…`.
    fn short(messages: &[Message]) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Text { text, .. } => text.clone(),
            Part::ToolCall { id, .. } => id.clone(),
            Part::ToolResult { call_id, parts, .. } => {
                let texts: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
                format!("{call_id}={}", texts.join("+"))
            }
            other => panic!("{other:?}"),
        };
        messages
            .iter()
            .map(|message| {
                let role = match message.role {
                    Role::System | Role::Developer => "s",
                    Role::User => "u",
                    Role::Assistant => "a",
                    Role::Tool => "t",
                };
                let parts: Vec<String> = message.parts.iter().map(part).collect();
                format!("{role}:{}", parts.join(","))
            })
            .collect()
    }

    #[track_caller]
    fn check(given: &[Message], expected: &[&str]) {
        let settled = settled(given, &Spelling::ANY);
        assert_eq!(short(&settled.messages), expected);
        assert!(is_settled(&settled.messages));
    }

    #[test]
    fn what_is_in_order_is_borrowed() {
        let given = [
            user("q"),
            calls(&["a", "b"]),
            results(&["a"]),
            results(&["b"]),
            said(Role::Assistant, vec![Part::text("x")]),
            said(Role::Assistant, vec![]),
            user("y"),
        ];
        assert!(matches!(settled(&given, &Spelling::ANY).messages, Cow::Borrowed(_)));
    }

    #[test]
    fn what_stands_between_call_and_result_follows_the_results() {
        let between = said(Role::Developer, vec![Part::text("be brief")]);
        check(
            &[
                user("q"),
                calls(&["1", "2"]),
                results(&["2"]),
                between,
                said(Role::User, vec![Part::text("hurry"), result("1", "late"), Part::text("!")]),
            ],
            &["u:q", "a:1,2", "t:1=late,2=r2", "s:be brief", "u:hurry,!"],
        );
    }

    #[test]
    fn calls_whose_results_come_together_are_one_message() {
        check(
            &[user("q"), calls(&["1"]), calls(&["2"]), results(&["1", "2"])],
            &["u:q", "a:1,2", "t:1=r1,2=r2"],
        );
        // Something was said between them, or the first has no result: two rounds.
        check(
            &[calls(&["1"]), user("x"), calls(&["2"]), results(&["1", "2"])],
            &["a:1", "t:1=r1", "u:x", "a:2", "t:2=r2"],
        );
        let missing = format!("t:1={NO_RESULT}");
        check(&[calls(&["1"]), calls(&["2"]), results(&["2"])], &["a:1", &missing, "a:2", "t:2=r2"]);
    }

    #[test]
    fn results_without_a_call_and_calls_without_a_result() {
        let missing = format!("t:1=r1,2={NO_RESULT}");
        check(
            &[results(&["9"]), calls(&["1", "2"]), results(&["1"])],
            &["u:Result of the tool call 9:,r9", "a:1,2", &missing],
        );
        check(&[results(&["1"]), user("x"), calls(&["1"])], &["u:x", "a:1", "t:1=r1"]);
    }

    #[test]
    fn a_result_told_twice_is_one() {
        check(
            &[calls(&["1"]), results(&["1"]), results(&["1"]), said(Role::Tool, vec![result("1", "more")])],
            &["a:1", "t:1=r1+more"],
        );
    }

    #[test]
    fn ids_are_unique_and_not_empty() {
        check(
            &[calls(&["1"]), results(&["1"]), calls(&["1", "1"]), results(&["1", "1"]), calls(&["1_2"])],
            &["a:1", "t:1=r1", "a:1_2,1_3", "t:1_2=r1,1_3=r1", "a:1_2_2", &format!("t:1_2_2={NO_RESULT}")],
        );
        check(&[calls(&["", ""]), results(&["", ""])], &["a:call,call_2", "t:call=r,call_2=r"]);
    }

    #[test]
    fn instructions_after_the_last_answer_are_the_question() {
        let system = || said(Role::System, vec![Part::text("s")]);
        let answer = || said(Role::Assistant, vec![Part::text("a")]);
        let roles = |messages: &[Message]| {
            let history = settled(messages, &Spelling::ANY);
            (0..messages.len()).map(|index| history.role_of(index)).collect::<Vec<_>>()
        };
        assert_eq!(
            roles(&[system(), user("q"), system(), answer(), system(), system()]),
            [Role::System, Role::User, Role::System, Role::Assistant, Role::User, Role::User]
        );
        assert_eq!(roles(&[user("q"), system()]), [Role::User, Role::System]);
        assert_eq!(roles(&[system(), answer()]), [Role::System, Role::Assistant]);
    }

    #[test]
    fn a_long_history_is_read_once() {
        let many = 5_000;
        let mut first = calls(&vec!["open"; many]);
        first.parts.push(call("last"));
        let mut given = vec![first];
        given.extend((0..many).map(|_| said(Role::Assistant, vec![Part::text("x")])));
        given.push(results(&["last"]));
        let history = settled(&given, &Spelling::ANY);
        assert_eq!(history.messages.len(), 2);
        assert_eq!(history.messages[0].parts.len(), 2 * many + 1);
        assert!(is_settled(&history.messages));
    }

    #[test]
    fn names_of_dropped_content_are_those_of_the_request() {
        let given = [calls(&["1", "2"]), user("x"), results(&["2"]), results(&["1"])];
        let history = settled(&given, &Spelling::ANY);
        let mut dropped: Vec<String> = [
            "messages[1].content[0].content[3]",
            "messages[1].content[1]",
            "messages[2].content[0].signature",
            "messages[2].name",
            "messages[9].content[0]",
            "top_k",
        ]
        .map(str::to_owned)
        .to_vec();
        history.restore_places(&mut dropped);
        assert_eq!(
            dropped,
            [
                "messages[3].content[0].content[3]",
                "messages[2].content[0]",
                "messages[1].content[0].signature",
                "messages[1].name",
                "messages[9].content[0]",
                "top_k",
            ]
        );
    }

    fn any_part() -> impl Strategy<Value = Part> {
        let id = || prop::sample::select(vec!["", "1", "2", "3", "1_2"]);
        prop_oneof![
            id().prop_map(call),
            (id(), 0..3_u8).prop_map(|(id, text)| result(id, &format!("r{text}"))),
            (0..9_u8).prop_map(|text| Part::text(format!("t{text}"))),
        ]
    }

    proptest! {
        #[test]
        fn any_history_is_settled_once_and_loses_nothing(
            given in vec((prop::sample::select(vec![Role::User, Role::Assistant, Role::Tool, Role::System]), vec(any_part(), 0..4)), 0..9)
        ) {
            let given: Vec<Message> = given.into_iter().map(|(role, parts)| said(role, parts)).collect();
            let history = settled(&given, &Spelling::ANY);
            let once = &history.messages;
            // A call of another than the assistant is nothing that a service knows; no decoder makes one.
            let odd = given.iter().any(|message| {
                message.role != Role::Assistant
                    && message.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }))
            });
            prop_assert!(odd || is_settled(once), "{:?}", once);
            let texts = |messages: &[Message], top: bool| -> Vec<String> {
                let parts = messages.iter().flat_map(|message| &message.parts);
                let mut found: Vec<String> = parts
                    .flat_map(|part| match part {
                        Part::ToolResult { parts, .. } => parts.iter().filter_map(Part::as_text).collect(),
                        Part::Text { text, .. } if top => vec![text.as_str()],
                        _ => vec![],
                    })
                    .map(str::to_owned)
                    .collect();
                found.sort();
                found
            };
            let count = |messages: &[Message]| {
                let parts = messages.iter().flat_map(|message| &message.parts);
                parts.filter(|part| matches!(part, Part::ToolCall { .. })).count()
            };
            prop_assert_eq!(count(&given), count(once));
            let after = texts(once, true);
            for text in texts(&given, true) {
                prop_assert!(after.contains(&text), "{} is lost", text);
            }
        }
    }
}
