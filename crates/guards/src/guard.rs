//! The traits that all guards share: what judges texts, and what is told which rule acted.
//!
//! Two guards are part of the gateway: the content rules ([`crate::content`]) and the webhook
//! ([`crate::external::ExternalGuard`]). Another one implements [`Guard`] and is put into the list that `src/pipeline/guard.rs` asks.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::Future;

use serde::{Deserialize, Serialize};

pub use nexus_edge_core::catalog::guard::GuardAction as Action;

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the caller to the provider.
    Request,
    /// From the provider to the caller.
    Answer,
}

/// A text of a request or of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Whether the text is itself JSON, such as the arguments of a call.
    pub is_json: bool,
}

/// A text that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What is passed on.
    pub told: String,
    /// What is recorded, if it differs: without the values that only the caller gets back.
    pub kept: Option<String>,
}

/// What a guard says about texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They pass, changed where a change is given. The list may be shorter than that of the texts.
    Pass(Vec<Option<Changed>>),
    /// They do not pass.
    Blocked(Blocked),
}

/// A rule does not let a text pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The name of the rule.
    pub rule: String,
}

/// Something that judges the texts of a request, or of an answer.
pub trait Guard {
    /// Judges texts that belong together.
    fn judge(&self, way: Way, pieces: &[Piece<'_>]) -> impl Future<Output = Verdict>;
}

/// Something that is told which rules acted. It is never told the texts.
pub trait Sink {
    /// A rule has acted.
    fn note(&self, rule: &str, way: Way, action: Action);
}

/// A sink that remembers each rule once, in the order in which they acted first.
#[derive(Debug, Default)]
pub struct Acted {
    list: RefCell<Vec<(String, Way, Action)>>,
}

impl Acted {
    /// The strictest of what was done.
    #[must_use]
    pub fn strictest(&self) -> Option<Action> {
        self.list.borrow().iter().map(|(_, _, action)| *action).max()
    }

    /// What acted, as `request:mask:emails, answer:block:secrets`; `None` if nothing did.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let list = self.list.borrow();
        let told = list.iter().map(|(rule, way, action)| {
            let way = match way {
                Way::Request => "request",
                Way::Answer => "answer",
            };
            format!("{way}:{}:{rule}", action.as_str())
        });
        (!list.is_empty()).then(|| told.collect::<Vec<_>>().join(", "))
    }
}

impl Sink for Acted {
    fn note(&self, rule: &str, way: Way, action: Action) {
        let mut list = self.list.borrow_mut();
        if !list.iter().any(|known| known.0 == rule && known.1 == way && known.2 == action) {
            list.push((rule.to_owned(), way, action));
        }
    }
}
