//! The size of an image, from the beginning of its file.

/// Width and height in pixels of a PNG, JPEG, GIF or WebP file; `None` if its beginning does not contain them.
pub fn of(file: &[u8]) -> Option<(u32, u32)> {
    let size = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        (big_endian(file, 16, 4)?, big_endian(file, 20, 4)?)
    } else if file.starts_with(b"GIF8") {
        (little_endian(file, 6, 2)?, little_endian(file, 8, 2)?)
    } else if file.starts_with(b"RIFF") && file.get(8..12)? == b"WEBP" {
        webp(file)?
    } else if file.starts_with(b"\xff\xd8") {
        jpeg(file)?
    } else {
        return None;
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

fn webp(file: &[u8]) -> Option<(u32, u32)> {
    match file.get(12..16)? {
        b"VP8X" => Some((little_endian(file, 24, 3)? + 1, little_endian(file, 27, 3)? + 1)),
        b"VP8L" => {
            let bits = little_endian(file, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8 " => Some((little_endian(file, 26, 2)? & 0x3fff, little_endian(file, 28, 2)? & 0x3fff)),
        _ => None,
    }
}

/// Skips segments up to the one that begins a frame.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *file.get(at)? != 0xff {
            return None;
        }
        match *file.get(at + 1)? {
            // Padding.
            0xff => at += 1,
            // Segments without a length.
            0x01 | 0xd0..=0xd8 => at += 2,
            // Frames, of whatever compression; the three that are none define tables.
            marker @ 0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big_endian(file, at + 7, 2)?, big_endian(file, at + 5, 2)?));
            }
            _ => at += 2 + usize::try_from(big_endian(file, at + 2, 2)?).ok()?,
        }
    }
}

fn big_endian(file: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(file.get(at..at + length)?.iter().fold(0, |number, &byte| (number << 8) | u32::from(byte)))
}

fn little_endian(file: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(file.get(at..at + length)?.iter().rev().fold(0, |number, &byte| (number << 8) | u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(head: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..head.len()].copy_from_slice(head);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    }

    #[test]
    fn each_format_says_its_size() {
        let png = with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, &[0, 0, 4, 0, 0, 0, 2, 88]);
        assert_eq!(of(&png), Some((1024, 600)));
        assert_eq!(of(&with(b"GIF89a", 6, &[0x40, 1, 0xf0, 0])), Some((320, 240)));
        let webp = |kind: &[u8; 4], at, bytes: &[u8]| {
            let mut file = with(b"RIFF\0\0\0\0WEBP", at, bytes);
            file[12..16].copy_from_slice(kind);
            file
        };
        assert_eq!(of(&webp(b"VP8X", 24, &[0xff, 3, 0, 0xff, 1, 0])), Some((1024, 512)));
        assert_eq!(of(&webp(b"VP8 ", 26, &[0x20, 3, 0x58, 2])), Some((800, 600)));
        // 799 (0x31f) and, from the fifteenth bit on, 599 (0x257).
        let bits: u32 = 0x31f | (0x257 << 14);
        assert_eq!(of(&webp(b"VP8L", 21, &bits.to_le_bytes())), Some((800, 600)));
        let jpeg = [
            &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9][..],
            &[0xff, 0xc2, 0, 11, 8, 2, 0x58, 3, 0x20, 3][..],
        ]
        .concat();
        assert_eq!(of(&jpeg), Some((800, 600)));
    }

    #[test]
    fn what_is_cut_off_or_unknown_has_no_size() {
        let png = with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, &[0, 0, 4, 0, 0, 0, 2, 88]);
        for length in 0..24 {
            assert_eq!(of(&png[..length]), None);
        }
        for file in [
            &b""[..],
            b"BM",
            b"\xff\xd8",
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xc0\0",
            b"\xff\xd8\xff\xe0\0\0",
            b"RIFF\0\0\0\0WEBPVP8 ",
        ] {
            assert_eq!(of(file), None, "{file:?}");
        }
        // An empty image.
        assert_eq!(of(&with(b"GIF89a", 6, &[0, 0, 0, 0])), None);
    }
}
