//! A set of characters that is not a class of its own, as a table: what only one pattern asks for.

/// For every block of 128 characters the number of its bits; every block of bits once.
pub struct Set {
    pub stages: &'static [u8],
    pub blocks: &'static [u8],
}

impl Set {
    /// Whether the character that begins at `at` belongs to it. `text` is UTF-8.
    pub fn contains(&self, text: &[u8], at: usize) -> bool {
        let code_point = code_point(text, at) as usize;
        let Some(&stage) = self.stages.get(code_point >> 7) else { return false };
        let byte = self.blocks.get((usize::from(stage) << 4) | ((code_point & 0x7f) >> 3));
        byte.is_some_and(|byte| byte >> (code_point & 7) & 1 == 1)
    }
}

fn code_point(text: &[u8], at: usize) -> u32 {
    let byte = |offset: usize| u32::from(text.get(at + offset).copied().unwrap_or_default());
    let continuation = |offset: usize| byte(offset) & 0x3f;
    match byte(0) {
        lead @ 0..0x80 => lead,
        lead @ 0x80..0xe0 => ((lead & 0x1f) << 6) | continuation(1),
        lead @ 0xe0..0xf0 => ((lead & 0x0f) << 12) | (continuation(1) << 6) | continuation(2),
        lead => {
            let high = ((lead & 0x07) << 18) | (continuation(1) << 12);
            high | (continuation(2) << 6) | continuation(3)
        }
    }
}
