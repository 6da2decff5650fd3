//! How much one request may do in its loop.

/// The limits of one request. Times in ms, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Questions to the model with tools.
    pub rounds: u64,
    /// Calls of tools, those included that were answered with an error.
    pub calls: u64,
    /// Time from the first question until no further call begins.
    pub total_ms: u64,
    /// Time of one call without a sign of life.
    pub idle_ms: u64,
    /// Time of one call, whatever it reports.
    pub call_ms: u64,
    /// Text of one result that the model is given at once.
    pub result_bytes: usize,
    /// Text of all results together, in tokens.
    pub result_tokens: u64,
    /// Calls at a time.
    pub at_once: usize,
    /// How often one call may be made with the same arguments.
    pub repeats: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rounds: 8,
            calls: 24,
            total_ms: 300_000,
            idle_ms: 60_000,
            call_ms: 130_000,
            result_bytes: 100_000,
            result_tokens: 50_000,
            at_once: 4,
            repeats: 2,
        }
    }
}

impl Limits {
    /// Those that a request may lower, by their names in it.
    pub(crate) fn named(&mut self) -> [(&'static str, &mut u64); 5] {
        [
            ("max_rounds", &mut self.rounds),
            ("max_calls", &mut self.calls),
            ("timeout_ms", &mut self.total_ms),
            ("call_idle_ms", &mut self.idle_ms),
            ("call_timeout_ms", &mut self.call_ms),
        ]
    }
}
