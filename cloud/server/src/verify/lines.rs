//! Lines of a file, never more of one in memory than a line may be long.
//!
//! In: bytes. Out: line after line without its line feed; of one that is too long, only that it was there.

use std::io::{self, BufRead, Read as _};

use fleet::logbook::MOST_LINE;

/// Reads lines.
pub(super) struct Lines<From> {
    from: From,
    line: Vec<u8>,
}

impl<From: BufRead> Lines<From> {
    pub(super) fn of(from: From) -> Self {
        Self { from, line: Vec::new() }
    }

    /// The next line; `None` after the last, `Some(None)` for one that is too long.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Option<&[u8]>>> {
        self.line.clear();
        let most = MOST_LINE as u64 + 1;
        if self.from.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > MOST_LINE {
            self.skip()?;
            return Ok(Some(None));
        }
        Ok(Some(Some(&self.line)))
    }

    /// The rest of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let part = self.from.fill_buf()?;
            let end = part.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(part.len(), |at| at + 1);
            let over = end.is_some() || part.is_empty();
            self.from.consume(used);
            if over {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_each_is_there() {
        let long = "x".repeat(MOST_LINE);
        let text = format!("one\n\n{long}\n{long}y\n{long}{long}{long}\nlast");
        let mut lines = Lines::of(io::BufReader::with_capacity(7, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push(line.map(<[u8]>::len));
        }
        assert_eq!(found, [Some(3), Some(0), Some(MOST_LINE), None, None, Some(4)]);
        assert!(lines.line.capacity() < 3 * MOST_LINE);
        assert_eq!(Lines::of(&b""[..]).next_line().unwrap(), None);
    }
}
