//! Content rules: compiled from the records of the admin API, and selected for a key, a model and a direction.
//!
//! Of several rules that find something at the same place the strictest acts: `block` before `mask` before `log`. Rules that only
//! log do not hide anything from the others.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::catalog::guard::{DETECTORS, GuardKind, GuardRecord};
use nexus_edge_core::catalog::pattern::Pattern as ModelPattern;
use nexus_edge_core::secrets::pii::{KINDS, Pattern, Pii, Search};

use crate::detector::{Found, Place, Seen};
use crate::guard::{Action, Blocked, Sink, Way};
use crate::vault::Vault;
use crate::words::Words;
use crate::{credentials, phrases};

/// Whose request it is, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The id of the key.
    pub key_id: &'a str,
    /// The owner of the key.
    pub owner: Option<&'a str>,
    /// The model that the caller names.
    pub model: &'a str,
}

/// To which requests a guard applies.
#[derive(Debug, Clone)]
pub struct Reach {
    is_for_requests: bool,
    is_for_answers: bool,
    keys: Option<Vec<String>>,
    models: Option<Vec<ModelPattern>>,
}

impl Reach {
    /// That of a record.
    #[must_use]
    pub fn of(record: &GuardRecord) -> Self {
        let models = record.models.as_ref();
        Self {
            is_for_requests: record.direction.is_for_requests(),
            is_for_answers: record.direction.is_for_answers(),
            keys: record.keys.clone(),
            models: models
                .map(|models| models.iter().filter_map(|name| ModelPattern::parse(name).ok()).collect()),
        }
    }

    /// Whether it applies.
    #[must_use]
    pub fn covers(&self, asker: Asker<'_>, way: Way) -> bool {
        let is_direction = match way {
            Way::Request => self.is_for_requests,
            Way::Answer => self.is_for_answers,
        };
        let is_key = |keys: &Vec<String>| {
            keys.iter().any(|key| key == asker.key_id || Some(key.as_str()) == asker.owner)
        };
        let is_model = |models: &Vec<ModelPattern>| models.iter().any(|pattern| pattern.matches(asker.model));
        is_direction && self.keys.as_ref().is_none_or(is_key) && self.models.as_ref().is_none_or(is_model)
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    name: String,
    id: String,
    action: Action,
    restores: bool,
    reach: Reach,
    /// Kinds of personal data.
    kinds: Vec<&'static str>,
    finds_credentials: bool,
    finds_injection: bool,
    patterns: Vec<Pattern>,
    words: Words,
}

impl Rule {
    /// The rule of a record; `None` for a disabled one, and for another kind of guard.
    #[must_use]
    pub fn of(record: &GuardRecord) -> Option<Self> {
        if !record.enabled || record.kind != GuardKind::Content {
            return None;
        }
        let has = |name: &str| record.detectors.iter().any(|known| known == name);
        Some(Self {
            name: record.name.clone(),
            id: record.id.clone(),
            action: record.action,
            restores: record.restore,
            reach: Reach::of(record),
            kinds: KINDS.into_iter().filter(|kind| has(kind)).collect(),
            finds_credentials: has(credentials::KIND),
            finds_injection: has(phrases::KIND),
            patterns: record.patterns.iter().filter_map(|text| Pattern::read(text)).collect(),
            words: Words::new(&record.words),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it applies to a request.
    #[must_use]
    pub fn covers(&self, asker: Asker<'_>, way: Way) -> bool {
        self.reach.covers(asker, way)
    }
}

// The names of the records are those of the detectors here.
const _: () = assert!(DETECTORS.len() == KINDS.len() + 2);

/// What is to be done at a place.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    /// Nothing.
    Nothing,
    /// It depends on what follows.
    Open,
    /// Something was found that is replaced.
    Mask(Found<'a>, Masking<'a>),
    /// A placeholder is replaced by its value.
    Restore(Found<'a>, String),
    /// The text does not pass.
    Block(Found<'a>, Blocked),
}

/// How something is masked.
#[derive(Debug)]
pub(crate) struct Masking<'a> {
    rule: &'a Rule,
}

/// The rules that apply to one request, in one direction.
pub struct ContentRules {
    way: Way,
    rules: Vec<Rc<Rule>>,
    personal: Pii,
    /// Whether a detector may find something that begins with this byte.
    begins: [bool; 256],
    pub(crate) looks_back: bool,
    vault: Option<Rc<RefCell<Vault>>>,
    sink: Rc<dyn Sink>,
}

impl ContentRules {
    /// Those of all rules that cover a request. `None` if none does, and nothing is to be restored.
    #[must_use]
    pub fn select(
        rules: &[Rc<Rule>],
        asker: Asker<'_>,
        way: Way,
        vault: Option<Rc<RefCell<Vault>>>,
        sink: Rc<dyn Sink>,
    ) -> Option<Rc<Self>> {
        let rules: Vec<Rc<Rule>> =
            rules.iter().filter(|rule| rule.reach.covers(asker, way)).cloned().collect();
        let restores = way == Way::Answer && vault.as_ref().is_some_and(|vault| !vault.borrow().is_empty());
        let vault = vault.filter(|_| way == Way::Request || restores);
        if rules.is_empty() && !restores {
            return None;
        }
        let looks_back = rules.iter().any(|rule| rule.kinds.contains(&"email"));
        let mut begins = [false; 256];
        for (byte, may_begin) in (0_u8..=255).zip(&mut begins) {
            *may_begin = (restores && byte == b'[') || rules.iter().any(|rule| rule.may_begin(byte));
        }
        Some(Rc::new(Self { way, rules, personal: Pii::default(), begins, looks_back, vault, sink }))
    }

    /// Whether what is told may differ from what is recorded.
    #[must_use]
    pub fn restores(&self) -> bool {
        self.way == Way::Answer && self.vault.is_some()
    }

    /// Which way its texts go.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    pub(crate) fn may_begin(&self, byte: u8) -> bool {
        self.begins.get(usize::from(byte)).copied().unwrap_or(true)
    }

    /// What is to be done at a place.
    pub(crate) fn decide<'a>(&'a self, place: Place<'a>) -> Decision<'a> {
        if self.restores()
            && let Some(vault) = &self.vault
        {
            let vault = vault.borrow();
            match vault.at(place) {
                (Seen::Open, _) => return Decision::Open,
                (Seen::Found(found), Some(value)) => return Decision::Restore(found, value.to_owned()),
                _ => {}
            }
        }
        let personal = self.personal.search(place.earlier, place.rest, place.is_last);
        let mut best: Option<(&Rule, Found<'a>)> = None;
        let mut logged = Vec::new();
        for rule in &self.rules {
            match rule.at(place, personal) {
                Seen::Open => return Decision::Open,
                Seen::Found(_) if rule.action == Action::Log => logged.push(rule),
                Seen::Found(found) => {
                    let weight = |rule: &Rule, found: &Found<'_>| (rule.action, found.before + found.length);
                    if best.as_ref().is_none_or(|(known, other)| weight(rule, &found) > weight(known, other))
                    {
                        best = Some((rule, found));
                    }
                }
                Seen::Nothing => {}
            }
        }
        for rule in logged {
            self.sink.note(&rule.name, self.way, rule.action);
        }
        let Some((rule, found)) = best else { return Decision::Nothing };
        self.sink.note(&rule.name, self.way, rule.action);
        match rule.action {
            Action::Block => Decision::Block(found, Blocked { rule: rule.name.clone() }),
            Action::Mask | Action::Log => Decision::Mask(found, Masking { rule }),
        }
    }

    /// What stands for a value that is masked.
    pub(crate) fn placeholder(&self, masking: &Masking<'_>, kind: &str, value: &str) -> String {
        let vault = self.vault.as_ref().filter(|_| self.way == Way::Request && masking.rule.restores);
        match vault {
            Some(vault) => vault.borrow_mut().placeholder(kind, value),
            None => format!("[{kind}]"),
        }
    }
}

/// Whether the search for this kind of personal data looks at a place where this byte stands. An address of mail is found at its `@`.
fn begins_personal(kind: &str, byte: u8) -> bool {
    match kind {
        "email" => byte == b'@',
        "iban" => byte.is_ascii_alphabetic(),
        "national_id" => byte.is_ascii_digit() || matches!(byte, b'X' | b'Y' | b'Z'),
        "ip" => byte.is_ascii_hexdigit() || byte == b':',
        _ => byte.is_ascii_digit() || byte == b'+' || byte == b'(',
    }
}

impl Rule {
    fn may_begin(&self, byte: u8) -> bool {
        self.kinds.iter().any(|kind| begins_personal(kind, byte))
            // A pattern may begin with anything in ASCII.
            || (!self.patterns.is_empty() && byte.is_ascii())
            || (self.finds_credentials && credentials::may_begin(byte))
            || (self.finds_injection && phrases::may_begin(byte))
            || (!self.words.is_empty() && self.words.may_begin(byte))
    }

    /// What the rule finds at a place, the longest of all. `personal`: the personal data there.
    fn at<'a>(&'a self, place: Place<'a>, personal: Search<'a>) -> Seen<'a> {
        let of_search = |search: Search<'a>| match search {
            Search::Nothing => Seen::Nothing,
            Search::Open => Seen::Open,
            Search::Found { before, length, kind } => Seen::Found(Found { before, length, kind, tail: None }),
        };
        let personal = match personal {
            Search::Found { kind, .. } if !self.kinds.contains(&kind) => Seen::Nothing,
            _ if self.kinds.is_empty() => Seen::Nothing,
            search => of_search(search),
        };
        let credentials = if self.finds_credentials { credentials::at(place) } else { Seen::Nothing };
        let injection = if self.finds_injection { phrases::at(place) } else { Seen::Nothing };
        let listed = if self.words.is_empty() { Seen::Nothing } else { self.words.at(place) };
        let patterns = self
            .patterns
            .iter()
            .map(|pattern| of_search(pattern.search(place.earlier, place.rest, place.is_last)));
        let mut longest: Option<Found<'a>> = None;
        for seen in [personal, credentials, injection, listed].into_iter().chain(patterns) {
            match seen {
                Seen::Open => return Seen::Open,
                Seen::Nothing => {}
                Seen::Found(found) => {
                    let size = |found: &Found<'_>| (found.before + found.length, found.tail.is_some());
                    if longest.as_ref().is_none_or(|known| size(&found) > size(known)) {
                        longest = Some(found);
                    }
                }
            }
        }
        longest.map_or(Seen::Nothing, Seen::Found)
    }
}
