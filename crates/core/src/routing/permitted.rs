//! Whether a request may name the models that it names besides the one it asks for.
//!
//! The gateway checks a key's list, counts limits and reserves money for the models that it routes. A model that a body names for
//! the upstream to choose passes all of this by, so such a name is refused where it could make a difference.

use super::snapshot::Snapshot;
use crate::access::Principal;
use crate::dialect::inbound::Inbound;
use crate::dialect::named_models::{NamedModel, named_models};
use crate::error::{ApiError, ErrorKind};
use crate::json::error::shown;

impl Snapshot {
    /// Checks every model that a request names and the gateway does not route. `pays`: the request is charged to a budget or
    /// to credits. A request without anything to check costs nothing.
    ///
    /// # Errors
    /// `model_not_allowed` (403) for a name that the key's list does not have; `model_not_routed` (403) for one that is
    /// limited, or that may answer instead of the model for which money is reserved.
    pub fn check_named(
        &self,
        principal: &Principal,
        inbound: &Inbound<'_>,
        pays: bool,
    ) -> Result<(), ApiError> {
        if !self.checks_named(principal, pays) {
            return Ok(());
        }
        named_models(inbound)?.iter().try_for_each(|named| self.check(principal, named, pays))
    }

    /// Whether it matters which models a request names besides the one it asks for.
    #[must_use]
    pub fn checks_named(&self, principal: &Principal, pays: bool) -> bool {
        pays || principal.lists_models() || self.limits.limits_models()
    }

    fn check(&self, principal: &Principal, named: &NamedModel, pays: bool) -> Result<(), ApiError> {
        let NamedModel { path, name, is_alternative } = named;
        if !principal.may_name(name) {
            let message = format!("This API key may not use the model `{}`.", shown(name));
            return Err(forbidden("model_not_allowed", path, message));
        }
        let is_limited = self.limits.limits_name(name);
        if is_limited || (pays && *is_alternative) {
            let why = if is_limited {
                "is limited, and limits hold for models that the gateway itself chooses"
            } else {
                "could answer instead of the model for which money is reserved"
            };
            let message = format!(
                "`{}` {why}: ask for it as `model`, or name a fallback that this gateway offers.",
                shown(name)
            );
            return Err(forbidden("model_not_routed", path, message));
        }
        Ok(())
    }
}

fn forbidden(code: &'static str, path: &str, message: String) -> ApiError {
    ApiError::new(403, ErrorKind::Permission, code, message).with_param(path)
}
