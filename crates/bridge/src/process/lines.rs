//! Lines of a stream, of bounded length.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line of a child that is read, in bytes.
pub const LONGEST: usize = 16 * 1024 * 1024;

/// What a stream had.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, which stands in the buffer without its line feed. The last one may have had none.
    Whole,
    /// A line that is longer than allowed.
    TooLong,
    /// Nothing more.
    End,
}

/// Reads the next line into `buffer`, which is cleared first.
///
/// # Errors
/// What reading the stream came to.
pub async fn next<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    buffer: &mut Vec<u8>,
    longest: usize,
) -> io::Result<Line> {
    buffer.clear();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(if buffer.is_empty() { Line::End } else { Line::Whole });
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = end.unwrap_or(available.len());
        if buffer.len() + part > longest {
            return Ok(Line::TooLong);
        }
        buffer.extend_from_slice(available.get(..part).unwrap_or_default());
        reader.consume(end.map_or(part, |end| end + 1));
        if end.is_some() {
            return Ok(Line::Whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, longest: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut reader = tokio::io::BufReader::with_capacity(3, text.as_bytes());
            let (mut buffer, mut found) = (Vec::new(), Vec::new());
            loop {
                match next(&mut reader, &mut buffer, longest).await.unwrap() {
                    Line::Whole => found.push(String::from_utf8(buffer.clone()).unwrap()),
                    Line::TooLong => found.push("TOO LONG".to_owned()),
                    Line::End => return found,
                }
                if found.last().is_some_and(|line| line == "TOO LONG") {
                    return found;
                }
            }
        })
    }

    #[test]
    fn lines_are_read_whatever_the_pieces() {
        assert_eq!(lines("abcdef\n\ng\nlast", 100), ["abcdef", "", "g", "last"]);
        assert_eq!(lines("", 100), Vec::<String>::new());
    }

    #[test]
    fn a_line_has_a_longest() {
        assert_eq!(lines("abcd\nabcde\n", 4), ["abcd", "TOO LONG"]);
    }
}
