//! The rules for values of fields.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::body::Input;
use super::fields::{Fields, Patch};
use super::rule::Rule;
use crate::error::ApiError;
use crate::json::error::unknown_value;

/// A rule that is one method of [`Fields`] and one schema.
macro_rules! rules {
    ($(
        $(#[doc = $doc:literal])+
        $make:ident($($argument:ident: $argument_type:ty),*) -> $rule:ident: $value:ty =
            |$this:ident, $fields:ident, $name:ident| $read:expr, $schema:tt;
    )*) => {$(
        $(#[doc = $doc])+
        #[must_use]
        pub fn $make($($argument: $argument_type),*) -> $rule {
            $rule { $($argument),* }
        }

        #[doc = concat!("Made by [`", stringify!($make), "`].")]
        #[derive(Debug)]
        pub struct $rule {
            $($argument: $argument_type),*
        }

        impl Rule for $rule {
            type Value = $value;

            fn read(&self, $fields: &Fields<'_>, $name: &str) -> Result<Patch<$value>, ApiError> {
                let $this = self;
                $read
            }

            #[cfg(feature = "openapi")]
            fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let $this = self;
                schemars::json_schema!($schema)
            }
        }
    )*};
}

rules! {
    /// A text of so many characters, without spaces around it.
    text(length: RangeInclusive<usize>) -> Text: String =
        |this, fields, name| fields.text(name, this.length.clone()),
        { "type": "string", "minLength": this.length.start(), "maxLength": this.length.end() };
    /// A credential: a text of so many visible ASCII characters.
    credential(length: RangeInclusive<usize>) -> Credential: String =
        |this, fields, name| fields.credential(name, this.length.clone()),
        { "type": "string", "minLength": this.length.start(), "maxLength": this.length.end(), "pattern": "^[!-~]+$" };
    /// `true` or `false`.
    boolean() -> Boolean: bool =
        |_this, fields, name| fields.boolean(name),
        { "type": "boolean" };
    /// A whole number in the range.
    integer(range: RangeInclusive<u64>) -> Integer: u64 =
        |this, fields, name| fields.integer(name, this.range.clone()),
        { "type": "integer", "minimum": this.range.start(), "maximum": this.range.end() };
    /// A whole number in the range, which fits 32 bits.
    integer_u32(range: RangeInclusive<u64>) -> IntegerU32: u32 =
        |this, fields, name| fields.integer_u32(name, this.range.clone()),
        { "type": "integer", "minimum": this.range.start(), "maximum": this.range.end() };
    /// A list of texts, each of so many characters.
    texts(length: RangeInclusive<usize>) -> Texts: Vec<String> =
        |this, fields, name| fields.text_list(name, &this.length),
        { "type": "array", "maxItems": 1000,
          "items": { "type": "string", "minLength": this.length.start(), "maxLength": this.length.end() } };
    /// A list of ids.
    ids() -> Ids: Vec<i64> =
        |_this, fields, name| fields.id_list(name),
        { "type": "array", "maxItems": 1000, "items": { "type": "integer", "minimum": 1 } };
    /// A list of whole numbers in the range.
    numbers(range: RangeInclusive<u64>) -> Numbers: Vec<u64> =
        |this, fields, name| fields.number_list(name, &this.range),
        { "type": "array", "maxItems": 1000,
          "items": { "type": "integer", "minimum": this.range.start(), "maximum": this.range.end() } };
    /// An object whose values are texts.
    text_map() -> TextMap: BTreeMap<String, String> =
        |_this, fields, name| fields.text_map(name),
        { "type": "object", "additionalProperties": { "type": "string" } };
    /// An amount of dollars with at most 6 decimals; the value is in micro-dollars.
    dollars() -> Dollars: u64 =
        |_this, fields, name| fields.millionths(name),
        { "type": "number", "minimum": 0, "maximum": 1_000_000_000 };
    /// A number with at most 6 decimals; the value is in millionths.
    decimal() -> Decimal: u64 =
        |_this, fields, name| fields.millionths(name),
        { "type": "number", "minimum": 0, "maximum": 1_000_000_000 };
}

/// One of a few names.
#[must_use]
pub fn one_of<T: Copy + 'static>(names: &'static [(&'static str, T)]) -> OneOf<T> {
    OneOf { names: Cow::Borrowed(names) }
}

/// One of a few names that are determined at run time.
#[must_use]
pub fn choice<T: Copy + 'static>(names: fn() -> Vec<(&'static str, T)>) -> OneOf<T> {
    OneOf { names: Cow::Owned(names()) }
}

/// Made by [`one_of`] and [`choice`].
#[derive(Debug)]
pub struct OneOf<T: Copy + 'static> {
    names: Cow<'static, [(&'static str, T)]>,
}

impl<T: Copy> OneOf<T> {
    fn names(&self) -> Vec<&'static str> {
        self.names.iter().map(|(name, _)| *name).collect()
    }
}

impl<T: Copy> Rule for OneOf<T> {
    type Value = T;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<T>, ApiError> {
        fields.text(name, 0..=100)?.try_map(|given| {
            let found = self.names.iter().find(|(known, _)| *known == given);
            found.map(|(_, value)| *value).ok_or_else(|| unknown_value(name, &given, &self.names()))
        })
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": self.names() })
    }
}

/// An object with the fields of another input, all required ones among them.
#[must_use]
pub fn object<T: Input>() -> Object<T> {
    Object(std::marker::PhantomData)
}

/// Made by [`object`].
#[derive(Debug)]
pub struct Object<T>(std::marker::PhantomData<T>);

impl<T: Input> Rule for Object<T> {
    type Value = T;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<T>, ApiError> {
        fields.nested(name, T::parse_new)
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<super::schema::Nested<T>>()
    }
}

/// A list of at most `max_items` objects with the fields of another input.
#[must_use]
pub fn objects<T: Input>(max_items: usize) -> Objects<T> {
    Objects { max_items, of: std::marker::PhantomData }
}

/// Made by [`objects`].
#[derive(Debug)]
pub struct Objects<T> {
    max_items: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Input> Rule for Objects<T> {
    type Value = Vec<T>;

    fn read(&self, fields: &Fields<'_>, name: &str) -> Result<Patch<Vec<T>>, ApiError> {
        fields.object_list(name, &T::names(), self.max_items, |fields| {
            let input = T::read(fields)?;
            input.check_required()?;
            Ok(input)
        })
    }

    #[cfg(feature = "openapi")]
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<super::schema::Nested<T>>();
        schemars::json_schema!({ "type": "array", "maxItems": self.max_items, "items": items })
    }
}
