//! The circuit of a provider as one number.

use nexus_edge_core::routing::health::{SharedKind, SharedState};

/// The state of the provider with this uid, from what isolates share: 2 if its circuit is open, 1 if it is cooling down or
/// a model or key of it is blocked, else 0.
#[must_use]
pub fn state_of(uid: &str, states: &[SharedState], now_ms: u64) -> u64 {
    let blocked = states.iter().filter(|state| state.kind != SharedKind::Closed && state.until_ms > now_ms);
    let levels = blocked.filter_map(|state| match (state.target.strip_prefix(uid)?, state.kind) {
        ("", SharedKind::Open) => Some(2),
        // The names of models and keys follow behind these signs.
        (rest, _) if rest.is_empty() || rest.starts_with(['/', '#']) => Some(1),
        _ => None,
    });
    levels.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_that_is_blocked_counts() {
        let state = |target: &str, kind, until_ms| SharedState {
            target: target.into(),
            kind,
            until_ms,
            observed_at_ms: 0,
            level: 1,
        };
        let states = [
            state("a", SharedKind::Open, 10),
            state("a/m", SharedKind::Open, 99),
            state("b", SharedKind::Open, 99),
            state("b#k", SharedKind::Cooldown, 99),
            state("c", SharedKind::Cooldown, 99),
            state("d", SharedKind::Closed, 99),
            state("dd", SharedKind::Open, 99),
        ];
        let of = |uid| state_of(uid, &states, 50);
        assert_eq!(["a", "b", "c", "d", "e"].map(of), [1, 2, 1, 0, 0]);
    }
}
