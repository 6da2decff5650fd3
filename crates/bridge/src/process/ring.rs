//! The last lines that a child wrote to stderr, within a number of bytes.

use std::collections::VecDeque;

/// How much is kept of a child's output, in bytes.
pub const BYTES: usize = 256 * 1024;

/// The last lines.
#[derive(Debug)]
pub struct Ring {
    lines: VecDeque<String>,
    bytes: usize,
    most: usize,
}

impl Ring {
    /// An empty one that keeps at most this many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, most }
    }

    /// Adds a line and lets the oldest go.
    pub fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > self.most {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// The newest lines, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        self.lines.iter().skip(self.lines.len().saturating_sub(count)).cloned().collect()
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut ring = Ring::new(5);
        for line in ["abc", "de", "f"] {
            ring.push(line.to_owned());
        }
        assert_eq!(ring.last(9), ["de", "f"]);
        assert_eq!(ring.last(1), ["f"]);
        ring.push("longer than all".to_owned());
        assert_eq!(ring.last(9), Vec::<String>::new());
    }
}
