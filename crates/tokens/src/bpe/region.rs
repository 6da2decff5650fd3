//! The regions of the lexicon: tokens of one length that begin alike lie side by side. Shared by the build script, which
//! places the tokens, and the crate, which finds them.
//!
//! As all tokens of a region are equally long, the place of one says where its bytes are: no offsets are kept. And as
//! they begin alike, a module that holds them is compressed better than in any order that is not sorted.

/// Lengths that are told apart by their beginning as well; there are few longer tokens.
const SHORT: usize = 16;
const CLASSES: usize = 256;
/// Regions that tokens of up to a kilobyte may be in.
pub const MOST: usize = CLASSES * SHORT + 1024 - SHORT;

/// The region of a token of `length` bytes that begins with the bytes of `low`.
#[inline(always)]
pub const fn number(low: u64, length: usize) -> usize {
    if length > SHORT {
        return CLASSES * SHORT + length - SHORT - 1;
    }
    let (first, second) = ((low & 0xff) as usize, (low >> 8 & 0xff) as usize);
    // Words mostly begin with a space: then the letter after it says more.
    let class = if first == b' ' as usize { second ^ 0x80 } else { first };
    class * SHORT + length - 1
}

/// How long the tokens of a region are.
pub const fn length(number: usize) -> usize {
    if number < CLASSES * SHORT { number % SHORT + 1 } else { number - CLASSES * SHORT + SHORT + 1 }
}

/// One region, packed into a word.
#[derive(Clone, Copy)]
pub struct Region(pub u64);

impl Region {
    /// Bits of the first slot, and after them those of the size; the rest says where the bytes begin.
    pub const SLOT_BITS: u32 = 24;
    pub const SIZE_BITS: u32 = 16;

    /// Its first slot.
    #[inline(always)]
    pub const fn slot(self) -> usize {
        (self.0 & ((1 << Self::SLOT_BITS) - 1)) as usize
    }

    /// How many slots it has.
    #[inline(always)]
    pub const fn size(self) -> usize {
        (self.0 >> Self::SLOT_BITS & ((1 << Self::SIZE_BITS) - 1)) as usize
    }

    /// Where its bytes begin.
    #[inline(always)]
    pub const fn text(self) -> usize {
        (self.0 >> (Self::SLOT_BITS + Self::SIZE_BITS)) as usize
    }
}
