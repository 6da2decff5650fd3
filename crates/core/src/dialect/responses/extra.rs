//! Parameters without a place in the canonical request.

use std::collections::BTreeMap;

use crate::dialect::canonical::Json;
use crate::error::ApiError;
use crate::json::fields::Fields;

/// Such parameters, by their path.
pub(super) type Extra = BTreeMap<String, Json>;

/// Records a field if it is set.
pub(super) fn carry(fields: &Fields<'_>, name: &str, extra: &mut Extra) {
    if let Some(value) = fields.get(name) {
        extra.insert(fields.path(name), Json::carried(value));
    }
}

/// Records all fields that are set, except the known ones.
pub(super) fn carry_unknown(fields: &Fields<'_>, known: &[&str], extra: &mut Extra) {
    extra.extend(fields.others(known).map(|(name, value)| (fields.path(&name), Json::carried(value))));
}

/// The error for a parameter that the gateway does not support and must not ignore.
pub(super) fn unsupported(path: &str, message: &str) -> ApiError {
    ApiError::unsupported("unsupported_parameter", path, message)
}
