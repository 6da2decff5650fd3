//! The guards of one request: what its texts and those of its answer are judged by.
//!
//! Which guards apply is known from the snapshot; a request that none concerns costs a comparison. A request is judged before any
//! upstream is asked, an answer before its caller has it: whole, or event by event. A webhook judges whole texts only, so an
//! answer that one judges is held back to its end.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_alerts::post;
use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::GuardRecord;
use nexus_edge_core::catalog::webhook::check_url;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::{Forward, StreamPipe};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::service_fault::ServiceFault;
use nexus_edge_core::routing::Snapshot;
use nexus_edge_core::sse;
use nexus_edge_guards::external::{External, ExternalGuard, MAX_ANSWER_BYTES, Post};
use nexus_edge_guards::guard::{Acted, Action, Blocked, Guard, Sink, Verdict, Way};
use nexus_edge_guards::rules::{Asker, ContentRules, Rule};
use nexus_edge_guards::spoken::{Answer, Form};
use nexus_edge_guards::stream::{self, GuardPipe};
use nexus_edge_guards::vault::Vault;
use nexus_edge_guards::whole::Edited;

use super::ask::{Bounds, Question, ask_checked};
use crate::exchange::Exchange;
use crate::platform::{log_warn, new_ulid, now_ms};

/// The header of an answer that says which guards acted.
pub const HEADER: &str = "x-nexus-guard";

/// All guards, compiled from the snapshot of this version.
struct Compiled {
    version: u64,
    rules: Vec<Rc<Rule>>,
    externals: Vec<Rc<External>>,
}

thread_local! {
    static COMPILED: RefCell<Option<Rc<Compiled>>> = const { RefCell::new(None) };
}

impl Compiled {
    fn of(snapshot: &Snapshot) -> Rc<Self> {
        let known = COMPILED.with_borrow(Clone::clone);
        if let Some(known) = known.filter(|known| known.version == snapshot.catalog_version) {
            return known;
        }
        let compiled = Rc::new(Self {
            version: snapshot.catalog_version,
            rules: snapshot.guards.iter().filter_map(Rule::of).map(Rc::new).collect(),
            externals: snapshot.guards.iter().filter_map(External::of).map(Rc::new).collect(),
        });
        COMPILED.set(Some(Rc::clone(&compiled)));
        compiled
    }
}

/// The guards that concern one request.
pub struct Guards<'a> {
    exchange: &'a Exchange,
    compiled: Rc<Compiled>,
    key_id: &'a str,
    owner: Option<&'a str>,
    model: String,
    acted: Rc<Acted>,
    vault: Rc<RefCell<Vault>>,
}

impl<'a> Guards<'a> {
    /// Those that concern a request for this model; `None` if there are none.
    pub fn of(
        exchange: &'a Exchange,
        snapshot: &Snapshot,
        principal: &'a Principal,
        model: &str,
    ) -> Option<Self> {
        if snapshot.guards.is_empty() {
            return None;
        }
        let compiled = Compiled::of(snapshot);
        let (key_id, owner) = (principal.key_id.as_str(), principal.owner.as_deref());
        let asker = Asker { key_id, owner, model };
        let covers = |way| {
            compiled.rules.iter().any(|rule| rule.covers(asker, way))
                || compiled.externals.iter().any(|guard| guard.covers(asker, way))
        };
        if !covers(Way::Request) && !covers(Way::Answer) {
            return None;
        }
        // The ids of the rules are known to the operator only.
        let ids: Vec<&str> = compiled.rules.iter().map(|rule| rule.id()).collect();
        let vault = Vault::new(format!("{}/{key_id}", ids.join(",")));
        let acted = Rc::new(Acted::default());
        Some(Self {
            exchange,
            key_id,
            owner,
            model: model.to_owned(),
            acted,
            vault: Rc::new(RefCell::new(vault)),
            compiled,
        })
    }

    /// What acted.
    pub fn acted(&self) -> &Rc<Acted> {
        &self.acted
    }

    /// Whether something of the request was masked that the answer gets back, so that the answer is this request's alone.
    pub fn restores(&self) -> bool {
        !self.vault.borrow().is_empty()
    }

    /// What names the rules in force: a cached answer is one by the same rules.
    pub fn version(&self) -> String {
        format!("-{}", self.compiled.version)
    }

    fn asker(&self) -> Asker<'_> {
        Asker { key_id: self.key_id, owner: self.owner, model: &self.model }
    }

    fn rules(&self, way: Way) -> Option<Rc<ContentRules>> {
        let (vault, sink) = (Some(Rc::clone(&self.vault)), Rc::clone(&self.acted) as Rc<dyn Sink>);
        ContentRules::select(&self.compiled.rules, self.asker(), way, vault, sink)
    }

    fn externals(&self, way: Way) -> impl Iterator<Item = &Rc<External>> {
        self.compiled.externals.iter().filter(move |guard| guard.covers(self.asker(), way))
    }

    /// Whether an answer has to be there as a whole to be judged.
    pub fn judge_whole_answers(&self) -> bool {
        self.externals(Way::Answer).next().is_some()
    }

    /// The request's body as it is passed on; `None` if that is as it came.
    ///
    /// # Errors
    /// `content_blocked`, or `content_not_searchable` for a body that cannot be searched.
    pub async fn request(&self, body: &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(self.document(Way::Request, Form::Json, body).await?.map(|edited| edited.told))
    }

    /// Whether answers are judged.
    pub fn judge_answers(&self) -> bool {
        self.rules(Way::Answer).is_some() || self.judge_whole_answers()
    }

    /// The whole answer of an operation that is not a chat, as it is passed on; `None` if that is as it came.
    ///
    /// # Errors
    /// `content_blocked`, or `content_not_searchable` for an answer that cannot be searched.
    pub async fn forwarded(&self, form: Form, body: &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(self.document(Way::Answer, form, body).await?.map(|edited| edited.told))
    }

    async fn document(&self, way: Way, form: Form, body: &[u8]) -> Result<Option<Edited>, ApiError> {
        let mut edited: Option<Edited> = None;
        if let Some(rules) = self.rules(way) {
            edited = self.judged(&rules, way, form, body).await?;
        }
        for guard in self.externals(way) {
            let network = Network { exchange: self.exchange };
            let guard = self.external(guard, &network);
            let told = edited.as_ref().map_or(body, |edited| &edited.told);
            if let Some(newer) = self.judged(&guard, way, form, told).await? {
                edited = Some(newer);
            }
        }
        Ok(edited)
    }

    fn external<'n>(
        &'n self,
        guard: &Rc<External>,
        network: &'n Network<'n>,
    ) -> ExternalGuard<'n, Network<'n>> {
        ExternalGuard {
            guard: Rc::clone(guard),
            asker: self.asker(),
            request_id: &self.exchange.request_id,
            network,
            sink: Rc::clone(&self.acted) as Rc<dyn Sink>,
        }
    }

    async fn judged(
        &self,
        guard: &impl Guard,
        way: Way,
        form: Form,
        body: &[u8],
    ) -> Result<Option<Edited>, ApiError> {
        let whole = Answer::read(form, body).map_err(|_| unsearchable())?;
        let pieces = whole.pieces();
        if pieces.is_empty() {
            return Ok(None);
        }
        match guard.judge(way, &pieces).await {
            Verdict::Pass(changes) => Ok(whole.with(changes)),
            Verdict::Blocked(blocked) => Err(refused(&blocked)),
        }
    }

    /// The pipe of a streamed answer, behind which its texts are searched.
    pub fn pipe(
        &self,
        pipe: Box<dyn StreamPipe>,
        dialect: CallerDialect,
        is_list: bool,
    ) -> Box<dyn StreamPipe> {
        match self.rules(Way::Answer) {
            Some(rules) => Box::new(GuardPipe::new(pipe, rules, dialect, is_list)),
            None => pipe,
        }
    }

    /// A whole answer as it is passed on, which may be written as a stream, and what is recorded of it; `None` if it is passed on as
    /// it is. `stored`: the body that is stored of an answer written as a stream.
    ///
    /// # Errors
    /// `content_blocked`, or `content_not_searchable` for an answer that cannot be searched.
    pub async fn answer(
        &self,
        dialect: CallerDialect,
        body: &[u8],
        stored: Option<&[u8]>,
        transcript: &mut Transcript,
    ) -> Result<Option<Edited>, ApiError> {
        if sse::is_stream(body) {
            let mut edited = self.streamed_answer(dialect, body, transcript).await?;
            if let (Some(edited), Some(stored)) = (&mut edited, stored) {
                let of_stored = match self.rules(Way::Answer) {
                    Some(rules) => self.judged(&rules, Way::Answer, Form::Json, stored).await?,
                    None => None,
                };
                edited.kept =
                    Some(of_stored.map_or_else(
                        || stored.to_vec(),
                        |of_stored| of_stored.kept.unwrap_or(of_stored.told),
                    ));
            }
            return Ok(edited);
        }
        let edited = self.document(Way::Answer, Form::Json, body).await?;
        if let Some(edited) = &edited {
            *transcript = Transcript::default();
            transcript.keep_answer(dialect, Rc::new(edited.kept.as_ref().unwrap_or(&edited.told).clone()));
        }
        Ok(edited)
    }

    async fn streamed_answer(
        &self,
        dialect: CallerDialect,
        body: &[u8],
        transcript: &mut Transcript,
    ) -> Result<Option<Edited>, ApiError> {
        let mut told = None;
        if let Some(rules) = self.rules(Way::Answer) {
            let mut pipe = GuardPipe::new(native::tap(dialect, false), rules, dialect, false);
            let mut passed = match pipe.push(body) {
                Forward::Unchanged => body.to_vec(),
                Forward::Replaced(bytes) => bytes,
            };
            if let Some(blocked) = pipe.blocked() {
                return Err(refused(blocked));
            }
            passed.extend(pipe.finish().tail);
            if let Some(blocked) = pipe.blocked() {
                return Err(refused(blocked));
            }
            *transcript = Transcript::default();
            transcript.keep_read_answer(pipe.take_answer());
            told = Some(Edited { told: passed, kept: None });
        }
        let texts = stream::texts(dialect, told.as_ref().map_or(body, |edited| &edited.told));
        for guard in self.externals(Way::Answer) {
            let network = Network { exchange: self.exchange };
            match self.external(guard, &network).judge(Way::Answer, &texts).await {
                Verdict::Pass(changes) if changes.iter().all(Option::is_none) => {}
                // The pieces of a stream cannot be exchanged.
                Verdict::Pass(_) => {
                    let rule = guard.record.name.clone();
                    self.acted.note(&rule, Way::Answer, Action::Block);
                    return Err(refused(&Blocked { rule }));
                }
                Verdict::Blocked(blocked) => return Err(refused(&blocked)),
            }
        }
        Ok(told)
    }
}

/// The error for a text that does not pass.
fn refused(blocked: &Blocked) -> ApiError {
    ApiError::new(
        400,
        nexus_edge_core::error::ErrorKind::InvalidRequest,
        "content_blocked",
        stream::message_of(blocked),
    )
}

fn unsearchable() -> ApiError {
    let message =
        "Content rules apply here, and this content is nested too deep or has too many texts to be searched.";
    ApiError::new(400, nexus_edge_core::error::ErrorKind::InvalidRequest, "content_not_searchable", message)
}

/// How webhooks are asked. Redirects are not followed, and an address is checked again before it is asked: settings may have
/// changed since it was entered.
struct Network<'a> {
    exchange: &'a Exchange,
}

impl Post for Network<'_> {
    async fn post(&self, guard: &GuardRecord, body: String) -> Result<Vec<u8>, ServiceFault> {
        let settings = &self.exchange.settings;
        let url = guard.url.as_deref().unwrap_or_default();
        let allow_private = settings.allow_private_upstreams;
        check_url(url, allow_private).map_err(|_| ServiceFault::Address)?;
        let sealed = guard.secret_sealed.as_deref().unwrap_or_default();
        let secret =
            settings.keyring.open(sealed, &guard.seal_context()).map_err(|_| ServiceFault::Secret)?;
        let event_id = format!("evt_{}", new_ulid(now_ms()));
        let post = post::Delivery { url, body: &body, event_id: &event_id, webhook_id: &guard.id };
        let headers = post.headers(secret.expose(), now_ms() / 1_000).ok_or(ServiceFault::Unsigned)?;
        let question = Question { url, allow_private, method: "POST", headers: &headers, body: Some(&body) };
        let bounds = Bounds { time_out_ms: guard.timeout_ms.into(), max_bytes: MAX_ANSWER_BYTES };
        ask_checked(question, bounds).await?.good()
    }

    fn failed(&self, guard: &GuardRecord, fault: ServiceFault) {
        log_warn("a guard cannot be asked", &format_args!("{} {fault}", guard.name));
    }
}
