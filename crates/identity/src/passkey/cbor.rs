//! As much of CBOR (RFC 8949) as authenticators write: definite lengths, keys that are numbers or texts, no floats, no tags.
//!
//! Reading never recurses deeper than [`MAX_DEPTH`] and never allocates more than the input holds.

/// Deepest nesting.
const MAX_DEPTH: usize = 4;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cbor<'a> {
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order of the input.
    Map(Vec<(Self, Self)>),
    /// True or false.
    Flag(bool),
    /// Null.
    Null,
}

impl<'a> Cbor<'a> {
    /// The value at the beginning of `input`, and what follows it; `None` if there is none.
    #[must_use]
    pub fn read(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        Self::read_within(input, MAX_DEPTH)
    }

    fn read_within(input: &'a [u8], depth: usize) -> Option<(Self, &'a [u8])> {
        let (first, rest) = input.split_first()?;
        let (number, rest) = argument(first & 0x1f, rest)?;
        match first >> 5 {
            0 => Some((Self::Integer(i64::try_from(number).ok()?), rest)),
            1 => Some((Self::Integer(-1 - i64::try_from(number).ok()?), rest)),
            2 => take(rest, number).map(|(bytes, rest)| (Self::Bytes(bytes), rest)),
            3 => {
                let (bytes, rest) = take(rest, number)?;
                Some((Self::Text(std::str::from_utf8(bytes).ok()?), rest))
            }
            4 => {
                let (mut list, mut rest, deeper) = (Vec::new(), rest, depth.checked_sub(1)?);
                for _ in 0..number {
                    let (value, after) = Self::read_within(rest, deeper)?;
                    list.push(value);
                    rest = after;
                }
                Some((Self::List(list), rest))
            }
            5 => {
                let (mut map, mut rest, deeper) = (Vec::new(), rest, depth.checked_sub(1)?);
                for _ in 0..number {
                    let (key, after) = Self::read_within(rest, deeper)?;
                    let (value, after) = Self::read_within(after, deeper)?;
                    // Two values under one key would be read differently by different readers.
                    if map.iter().any(|(known, _)| *known == key) {
                        return None;
                    }
                    map.push((key, value));
                    rest = after;
                }
                Some((Self::Map(map), rest))
            }
            7 => match first & 0x1f {
                20 => Some((Self::Flag(false), rest)),
                21 => Some((Self::Flag(true), rest)),
                22 => Some((Self::Null, rest)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of a map under a text.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.find(&Cbor::Text(name))
    }

    /// The value of a map under a number.
    #[must_use]
    pub fn at(&self, label: i64) -> Option<&Self> {
        self.find(&Cbor::Integer(label))
    }

    fn find(&self, key: &Cbor<'_>) -> Option<&Self> {
        let Self::Map(map) = self else { return None };
        map.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The number.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }
}

/// The argument of a head: in it, or in the bytes that follow.
fn argument(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(length)?;
    Some((bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)), rest))
}

fn take(input: &[u8], length: u64) -> Option<(&[u8], &[u8])> {
    input.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 8949, appendix A.
        for (bytes, value) in [
            (&[0x17_u8] as &[u8], Cbor::Integer(23)),
            (&[0x18, 0x64], Cbor::Integer(100)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Cbor::Integer(1_000_000)),
            (&[0x39, 0x03, 0xe7], Cbor::Integer(-1_000)),
            (&[0xf4], Cbor::Flag(false)),
            (&[0xf6], Cbor::Null),
            (&[0x44, 1, 2, 3, 4], Cbor::Bytes(&[1, 2, 3, 4])),
            (&[0x62, 0xc3, 0xbc], Cbor::Text("ü")),
            (&[0x82, 1, 0x81, 2], Cbor::List(vec![Cbor::Integer(1), Cbor::List(vec![Cbor::Integer(2)])])),
            (&[0xa1, 1, 2], Cbor::Map(vec![(Cbor::Integer(1), Cbor::Integer(2))])),
        ] {
            assert_eq!(Cbor::read(bytes), Some((value, &[] as &[u8])), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_cut_endless_deep_or_ambiguous_is_refused() {
        for bytes in [
            &[] as &[u8],
            &[0x18],
            &[0x5f, 0x41, 0, 0xff],
            &[0x44, 1],
            &[0x62, 0xff, 0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xa2, 1, 2, 1, 3],
            &[0x81, 0x81, 0x81, 0x81, 0x81, 0],
            &[0xf9, 0, 0],
            &[0xc1, 0],
            &[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Cbor::read(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some((_, rest)) = Cbor::read(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }
}
