//! Limits on how much may pass.

pub mod sliding_window;

pub use sliding_window::{Decision, SlidingWindow};
