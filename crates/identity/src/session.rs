//! Sessions of users: a family of refresh tokens, of which only the latest is good.
//!
//! A refresh token is the name of its session and a generation with a code that only the gateway can make, so the
//! database holds nothing that could be presented. Each use gives the next generation. The generation before it is good
//! for 30 seconds more and gives the same next token again: its answer may have been lost. Any older one is proof that
//! two parties hold the family, and ends it.

use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::mac::MacKey;

/// Milliseconds that an access token is valid.
pub const ACCESS_MS: u64 = 30 * 60_000;
/// Milliseconds after its last use that a session ends.
pub const REFRESH_MS: u64 = 7 * DAY_MS;
/// Milliseconds after its beginning that a session ends, however often it is used.
pub const SESSION_MS: u64 = 90 * DAY_MS;
/// Milliseconds for which the token before the last is answered again.
pub const GRACE_MS: u64 = 30_000;
/// Sessions of a user; the one that was unused for longest makes room for another.
pub const MAX_SESSIONS: usize = 10;
const DAY_MS: u64 = 86_400_000;
const PREFIX: &str = "nxr";
const MAC_PURPOSE: &str = "refresh token";

/// A refresh token that the gateway has made. Says nothing of whether its session still is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub session_id: String,
    /// Its place in the family, from 0 on.
    pub generation: u64,
}

impl RefreshToken {
    /// The token's text.
    #[must_use]
    pub fn write(&self, key: &MacKey) -> String {
        let code = base64url::encode(key.code(MAC_PURPOSE, self.message().as_bytes()));
        format!("{PREFIX}.{}.{code}", self.message())
    }

    /// Reads a token; `None` if none of these keys made it.
    #[must_use]
    pub fn read(text: &str, keys: &[MacKey]) -> Option<Self> {
        let parts: [&str; 4] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
        let [PREFIX, session_id, generation, code] = parts else { return None };
        let token = Self { session_id: session_id.to_owned(), generation: generation.parse().ok()? };
        let code = base64url::decode(code)?;
        let message = token.message();
        // One token has one form: no sign and no zeros before the number.
        (message == format!("{session_id}.{generation}")).then_some(())?;
        keys.iter().any(|key| key.is_code(MAC_PURPOSE, message.as_bytes(), &code)).then_some(token)
    }

    fn message(&self) -> String {
        format!("{}.{}", self.session_id, self.generation)
    }
}

/// A session as it is stored. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// The generation of the latest token.
    pub generation: u64,
    /// When it began.
    pub created_at: u64,
    /// When the latest token was made.
    pub rotated_at: u64,
    /// When it was ended, if it was.
    pub ended_at: Option<u64>,
}

/// What a presented token brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// The family is at this new generation, once the change is stored.
    Rotate(u64),
    /// The family stays at this generation, whose token is given again.
    Repeat(u64),
    /// Two parties hold the family: it ends.
    Reused,
    /// The session is over.
    Over,
}

impl Family {
    /// A session that begins.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self { generation: 0, created_at: now_ms, rotated_at: now_ms, ended_at: None }
    }

    /// When it ends if it is not used again, in milliseconds since the epoch.
    #[must_use]
    pub fn until(&self) -> u64 {
        (self.rotated_at + REFRESH_MS).min(self.created_at + SESSION_MS)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.ended_at.is_some() || now_ms >= self.until()
    }

    /// What the token of this generation brings.
    #[must_use]
    pub fn present(&self, generation: u64, now_ms: u64) -> Presented {
        if self.is_over(now_ms) {
            return Presented::Over;
        }
        if generation == self.generation {
            return Presented::Rotate(generation + 1);
        }
        let is_lost_answer =
            generation + 1 == self.generation && now_ms < self.rotated_at.saturating_add(GRACE_MS);
        if is_lost_answer { Presented::Repeat(self.generation) } else { Presented::Reused }
    }

    /// Stores what [`Family::present`] said at `now_ms`.
    pub fn apply(&mut self, presented: Presented, now_ms: u64) {
        match presented {
            Presented::Rotate(generation) => {
                self.generation = generation;
                self.rotated_at = now_ms;
            }
            Presented::Reused => self.ended_at = Some(now_ms),
            Presented::Repeat(_) | Presented::Over => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_read_only_as_it_was_written() {
        let (key, other) = (MacKey::new([1; 32]), MacKey::new([2; 32]));
        let token = RefreshToken { session_id: "01ABC".into(), generation: 4 };
        let text = token.write(&key);
        assert_eq!(RefreshToken::read(&text, &[other.clone(), key.clone()]), Some(token));
        assert_eq!(RefreshToken::read(&text, &[other]), None);
        for forged in [
            text.replace(".4.", ".5."),
            text.replace(".4.", ".04."),
            text.replace("01ABC", "01ABD"),
            text.replace("nxr", "nxa"),
            format!("{text}."),
            text.replace('.', ""),
            String::new(),
        ] {
            assert_eq!(RefreshToken::read(&forged, std::slice::from_ref(&key)), None, "{forged}");
        }
    }

    #[test]
    fn a_lost_answer_is_given_again_for_half_a_minute_and_reuse_ends_the_family() {
        let mut family = Family::new(0);
        assert_eq!(family.present(0, 10), Presented::Rotate(1));
        family.apply(Presented::Rotate(1), 10);
        assert_eq!(family.present(0, 10 + GRACE_MS - 1), Presented::Repeat(1));
        assert_eq!(family.present(0, 10 + GRACE_MS), Presented::Reused);
        assert_eq!(family.present(7, 11), Presented::Reused, "a generation that was never made");
        family.apply(Presented::Rotate(2), 20);
        assert_eq!(family.present(0, 21), Presented::Reused);
        family.apply(Presented::Reused, 21);
        for generation in 0..4 {
            assert_eq!(family.present(generation, 22), Presented::Over);
        }
    }

    #[test]
    fn a_session_ends_a_week_after_its_last_use_and_after_ninety_days_in_any_case() {
        let mut family = Family::new(0);
        assert_eq!(family.present(0, REFRESH_MS), Presented::Over);
        let (mut now, mut generation) = (0, 0);
        while let Presented::Rotate(next) = family.present(generation, now) {
            family.apply(Presented::Rotate(next), now);
            generation = next;
            now += 6 * DAY_MS;
        }
        assert_eq!(now, 90 * DAY_MS);
    }

    proptest! {
        /// A thief and the owner use a family in any order and at any time: once both have used it beyond the grace, it ends.
        #[test]
        fn a_stolen_token_is_not_kept(
            turns in prop::collection::vec((any::<bool>(), GRACE_MS..3_600_000), 2..60),
        ) {
            let mut family = Family::new(0);
            let (mut held, mut now, mut used) = ([0_u64; 2], 0, [false; 2]);
            for (is_thief, gap) in turns {
                now += gap;
                let holder = usize::from(is_thief);
                let presented = family.present(held[holder], now);
                family.apply(presented, now);
                match presented {
                    Presented::Rotate(generation) | Presented::Repeat(generation) => held[holder] = generation,
                    Presented::Reused | Presented::Over => {}
                }
                used[holder] = true;
                prop_assert!(!(used[0] && used[1]) || family.is_over(now));
            }
        }

        /// A client whose answers get lost, and who asks again within the grace, never loses its session.
        #[test]
        fn lost_answers_do_not_end_a_session(lost in prop::collection::vec(any::<bool>(), 1..60)) {
            let mut family = Family::new(0);
            let (mut held, mut now) = (0, 0);
            for is_lost in lost {
                now += GRACE_MS / 2;
                let presented = family.present(held, now);
                family.apply(presented, now);
                let (Presented::Rotate(generation) | Presented::Repeat(generation)) = presented else {
                    return Err(TestCaseError::fail(format!("{presented:?}")));
                };
                if is_lost {
                    now += GRACE_MS / 2 - 1;
                    prop_assert!(matches!(family.present(held, now), Presented::Repeat(_) | Presented::Rotate(_)));
                }
                held = generation;
            }
        }
    }
}
