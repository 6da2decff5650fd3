//! The context of a request to an app, besides the caller's request.

use super::app::DifyApp;
use crate::dialect::canonical::Json;
use crate::hash::sha256_hex;

/// The user of a request without one: Dify requires it.
pub const DEFAULT_USER: &str = "nexus-edge";

/// Longest name of a caller's user that stays readable.
const MAX_USER_CHARS: usize = 100;

/// The user of a tenant's request, whose own name for their user is `given`. Dify keeps conversations and files by the user
/// alone, so no two tenants may have one in common, whatever they send. `tenant` contains no slash.
#[must_use]
pub fn user_of(tenant: &str, given: Option<&str>) -> String {
    let tenant = tenant.replace('/', "_");
    match given.filter(|given| !given.is_empty()) {
        None => tenant,
        Some(given) if given.chars().count() <= MAX_USER_CHARS && !given.chars().any(char::is_control) => {
            format!("{tenant}/{given}")
        }
        Some(given) => format!("{tenant}/{}", sha256_hex(given)),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tenants_have_a_user_in_common() {
        let long = "a".repeat(200);
        let given =
            [None, Some(""), Some("anna"), Some("b"), Some("b/anna"), Some("/"), Some("a\nb"), Some(&long)];
        let tenants = ["a", "b", "abcdefghjkmn", "personal:0123456789ab", "personal:b"];
        let mut seen = std::collections::HashMap::new();
        for tenant in tenants {
            for given in given {
                let user = user_of(tenant, given);
                assert!(!user.is_empty() && user.len() <= 256 && !user.contains('\n'), "{user}");
                let first = *seen.entry(user.clone()).or_insert(tenant);
                assert_eq!(first, tenant, "{user}");
            }
        }
        assert_eq!(user_of("abcdefghjkmn", Some("anna")), "abcdefghjkmn/anna");
        assert_ne!(user_of("a", Some("anna")), user_of("a", Some("berta")));
    }
}
