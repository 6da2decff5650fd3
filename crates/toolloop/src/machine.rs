//! What is done next: which calls run, what the model is told instead, and when the answer ends.
//!
//! Guarantees, whatever models and tools do:
//! - every call of a round gets exactly one result before the model is asked again;
//! - there are never more questions, calls, tokens of results or calls at a time than the limits say, and none begins after the time is over;
//! - the last question forbids tools, so that the loop ends with an answer;
//! - a call that must be agreed to does not run without.

use std::collections::BTreeMap;

use nexus_edge_core::json::lenient::Object;
use nexus_edge_core::json::splice::quote;
use nexus_edge_core::tokens::estimate_tokens;

use crate::json::{as_object, value};
use crate::limits::Limits;
use crate::merge::Call;
use crate::offer::{DESCRIBE, Offer, READ, SEARCH};
use crate::request::{Answer, Choice};
use crate::result::{Kept, clean};
use crate::search::search;
use crate::tool::{Approval, Class, Consent, Fate, Shown};

/// Tools that a search returns unless it says otherwise.
const FOUND: usize = 5;
/// Most bytes of an error's text.
const MAX_ERROR: usize = 2_000;

/// A call that is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id of the model's call.
    pub call_id: String,
    /// The function that the model called.
    pub function: String,
    /// The alias of the tool that runs.
    pub alias: String,
    /// The tool as people are shown it.
    pub shown: Shown,
    /// The arguments, a JSON object.
    pub arguments: String,
    /// What a person must agree to first. Only in an attended request is it ever more than nothing.
    pub consent: Consent,
    /// From when until when it was waited for a person: ms since the epoch, one after the other. The driver says it.
    pub waited_ms: Vec<(u64, u64)>,
    /// Milliseconds that it may be silent.
    pub idle_ms: u64,
    /// Milliseconds that it may take.
    pub call_ms: u64,
    /// When the time of the request is over: it ends then, or does not begin. Waits for a person come on top.
    pub until_ms: u64,
}

impl Job {
    /// A wait for a person's agreement or input is over.
    pub fn waited(&mut self, from_ms: u64, to_ms: u64) {
        self.waited_ms.push((from_ms, to_ms));
        self.until_ms = self.until_ms.saturating_add(to_ms.saturating_sub(from_ms));
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a result of `tools/call`, as the server wrote it.
    Result(Vec<u8>),
    /// Without one: a sentence for the model.
    Failed(String),
    /// The tool asks a person something, and no person can answer here.
    NeedsInput(String),
}

/// What is to be done with the calls of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Calls that run, in the order in which they begin.
    pub jobs: Vec<Job>,
    /// Results that are known without running anything.
    pub answers: Vec<Answer>,
    /// Whether the answer ends after that, because the caller has something to do: calls of its own, or of which it must agree.
    pub ends: bool,
}

/// What becomes of results and questions in the hands of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The results of an answer that calls functions of the caller's too would be lost.
    Forgets,
    /// It sends such results back with the history.
    Keeps,
    /// They would be lost, too, but people can be asked for agreement while the request runs: calls that need it are jobs that say so,
    /// instead of ends of the answer.
    Attends,
}

/// The loop of one request.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    offer: Offer,
    started_ms: u64,
    caller: Caller,
    /// Until when it has been waited for a person.
    waited_until_ms: u64,
    rounds: u64,
    calls: u64,
    tokens: u64,
    is_tainted: bool,
    is_last: bool,
    seen: BTreeMap<(String, String), u64>,
    kept: Kept,
}

impl Machine {
    /// A loop that begins at `now_ms`.
    #[must_use]
    pub fn new(limits: Limits, offer: Offer, caller: Caller, now_ms: u64) -> Self {
        Self {
            limits,
            offer,
            started_ms: now_ms,
            caller,
            waited_until_ms: 0,
            rounds: 0,
            calls: 0,
            tokens: 0,
            is_tainted: false,
            is_last: false,
            seen: BTreeMap::new(),
            kept: Kept::default(),
        }
    }

    /// Results of an open world are part of the conversation already.
    pub fn taint(&mut self) {
        self.is_tainted = true;
    }

    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// What becomes of a call in the current round.
    #[must_use]
    pub fn fate(&self, name: &str) -> Fate {
        match self.offer.fate(name, self.is_tainted) {
            Fate::Asks(shown) if self.caller == Caller::Attends => Fate::Ours(shown),
            fate => fate,
        }
    }

    /// Questions asked so far.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Most calls at a time.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.limits.at_once.max(1)
    }

    /// The next question: which tool the model must use.
    pub fn ask(&mut self, now_ms: u64) -> Choice {
        self.is_last = self.rounds > 0 && self.is_used_up(now_ms);
        self.rounds += 1;
        match self.rounds {
            _ if self.is_last => Choice::None,
            1 => Choice::AsGiven,
            _ => Choice::Free,
        }
    }

    fn is_used_up(&self, now_ms: u64) -> bool {
        self.rounds >= self.limits.rounds
            || self.calls >= self.limits.calls
            || self.tokens >= self.limits.result_tokens
            || now_ms.saturating_sub(self.started_ms) >= self.limits.total_ms
    }

    /// The calls of a round, or with `is_agreed` calls that a person has agreed to.
    ///
    /// Of an answer that calls functions of the caller's too, ours run first and the answer ends. In a dialect in which our results would
    /// be lost then they do not run: the model makes the calls again when it has the caller's results.
    pub fn begin(&mut self, calls: &[Call], is_agreed: bool, now_ms: u64) -> Work {
        let mut work = Work::default();
        if self.is_last {
            // The model was told not to, and did all the same.
            return refused(calls, "This request has no calls left.");
        }
        let is_other = |call: &Call| !matches!(call.fate, Fate::Ours(_));
        work.ends = !is_agreed && calls.iter().any(is_other);
        if !calls.iter().any(|call| !is_other(call)) && !is_agreed {
            return Work { ends: true, ..work };
        }
        if work.ends && self.caller != Caller::Keeps {
            return work;
        }
        for call in calls.iter().filter(|call| is_agreed || !is_other(call)) {
            match self.begin_call(call, is_agreed, now_ms) {
                Begun::Job(job) => work.jobs.push(job),
                Begun::Known(text, is_error) => {
                    work.answers.push(self.told(&call.id, &call.name, text, is_error));
                }
            }
        }
        work
    }

    /// The calls of a round that was cut off: none of them runs, and the answer ends.
    #[must_use]
    pub fn cut(calls: &[Call]) -> Work {
        refused(calls, "The answer was cut off before this call was complete.")
    }

    fn begin_call(&mut self, call: &Call, is_agreed: bool, now_ms: u64) -> Begun {
        let error = |text: &str| Begun::Known(text.to_owned(), true);
        if self.calls >= self.limits.calls {
            return error("This request has made as many calls as it may. Answer with what is known.");
        }
        self.calls += 1;
        let spent_ms = now_ms.saturating_sub(self.started_ms);
        if spent_ms >= self.limits.total_ms {
            return error("The time of this request is over. Answer with what is known.");
        }
        let given = call.arguments.trim();
        if !given.is_empty() && given != "null" && as_object(given) != given {
            return error("The arguments are not a JSON object.");
        }
        let arguments = as_object(given).to_owned();
        let (alias, arguments) = match call.name.as_str() {
            name if !self.offer.is_own_function(name) => (name.to_owned(), arguments),
            SEARCH => return self.search(&arguments),
            DESCRIBE => return self.describe(&arguments),
            READ => return self.read(&arguments),
            _ => match self.inner_call(&arguments) {
                Ok(inner) => inner,
                Err(text) => return error(&text),
            },
        };
        let Some(tool) = self.offer.tool(&alias) else {
            return error("This tool is not available any more.");
        };
        let consent = if is_agreed { Consent::None } else { tool.consent_when(self.is_tainted) };
        if consent != Consent::None && self.caller != Caller::Attends {
            // It was fixed when the round began that it runs; results of the round may have changed that.
            return error("This call must be agreed to by the user. Make it again if it is still needed.");
        }
        let shown = Shown { server: tool.server.clone(), name: tool.name.clone() };
        let seen = self.seen.entry((alias.clone(), arguments.clone())).or_default();
        *seen += 1;
        if *seen > self.limits.repeats {
            return error("This call has been made with the same arguments before. Its result is above.");
        }
        Begun::Job(Job {
            call_id: call.id.clone(),
            function: call.name.clone(),
            alias,
            shown,
            arguments,
            consent,
            waited_ms: Vec::new(),
            idle_ms: self.limits.idle_ms,
            call_ms: self.limits.call_ms,
            until_ms: self.started_ms.saturating_add(self.limits.total_ms),
        })
    }

    /// The call inside a call of [`CALL`].
    fn inner_call(&mut self, arguments: &str) -> Result<(String, String), String> {
        let fields = value(arguments.as_bytes()).and_then(Object::of).unwrap_or_default();
        let name = fields.text("name").unwrap_or_default();
        let Some(tool) = self.offer.tool(&name) else {
            return Err(format!("There is no tool {name}. Find tools with {SEARCH}."));
        };
        if tool.approval_when(self.is_tainted) != Approval::Never && self.caller != Caller::Attends {
            self.offer.offer_directly(&name);
            return Err(format!(
                "{name} must be agreed to by the user. It is now a function of its own: call it directly."
            ));
        }
        let inner = fields.get_set("arguments").map_or("{}", |inner| inner.get());
        Ok((name.into_owned(), as_object(inner).to_owned()))
    }

    fn search(&self, arguments: &str) -> Begun {
        let fields = value(arguments.as_bytes()).and_then(Object::of).unwrap_or_default();
        let limit = fields.integer("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(FOUND);
        let found = search(self.offer.tools(), &fields.text("query").unwrap_or_default(), limit.clamp(1, 20));
        if found.is_empty() {
            return Begun::Known("No tool fits these words.".to_owned(), false);
        }
        let lines: Vec<String> =
            found.iter().map(|tool| format!("{}: {}", tool.alias, first_line(&tool.description))).collect();
        Begun::Known(lines.join("\n"), false)
    }

    fn describe(&self, arguments: &str) -> Begun {
        let fields = value(arguments.as_bytes()).and_then(Object::of).unwrap_or_default();
        let name = fields.text("name").unwrap_or_default();
        match self.offer.tool(&name) {
            None => Begun::Known(format!("There is no tool {name}. Find tools with {SEARCH}."), true),
            Some(tool) => Begun::Known(
                format!(
                    "{{\"name\":{},\"description\":{},\"arguments\":{}}}",
                    quote(&tool.alias),
                    quote(&tool.description),
                    tool.schema
                ),
                false,
            ),
        }
    }

    fn read(&self, arguments: &str) -> Begun {
        let fields = value(arguments.as_bytes()).and_then(Object::of).unwrap_or_default();
        let number = |name: &str| fields.integer(name).and_then(|number| usize::try_from(number).ok());
        let limit = number("limit").unwrap_or(self.limits.result_bytes).min(self.limits.result_bytes);
        let id = fields.text("id").unwrap_or_default();
        match self.kept.read(&id, number("offset").unwrap_or(0), limit.max(4)) {
            Some(text) => Begun::Known(text, false),
            None => Begun::Known(format!("There is no result {id}."), true),
        }
    }

    /// The end of a call: what the model is told.
    pub fn end(&mut self, job: &Job, outcome: Outcome) -> Answer {
        let (text, is_error) = match outcome {
            Outcome::Result(result) => crate::result::text_of(&result),
            Outcome::Failed(text) => (shortened(&clean(&text)), true),
            Outcome::NeedsInput(text) => {
                let text = shortened(&clean(&text));
                (format!("The tool needs input that cannot be given here: {text}"), true)
            }
        };
        for (from_ms, to_ms) in job.waited_ms.iter().copied() {
            // Waits at the same time count once.
            let from_ms = from_ms.max(self.waited_until_ms);
            self.started_ms = self.started_ms.saturating_add(to_ms.saturating_sub(from_ms));
            self.waited_until_ms = self.waited_until_ms.max(to_ms);
        }
        // What failed may have been told by that world as well.
        self.is_tainted |= self.offer.tool(&job.alias).is_some_and(|tool| tool.is_open_world);
        self.told(&job.call_id, &job.function, text, is_error)
    }

    fn told(&mut self, call_id: &str, name: &str, text: String, is_error: bool) -> Answer {
        let left = self.limits.result_tokens.saturating_sub(self.tokens);
        // A token has about four bytes, never less than one.
        let bytes = usize::try_from(left.saturating_mul(4)).unwrap_or(usize::MAX);
        let (text, is_cut) = self.kept.told(call_id, text, self.limits.result_bytes.min(bytes));
        if is_cut {
            self.offer.offer_reading();
        }
        self.tokens = self.tokens.saturating_add(estimate_tokens(&text));
        Answer { call_id: call_id.to_owned(), name: name.to_owned(), text, is_error }
    }
}

/// An answer that ends without running its calls.
fn refused(calls: &[Call], text: &str) -> Work {
    let ours = calls.iter().filter(|call| matches!(call.fate, Fate::Ours(_)));
    let refused = |call: &Call| Answer {
        call_id: call.id.clone(),
        name: call.name.clone(),
        text: text.to_owned(),
        is_error: true,
    };
    Work { jobs: Vec::new(), answers: ours.map(refused).collect(), ends: true }
}

/// What becomes of a call.
enum Begun {
    Job(Job),
    Known(String, bool),
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

fn shortened(text: &str) -> String {
    if text.len() <= MAX_ERROR {
        return text.to_owned();
    }
    let end = (0..=MAX_ERROR).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The class of a tool by its name and its annotations, where an administrator has not set one. Annotations are the server's own words:
/// they may make a tool stricter, and only with `trusts_hints` less strict.
#[must_use]
pub fn class_of(name: &str, annotations: Option<&str>, trusts_hints: bool) -> Class {
    let hints = annotations.and_then(|text| value(text.as_bytes())).and_then(Object::of).unwrap_or_default();
    let hint = |name: &str| hints.boolean(name);
    let lower = name.to_ascii_lowercase();
    let has = |words: &[&str]| {
        words.iter().any(|word| lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == *word))
    };
    if has(&["send", "post", "publish", "email", "notify", "share", "reply"]) {
        return Class::Send;
    }
    let reads_by_name =
        has(&["read", "get", "list", "search", "find", "describe", "fetch", "query", "show", "stat"])
            && !has(&[
                "write", "set", "delete", "remove", "create", "update", "move", "edit", "add", "run",
                "execute",
            ]);
    match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) if trusts_hints => Class::Read,
        (Some(false), _) | (_, Some(true)) => Class::Write,
        _ if reads_by_name => Class::Read,
        _ => Class::Write,
    }
}

/// Whether the results of a tool come from a world that others can write to: as its annotations say, and by its name where they do not.
#[must_use]
pub fn is_open_world(name: &str, annotations: Option<&str>) -> bool {
    let hints = annotations.and_then(|text| value(text.as_bytes())).and_then(Object::of).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let by_name = || {
        let parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
        parts.into_iter().any(|part| {
            matches!(
                part,
                "web"
                    | "url"
                    | "http"
                    | "fetch"
                    | "browse"
                    | "browser"
                    | "crawl"
                    | "scrape"
                    | "page"
                    | "mail"
                    | "email"
                    | "inbox"
                    | "message"
                    | "messages"
                    | "issue"
                    | "issues"
                    | "comment"
                    | "comments"
                    | "ticket"
                    | "tickets"
            )
        })
    };
    hints.boolean("openWorldHint").unwrap_or_else(by_name)
}

#[cfg(test)]
mod tests;
