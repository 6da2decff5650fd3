//! What a declared body can do.

use super::fields::Fields;
#[cfg(feature = "openapi")]
use super::object_schema::ObjectSchema;
use crate::error::ApiError;

/// A body that [`input!`](crate::input!) declares. Every field is a [`Patch`](super::Patch): kept if absent, cleared
/// by `null`, set by a value.
pub trait Input: Sized {
    /// Names of the fields, in the order of the declaration.
    fn names() -> Vec<&'static str>;

    /// Parses and validates the fields.
    ///
    /// # Errors
    /// `invalid_type` or `invalid_value` for the first invalid field.
    fn read(fields: &Fields<'_>) -> Result<Self, ApiError>;

    /// Checks that the required fields of a new record are present.
    ///
    /// # Errors
    /// `missing_required_parameter` for the first missing field.
    fn check_required(&self) -> Result<(), ApiError>;

    /// Parses the body of an update: absent fields are not changed.
    ///
    /// # Errors
    /// `invalid_json`, `unknown_parameter`, and those of [`Input::read`].
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Self::read(&Fields::parse(body, &Self::names())?)
    }

    /// Parses the body that creates a new record.
    ///
    /// # Errors
    /// Those of [`Input::parse`] and [`Input::check_required`].
    fn parse_new(body: &[u8]) -> Result<Self, ApiError> {
        let input = Self::parse(body)?;
        input.check_required()?;
        Ok(input)
    }

    /// Parses an optional body; an empty one is the same as `{}`.
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
