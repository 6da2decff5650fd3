//! JSON texts without a tree: reading the top level of an object, errors about fields, and replacing a few bytes of a
//! body.
//!
//! Two readers: callers' requests are read strictly ([`fields`], [`object`]), providers' answers leniently
//! ([`lenient`]).
//!
//! Values stay slices of the input ([`serde_json::value::RawValue`]), so that what is not changed stays byte for
//! byte.

pub mod error;
pub mod fields;
pub mod lenient;
pub mod object;
pub mod quote;
pub mod splice;
