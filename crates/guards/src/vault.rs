//! What was masked in a request, so that the answer to it can have it back.
//!
//! A placeholder names the kind and six hexadecimal digits of a hash of the value under a salt, such as `[email_3f2a9c]`: the same value
//! has the same placeholder in every request of a key, so a model can follow a conversation, and a provider that guesses a
//! value cannot check its guess. Nothing of a vault is stored.

use std::collections::BTreeMap;

use nexus_edge_core::hash::sha256_hex;

use crate::detector::{Found, Place, Seen};

/// What this detector finds.
pub const KIND: &str = "placeholder";
/// Longest placeholder between its brackets, in bytes.
const MAX_NAME: usize = 80;
/// Most values of one request. Those beyond are masked and do not come back.
const MAX_VALUES: usize = 1_000;
/// Largest value that comes back, in bytes.
const MAX_VALUE: usize = 16 << 10;
const HEX_DIGITS: usize = 6;

/// The values of one request.
#[derive(Debug, Default)]
pub struct Vault {
    salt: String,
    /// By what stands between the brackets.
    values: BTreeMap<String, String>,
}

impl Vault {
    /// An empty vault. `salt`: something that the provider does not know, the same for all requests of a key.
    #[must_use]
    pub fn new(salt: String) -> Self {
        Self { salt, values: BTreeMap::new() }
    }

    /// Whether nothing was masked that can come back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The placeholder of a value of this kind.
    pub fn placeholder(&mut self, kind: &str, value: &str) -> String {
        if value.len() > MAX_VALUE {
            return format!("[{kind}]");
        }
        let hash = sha256_hex(&format!("{}\n{kind}\n{value}", self.salt));
        let digits = [HEX_DIGITS, 2 * HEX_DIGITS].into_iter().filter_map(|digits| hash.get(..digits));
        for digits in digits {
            let name = format!("{kind}_{digits}");
            match self.values.get(&name) {
                Some(known) if known == value => return format!("[{name}]"),
                Some(_) => {}
                None if self.values.len() < MAX_VALUES && name.len() <= MAX_NAME => {
                    let shown = format!("[{name}]");
                    self.values.insert(name, value.to_owned());
                    return shown;
                }
                None => break,
            }
        }
        format!("[{kind}]")
    }

    /// The placeholder that begins at a place, with the value that it stands for.
    #[must_use]
    pub fn at(&self, place: Place<'_>) -> (Seen<'static>, Option<&str>) {
        let nothing = (Seen::Nothing, None);
        let Some(inner) = place.rest.strip_prefix(b"[") else { return nothing };
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let length = inner.iter().take(MAX_NAME + 1).take_while(is_name).count();
        match inner.get(length) {
            None if !place.is_last && length <= MAX_NAME => (Seen::Open, None),
            Some(b']') => {
                let name = inner.get(..length).and_then(|name| std::str::from_utf8(name).ok());
                let value = name.and_then(|name| self.values.get(name));
                value.map_or(nothing, |value| {
                    let found = Found { before: 0, length: length + 2, kind: KIND, tail: None };
                    (Seen::Found(found), Some(value.as_str()))
                })
            }
            _ => nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_placeholder_and_comes_back() {
        let mut vault = Vault::new("guard/key".into());
        let first = vault.placeholder("email", "ada@example.com");
        assert_eq!(first, vault.placeholder("email", "ada@example.com"));
        assert_ne!(first, vault.placeholder("email", "bob@example.com"));
        assert_ne!(first, Vault::new("another".into()).placeholder("email", "ada@example.com"));
        let text = format!("{first}!");
        let place = Place { earlier: b"", rest: text.as_bytes(), is_last: false };
        assert_eq!(vault.at(place).1, Some("ada@example.com"));
        let part = Place { rest: b"[email_", ..place };
        assert_eq!(vault.at(part), (Seen::Open, None));
        assert_eq!(vault.at(Place { is_last: true, ..part }), (Seen::Nothing, None));
        assert_eq!(vault.at(Place { rest: b"[email_000000]", ..place }), (Seen::Nothing, None));
        assert_eq!(vault.placeholder("secret", &"x".repeat(MAX_VALUE + 1)), "[secret]");
    }
}
