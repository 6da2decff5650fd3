//! The cost of requests: prices, the built-in table, its overrides, and the ledger of credits.
//!
//! Money is whole millionths of a dollar everywhere; rounding is never in favour of the caller.

pub mod account;
pub mod book;
pub mod grant_token;
pub mod price;
pub mod table;

pub use account::Account;
pub use book::{PriceBook, PriceSetting};
pub use price::Price;
