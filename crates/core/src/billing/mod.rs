//! What requests cost: prices, the built-in table of them, what is configured over it, and the ledger of credits.
//!
//! Money is whole millionths of a dollar everywhere; nothing is ever rounded in favour of the caller.

pub mod account;
pub mod book;
pub mod grant_token;
pub mod price;
pub mod table;

pub use account::Account;
pub use book::{PriceBook, PriceSetting};
pub use price::Price;
