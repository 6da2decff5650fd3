//! Whether a tool may be shown and called: pins of what was accepted, a search for what definitions hide, and the policy of
//! those who are asked.

mod changes;
mod pins;
mod policy;
mod scan;

pub use changes::{Change, MemberChange, changes};
pub use pins::{Gate, Pin, PinFault, Pins, Strictness, pin};
pub use policy::{Decision, Effect, Policy, effect, strictest};
pub use scan::{Finding, LONG_DESCRIPTION, Rule, Severity, scan};
