//! Which passwords may be chosen.
//!
//! At least 8 characters with upper case, lower case and a digit, or a phrase of at least 16 characters of any kind; not
//! the account's own address or name, and none of those that every list of guesses begins with.

/// Fewest characters.
pub const MIN_CHARACTERS: usize = 8;
/// Characters from which on a password needs no mixture.
pub const PHRASE_CHARACTERS: usize = 16;
/// Most bytes: a longer text would be work without being safer.
pub const MAX_BYTES: usize = 512;

/// Guesses that satisfy the other rules, without their digits and signs at the end.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "welcome",
    "admin",
    "administrator",
    "letmein",
    "qwerty",
    "qwertyuiop",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "changeme",
    "master",
    "superman",
    "trustno",
    "abcdefg",
    "abcd",
    "test",
    "testing",
    "default",
    "secret",
    "login",
    "hello",
    "whatever",
    "spring",
    "summer",
    "autumn",
    "winter",
    "january",
    "february",
    "company",
    "google",
    "nexus",
    "nexusedge",
];

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer than [`MIN_CHARACTERS`] characters.
    #[error("it must have at least 8 characters")]
    Short,
    /// More than [`MAX_BYTES`] bytes.
    #[error("it must have at most 512 bytes")]
    Long,
    /// Neither a mixture nor a phrase.
    #[error("it must have an upper case letter, a lower case letter and a digit, or at least 16 characters")]
    Simple,
    /// It contains the account's address or name.
    #[error("it must not contain the address or the name of the account")]
    Personal,
    /// One of the first guesses, or one character again and again.
    #[error("it is one of the first that would be guessed")]
    Common,
}

/// Checks a password for the account of `address` and `name`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(password: &str, address: &str, name: &str) -> Result<(), Weakness> {
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        return Err(Weakness::Short);
    }
    if password.len() > MAX_BYTES {
        return Err(Weakness::Long);
    }
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let is_mixed = has(char::is_uppercase) && has(char::is_lowercase) && has(char::is_numeric);
    if !is_mixed && characters < PHRASE_CHARACTERS {
        return Err(Weakness::Simple);
    }
    let lower = password.to_lowercase();
    let local = address.split('@').next().unwrap_or_default();
    let personal = [local.to_lowercase(), name.to_lowercase()];
    if personal.iter().any(|word| word.chars().count() >= 4 && lower.contains(word.as_str())) {
        return Err(Weakness::Personal);
    }
    let stem = lower.trim_end_matches(|letter: char| !letter.is_alphabetic());
    let stem = stem.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let mut letters = lower.chars();
    let first = letters.next();
    if COMMON.contains(&stem) || letters.all(|letter| Some(letter) == first) {
        return Err(Weakness::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixtures_and_phrases_pass_and_guesses_do_not() {
        let check = |password: &str| check(password, "ada.lovelace@example.org", "Countess");
        for good in
            ["Tr4vel-Lamp", "correct horse battery staple", "这是一个相当长的密码短语而且够长了", "Zq8wMt2x"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "Aa1".repeat(200);
        for (bad, why) in [
            ("Ab1defg", Weakness::Short),
            ("", Weakness::Short),
            (long.as_str(), Weakness::Long),
            ("onlyletters", Weakness::Simple),
            ("ALLUPPER99", Weakness::Simple),
            ("xAda.Lovelace1", Weakness::Personal),
            ("countess1815A", Weakness::Personal),
            ("Password1", Weakness::Common),
            ("Welcome2026!", Weakness::Common),
            ("aaaaaaaaaaaaaaaaaaaa", Weakness::Common),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
    }
}
