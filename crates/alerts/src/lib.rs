//! Alerts: which rules are broken, since when, who is to be told, and how a webhook is told.
//!
//! No clock, no randomness, no I/O: a round of evaluation takes the rules, the alerts that have not ended, what was measured
//! and the time, and gives what is to be written and told.

pub mod alert;
pub mod budgets;
pub mod delivery;
pub mod event;
pub mod measured;
pub mod plan;
pub mod post;
pub mod round;
pub mod state;
