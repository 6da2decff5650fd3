//! The dialect as a whole: its fixtures, and what is written and read again.

mod fixtures;
mod round_trip;
