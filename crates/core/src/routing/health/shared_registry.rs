//! Open circuits and cool-downs of all isolates together.

use super::shared::SharedState;

/// Most states; the oldest are dropped first.
const MAX_STATES: usize = 4_096;

/// The newest state of every target and kind that has not expired.
#[derive(Debug, Default)]
pub struct SharedRegistry {
    states: Vec<SharedState>,
}

impl SharedRegistry {
    /// Adds observations, unless newer ones are known, and drops expired ones.
    pub fn add(&mut self, news: Vec<SharedState>, now_ms: u64) {
        for new in news.into_iter().filter(|new| new.is_sound(now_ms)) {
            let known =
                self.states.iter_mut().find(|known| known.target == new.target && known.kind == new.kind);
            match known {
                Some(known) if known.observed_at_ms < new.observed_at_ms => *known = new,
                Some(_) => {}
                None => self.states.push(new),
            }
        }
        self.states.retain(|state| state.until_ms > now_ms);
        if self.states.len() > MAX_STATES {
            self.states.sort_by_key(|state| state.observed_at_ms);
            self.states.drain(..self.states.len() - MAX_STATES);
        }
    }

    /// All states.
    #[must_use]
    pub fn states(&self) -> &[SharedState] {
        &self.states
    }
}

#[cfg(test)]
mod tests {
    use super::super::SharedKind;
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn state(target: &str, observed_at_ms: u64, until_ms: u64) -> SharedState {
        SharedState { target: target.into(), kind: SharedKind::Open, until_ms, observed_at_ms, level: 1 }
    }

    #[test]
    fn the_newest_holds_until_it_is_over() {
        let mut registry = SharedRegistry::default();
        registry.add(vec![state("a", NOW - 5, NOW + 100), state("b", NOW - 5, NOW + 900)], NOW);
        registry.add(vec![state("a", NOW - 9, NOW + 500), state("a", NOW - 1, NOW + 50)], NOW);
        assert_eq!(registry.states(), [state("a", NOW - 1, NOW + 50), state("b", NOW - 5, NOW + 900)]);
        registry.add(Vec::new(), NOW + 60);
        assert_eq!(registry.states(), [state("b", NOW - 5, NOW + 900)]);
    }
}
