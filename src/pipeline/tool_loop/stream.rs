//! A streamed answer of several rounds.
//!
//! It is written as it is pulled: a chunk of the model's answer is read when the caller wants one. While a question waits or tools run,
//! keep-alives are sent. Dropping it, as the platform does when the caller leaves, ends the round in progress and the calls that run, and
//! records what has been used.

use std::collections::VecDeque;
use std::rc::Rc;

use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::FuturesUnordered;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::stats::Outcome as Ending;
use nexus_edge_toolloop::machine::{Job, Outcome};
use nexus_edge_toolloop::session::Next;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::driver::{Asked, Driver, copy};
use crate::exchange::Exchange;
use crate::pipeline::settle::Settlement;
use crate::platform::bytes::{self, Chunks};
use crate::platform::http::{Response, ResponseBody};
use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// A call that runs, with its end.
type Run = LocalBoxFuture<'static, (Job, Outcome)>;

/// What is done at the moment.
enum Phase {
    /// A question was asked, and its answer has not begun.
    Asking(LocalBoxFuture<'static, Asked>),
    /// An answer is read.
    Reading(Chunks),
    /// An answer that came at once.
    Read(Vec<u8>),
    /// Calls run.
    Running {
        /// Those that have not begun.
        waiting: VecDeque<Job>,
        /// Those that have.
        running: FuturesUnordered<Run>,
    },
    /// The answer has ended.
    Over,
}

/// The answer in progress.
struct Answer {
    /// Of which rounds are made.
    exchange: Exchange,
    driver: Driver,
    /// Present until the request has ended.
    settlement: Option<Settlement>,
    phase: Phase,
    /// What is sent next.
    out: Vec<u8>,
    sent_bytes: u64,
    keep_alive_ms: u64,
}

/// The answer whose first round has begun. `out` is sent before it.
pub fn answer(
    exchange: &Exchange,
    driver: Driver,
    settlement: Settlement,
    response: Response,
    out: Vec<u8>,
) -> Response {
    let (status, headers) = (response.status(), copy(response.headers()));
    if driver.path.as_ref().is_some_and(|path| path.is_list) {
        headers.set("content-type", "application/json; charset=utf-8");
    }
    let answer = Answer {
        exchange: exchange.round(Vec::new(), driver.rounds.before()),
        driver,
        settlement: Some(settlement),
        phase: Phase::of(response),
        out,
        sent_bytes: 0,
        keep_alive_ms: exchange.settings.keep_alive_ms,
    };
    let pieces = futures::stream::unfold(answer, |mut answer| async move {
        let piece = answer.next().await?;
        Some((Ok::<JsValue, JsValue>(Uint8Array::from(piece.as_slice()).into()), answer))
    });
    let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
    Response::stream(status, headers, stream)
}

impl Phase {
    fn of(response: Response) -> Self {
        match response.into_body() {
            ResponseBody::Stream(stream) => Self::Reading(Chunks::new(stream, None)),
            ResponseBody::Bytes(bytes) => Self::Read(bytes),
            ResponseBody::Held(bytes) => Self::Read(bytes.to_vec()),
            ResponseBody::Empty | ResponseBody::Upgrade(_) => Self::Read(Vec::new()),
        }
    }
}

impl Answer {
    /// The next bytes for the caller; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        while self.out.is_empty() {
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return None,
                Phase::Asking(asking) => self.ask(asking).await,
                Phase::Reading(chunks) => self.read(chunks).await,
                // Its end comes when it was sent, as in a stream.
                Phase::Read(body) if !body.is_empty() => {
                    self.driver.session.push(&body, &mut self.out);
                    self.phase = Phase::Read(Vec::new());
                }
                Phase::Read(_) => self.end_round().await,
                Phase::Running { waiting, running } => self.run(waiting, running).await,
            }
            if let Some(settlement) = &mut self.settlement {
                settlement.record().event.answer_bytes = self.sent_bytes + self.out.len() as u64;
            }
            self.finish_if_over();
        }
        self.sent_bytes += self.out.len() as u64;
        Some(std::mem::take(&mut self.out))
    }

    async fn ask(&mut self, asking: LocalBoxFuture<'static, Asked>) {
        let asked = match select(asking, Timer::after_ms(self.keep_alive_ms)).await {
            Either::Left((asked, _)) => asked,
            Either::Right(((), asking)) => {
                self.phase = Phase::Asking(asking);
                self.out.extend_from_slice(self.driver.session.keep_alive());
                return;
            }
        };
        match asked.response {
            Ok(response) if response.status() < 400 => self.phase = Phase::of(response),
            Ok(response) => {
                let status = response.status();
                let body = response.into_body().read().await.unwrap_or_default();
                let error = registry::upstream(self.exchange.caller_dialect).decode_error(status, &body);
                self.fail(&error, None);
            }
            Err(error) => self.fail(&ErrorInfo::from(&error), Some(error.code)),
        }
    }

    async fn read(&mut self, mut chunks: Chunks) {
        // What an upstream that fails leaves unfinished has been ended with an error by the round.
        let Ok(Some(chunk)) = chunks.next().await else {
            self.end_round().await;
            return;
        };
        let mut piece = Vec::new();
        bytes::append(&mut piece, &chunk);
        self.driver.session.push(&piece, &mut self.out);
        self.phase = Phase::Reading(chunks);
    }

    async fn run(&mut self, mut waiting: VecDeque<Job>, mut running: FuturesUnordered<Run>) {
        while running.len() < self.driver.session.at_once()
            && let Some(job) = waiting.pop_front()
        {
            running.push(Box::pin(Rc::clone(&self.driver.toolbox).run(job)));
        }
        let ended = match select(running.next(), Timer::after_ms(self.keep_alive_ms)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => {
                self.out.extend_from_slice(self.driver.session.keep_alive());
                self.phase = Phase::Running { waiting, running };
                return;
            }
        };
        let Some((job, outcome)) = ended else { return };
        let after = self.driver.session.end_call(&job, outcome, now_ms(), &mut self.out);
        self.driver.tell();
        match after {
            Some(next) => {
                self.driver.keep_joined(&self.exchange).await;
                self.go_on(next);
            }
            None => self.phase = Phase::Running { waiting, running },
        }
    }

    async fn end_round(&mut self) {
        self.driver.rounds.end().await;
        let next = self.driver.session.end_round(now_ms(), &mut self.out);
        self.driver.tell();
        self.driver.keep_joined(&self.exchange).await;
        self.go_on(next);
    }

    fn go_on(&mut self, next: Next) {
        if let Some(settlement) = &mut self.settlement {
            settlement.record().event.tool_calls = self.driver.session.calls();
        }
        self.phase = match next {
            Next::End => Phase::Over,
            Next::Failed => {
                self.end(Ending::Failed);
                Phase::Over
            }
            Next::Run(jobs) => Phase::Running { waiting: jobs.into(), running: FuturesUnordered::new() },
            Next::Ask(body) => Phase::Asking((self.driver.ask)(self.driver.question(&self.exchange, body))),
        };
    }

    /// Ends the answer with an error that the caller is told in the stream.
    fn fail(&mut self, error: &ErrorInfo, code: Option<&'static str>) {
        self.driver.session.fail(error, &mut self.out);
        if let (Some(settlement), Some(code)) = (&mut self.settlement, code) {
            settlement.record().event.error_code = Some(code.to_owned());
        }
        self.end(Ending::Failed);
    }

    fn finish_if_over(&mut self) {
        if matches!(self.phase, Phase::Over) {
            self.end(Ending::Completed);
        }
    }

    /// Only the first call has an effect.
    fn end(&mut self, ending: Ending) {
        if let Some(mut settlement) = self.settlement.take() {
            settlement.record().event.answer_bytes = self.sent_bytes + self.out.len() as u64;
            settlement.finish(ending);
        }
    }
}
