//! Who may make an account, and how it begins.
//!
//! The policy says a way in (open, by invitation, in scheduled windows, or closed), which domains of mail addresses, and
//! whether an account waits for approval. What is limited in number (all places, those of a window, those of an
//! invitation) is named by the decision and counted by one object, so that it is exact under any number of
//! simultaneous tries: [`Seats`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::email;

/// The way in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only administrators make accounts.
    #[default]
    Closed,
    /// Everyone may register.
    Open,
    /// With an invitation.
    Invite,
    /// While a window is open.
    Scheduled,
}

impl Mode {
    /// Every way by its name.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("closed", Self::Closed),
        ("open", Self::Open),
        ("invite", Self::Invite),
        ("scheduled", Self::Scheduled),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// A time in which registration is open. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// A name that its places are counted by.
    pub id: String,
    /// From when on.
    pub opens_at: u64,
    /// Until when.
    pub closes_at: u64,
    /// Most accounts; `None`: any number.
    #[serde(default)]
    pub seats: Option<u32>,
    /// Whether its accounts wait for approval.
    #[serde(default)]
    pub approval: bool,
}

/// The rules. Without any, registration is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The way in.
    pub mode: Mode,
    /// Domains of mail addresses, subdomains not included; `None`: all.
    pub domains: Option<Vec<String>>,
    /// Whether accounts wait for approval.
    pub approval: bool,
    /// Whether accounts are closed until their mail address is confirmed.
    pub verification: bool,
    /// Most accounts that register themselves; `None`: any number.
    pub seats: Option<u32>,
    /// The windows of [`Mode::Scheduled`].
    pub windows: Vec<Window>,
    /// Codes of the roles that accounts begin with.
    pub roles: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Closed,
            domains: None,
            approval: false,
            verification: false,
            seats: None,
            windows: Vec::new(),
            roles: vec!["user".to_owned()],
        }
    }
}

/// An invitation that was found by the code that the caller gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id, by which its places are counted.
    pub id: String,
    /// How many accounts it is good for.
    pub seats: u32,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: u64,
    /// The one address that it is for; `None`: any, whatever [`Policy::domains`] says.
    pub email: Option<String>,
}

/// Why an account cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Registration is closed, or no window is open.
    Closed,
    /// There is no valid invitation for this address.
    Invitation,
    /// The domain of the address is not among those that may register.
    Domain,
}

/// What is counted for all accounts that register themselves.
pub const ALL: &str = "all";

/// What is counted for a window.
#[must_use]
pub fn of_window(id: &str) -> String {
    format!("window:{id}")
}

/// What is counted for an invitation.
#[must_use]
pub fn of_invitation(id: &str) -> String {
    format!("invitation:{id}")
}

/// Places to take before an account is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is counted.
    pub name: String,
    /// How many there are.
    pub seats: u32,
}

/// How an account begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Whether it waits for approval.
    pub approval: bool,
    /// Places to take: all of them, or none.
    pub claims: Vec<Claim>,
}

impl Policy {
    /// Whether accounts can be made at `now_ms`, by those who are admitted.
    #[must_use]
    pub fn is_open(&self, now_ms: u64) -> bool {
        match self.mode {
            Mode::Closed => false,
            Mode::Open | Mode::Invite => true,
            Mode::Scheduled => self.open_window(now_ms).is_some(),
        }
    }

    fn open_window(&self, now_ms: u64) -> Option<&Window> {
        self.windows.iter().find(|window| (window.opens_at..window.closes_at).contains(&now_ms))
    }

    /// Whether an account for this address (in its one form) may be made.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn admit(
        &self,
        address: &str,
        invitation: Option<&Invitation>,
        now_ms: u64,
    ) -> Result<Admitted, Refusal> {
        let mut claims = Vec::new();
        let mut approval = self.approval;
        // An invitation opens whatever is not closed: it names who is wanted.
        let invited = match invitation {
            Some(invitation) => {
                let is_for = invitation.email.as_deref().is_none_or(|email| email == address);
                if now_ms >= invitation.expires_at || !is_for || self.mode == Mode::Closed {
                    return Err(Refusal::Invitation);
                }
                claims.push(Claim { name: of_invitation(&invitation.id), seats: invitation.seats });
                true
            }
            None => false,
        };
        match self.mode {
            Mode::Closed => return Err(Refusal::Closed),
            Mode::Invite if !invited => return Err(Refusal::Invitation),
            Mode::Scheduled if !invited => {
                let window = self.open_window(now_ms).ok_or(Refusal::Closed)?;
                approval |= window.approval;
                claims.extend(window.seats.map(|seats| Claim { name: of_window(&window.id), seats }));
            }
            Mode::Open | Mode::Invite | Mode::Scheduled => {}
        }
        let domain = email::domain(address);
        let is_allowed =
            self.domains.as_ref().is_none_or(|domains| domains.iter().any(|allowed| allowed == domain));
        if !invited && !is_allowed {
            return Err(Refusal::Domain);
        }
        claims.extend(self.seats.map(|seats| Claim { name: ALL.to_owned(), seats }));
        Ok(Admitted { approval, claims })
    }
}

/// Counts of taken places. It must exist once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats(BTreeMap<String, u32>);

impl Seats {
    /// Takes a place of each claim; nothing if one of them has none left.
    pub fn take(&mut self, claims: &[Claim]) -> bool {
        let has_room = claims.iter().all(|claim| self.taken(&claim.name) < claim.seats);
        if has_room {
            for claim in claims {
                *self.0.entry(claim.name.clone()).or_default() += 1;
            }
        }
        has_room
    }

    /// Gives back places whose account was not made after all.
    pub fn give_back(&mut self, claims: &[Claim]) {
        for claim in claims {
            if let Some(taken) = self.0.get_mut(&claim.name) {
                *taken = taken.saturating_sub(1);
            }
        }
    }

    /// Forgets the places of something that is gone.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// How many places are taken.
    #[must_use]
    pub fn taken(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(mode: Mode) -> Policy {
        Policy { mode, ..Policy::default() }
    }

    fn invitation() -> Invitation {
        Invitation { id: "i".into(), seats: 2, expires_at: 100, email: None }
    }

    #[test]
    fn each_way_in_admits_those_that_it_is_for() {
        let ada = "ada@example.org";
        let none: Vec<Claim> = Vec::new();
        assert_eq!(Policy::default().admit(ada, None, 0), Err(Refusal::Closed));
        assert_eq!(Policy::default().admit(ada, Some(&invitation()), 0), Err(Refusal::Invitation));
        let open = policy(Mode::Open).admit(ada, None, 0);
        assert_eq!(open, Ok(Admitted { approval: false, claims: none }));
        let invite = policy(Mode::Invite);
        assert_eq!(invite.admit(ada, None, 0), Err(Refusal::Invitation));
        assert_eq!(invite.admit(ada, Some(&invitation()), 100), Err(Refusal::Invitation));
        let claims = vec![Claim { name: "invitation:i".into(), seats: 2 }];
        assert_eq!(invite.admit(ada, Some(&invitation()), 99), Ok(Admitted { approval: false, claims }));
        let for_other = Invitation { email: Some("eve@example.org".into()), ..invitation() };
        assert_eq!(invite.admit(ada, Some(&for_other), 0), Err(Refusal::Invitation));
    }

    #[test]
    fn windows_domains_and_approval_add_up() {
        let window = Window { id: "w".into(), opens_at: 10, closes_at: 20, seats: Some(3), approval: true };
        let scheduled = Policy {
            seats: Some(9),
            domains: Some(vec!["example.org".into()]),
            windows: vec![window],
            ..policy(Mode::Scheduled)
        };
        let admit = |address, now| scheduled.admit(address, None, now);
        assert_eq!(admit("a@example.org", 9), Err(Refusal::Closed));
        assert_eq!(admit("a@example.org", 20), Err(Refusal::Closed));
        assert_eq!(admit("a@sub.example.org", 10), Err(Refusal::Domain));
        assert_eq!(admit("a@notexample.org", 10), Err(Refusal::Domain));
        let admitted = admit("a@example.org", 19).unwrap();
        let names: Vec<&str> = admitted.claims.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!((admitted.approval, names), (true, vec!["window:w", "all"]));
        assert!(scheduled.admit("a@elsewhere.net", Some(&invitation()), 0).is_ok());
    }

    #[test]
    fn a_thousand_tries_take_exactly_the_places_that_there_are() {
        let mut seats = Seats::default();
        let claims = [Claim { name: "w".into(), seats: 20 }, Claim { name: "all".into(), seats: 15 }];
        assert_eq!((0..1_000).filter(|_| seats.take(&claims)).count(), 15);
        assert_eq!((seats.taken("w"), seats.taken("all")), (15, 15), "a refused try takes nothing");
        seats.give_back(&claims);
        assert!(seats.take(&claims) && !seats.take(&claims));
        seats.forget("all");
        assert_eq!((seats.taken("w"), seats.taken("all")), (15, 0));
    }

    #[test]
    fn rules_that_are_not_there_close_registration() {
        assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), Policy::default());
        assert!(!Policy::default().is_open(0) && policy(Mode::Invite).is_open(0));
        let window = Window { id: "w".into(), opens_at: 10, closes_at: 20, seats: None, approval: false };
        let scheduled = Policy { windows: vec![window], ..policy(Mode::Scheduled) };
        assert!(!scheduled.is_open(9) && scheduled.is_open(10) && !scheduled.is_open(20));
    }

    proptest! {
        #[test]
        fn no_sequence_of_tries_takes_more_than_there_are(
            tries in prop::collection::vec((0_usize..3, any::<bool>()), 0..300), limits in [0_u32..9, 0..9, 0..9],
        ) {
            let (mut seats, mut held) = (Seats::default(), [0_u32; 3]);
            for (which, gives_back) in tries {
                let claims = [Claim { name: which.to_string(), seats: limits[which] }];
                if gives_back && held[which] > 0 {
                    seats.give_back(&claims);
                    held[which] -= 1;
                } else if seats.take(&claims) {
                    held[which] += 1;
                }
                prop_assert!(held[which] <= limits[which]);
            }
        }
    }
}
