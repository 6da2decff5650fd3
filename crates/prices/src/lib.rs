//! List prices of models, by seller.
//!
//! `data/prices.json` says what each seller charges and which source says so; `build.rs` lays it out as static data. A price is
//! looked up by the seller, which the host of a provider's address tells, and the exact name of the model, see [`find`]. What
//! a usage costs is a matter of whole numbers, see [`Price::cost`]. An operator's table has the same form as the built-in one.
//!
//! What is not known is `None`, never 0.

mod built_in;
mod dimension;
pub mod find;
mod names;
mod parse;
mod peak;
mod plan;
pub mod price;
mod rates;
pub mod row;
mod table;

pub use built_in::BUILT_IN;
pub use find::{Found, Place};
pub use parse::parse;
pub use price::{Counts, Price, Variant};
pub use rates::Rates;
pub use row::Row;
pub use table::{Peak, Seller, Table};
