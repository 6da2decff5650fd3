//! SCIM 2.0: how a directory (Entra ID, Okta) keeps the users and groups of a service.
//!
//! [`schema`] declares the attributes, [`resource`] reads what a client sends by them, [`filter`] is the language of queries and
//! [`matching`] says what they select,
//! [`patch`] changes a resource, [`page`] divides lists, [`view`] selects what is shown, [`version`] names a state of a resource,
//! [`user`] and [`group`] say what of a resource is an account or a team, [`discovery`] describes all that, and [`problem`] is the
//! form of errors. RFC 7643 is the schema, RFC 7644 the protocol; where Entra ID or Okta send something else, it is taken as they
//! mean it, and the place says so.
//!
//! A resource is the JSON object that a client sees, with attributes in the spelling of the schema. Nothing here stores anything.

pub use schema::Object;

pub mod discovery;
pub mod filter;
pub mod group;
pub mod matching;
pub mod page;
pub mod patch;
pub mod problem;
pub mod resource;
pub mod schema;
pub mod user;
pub mod version;
pub mod view;

#[cfg(test)]
mod tests;
