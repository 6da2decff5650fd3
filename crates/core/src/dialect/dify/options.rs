//! What a request to an app needs besides what its caller says.

use super::app::DifyApp;
use crate::dialect::canonical::Json;

/// The user of a request that names none: Dify refuses one without.
pub const NOBODY: &str = "nexus-edge";

/// What Dify wants to know and a request does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DifyOptions {
    /// The kind of app.
    pub app: DifyApp,
    /// The conversation that the request goes on with.
    pub conversation_id: Option<String>,
    /// Whose conversation it is. Dify shows a conversation to nobody else, so it must stay the same. If empty, the
    /// request's own `user` is taken.
    pub user: String,
    /// Values of the app's variables, an object. Those in the request's `inputs` win.
    pub inputs: Option<Json>,
}
