//! When servers start, stop, and are started again: pure state machines with a virtual clock in their tests.

pub mod backoff;
pub mod supervision;
