//! The rule of a field, and combinations of rules.

use super::fields::{Fields, Patch};
use crate::error::ApiError;
use crate::json::error::missing;
use crate::secrets::Secret;

/// How one field is parsed, which values are valid, and its schema.
pub trait Rule: Sized {
    /// The value of a field that is set.
    type Value;

    /// Reads the field `name`.
    ///
    /// # Errors
    /// `invalid_type` or `invalid_value`, naming the field.
    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<Self::Value>, ApiError>;

    /// Checks that a required field of a new record is present.
    ///
    /// # Errors
    /// `missing_required_parameter`, naming the field.
    fn check_required<V>(&self, value: &Patch<V>, name: &str) -> Result<(), ApiError> {
        match value {
            Patch::Keep | Patch::Clear if self.is_required() => Err(missing(name)),
            _ => Ok(()),
        }
    }

    /// Whether a new record requires the field.
    fn is_required(&self) -> bool {
        false
    }

    /// Whether `null` clears the field; otherwise `null` is refused.
    fn is_nullable(&self) -> bool {
        true
    }

    /// The schema of a value that is set.
    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;

    /// Refuses `null`.
    fn not_null(self) -> NotNull<Self> {
        NotNull(self)
    }

    /// A new record requires the field.
    fn required(self) -> Required<Self> {
        Required(self)
    }

    /// Validates or converts a value that is set.
    fn check<U>(self, check: fn(Self::Value) -> Result<U, ApiError>) -> Checked<Self, U>
    where
        Self: Rule,
    {
        Checked { rule: self, check }
    }

    /// A value that must not show: in no `Debug` of the input, no answer and no log.
    fn secret(self) -> Checked<Self, Secret>
    where
        Self: Rule<Value = String>,
    {
        self.check(|text| Ok(Secret::new(text)))
    }
}

/// Made by [`Rule::not_null`].
#[derive(Debug)]
pub struct NotNull<R>(R);

impl<R: Rule> Rule for NotNull<R> {
    type Value = R::Value;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<R::Value>, ApiError> {
        self.0.read(fields, name)?.not_null(name)
    }

    fn is_required(&self) -> bool {
        self.0.is_required()
    }

    fn is_nullable(&self) -> bool {
        false
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        self.0.schema(generator)
    }
}

/// Made by [`Rule::required`].
#[derive(Debug)]
pub struct Required<R>(R);

impl<R: Rule> Rule for Required<R> {
    type Value = R::Value;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<R::Value>, ApiError> {
        self.0.read(fields, name)
    }

    fn is_required(&self) -> bool {
        true
    }

    fn is_nullable(&self) -> bool {
        self.0.is_nullable()
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        self.0.schema(generator)
    }
}

/// Made by [`Rule::check`].
#[derive(Debug)]
pub struct Checked<R: Rule, U> {
    rule: R,
    check: fn(R::Value) -> Result<U, ApiError>,
}

impl<R: Rule, U> Rule for Checked<R, U> {
    type Value = U;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<U>, ApiError> {
        self.rule.read(fields, name)?.try_map(self.check)
    }

    fn is_required(&self) -> bool {
        self.rule.is_required()
    }

    fn is_nullable(&self) -> bool {
        self.rule.is_nullable()
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        self.rule.schema(generator)
    }
}
