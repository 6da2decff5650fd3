//! What happens in a request while it runs, for those who attend it: a session, which keeps calls and results in its history and shows
//! them to people as they come.
//!
//! Guarantee: a result is noted after its call, and every call that is noted gets a result unless the request is dropped.

use crate::merge::Call;
use crate::tool::Shown;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The model has made calls, all of which the gateway answers: the answer goes on after them.
    Calls {
        /// What the model said, as [`crate::merge::Turn::said`] has it.
        said: Vec<String>,
        /// The calls, in their order.
        calls: Vec<Made>,
    },
    /// A call has its result.
    Result {
        /// The id of the call.
        call_id: String,
        /// The text that the model is told.
        text: String,
        /// Whether it is the text of an error.
        is_error: bool,
    },
}

/// A call that the model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub call_id: String,
    /// The tool as people are shown it.
    pub shown: Shown,
}

impl Made {
    pub(crate) fn of(call: &Call) -> Self {
        Self { call_id: call.id.clone(), shown: call.shown() }
    }
}
