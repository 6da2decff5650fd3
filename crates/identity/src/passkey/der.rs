//! ECDSA signatures from the DER form of authenticators to the form of JOSE and Web Crypto: two numbers of 32 bytes.

/// The signature `SEQUENCE { r INTEGER, s INTEGER }` as `r` and `s` of 32 bytes each; `None` if it is not one of P-256.
#[must_use]
pub fn es256(der: &[u8]) -> Option<[u8; 64]> {
    let (body, rest) = element(0x30, der)?;
    let (r, body) = element(0x02, body)?;
    let (s, body) = element(0x02, body)?;
    if !rest.is_empty() || !body.is_empty() {
        return None;
    }
    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    fill(first, r)?;
    fill(second, s)?;
    Some(signature)
}

/// The content of an element with this tag, and what follows it. Signatures of P-256 need no long form of lengths.
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = input else { return None };
    (*first == tag && *length < 0x80).then_some(())?;
    rest.split_at_checked(usize::from(*length))
}

/// A positive number, right-aligned.
fn fill(place: &mut [u8], number: &[u8]) -> Option<()> {
    let digits = match number {
        [] | [0x80..=0xff, ..] => return None,
        [0, digits @ ..] | digits => digits,
    };
    let start = place.len().checked_sub(digits.len())?;
    place.get_mut(start..)?.copy_from_slice(digits);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_and_other_forms_refused() {
        let short = es256(&[0x30, 0x07, 2, 1, 5, 2, 2, 0, 0x90]).unwrap();
        assert_eq!((short[31], short[63], short[30]), (5, 0x90, 0));
        for wrong in [
            &[] as &[u8],
            &[0x30, 0],
            &[0x30, 6, 2, 1, 5, 2, 1, 0x90],
            &[0x30, 6, 2, 1, 5, 2, 1, 5, 0],
            &[0x31, 6, 2, 1, 5, 2, 1, 5],
            &[0x30, 5, 2, 0, 2, 1, 5],
            &[0x30, 0x81, 6, 2, 1, 5, 2, 1, 5],
        ] {
            assert_eq!(es256(wrong), None, "{wrong:x?}");
        }
        let mut long = vec![0x30, 38, 2, 33];
        long.extend([1; 33]);
        long.extend([2, 1, 1]);
        assert_eq!(es256(&long), None);
    }
}
