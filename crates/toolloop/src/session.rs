//! One request in its loop: what is asked, what is run, and what the caller is sent, from the first question to the end.
//!
//! The driver does what [`Next`] says: it asks the provider and hands the answer in ([`Session::push`] and [`Session::end_round`], or
//! [`Session::whole`]), or runs calls and hands their ends in ([`Session::end_call`]).

use std::collections::BTreeMap;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::json::splice::quote;

use crate::json::array;
use crate::machine::{Caller, Job, Machine, Outcome, Work};
use crate::merge::{Call, Ended, Joined, Listed, Merge, Setting, Told, Turn};
use crate::named::Named;
use crate::note::{Made, Note};
use crate::offer::Offer;
use crate::request::{Agreed, Answer, of_round, restored, results, tools_as_given};
use crate::tool::Tool;

/// What the driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Asks the provider with this body.
    Ask(Vec<u8>),
    /// Runs these calls, as many at a time as [`Session::at_once`] says.
    Run(Vec<Job>),
    /// Nothing: the answer is complete. A streamed one has been written.
    End,
    /// Nothing: the caller has been told an error in the stream.
    Failed,
}

/// What is known of a request before its first round.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The caller's dialect.
    pub dialect: CallerDialect,
    /// The body as received.
    pub body: &'a [u8],
    /// What it names.
    pub named: &'a Named,
    /// The tools of that, by the rules of servers, key and request.
    pub tools: Vec<Tool>,
    /// The answer is streamed.
    pub is_stream: bool,
    /// The stream is one growing JSON list.
    pub is_list: bool,
    /// Who is told of calls besides what the dialect says of them.
    pub telling: Telling,
}

/// Who is told of calls besides what the dialect says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// The caller is told nothing else.
    Nothing,
    /// The caller, by a chunk for every call in the dialect that says nothing of them (`x-nexus-tool-events: true`).
    Chunks,
    /// A session that attends the request: notes are taken, and people can be asked for agreement, see [`Caller::Attends`].
    Notes,
}

/// A request in its loop.
pub struct Session {
    dialect: CallerDialect,
    is_stream: bool,
    /// The body with the calls of earlier answers as the model made them.
    body: Vec<u8>,
    history: Vec<String>,
    machine: Machine,
    merge: Merge,
    agreed: Vec<Agreed>,
    round: Round,
    /// Of an attended request: what has not been taken yet.
    notes: Option<Vec<Note>>,
    ended: Option<(Joined, Vec<String>)>,
}

/// The calls of a round that are not at their end.
#[derive(Default)]
struct Round {
    said: Vec<String>,
    calls: Vec<Call>,
    answers: BTreeMap<String, Answer>,
    running: usize,
    ends: bool,
    /// Its calls have been noted.
    is_noted: bool,
}

impl Session {
    /// A request that has not been asked yet.
    #[must_use]
    pub fn new(opening: Opening<'_>, now_ms: u64) -> Self {
        let Opening { dialect, body, named, tools, is_stream, is_list, telling } = opening;
        let offer = Offer::new(tools, named.sources.iter().any(|source| source.is_deferred));
        let mut labels: Vec<String> = named.sources.iter().map(|source| source.label.clone()).collect();
        labels.extend(offer.tools().iter().map(|tool| tool.server.clone()));
        let restored = restored(dialect, body, &offer, &labels);
        let lists = lists(&offer, &restored.listed);
        let wants_tool_events = telling == Telling::Chunks;
        let setting = Setting { wants_tool_events, is_list, tools: tools_as_given(body), lists };
        let caller = match dialect {
            _ if telling == Telling::Notes => Caller::Attends,
            CallerDialect::Anthropic | CallerDialect::OpenaiResponses => Caller::Keeps,
            _ => Caller::Forgets,
        };
        let mut machine = Machine::new(named.limits.clone(), offer, caller, now_ms);
        if restored.is_tainted {
            machine.taint();
        }
        Self {
            dialect,
            is_stream,
            body: restored.body.unwrap_or_else(|| body.to_vec()),
            history: Vec::new(),
            machine,
            merge: Merge::new(dialect, setting),
            agreed: restored.agreed,
            round: Round::default(),
            notes: (telling == Telling::Notes).then(Vec::new),
            ended: None,
        }
    }

    /// What is done first.
    pub fn start(&mut self, now_ms: u64, out: &mut Vec<u8>) -> Next {
        if self.agreed.is_empty() {
            return self.ask(now_ms);
        }
        let calls: Vec<Call> = self.agreed.iter().map(|agreed| agreed.call.clone()).collect();
        let work = self.machine.begin(&calls, true, now_ms);
        self.work(calls, work, now_ms, out)
    }

    /// What has happened since this was asked last; nothing in a request that is not attended.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// After [`Next::End`] of a streamed answer that its caller continues under another id than its provider: the answer, and the items
    /// that belong to the conversation after its last round.
    pub fn take_joined(&mut self) -> Option<(Joined, Vec<String>)> {
        self.ended.take()
    }

    /// Most calls at a time.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.machine.at_once()
    }

    /// Questions asked so far.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.machine.rounds()
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.machine.calls()
    }

    /// Sent to the caller while calls run.
    #[must_use]
    pub fn keep_alive(&self) -> &'static [u8] {
        self.merge.keep_alive()
    }

    /// The next bytes of a streamed round: appends what the caller is sent.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Self { machine, merge, .. } = self;
        merge.push(chunk, &|name| machine.fate(name), out);
    }

    /// The end of a streamed round.
    pub fn end_round(&mut self, now_ms: u64, out: &mut Vec<u8>) -> Next {
        match self.merge.end_round(out) {
            Ended::Answered(turn) => self.answered(turn, now_ms, out),
            Ended::Failed => Next::Failed,
            Ended::Truncated => {
                self.fail(&ErrorInfo::truncated(), out);
                Next::Failed
            }
        }
    }

    /// A round that was answered as a whole; `None` if it cannot be read.
    pub fn whole(&mut self, body: &[u8], now_ms: u64) -> Option<Next> {
        let Self { machine, merge, .. } = self;
        let turn = merge.whole(body, &|name| machine.fate(name))?;
        Some(self.answered(turn, now_ms, &mut Vec::new()))
    }

    /// The end of a call: what is done next, if it was the last one that ran.
    pub fn end_call(&mut self, job: &Job, outcome: Outcome, now_ms: u64, out: &mut Vec<u8>) -> Option<Next> {
        let answer = self.machine.end(job, outcome);
        self.tell(answer, out);
        self.round.running = self.round.running.saturating_sub(1);
        (self.round.running == 0).then(|| self.go_on(now_ms, out))
    }

    /// The whole answer, after [`Next::End`].
    #[must_use]
    pub fn finish_whole(&mut self) -> Vec<u8> {
        self.merge.finish_whole()
    }

    /// Ends the stream with an error.
    pub fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        self.merge.fail(error, out);
    }

    fn ask(&mut self, now_ms: u64) -> Next {
        let choice = self.machine.ask(now_ms);
        Next::Ask(of_round(self.dialect, &self.body, self.machine.offer(), &self.history, choice))
    }

    fn answered(&mut self, turn: Turn, now_ms: u64, out: &mut Vec<u8>) -> Next {
        let work = if turn.is_cut {
            Machine::cut(&turn.calls)
        } else {
            self.machine.begin(&turn.calls, false, now_ms)
        };
        self.round.said = turn.said;
        self.work(turn.calls, work, now_ms, out)
    }

    fn work(&mut self, calls: Vec<Call>, work: Work, now_ms: u64, out: &mut Vec<u8>) -> Next {
        let Work { jobs, answers, ends } = work;
        (self.round.calls, self.round.ends, self.round.running) = (calls, ends, jobs.len());
        if !ends && let Some(notes) = &mut self.notes {
            let calls = self.round.calls.iter().map(Made::of).collect();
            notes.push(Note::Calls { said: self.round.said.clone(), calls });
            self.round.is_noted = true;
        }
        for answer in answers {
            self.tell(answer, out);
        }
        if jobs.is_empty() { self.go_on(now_ms, out) } else { Next::Run(jobs) }
    }

    fn tell(&mut self, answer: Answer, out: &mut Vec<u8>) {
        let call = self.round.calls.iter().find(|call| call.id == answer.call_id);
        if let Some(call) = call {
            let shown = call.shown();
            let agreed = self.agreed.iter().find(|agreed| agreed.call.id == call.id);
            self.merge.result(
                &Told {
                    call_id: call.id.clone(),
                    shown,
                    arguments: call.arguments.clone(),
                    text: answer.text.clone(),
                    is_error: answer.is_error,
                    agreed_by: agreed.map(|agreed| agreed.request_id.clone()),
                },
                out,
            );
        }
        if self.round.is_noted
            && let Some(notes) = &mut self.notes
        {
            let Answer { call_id, text, is_error, .. } = answer.clone();
            notes.push(Note::Result { call_id, text, is_error });
        }
        self.round.answers.insert(answer.call_id.clone(), answer);
    }

    /// All calls of the round are at their end.
    fn go_on(&mut self, now_ms: u64, out: &mut Vec<u8>) -> Next {
        let Round { said, calls, mut answers, ends, .. } = std::mem::take(&mut self.round);
        if ends {
            if self.is_stream {
                let last: Vec<Answer> = calls.iter().filter_map(|call| answers.remove(&call.id)).collect();
                let after = || results(self.dialect, &last);
                self.ended = self.merge.joined().map(|joined| (joined, after()));
                self.merge.finish(out);
            }
            return Next::End;
        }
        let in_order: Vec<Answer> = calls.iter().filter_map(|call| answers.remove(&call.id)).collect();
        self.history.extend(said);
        self.history.extend(results(self.dialect, &in_order));
        self.ask(now_ms)
    }
}

/// What the caller is told of the tools of each server.
fn lists(offer: &Offer, listed: &[String]) -> Vec<Listed> {
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    for tool in offer.tools().iter().filter(|tool| !listed.contains(&tool.server)) {
        let annotations = tool.annotations.as_deref().unwrap_or("null");
        let item = format!(
            "{{\"name\":{},\"description\":{},\"input_schema\":{},\"annotations\":{annotations}}}",
            quote(&tool.name),
            quote(&tool.description),
            tool.schema
        );
        match lists.iter_mut().find(|(label, _)| *label == tool.server) {
            Some((_, tools)) => tools.push(item),
            None => lists.push((tool.server.clone(), vec![item])),
        }
    }
    lists.into_iter().map(|(label, tools)| Listed { label, tools: array(&tools) }).collect()
}
