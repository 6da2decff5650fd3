//! Ids of conversations: 16 characters that all conversations with the same beginning have in common, then 10 of the time.
//!
//! So the conversations that a history may belong to stand side by side in a table whose key is the id, and are found without
//! an index. Letters and length are those of a ULID. The beginning is hashed under a secret of the deployment (see
//! [`super::Fingerprint::of`]), so an id does not tell what was said.

use super::ChainKey;

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TAG: usize = 16;
const TIME: usize = 10;

impl ChainKey {
    /// What the ids of all conversations with this beginning begin with.
    #[must_use]
    pub fn tag(self) -> String {
        // 78 bits, so that the first character is one that a ULID may begin with.
        let mut text = String::with_capacity(TAG + TIME);
        push(&mut text, self.hash() >> 50, TAG);
        text
    }

    /// The id of a conversation with this beginning, which began at a time (milliseconds since the epoch).
    #[must_use]
    pub fn conversation_id(self, now_ms: u64) -> String {
        let mut id = self.tag();
        push(&mut id, u128::from(now_ms), TIME);
        id
    }
}

/// The lowest `count * 5` bits, five for each character.
fn push(text: &mut String, bits: u128, count: usize) {
    for place in (0..count).rev() {
        let letter = usize::try_from((bits >> (place * 5)) & 31).unwrap_or_default();
        text.push(char::from(LETTERS.get(letter).copied().unwrap_or(b'0')));
    }
}

#[cfg(test)]
mod tests {
    use crate::conversation::Fingerprint;
    use crate::dialect::canonical::{ChatRequest, Message, Part, Role};

    #[test]
    fn ids_of_one_beginning_stand_side_by_side_in_the_order_of_time() {
        let root = |caller: &str, text: &str| {
            let messages = vec![Message::new(Role::User, vec![Part::text(text)])];
            Fingerprint::of(caller, &ChatRequest { messages, ..ChatRequest::default() }).root
        };
        let (early, late) =
            (root("k", "a").conversation_id(1_000), root("k", "a").conversation_id(1_795_200_203_000));
        assert!(early < late && late.starts_with(&root("k", "a").tag()));
        for other in [root("k", "b"), root("another", "a")] {
            assert_ne!(other.tag(), root("k", "a").tag());
        }
        // What reads ULIDs reads these.
        assert!(ulid::Ulid::from_string(&late).is_ok() && late.len() == 26, "{late}");
    }
}
