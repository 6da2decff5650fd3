//! What all readers of streams hold together. The memory of an isolate of Workers is 128 MB for all of its requests, and the memory of
//! WebAssembly never shrinks, so a limit for each reader is not enough: a few streams whose events never end would take all of it.
//!
//! Guarantees: buffers of up to [`ALWAYS`] bytes are never refused, so that streams with ordinary events go on whatever others hold; the
//! larger ones have at most [`TOGETHER`] bytes together; what is dropped is given back.

use std::cell::Cell;

/// Largest buffer that is not counted, in bytes.
pub const ALWAYS: usize = 256 << 10;

/// Most bytes of all larger buffers together: an event of 16 MiB in each of three readers, which is what one stream with guards has.
pub const TOGETHER: usize = 48 << 20;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// The share of one buffer.
#[derive(Debug, Default)]
pub struct Share {
    counted: usize,
}

impl Share {
    /// Counts a buffer that has grown or shrunk to these bytes. False, with nothing counted for it, if all together would have too many: then
    /// it is to be given up.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let others = HELD.get().saturating_sub(self.counted);
        let counted = if bytes > ALWAYS { bytes } else { 0 };
        let is_held = counted == 0 || others.saturating_add(counted) <= TOGETHER;
        self.counted = if is_held { counted } else { 0 };
        HELD.set(others.saturating_add(self.counted));
        is_held
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.counted));
    }
}

/// Appends to a buffer that may become large: growth by a quarter instead of to the double, so that little of what is held is unused.
pub fn append(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let needed = buffer.len().saturating_add(bytes.len());
    if needed > ALWAYS && needed > buffer.capacity() {
        let room = (needed / 4).min(limit.saturating_sub(needed));
        buffer.reserve_exact(bytes.len() + room);
    }
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{EventReader, Segment};

    #[test]
    fn large_buffers_have_a_limit_together_and_small_ones_none() {
        let mut shares = [(); 4].map(|()| Share::default());
        let [a, b, c, small] = &mut shares;
        assert!(a.hold(TOGETHER / 2) && b.hold(TOGETHER / 2));
        assert!(!c.hold(ALWAYS + 1) && c.hold(ALWAYS) && small.hold(1));
        assert!(b.hold(TOGETHER / 2 - ALWAYS - 1) && c.hold(ALWAYS + 1) && !b.hold(TOGETHER / 2));
        assert!(b.hold(0) && a.hold(TOGETHER - ALWAYS - 1));
        drop(shares);
        assert_eq!(HELD.get(), 0);
    }

    #[test]
    fn a_large_buffer_has_little_to_spare() {
        let (mut buffer, piece) = (Vec::new(), vec![0; 60_000]);
        let limit = 8 << 20;
        while buffer.len() < limit {
            append(&mut buffer, &piece, limit);
            assert!(buffer.capacity() <= (buffer.len() + buffer.len() / 4).max(2 * ALWAYS));
        }
        assert!(buffer.capacity() < limit + 60_000);
    }

    #[test]
    fn all_readers_have_a_limit_together() {
        let chunk = vec![b'x'; 64 << 10];
        let mut readers = [(); 9].map(|()| EventReader::new(16 << 20));
        let push = |reader: &mut EventReader, bytes: &[u8]| {
            let mut passed = (0, 0);
            reader.push(bytes, |segment| match segment {
                Segment::Event(_) => passed.0 += 1,
                Segment::LineFeed(_) => {}
                Segment::Oversized(raw) => passed.1 += raw.len(),
            });
            passed
        };
        let (mut sent, mut passed) = (0, 0);
        for _ in 0..200 {
            for reader in &mut readers {
                passed += push(reader, &chunk).1;
                sent += chunk.len();
                let held = sent - passed;
                assert!(held <= TOGETHER + 9 * ALWAYS, "{held} bytes are held");
            }
        }
        assert!(passed > 0 && readers.iter().any(EventReader::in_oversized_event));
        // An ordinary event is one while others hold all there is; a large one is again after them.
        let mut other = EventReader::new(16 << 20);
        assert_eq!((push(&mut other, b"data: 1"), push(&mut other, b"\n\n")), ((0, 0), (1, 0)));
        for reader in &mut readers {
            drop(reader.finish());
        }
        for _ in 0..200 {
            assert_eq!(push(&mut other, &chunk), (0, 0));
        }
        assert_eq!(push(&mut other, b"\n\n"), (1, 0));
        drop(readers);
        assert_eq!(HELD.get(), 0, "the memory of a large event is given back");
    }
}
