//! How the fields of a request are read.

use crate::json::fields::Policy;

/// Clients in languages without whole numbers write `20.0`.
pub const POLICY: Policy = Policy { decimal_integers: true, ..Policy::PLAIN };
