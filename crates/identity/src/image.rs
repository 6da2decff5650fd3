//! Pictures of users: what a file is, by its content, and how large the picture in it is.
//!
//! Only the headers are read and nothing is decoded: PNG (W3C, third edition), JPEG (ITU-T T.81), `WebP` (RFC 9649) and
//! `GIF89a`. What a file calls itself does not count. A file that is none of them, whose header is damaged, or whose
//! picture is too large, is refused; so is one that is anything besides, as far as that shows at its end.

/// Most bytes of a file.
pub const MAX_BYTES: usize = 1 << 20;
/// Fewest and most pixels of a side.
pub const SIDES: std::ops::RangeInclusive<u32> = 16..=2_048;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
    /// Graphics Interchange Format.
    Gif,
}

impl Format {
    const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::WebP, Self::Gif];

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The ending of a file's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Gif => "gif",
        }
    }

    /// The format of a file whose name ends like this.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Self::ALL.into_iter().find(|format| format.ending() == ending)
    }
}

/// Why a picture is refused. Continues a sentence that begins with "The picture".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// More than [`MAX_BYTES`].
    #[error("is larger than {} KiB", MAX_BYTES / 1024)]
    Bytes,
    /// None of the formats.
    #[error("is not a PNG, JPEG, WebP or GIF file")]
    Format,
    /// A header that is cut off or says what it must not.
    #[error("is damaged")]
    Damaged,
    /// Sides outside of [`SIDES`].
    #[error("must have sides of {} to {} pixels", SIDES.start(), SIDES.end())]
    Size,
}

/// The format of a file with a picture that may be a user's.
///
/// # Errors
/// Why it may not.
pub fn check(file: &[u8]) -> Result<Format, ImageError> {
    if file.len() > MAX_BYTES {
        return Err(ImageError::Bytes);
    }
    let (format, sides) = match file {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => (Format::Png, png(rest)),
        [0xff, 0xd8, 0xff, ..] => (Format::Jpeg, jpeg(file)),
        [b'R', b'I', b'F', b'F', size @ ..] if is_webp(size) => (Format::WebP, webp(file)),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] => (Format::Gif, gif(rest)),
        _ => return Err(ImageError::Format),
    };
    let (width, height) = sides.ok_or(ImageError::Damaged)?;
    if SIDES.contains(&width) && SIDES.contains(&height) { Ok(format) } else { Err(ImageError::Size) }
}

type Sides = Option<(u32, u32)>;

/// The first chunk, `IHDR`; the file ends with the chunk `IEND`.
fn png(rest: &[u8]) -> Sides {
    let header = rest.strip_prefix(&[0, 0, 0, 13, b'I', b'H', b'D', b'R'])?;
    let (width, header) = header.split_first_chunk::<4>()?;
    let (height, _) = header.split_first_chunk::<4>()?;
    let ends = rest.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
    ends.then(|| (u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// The first frame header, behind any number of other segments; the file ends with the marker `EOI`.
fn jpeg(file: &[u8]) -> Sides {
    let mut rest = file.get(2..).filter(|rest| rest.ends_with(&[0xff, 0xd9]))?;
    loop {
        let [0xff, marker, after @ ..] = rest else { return None };
        match marker {
            // Fill bytes before a marker.
            0xff => {
                rest = rest.get(1..)?;
                continue;
            }
            // Markers without a segment, and the picture's data: the frame header stands before it.
            0x01 | 0xd0..=0xda => return None,
            _ => {}
        }
        let (length, _) = after.split_first_chunk::<2>()?;
        let segment = after.get(2..usize::from(u16::from_be_bytes(*length)))?;
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let (_precision, sides) = segment.split_first()?;
            let (height, sides) = sides.split_first_chunk::<2>()?;
            let (width, _) = sides.split_first_chunk::<2>()?;
            return Some((u16::from_be_bytes(*width).into(), u16::from_be_bytes(*height).into()));
        }
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
}

fn is_webp(after_riff: &[u8]) -> bool {
    after_riff.get(4..8) == Some(b"WEBP")
}

/// The first chunk: lossy, lossless or extended. The container is as long as it says.
fn webp(file: &[u8]) -> Sides {
    let (size, _) = file.get(4..)?.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    (size.checked_add(8)? == file.len()).then_some(())?;
    let (kind, data) = (file.get(12..16)?, file.get(20..)?);
    match kind {
        b"VP8 " => {
            // A key frame: three bytes of tag, the start code, then 14 bits of each side.
            let sides = data.get(3..)?.strip_prefix(&[0x9d, 0x01, 0x2a])?;
            let (width, sides) = sides.split_first_chunk::<2>()?;
            let (height, _) = sides.split_first_chunk::<2>()?;
            let pixels = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
            Some((pixels(*width), pixels(*height)))
        }
        b"VP8L" => {
            let (bits, _) = data.strip_prefix(&[0x2f])?.split_first_chunk::<4>()?;
            let bits = u32::from_le_bytes(*bits);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let sides = data.get(4..)?;
            let (width, sides) = sides.split_first_chunk::<3>()?;
            let (height, _) = sides.split_first_chunk::<3>()?;
            let pixels = |[low, middle, high]: [u8; 3]| u32::from_le_bytes([low, middle, high, 0]) + 1;
            Some((pixels(*width), pixels(*height)))
        }
        _ => None,
    }
}

/// The logical screen; the file ends with a trailer.
fn gif(rest: &[u8]) -> Sides {
    let (width, after) = rest.split_first_chunk::<2>()?;
    let (height, after) = after.split_first_chunk::<2>()?;
    let side = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes));
    (after.len() > 3 && rest.ends_with(&[0x3b])).then(|| (side(*width), side(*height)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 0, 0, 0, 13];
        file.extend(b"IHDR");
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.extend([8, 6, 0, 0, 0, 1, 2, 3, 4]);
        file.extend([0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
        file
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 11, 8];
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file.extend([1, 1, 0x11, 0, 0xff, 0xda, 0, 2, 7, 7, 0xff, 0xd9]);
        file
    }

    fn webp(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF".to_vec();
        file.extend(u32::try_from(12 + data.len()).unwrap().to_le_bytes());
        file.extend(b"WEBP");
        file.extend(kind);
        file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend(data);
        file
    }

    fn gif(width: u16, height: u16) -> Vec<u8> {
        let mut file = b"GIF89a".to_vec();
        file.extend(width.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend([0, 0, 0, 0x2c, 0x3b]);
        file
    }

    #[test]
    fn pictures_are_known_by_their_content() {
        assert_eq!(check(&png(64, 100)), Ok(Format::Png));
        assert_eq!(check(&jpeg(64, 100)), Ok(Format::Jpeg));
        assert_eq!(check(&gif(64, 100)), Ok(Format::Gif));
        let lossy = webp(*b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 100, 0x40]);
        let lossless = webp(*b"VP8L", &[0x2f, 63, 0xc0, 0x18, 0]);
        let extended = webp(*b"VP8X", &[0, 0, 0, 0, 63, 0, 0, 99, 0, 0]);
        for file in [&lossy, &lossless, &extended] {
            assert_eq!(check(file), Ok(Format::WebP), "{file:x?}");
        }
        for format in Format::ALL {
            assert_eq!(Format::of_name(&format!("a.b.{}", format.ending())), Some(format));
            assert!(format.media_type().starts_with("image/"));
        }
        assert_eq!(Format::of_name("a.svg"), None);
    }

    #[test]
    fn sides_have_limits_in_every_format() {
        for (width, height) in [(15, 64), (64, 15), (2_049, 64), (64, 2_049), (0, 0)] {
            let (short_width, short_height) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
            for file in [png(width, height), jpeg(short_width, short_height), gif(short_width, short_height)]
            {
                assert_eq!(check(&file), Err(ImageError::Size), "{width} x {height}");
            }
        }
        assert_eq!(check(&png(u32::MAX, u32::MAX)), Err(ImageError::Size));
        let extended = webp(*b"VP8X", &[0, 0, 0, 0, 0xff, 0xff, 0xff, 99, 0, 0]);
        assert_eq!(check(&extended), Err(ImageError::Size));
        assert_eq!(check(&[png(64, 64), vec![0; MAX_BYTES]].concat()), Err(ImageError::Bytes));
    }

    #[test]
    fn what_is_no_picture_or_more_than_one_is_refused() {
        for other in [
            &b""[..],
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"BM123456",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"GIF88a",
            b"%PDF-1.7",
        ] {
            assert_eq!(check(other), Err(ImageError::Format), "{other:?}");
        }
        let script = b"<script>alert(1)</script>";
        for file in [png(64, 64), jpeg(64, 64), gif(64, 64), webp(*b"VP8L", &[0x2f, 63, 0xc0, 0x18, 0])] {
            assert!(check(&file).is_ok());
            assert_eq!(
                check(&[file.as_slice(), script].concat()),
                Err(ImageError::Damaged),
                "something behind it"
            );
            assert_eq!(check(&file[..file.len() - 1]), Err(ImageError::Damaged), "cut off");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(kind in 0_usize..4, tail in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..60) {
            let begin = [png(64, 64), jpeg(64, 64), gif(64, 64), webp(*b"VP8X", &[0; 10])][kind].clone();
            let kept = begin.len().min(cut);
            let _ = check(&[&begin[..kept], tail.as_slice()].concat());
        }
    }
}
