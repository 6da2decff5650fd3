//! The table: sellers, the names that each of them sells under, and a plan of prices for each name.
//!
//! The built-in table and an uploaded one have the same form. Names are slices of one text, sorted for each seller; a plan is
//! a place in one list of numbers (see [`crate::plan`]). So the built-in table is plain static data, and looking a name up is
//! a binary search.

use std::borrow::Cow;

/// Prices of models by seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Identifies the contents: the day and a digest.
    pub version: Cow<'static, str>,
    /// The day of the prices, as `YYYY-MM-DD`.
    pub as_of: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
    pub(crate) names: Cow<'static, [Name]>,
    pub(crate) words: Cow<'static, [u32]>,
    pub(crate) sellers: Cow<'static, [Seller]>,
}

/// A name that a seller sells a model under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Where it begins in the text.
    pub at: u32,
    /// Where its plan begins among the numbers.
    pub plan: u32,
    /// Its length in bytes.
    pub len: u8,
    /// See [`marks`].
    pub marks: u8,
}

/// What is known of a row besides its price, as bits.
pub mod marks {
    /// The name is another one of a model that is listed under its own.
    pub const ALIAS: u8 = 1;
    /// The seller has retired the model.
    pub const RETIRED: u8 = 2;
    /// Another source says the same.
    pub const CONFIRMED: u8 = 4;
    /// Another source says something else.
    pub const DISPUTED: u8 = 8;
    /// The source in the two highest bits: the place in [`SOURCES`].
    pub const SOURCE_SHIFT: u8 = 6;
    /// Where prices come from, as the data abbreviates it.
    pub const SOURCES: [&str; 4] = ["", "gp", "mp", "md"];
}

/// A seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Its name.
    pub id: Cow<'static, str>,
    /// The hosts of its API; `*` stands for any text.
    pub hosts: Cow<'static, [Cow<'static, str>]>,
    /// The kinds of provider that mean this seller where the host says nothing.
    pub kinds: Cow<'static, [Cow<'static, str>]>,
    /// The sellers whose list price it charges for what it does not list itself.
    pub also: Cow<'static, [Cow<'static, str>]>,
    /// The hours in which some of its models cost more.
    pub peak: Option<Peak>,
    /// Its first name.
    pub first: u32,
    /// The number of its names.
    pub count: u32,
}

/// Hours in which a price is multiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peak {
    /// Begin and end in minutes of a UTC day, the end excluded.
    pub minutes: Cow<'static, [(u16, u16)]>,
    /// The days: bit 0 is Monday.
    pub weekdays: u8,
    /// By how much, in thousandths.
    pub factor_milli: u32,
    /// Days on which they do not apply, in days since the epoch.
    pub holidays: Cow<'static, [u32]>,
    /// From when on, in milliseconds since the epoch.
    pub from_ms: u64,
}
