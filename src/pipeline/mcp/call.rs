//! A call of a tool.

use serde_json::value::RawValue;

/// What a call carries besides the tool.
pub struct Call<'a> {
    /// The parameters with the tool's own name, without the progress token.
    pub params: &'a RawValue,
    /// `ClientCapabilities` of the caller, as far as it can be asked for input.
    pub capabilities: &'a RawValue,
    /// Whose session it is asked in, where the server has sessions.
    pub tenant: &'a str,
    /// The key that it is made with; agents are told.
    pub key_id: &'a str,
}
