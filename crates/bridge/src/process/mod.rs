//! Child processes: their environment, streams and end, and those that an agent which was killed left behind.

pub mod child;
pub mod environment;
pub mod leftovers;
pub mod lines;
pub mod ring;
