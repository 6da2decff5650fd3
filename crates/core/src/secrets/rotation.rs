//! Rotation of the master key: counting values by the key that sealed them, and sealing them again with the current
//! one.
//!
//! A rotation has no state of its own. The sealed values name their key, so a rotation that was interrupted, or that
//! runs twice at once, continues with the values that are left. A value that cannot be decrypted is kept and
//! reported: resealing never destroys what another key may still decrypt.

use serde::Serialize;

use super::keyring::{Keyring, NONCE_BYTES, SealError};

/// A sealed value of a record.
pub struct SealedField<'a> {
    /// The field as the admin API names it, such as `server_key`.
    pub name: &'static str,
    /// The associated data that binds the value to its record and field.
    pub context: String,
    /// The sealed value.
    pub value: &'a mut String,
}

/// A record with sealed fields.
pub trait SealedRecord {
    /// The sealed fields that have a value.
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>>;
}

/// Reseals the values of the record that another key than the current one has sealed; returns their number.
///
/// # Errors
/// Those of `nonce`. The record may then contain values of both keys, each of which can be decrypted.
pub fn reseal<E>(
    ring: &Keyring,
    record: &mut impl SealedRecord,
    mut nonce: impl FnMut() -> Result<[u8; NONCE_BYTES], E>,
) -> Result<usize, E> {
    let mut changed = 0;
    for field in record.sealed_fields() {
        if ring.is_current(field.value) {
            continue;
        }
        let Ok(clear) = ring.open(field.value, &field.context) else { continue };
        if let Ok(sealed) = ring.seal(clear.expose(), &field.context, nonce()?) {
            *field.value = sealed;
            changed += 1;
        }
    }
    Ok(changed)
}

/// The role of a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SecretKeyRole"))]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// The current key, which seals new values.
    Current,
    /// A configured key that only decrypts.
    Previous,
    /// A key that sealed values name, but that is not configured.
    Missing,
}

/// The number of values that one master key has sealed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SecretKeyCount"))]
pub struct KeyCount {
    /// The id of the key, as in sealed values.
    pub id: String,
    /// Its role.
    pub role: KeyRole,
    /// Number of values.
    pub values: usize,
}

/// A value that no configured master key can decrypt.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "UnreadableSecret"))]
pub struct Unreadable<P> {
    /// The record.
    #[serde(flatten)]
    pub place: P,
    /// The field as the admin API names it.
    pub field: &'static str,
    /// The reason.
    pub reason: String,
}

/// All sealed values by their master key, as the admin API returns it. `P` identifies a record.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SecretKeyState"))]
pub struct Census<P> {
    /// The configured keys, the current one first, then those that are not configured.
    pub keys: Vec<KeyCount>,
    /// Number of values that are still to be resealed.
    pub left: usize,
    /// Values that cannot be decrypted.
    pub unreadable: Vec<Unreadable<P>>,
}

impl<P: Clone> Census<P> {
    /// Without any values.
    #[must_use]
    pub fn new(ring: &Keyring) -> Self {
        let count = |(index, id): (usize, &str)| KeyCount {
            id: id.to_owned(),
            role: if index == 0 { KeyRole::Current } else { KeyRole::Previous },
            values: 0,
        };
        Self { keys: ring.key_ids().enumerate().map(count).collect(), left: 0, unreadable: Vec::new() }
    }

    /// Adds the values of a record.
    pub fn add(&mut self, ring: &Keyring, place: &P, record: &mut impl SealedRecord) {
        for SealedField { name, context, value } in record.sealed_fields() {
            if let Some(id) = Keyring::key_id_of(value) {
                self.count_key(id);
            }
            match ring.open(value, &context) {
                Ok(_) if ring.is_current(value) => {}
                Ok(_) => self.left += 1,
                Err(error) => self.unreadable.push(Unreadable {
                    place: place.clone(),
                    field: name,
                    reason: SealError::to_string(&error),
                }),
            }
        }
    }

    fn count_key(&mut self, id: &str) {
        match self.keys.iter_mut().find(|key| key.id == id) {
            Some(key) => key.values += 1,
            None => self.keys.push(KeyCount { id: id.to_owned(), role: KeyRole::Missing, values: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[derive(Clone)]
    struct Record {
        id: u32,
        key: Option<String>,
        headers: Option<String>,
    }

    impl SealedRecord for Record {
        fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
            let id = self.id;
            let named = [("key", &mut self.key), ("headers", &mut self.headers)];
            named
                .into_iter()
                .filter_map(|(name, value)| {
                    Some(SealedField { name, context: format!("{id}/{name}"), value: value.as_mut()? })
                })
                .collect()
        }
    }

    fn ring(current: u8, previous: &[u8]) -> Keyring {
        let key = |byte: &u8| STANDARD.encode([*byte; 32]);
        let previous: Vec<String> = previous.iter().map(key).collect();
        Keyring::new(&key(&current), previous.iter().map(String::as_str)).unwrap()
    }

    fn record(id: u32, ring: &Keyring) -> Record {
        let seal = |name: &str| {
            Some(ring.seal(&format!("{name} of {id}"), &format!("{id}/{name}"), [7; 12]).unwrap())
        };
        Record { id, key: seal("key"), headers: seal("headers") }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the form that `reseal` asks for")]
    fn fixed_nonce() -> Result<[u8; NONCE_BYTES], ()> {
        Ok([9; 12])
    }

    fn census(ring: &Keyring, records: &mut [Record]) -> Census<u32> {
        let mut census = Census::new(ring);
        for record in records {
            census.add(ring, &record.id.clone(), record);
        }
        census
    }

    fn counts(census: &Census<u32>) -> Vec<(KeyRole, usize)> {
        census.keys.iter().map(|key| (key.role, key.values)).collect()
    }

    #[test]
    fn every_value_of_a_record_opens_without_the_old_key_afterwards() {
        let mut made = record(1, &ring(1, &[]));
        assert_eq!(reseal(&ring(2, &[1]), &mut made, fixed_nonce), Ok(2));
        let new_only = ring(2, &[]);
        assert_eq!(new_only.open(made.key.as_ref().unwrap(), "1/key").unwrap().expose(), "key of 1");
        assert_eq!(
            new_only.open(made.headers.as_ref().unwrap(), "1/headers").unwrap().expose(),
            "headers of 1"
        );
    }

    #[test]
    fn what_is_current_is_left_alone() {
        let current = ring(2, &[1]);
        let mut made = record(1, &current);
        let before = made.clone();
        let never = || -> Result<[u8; NONCE_BYTES], ()> { panic!("a nonce was drawn") };
        assert_eq!(reseal(&current, &mut made, never), Ok(0));
        assert_eq!((made.key, made.headers), (before.key, before.headers));
        let mut empty = Record { id: 2, key: None, headers: None };
        assert_eq!(reseal(&current, &mut empty, never), Ok(0));
    }

    #[test]
    fn what_does_not_open_is_kept_and_reported_and_does_not_count_as_left() {
        let current = ring(2, &[1]);
        let mut lost = record(1, &ring(3, &[]));
        lost.headers = record(1, &ring(1, &[])).headers;
        let mut moved = record(2, &ring(1, &[]));
        moved.key = record(3, &ring(1, &[])).key;
        moved.headers = Some("no sealed value".into());
        let mut records = [lost.clone(), moved.clone()];

        let before = census(&current, &mut records);
        assert_eq!(counts(&before), [(KeyRole::Current, 0), (KeyRole::Previous, 2), (KeyRole::Missing, 1)]);
        assert_eq!(before.left, 1);
        let reasons: Vec<_> =
            before.unreadable.iter().map(|value| (value.place, value.field, value.reason.clone())).collect();
        assert_eq!(
            reasons,
            [
                (1, "key", SealError::UnknownKey.to_string()),
                (2, "key", SealError::Forged.to_string()),
                (2, "headers", SealError::Malformed.to_string()),
            ]
        );

        let changed: usize =
            records.iter_mut().map(|record| reseal(&current, record, fixed_nonce).unwrap()).sum();
        assert_eq!(changed, 1);
        assert_eq!((&records[0].key, &records[1].key), (&lost.key, &moved.key));
        assert_eq!(records[1].headers, moved.headers);
        let after = census(&current, &mut records);
        assert_eq!((after.left, after.unreadable), (0, before.unreadable));
    }

    /// Interrupted after any record, and started again without knowledge of the first run: nothing is done twice, and
    /// nothing is left out.
    #[test]
    fn a_rotation_that_was_interrupted_anywhere_goes_on() {
        let (old, current) = (ring(1, &[]), ring(2, &[1]));
        for stop_after in 0..=4 {
            let mut records: Vec<Record> = (0..4).map(|id| record(id, &old)).collect();
            for record in records.iter_mut().take(stop_after) {
                assert_eq!(reseal(&current, record, fixed_nonce), Ok(2));
            }
            let between = census(&current, &mut records);
            assert_eq!(between.left, 2 * (4 - stop_after));
            assert_eq!(
                counts(&between),
                [(KeyRole::Current, 2 * stop_after), (KeyRole::Previous, 2 * (4 - stop_after))]
            );
            let changed: usize =
                records.iter_mut().map(|record| reseal(&current, record, fixed_nonce).unwrap()).sum();
            assert_eq!(changed, between.left);
            assert_eq!(census(&current, &mut records).left, 0);
            assert!(census(&ring(2, &[]), &mut records).unreadable.is_empty());
        }
    }

    #[test]
    fn without_randomness_nothing_is_sealed() {
        let mut made = record(1, &ring(1, &[]));
        let before = made.key.clone();
        assert_eq!(reseal(&ring(2, &[1]), &mut made, || Err("no randomness")), Err("no randomness"));
        assert_eq!(made.key, before);
    }
}
