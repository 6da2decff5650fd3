//! The rounds of a request whose tools the gateway runs. Each is admitted, served and recorded like a request; its record becomes a part of
//! the request's own.
//!
//! What a round has taken of limits is settled as soon as it has ended, so that the next one is admitted anew. Its credits stay reserved
//! under the id of the request, which is charged once.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use futures::pin_mut;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::Answered;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_failover::after_response::price;
use nexus_edge_failover::rounds::{Sum, joined};
use nexus_edge_toolloop::merge::between;

use super::admission::Admission;
use super::recognise::Recognised;
use super::record::{Parts, RequestRecord};
use crate::exchange::{Exchange, Round};
use crate::host::Host;
use crate::platform::promise::Timer;

/// Milliseconds that the record of a round is waited for whose caller has left.
const LAST_WAIT_MS: u64 = 5_000;

/// See the module documentation.
pub struct Rounds {
    host: Host,
    caller_dialect: CallerDialect,
    under_way: RefCell<Option<oneshot::Receiver<RequestRecord>>>,
    ended: RefCell<Ended>,
}

/// What the rounds that have ended leave behind.
#[derive(Default)]
struct Ended {
    sum: Sum,
    answers: Vec<Answered>,
    /// Of the first round, which has the caller's own history.
    transcript: Transcript,
    recognised: Recognised,
    /// The last one that was not refused: it has the credits of all.
    admission: Option<Admission>,
    last: RequestRecord,
}

impl Rounds {
    /// No rounds yet.
    pub fn new(exchange: &Exchange) -> Self {
        Self {
            host: (**exchange).clone(),
            caller_dialect: exchange.caller_dialect,
            under_way: RefCell::default(),
            ended: RefCell::default(),
        }
    }

    /// What the next round has to know.
    pub fn before(&self) -> Round {
        let ended = self.ended.borrow();
        Round {
            spent_micros: ended.sum.cost_micros(),
            conversation_id: ended.sum.conversation_id().map(str::to_owned),
        }
    }

    /// A round begins whose record will come through `left`.
    pub fn begin(&self, left: oneshot::Receiver<RequestRecord>) {
        self.under_way.replace(Some(left));
    }

    /// Waits for the record of the round under way, and takes it in. May be dropped and called again.
    pub async fn end(&self) {
        let left = poll_fn(|context| {
            let mut under_way = self.under_way.borrow_mut();
            let Some(left) = under_way.as_mut() else { return Poll::Ready(None) };
            left.poll_unpin(context).map(|left| {
                under_way.take();
                left.ok()
            })
        });
        if let Some(record) = left.await {
            self.take_in(record);
        }
    }

    async fn join(&self, record: &mut RequestRecord) -> bool {
        {
            let ending = self.end();
            pin_mut!(ending);
            if let Either::Right(_) = select(ending, Timer::after_ms(LAST_WAIT_MS)).await {
                self.under_way.take();
            }
        }
        let Ended { sum, answers, mut transcript, recognised, admission, last } = self.ended.take();
        if !sum.write_to(&mut record.event) {
            return false;
        }
        if let Some(answered) = joined(answers, between(self.caller_dialect)) {
            transcript.keep_read_answer(answered);
        }
        let RequestRecord { trail, session, .. } = last;
        (record.trail, record.session) = (trail, session);
        (record.transcript, record.recognised, record.admission) = (transcript, recognised, admission);
        true
    }

    fn take_in(&self, mut record: RequestRecord) {
        record.event.guards = record.acted.told();
        nexus_edge_counting::usage::complete(&mut record.event, &mut record.transcript);
        price(&mut record.event, &record.trail);
        let mut ended = self.ended.borrow_mut();
        if let Some(admission) = record.admission.take() {
            let settled = admission.settle_round(&record.event);
            let env = self.host.env.clone();
            self.host.tasks.wait_until(async move { settled.tell(&env).await });
            ended.admission = Some(admission);
        }
        ended.answers.extend(record.transcript.answer().map(|answered| Answered::clone(&answered)));
        if ended.sum.rounds() == 0 {
            ended.recognised = std::mem::take(&mut record.recognised);
            ended.transcript = std::mem::take(&mut record.transcript);
        }
        ended.sum.add(std::mem::take(&mut record.event), &record.trail);
        ended.last = record;
    }
}

impl Parts for Rounds {
    fn write_to<'a>(&'a self, record: &'a mut RequestRecord) -> LocalBoxFuture<'a, bool> {
        Box::pin(self.join(record))
    }
}
