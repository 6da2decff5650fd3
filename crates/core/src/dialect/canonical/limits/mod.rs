//! What an upstream accepts, and requests made to fit.
//!
//! [`Limits`] is the form of a row; the rows of all upstreams are in `dialect::upstream::constraints`. A codec of an
//! upstream states its row ([`super::UpstreamCodec::limits`]), and [`super::UpstreamCodec::encode_request`] makes the
//! request fit before the codec sees it. So no codec checks names and ids itself:
//! - every name of a tool is accepted by the upstream, wherever it occurs: in the tools, the tool choice, the calls
//!   and results of the history. Different names stay different, and the calls of the answer have the caller's own
//!   names ([`Renaming`]);
//! - every id of a call is accepted, and that of its result is the same.
//!
//! Guarantee: a request that fits already is not copied.

mod fit;
mod media_types;
mod renaming;
mod restore;
mod spelling;

pub use fit::{fitted, tool_names, with_call_ids};
pub use media_types::{MediaForm, MediaTypes, is_text};
pub use renaming::Renaming;
pub use restore::{restored, restored_response};
pub use spelling::Spelling;

/// What an upstream accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Names of functions.
    pub tool_name: Spelling,
    /// Ids of tool calls.
    pub call_id: Spelling,
    /// Types of pictures, recordings, films and documents.
    pub media: MediaTypes,
}

impl Limits {
    /// An upstream that accepts everything.
    pub const NONE: Self = Self { tool_name: Spelling::ANY, call_id: Spelling::ANY, media: MediaTypes::ANY };

    /// Whether the upstream accepts the name of a function.
    #[must_use]
    pub fn accepts_tool_name(&self, name: &str) -> bool {
        self.tool_name.accepts(name)
    }

    /// Whether the upstream accepts the id of a tool call.
    #[must_use]
    pub fn accepts_call_id(&self, id: &str) -> bool {
        self.call_id.accepts(id)
    }

    /// Whether the upstream accepts media of this type, given in its canonical form.
    #[must_use]
    pub fn accepts_media_type(&self, media_type: &str) -> bool {
        self.media.find(media_type).is_some()
    }
}
