//! The dialect as a whole: its fixtures, and what is written and read again.

mod fixtures;
mod repeated;
mod round_trip;
