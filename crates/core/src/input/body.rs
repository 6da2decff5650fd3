//! What a declared body can do.

use super::fields::Fields;
#[cfg(feature = "openapi")]
use super::object_schema::ObjectSchema;
use crate::error::ApiError;

/// A body that [`input!`](crate::input!) declares. Every field is a [`Patch`](super::Patch): kept where the
/// body does not name it, cleared by `null`, set by a value.
pub trait Input: Sized {
    /// Names of the fields, in the order of the declaration.
    fn names() -> Vec<&'static str>;

    /// Reads and checks the fields.
    ///
    /// # Errors
    /// `invalid_type` or `invalid_value` for the first field that breaks its rule.
    fn read(fields: &Fields<'_>) -> Result<Self, ApiError>;

    /// Checks that a new record has all that it needs.
    ///
    /// # Errors
    /// `missing_required_parameter` for the first required field that is missing.
    fn check_required(&self) -> Result<(), ApiError>;

    /// Reads the body of an update: what it does not name stays as it is.
    ///
    /// # Errors
    /// `invalid_json`, `unknown_parameter`, and those of [`Input::read`].
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Self::read(&Fields::parse(body, &Self::names())?)
    }

    /// Reads the body that makes a new record.
    ///
    /// # Errors
    /// Those of [`Input::parse`] and [`Input::check_required`].
    fn parse_new(body: &[u8]) -> Result<Self, ApiError> {
        let input = Self::parse(body)?;
        input.check_required()?;
        Ok(input)
    }

    /// Reads a body that may be missing altogether, which is the same as `{}`.
    ///
    /// # Errors
    /// Those of [`Input::parse_new`].
    fn parse_optional(body: &[u8]) -> Result<Self, ApiError> {
        let is_empty = body.iter().all(u8::is_ascii_whitespace);
        Self::parse_new(if is_empty { b"{}" } else { body })
    }

    /// Adds the fields to the schema of an object.
    #[cfg(feature = "openapi")]
    fn describe(object: &mut ObjectSchema<'_>);

    /// The name of the schema, and a sentence about it.
    #[cfg(feature = "openapi")]
    const ABOUT: (&'static str, &'static str);
}
