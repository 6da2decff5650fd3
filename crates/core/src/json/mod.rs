//! JSON texts without a tree: reading the top level of an object, errors about fields, and replacing a few bytes of a
//! body.
//!
//! Values stay slices of the input ([`serde_json::value::RawValue`]), so that what is not changed stays byte for
//! byte.

pub mod error;
pub mod fields;
pub mod object;
pub mod splice;
