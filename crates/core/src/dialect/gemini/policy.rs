//! How the fields of a request are read.

use crate::json::fields::Policy;

/// The service parses JSON like protocol buffers (<https://protobuf.dev/programming-guides/json/>).
pub const POLICY: Policy =
    Policy { either_case: true, quoted_numbers: true, decimal_integers: true, lone_items: true };
