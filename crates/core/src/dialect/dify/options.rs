//! The context of a request to an app, besides the caller's request.

use super::app::DifyApp;
use crate::dialect::canonical::Json;

/// The user of a request without one: Dify requires it.
pub const DEFAULT_USER: &str = "nexus-edge";

/// What Dify needs and a request does not contain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DifyOptions {
    /// The kind of app.
    pub app: DifyApp,
    /// The conversation that the request continues.
    pub conversation_id: Option<String>,
    /// The user of the conversation. Dify shows a conversation only to its user, so it must stay the same. If empty,
    /// the request's own `user` is used.
    pub user: String,
    /// Values of the app's variables, an object. Those in the request's `inputs` take precedence.
    pub inputs: Option<Json>,
}
