//! Hashes of passwords: `Argon2id` (RFC 9106) over the HMAC of the password under a pepper that the database does not hold
//! in clear, in the PHC string format with the pepper's name as `keyid`.
//!
//! An account that does not exist costs the same work as one that does: [`verify`] hashes in any case. A hash made with
//! another cost or pepper is right and says that it wants to be made anew.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::mac::MacKey;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

/// The cost of new hashes: one of those that OWASP's password storage cheat sheet gives as equally strong, with the memory
/// that an isolate of 128 MiB can spare.
pub const COST: Cost = Cost { memory_kib: 12 * 1024, passes: 3 };

/// The largest cost that is accepted from a stored hash, so that a damaged row does not take an isolate's memory.
const MOST: Cost = Cost { memory_kib: 64 * 1024, passes: 16 };

/// The one function of this module that takes time, as a parameter so that a test can count its calls.
pub trait Hasher {
    /// The hash of `input`; `None` if it cannot be made at this cost.
    fn hash(&self, input: &[u8], salt: &[u8], cost: Cost) -> Option<[u8; HASH_BYTES]>;
}

/// `Argon2id` with one lane.
pub struct Argon2id;

impl Hasher for Argon2id {
    fn hash(&self, input: &[u8], salt: &[u8], cost: Cost) -> Option<[u8; HASH_BYTES]> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut memory = vec![Block::new(); usize::try_from(cost.memory_kib).ok()?];
        let mut hash = [0; HASH_BYTES];
        argon2.hash_password_into_with_memory(input, salt, &mut hash, &mut memory).ok()?;
        Some(hash)
    }
}

/// A pepper with the name that hashes carry. The first of several makes new hashes.
#[derive(Clone)]
pub struct Pepper {
    /// Its name: letters, digits, `-` and `_`.
    pub id: String,
    /// Its key.
    pub key: MacKey,
}

/// Why no hash could be made: no pepper is there, or no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be hashed")]
pub struct HashError;

/// The hash of a password for an account.
///
/// # Errors
/// [`HashError`] without a pepper, or where the memory is refused.
pub fn hash(
    hasher: &impl Hasher,
    peppers: &[Pepper],
    password: &str,
    salt: [u8; SALT_BYTES],
) -> Result<String, HashError> {
    let pepper = peppers.first().ok_or(HashError)?;
    let hash = hasher.hash(&peppered(pepper, password), &salt, COST).ok_or(HashError)?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p=1,keyid={}${}${}",
        COST.memory_kib,
        COST.passes,
        STANDARD_NO_PAD.encode(&pepper.id),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash),
    ))
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, and its hash should be made anew: cost or pepper have changed.
    Outdated,
    /// It is not.
    Wrong,
}

/// Compares a password with a stored hash; `None` for an account that does not exist or has no password.
///
/// Exactly one hash is made, whatever is stored.
pub fn verify(hasher: &impl Hasher, peppers: &[Pepper], password: &str, stored: Option<&str>) -> Verdict {
    let stored = stored.and_then(Stored::parse);
    let named =
        stored.as_ref().and_then(|stored| peppers.iter().find(|pepper| pepper.id == stored.pepper_id));
    let (Some(stored), Some(pepper)) = (stored, named) else {
        let input = peppers.first().map(|pepper| peppered(pepper, password)).unwrap_or_default();
        let _ = hasher.hash(&input, &[0; SALT_BYTES], COST);
        return Verdict::Wrong;
    };
    let hash = hasher.hash(&peppered(pepper, password), &stored.salt, stored.cost);
    if !hash.is_some_and(|hash| bool::from(hash.ct_eq(&stored.hash))) {
        return Verdict::Wrong;
    }
    let is_current = stored.cost == COST && peppers.first().is_some_and(|first| first.id == stored.pepper_id);
    if is_current { Verdict::Right } else { Verdict::Outdated }
}

fn peppered(pepper: &Pepper, password: &str) -> [u8; 32] {
    pepper.key.code("password", password.as_bytes())
}

/// A hash as it is stored.
struct Stored {
    cost: Cost,
    pepper_id: String,
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

impl Stored {
    fn parse(text: &str) -> Option<Self> {
        let [empty, algorithm, version, parameters, salt, hash] =
            text.split('$').collect::<Vec<_>>().try_into().ok()?;
        if (empty, algorithm, version) != ("", "argon2id", "v=19") {
            return None;
        }
        let [memory, passes, lanes, pepper] = parameters.split(',').collect::<Vec<_>>().try_into().ok()?;
        let cost = Cost {
            memory_kib: memory.strip_prefix("m=")?.parse().ok()?,
            passes: passes.strip_prefix("t=")?.parse().ok()?,
        };
        if lanes != "p=1" || cost.memory_kib > MOST.memory_kib || cost.passes > MOST.passes {
            return None;
        }
        let bytes = |text: &str| STANDARD_NO_PAD.decode(text).ok();
        Some(Self {
            cost,
            pepper_id: String::from_utf8(bytes(pepper.strip_prefix("keyid=")?)?).ok()?,
            salt: bytes(salt)?.try_into().ok()?,
            hash: bytes(hash)?.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn pepper(id: &str, byte: u8) -> Pepper {
        Pepper { id: id.to_owned(), key: MacKey::new([byte; 32]) }
    }

    /// Notes the costs that were asked for, and is quick.
    #[derive(Default)]
    struct Counted(RefCell<Vec<Cost>>);

    impl Hasher for Counted {
        fn hash(&self, input: &[u8], salt: &[u8], cost: Cost) -> Option<[u8; HASH_BYTES]> {
            self.0.borrow_mut().push(cost);
            Argon2id.hash(input, salt, Cost { memory_kib: 8, passes: 1 })
        }
    }

    #[test]
    fn the_hash_is_argon2id_and_tells_its_parameters() {
        // RFC 9106's own vectors use several lanes; this one is from the reference implementation:
        // `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32`.
        let hash = Argon2id.hash(b"password", b"somesalt", Cost { memory_kib: 65_536, passes: 2 }).unwrap();
        assert_eq!(STANDARD_NO_PAD.encode(hash), "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        let stored = hash_of(&[pepper("p1", 1)], "Tr4vel-Lamp");
        assert!(stored.starts_with("$argon2id$v=19$m=12288,t=3,p=1,keyid=cDE$"), "{stored}");
        assert_eq!(verify(&Argon2id, &[pepper("p1", 1)], "Tr4vel-Lamp", Some(&stored)), Verdict::Right);
        assert_eq!(verify(&Argon2id, &[pepper("p1", 1)], "Tr4vel-lamp", Some(&stored)), Verdict::Wrong);
    }

    fn hash_of(peppers: &[Pepper], password: &str) -> String {
        hash(&Argon2id, peppers, password, [3; SALT_BYTES]).unwrap()
    }

    #[test]
    fn a_hash_is_worth_nothing_without_its_pepper_and_outdated_under_an_older_one() {
        let hasher = Counted::default();
        let (old, new) = (pepper("old", 1), pepper("new", 2));
        let stored = hash(&hasher, std::slice::from_ref(&old), "x", [0; 16]).unwrap();
        let both = [new.clone(), old];
        assert_eq!(verify(&hasher, &both, "x", Some(&stored)), Verdict::Outdated);
        assert_eq!(verify(&hasher, &both, "y", Some(&stored)), Verdict::Wrong);
        assert_eq!(verify(&hasher, &[new], "x", Some(&stored)), Verdict::Wrong);
        let renamed = pepper("old", 9);
        assert_eq!(verify(&hasher, &[renamed], "x", Some(&stored)), Verdict::Wrong);
        let cheaper = stored.replace("t=3", "t=2");
        assert_eq!(verify(&hasher, &both, "x", Some(&cheaper)), Verdict::Outdated);
        assert_eq!(hash(&hasher, &[], "x", [0; 16]), Err(HashError));
    }

    #[test]
    fn every_comparison_does_the_work_of_one_hash_whatever_is_stored() {
        let hasher = Counted::default();
        let peppers = [pepper("p", 1)];
        let stored = hash(&hasher, &peppers, "right", [0; 16]).unwrap();
        let damaged = stored.replace("argon2id", "argon2i");
        let huge = stored.replace("m=12288", "m=4000000");
        let unknown_pepper = stored.replace("keyid=cA", "keyid=cQ");
        for stored in [
            Some(stored.as_str()),
            None,
            Some(""),
            Some("$2b$10$abc"),
            Some(&damaged),
            Some(&huge),
            Some(&unknown_pepper),
        ] {
            for password in ["right", "wrong", ""] {
                hasher.0.borrow_mut().clear();
                let verdict = verify(&hasher, &peppers, password, stored);
                assert_eq!(*hasher.0.borrow(), [COST], "{stored:?}");
                let is_right = password == "right" && stored.is_some_and(|stored| !stored.is_empty());
                assert!(is_right || verdict == Verdict::Wrong, "{stored:?}");
            }
        }
        assert_eq!(verify(&hasher, &[], "right", Some(&stored)), Verdict::Wrong);
    }
}
