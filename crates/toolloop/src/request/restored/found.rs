//! What is found in the history of a request.

use crate::merge::Call;
use crate::offer::Offer;
use crate::tool::Tool;

/// A call that had waited for agreement, and got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The call.
    pub call: Call,
    /// The id of the request for agreement.
    pub request_id: String,
}

/// What a request becomes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The body, if it changes.
    pub body: Option<Vec<u8>>,
    /// Calls that are to be run before the first round.
    pub agreed: Vec<Agreed>,
    /// The history contains results of an open world, see [`Tool::approval_when`].
    pub is_tainted: bool,
    /// The servers whose tools the caller has been told already.
    pub listed: Vec<String>,
}

/// Whether the results of a tool come from a world that others can write to.
pub(super) fn is_open_world(offer: &Offer, server: &str, name: &str) -> bool {
    offer.tools().iter().any(|tool| tool.server == server && tool.name == name && tool.is_open_world)
}

/// The function of a tool that callers are shown by server and name. One that is not offered any more keeps a name that is like it.
pub(super) fn function_of(offer: &Offer, server: &str, name: &str) -> String {
    let is_it = |tool: &&Tool| tool.server == server && tool.name == name;
    if let Some(tool) = offer.tools().iter().find(is_it) {
        return tool.alias.clone();
    }
    let plain = |text: &str| {
        text.chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
            .collect::<String>()
    };
    let mut function = format!("{}__{}", plain(server), plain(name));
    function.truncate(48);
    function
}
