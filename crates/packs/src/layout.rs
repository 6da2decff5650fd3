//! Rows laid out in blocks.
//!
//! Rows are sorted by key, and of rows with equal keys the first is kept. A block ends when its text has reached the size that
//! is asked for; a row is never divided, so one that is larger is a block of its own.

use std::fmt;

/// A good size of a block, in bytes of text: some thousand rows of the request log, of which a reader who wants one row
/// decompresses one block.
pub const BLOCK_BYTES: usize = 1 << 20;

/// A row to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// What it is found by. Keys are compared byte by byte.
    pub key: &'a str,
    /// Its text, such as a JSON object, without line breaks.
    pub line: &'a str,
}

/// A block before it is compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its lines, each with a line break.
    pub text: String,
    /// How many there are, at least one.
    pub rows: u64,
    /// The smallest key.
    pub first: String,
    /// The largest key.
    pub last: String,
}

/// A row with a line break, or without any text: it would come back as another number of rows. The row's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALine(pub String);

impl fmt::Display for NotALine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the row `{}` is empty or has a line break", self.0)
    }
}

impl std::error::Error for NotALine {}

/// The blocks of these rows, each of at least `block_bytes` of text but for the last. No rows are no blocks.
pub fn blocks(mut rows: Vec<Row<'_>>, block_bytes: usize) -> Result<Vec<Block>, NotALine> {
    if let Some(row) = rows.iter().find(|row| row.line.is_empty() || row.line.contains('\n')) {
        return Err(NotALine(row.key.to_owned()));
    }
    rows.sort_by_key(|row| row.key);
    rows.dedup_by_key(|row| row.key);
    let mut blocks: Vec<Block> = Vec::new();
    for Row { key, line } in rows {
        match blocks.last_mut().filter(|block| block.text.len() < block_bytes) {
            Some(block) => {
                block.rows += 1;
                key.clone_into(&mut block.last);
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => blocks.push(Block {
                text: format!("{line}\n"),
                rows: 1,
                first: key.to_owned(),
                last: key.to_owned(),
            }),
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<'a>(rows: &[(&'a str, &'a str)]) -> Vec<Row<'a>> {
        rows.iter().map(|(key, line)| Row { key, line }).collect()
    }

    #[test]
    fn blocks_end_at_their_size_and_rows_stand_in_the_order_of_their_keys() {
        let rows = rows(&[("c", "3333"), ("a", "1"), ("b", "22"), ("d", "4")]);
        let found = blocks(rows, 5).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|block| (block.text.as_str(), block.rows, block.first.as_str(), block.last.as_str()))
            .collect();
        assert_eq!(found, [("1\n22\n", 2, "a", "b"), ("3333\n", 1, "c", "c"), ("4\n", 1, "d", "d")]);
    }

    #[test]
    fn of_equal_keys_the_first_is_kept() {
        let found = blocks(rows(&[("b", "2"), ("a", "1"), ("b", "other")]), 100).unwrap();
        assert_eq!((found[0].text.as_str(), found[0].rows), ("1\n2\n", 2));
        assert!(blocks(Vec::new(), 100).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_line_is_refused() {
        assert_eq!(blocks(rows(&[("a", "1"), ("b", "2\n3")]), 100), Err(NotALine("b".to_owned())));
        assert_eq!(blocks(rows(&[("a", "")]), 100), Err(NotALine("a".to_owned())));
    }
}
