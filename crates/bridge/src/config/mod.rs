//! The configuration file: where it is, what it says, what is wrong with it, and what a new one changes. Pure: files, the
//! environment and the home directory come in.

pub mod diff;
pub mod duration;
mod fields;
pub mod problem;
pub mod read;
pub mod schema;
pub mod search;
pub mod secrets;
pub mod trust;
pub mod yaml;
