//! Input in lines.

use crate::limits::{INPUT_OCTETS_MAX, LINE_OCTETS_FATAL};

/// Octets that came and are not yet looked at, and how much of them is known to have no line end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    octets: Vec<u8>,
    start: usize,
    searched: usize,
    /// Octets of a line that is being passed over.
    passed: Option<usize>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More input is needed.
    Wait,
    /// A line without its end.
    Line(Vec<u8>),
    /// A line is longer than may be: how it begins; the rest of it is passed over.
    TooLong(Vec<u8>),
    /// It goes on and on.
    Endless,
}

impl Lines {
    /// Takes as many octets as fit.
    pub(super) fn push(&mut self, octets: &[u8]) -> usize {
        if self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        let n = octets.len().min(INPUT_OCTETS_MAX.saturating_sub(self.octets.len() - self.start));
        self.octets.extend_from_slice(octets.get(..n).unwrap_or_default());
        n
    }

    /// The next line of at most `max` octets. A bare LF ends a line, too.
    pub(super) fn next(&mut self, max: usize) -> Next {
        loop {
            let rest = self.octets.get(self.start..).unwrap_or_default();
            let end = rest.iter().skip(self.searched).position(|&octet| octet == b'\n').map(|at| self.searched + at);
            if let Some(passed) = self.passed {
                let length = passed + end.unwrap_or(rest.len());
                self.passed = end.is_none().then_some(length);
                self.pass(end.map_or(rest.len(), |end| end + 1));
                match (length > LINE_OCTETS_FATAL, end) {
                    (true, _) => return Next::Endless,
                    (false, None) => return Next::Wait,
                    (false, Some(_)) => continue,
                }
            }
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            if text.len() > max {
                let begin = text.get(..max).unwrap_or_default().to_vec();
                self.passed = Some(0);
                self.searched = 0;
                return Next::TooLong(begin);
            }
            let Some(end) = end else {
                self.searched = rest.len();
                self.release();
                return Next::Wait;
            };
            let text = text.to_vec();
            self.pass(end + 1);
            return Next::Line(text);
        }
    }

    fn pass(&mut self, octets: usize) {
        self.start += octets;
        self.searched = 0;
        self.release();
    }

    /// Gives the memory back when nothing is held.
    fn release(&mut self) {
        if self.start >= self.octets.len() {
            (self.octets, self.start, self.searched) = (Vec::new(), 0, 0);
        }
    }
}
