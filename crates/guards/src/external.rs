//! The webhook guard: an external service judges the texts.
//!
//! It is sent the texts, and answers what is to become of them. What it does not answer in time, or not in this form, is decided by
//! the guard's policy. The request is signed like a delivery to a webhook.
//!
//! ```json
//! {"guard": "moderation", "way": "request", "request_id": "req_1", "model": "gpt-5", "key_id": "k1", "texts": ["…"]}
//! {"action": "allow"}
//! {"action": "block"}
//! {"action": "mask", "texts": ["…", null]}
//! ```

use std::future::Future;
use std::rc::Rc;

use nexus_edge_core::catalog::guard::{GuardKind, GuardRecord, OnFailure};
use nexus_edge_core::http::service_fault::ServiceFault;
use serde::{Deserialize, Serialize};

use crate::guard::{Action, Blocked, Changed, Guard, Piece, Sink, Verdict, Way};
use crate::rules::{Asker, Reach};

/// Largest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A guard that a webhook is.
#[derive(Debug)]
pub struct External {
    /// Its record, secret sealed.
    pub record: GuardRecord,
    reach: Reach,
}

impl External {
    /// The guard of a record; `None` for a disabled one, and for another kind of guard.
    #[must_use]
    pub fn of(record: &GuardRecord) -> Option<Self> {
        let is_one = record.enabled && record.kind == GuardKind::Webhook && record.url.is_some();
        is_one.then(|| Self { reach: Reach::of(record), record: record.clone() })
    }

    /// Whether it judges these texts.
    #[must_use]
    pub fn covers(&self, asker: Asker<'_>, way: Way) -> bool {
        self.reach.covers(asker, way)
    }
}

/// Sends a body to the webhook of a guard.
pub trait Post {
    /// The body of its answer, if that has a status of success and came in time.
    fn post(&self, guard: &GuardRecord, body: String) -> impl Future<Output = Result<Vec<u8>, ServiceFault>>;

    /// A guard could not be asked.
    fn failed(&self, guard: &GuardRecord, fault: ServiceFault);
}

/// A webhook that judges the texts of one request.
pub struct ExternalGuard<'a, P> {
    /// The guard.
    pub guard: Rc<External>,
    /// Whose request it is.
    pub asker: Asker<'a>,
    /// The id of the request.
    pub request_id: &'a str,
    /// The network.
    pub network: &'a P,
    /// What is told if it acts.
    pub sink: Rc<dyn Sink>,
}

#[derive(Serialize)]
struct Asked<'a> {
    guard: &'a str,
    way: Way,
    request_id: &'a str,
    model: &'a str,
    key_id: &'a str,
    texts: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Judgement {
    action: Word,
    #[serde(default)]
    texts: Vec<Option<String>>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Word {
    Allow,
    Mask,
    Block,
}

impl<P: Post> Guard for ExternalGuard<'_, P> {
    async fn judge(&self, way: Way, pieces: &[Piece<'_>]) -> Verdict {
        let record = &self.guard.record;
        let asked = Asked {
            guard: &record.name,
            way,
            request_id: self.request_id,
            model: self.asker.model,
            key_id: self.asker.key_id,
            texts: pieces.iter().map(|piece| piece.text.as_ref()).collect(),
        };
        let judged = match serde_json::to_string(&asked) {
            Ok(body) => self.network.post(record, body).await,
            // Texts can always be written.
            Err(_) => Err(ServiceFault::Form),
        };
        let judged = judged
            .and_then(|body| serde_json::from_slice::<Judgement>(&body).map_err(|_| ServiceFault::Form));
        match judged {
            Ok(Judgement { action: Word::Allow, .. }) => Verdict::Pass(Vec::new()),
            Ok(Judgement { action: Word::Block, .. }) => self.block(way),
            Ok(Judgement { action: Word::Mask, texts }) => {
                self.sink.note(&record.name, way, Action::Mask);
                Verdict::Pass(
                    texts.into_iter().map(|text| Some(Changed { told: text?, kept: None })).collect(),
                )
            }
            Err(fault) => {
                self.network.failed(record, fault);
                match record.on_failure {
                    OnFailure::Open => Verdict::Pass(Vec::new()),
                    OnFailure::Closed => self.block(way),
                }
            }
        }
    }
}

impl<P> ExternalGuard<'_, P> {
    fn block(&self, way: Way) -> Verdict {
        let rule = self.guard.record.name.clone();
        self.sink.note(&rule, way, Action::Block);
        Verdict::Blocked(Blocked { rule })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::guard::Acted;

    struct Network {
        answer: Result<Vec<u8>, ServiceFault>,
        asked: RefCell<Vec<String>>,
    }

    impl Post for Network {
        async fn post(&self, _: &GuardRecord, body: String) -> Result<Vec<u8>, ServiceFault> {
            self.asked.borrow_mut().push(body);
            self.answer.clone()
        }

        fn failed(&self, _: &GuardRecord, _: ServiceFault) {}
    }

    fn judged(
        answer: Result<&str, ServiceFault>,
        on_failure: OnFailure,
    ) -> (Verdict, Option<String>, String) {
        let record = GuardRecord {
            name: "other".into(),
            kind: GuardKind::Webhook,
            url: Some("https://example.com/".into()),
            on_failure,
            ..GuardRecord::new("G".into(), 1)
        };
        let answer = answer.map(|body| body.as_bytes().to_vec());
        let network = Network { answer, asked: RefCell::default() };
        let acted = Rc::new(Acted::default());
        let asker = Asker { key_id: "k", owner: None, model: "m" };
        let guard = ExternalGuard {
            guard: Rc::new(External::of(&record).unwrap()),
            asker,
            request_id: "r",
            network: &network,
            sink: acted.clone(),
        };
        let pieces = [Piece { text: "a".into(), is_json: false }, Piece { text: "b".into(), is_json: false }];
        let Poll::Ready(verdict) =
            pin!(guard.judge(Way::Request, &pieces)).poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("it waits")
        };
        (verdict, acted.told(), network.asked.take().concat())
    }

    #[test]
    fn what_a_webhook_says_is_done() {
        let (verdict, told, asked) = judged(Ok(r#"{"action":"allow"}"#), OnFailure::Closed);
        assert_eq!((verdict, told), (Verdict::Pass(Vec::new()), None));
        assert_eq!(
            asked,
            r#"{"guard":"other","way":"request","request_id":"r","model":"m","key_id":"k","texts":["a","b"]}"#
        );
        let (verdict, told, _) = judged(Ok(r#"{"action":"mask","texts":[null,"c"]}"#), OnFailure::Closed);
        let changed = Changed { told: "c".into(), kept: None };
        assert_eq!(verdict, Verdict::Pass(vec![None, Some(changed)]));
        assert_eq!(told.as_deref(), Some("request:mask:other"));
        let (verdict, told, _) = judged(Ok(r#"{"action":"block","reason":"x"}"#), OnFailure::Open);
        assert_eq!(verdict, Verdict::Blocked(Blocked { rule: "other".into() }));
        assert_eq!(told.as_deref(), Some("request:block:other"));
    }

    #[test]
    fn without_a_judgement_the_policy_counts() {
        for answer in [Err(ServiceFault::Late(1)), Ok("nonsense"), Ok(r#"{"action":"perhaps"}"#)] {
            assert_eq!(judged(answer, OnFailure::Open).0, Verdict::Pass(Vec::new()));
            assert!(matches!(judged(answer, OnFailure::Closed).0, Verdict::Blocked(_)));
        }
    }
}
