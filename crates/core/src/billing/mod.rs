//! The cost of requests: what is set over the table of list prices, what a request is charged, and the ledger of credits.
//!
//! Money is whole millionths of a dollar everywhere; rounding is never in favour of the caller.

pub mod account;
pub mod book;
pub mod grant_token;
pub mod journal;
pub mod price_input;
pub mod quote;
pub mod upload;

pub use account::Account;
pub use book::{PriceBook, PriceSetting};
pub use nexus_edge_prices::{Price, Rates};
pub use quote::{Charge, Quote};
