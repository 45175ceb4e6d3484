//! The end of DATA (RFC 5321 §4.1.1.4, §4.5.2): CRLF "." CRLF, exactly, and the dots that are put before lines.
//!
//! A CR or LF that stands alone never ends anything. Servers that took one for a line end were made to see a second
//! message inside the first ("SMTP smuggling", CVE-2023-51764), so a message that holds one is refused (§2.3.8).

use memchr::memchr2;

/// What scanning came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scan {
    /// All input is taken.
    More,
    /// A CR or LF stands alone; the end is still to come.
    Bare,
    /// The end came.
    End,
}

/// Where in a line the next octet stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    LineStart,
    /// Behind the dot that begins a line.
    Dot,
    /// Behind that dot and a CR.
    DotCr,
    Inside,
    Cr,
}

/// Finds the end of a message and takes the transparency dots out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DotScanner(State);

impl DotScanner {
    /// Hands the message's octets in `input` to `keep`, up to the end or the first bare CR or LF.
    pub(super) fn scan(&mut self, input: &mut &[u8], keep: &mut impl FnMut(&[u8])) -> Scan {
        while !input.is_empty() {
            let scan = match self.0 {
                State::LineStart if input.starts_with(b".") => {
                    input.split_off_first();
                    self.0 = State::Dot;
                    Scan::More
                }
                State::LineStart | State::Inside => self.lines(input, keep),
                State::Cr => self.behind_cr(input, keep),
                State::Dot => {
                    self.0 = if input.starts_with(b"\r") { State::DotCr } else { State::Inside };
                    if self.0 == State::DotCr {
                        input.split_off_first();
                    }
                    Scan::More
                }
                State::DotCr if input.starts_with(b"\n") => {
                    input.split_off_first();
                    *self = DotScanner::default();
                    return Scan::End;
                }
                State::DotCr => {
                    self.0 = State::Inside;
                    Scan::Bare
                }
            };
            if scan != Scan::More {
                return scan;
            }
        }
        Scan::More
    }

    /// Keeps whole lines in one piece, up to a line that begins with a dot, a bare CR or LF, or the end of input.
    fn lines(&mut self, input: &mut &[u8], keep: &mut impl FnMut(&[u8])) -> Scan {
        let start = *input;
        let mut rest = start;
        let mut scan = Scan::More;
        loop {
            let Some(at) = memchr2(b'\r', b'\n', rest) else {
                rest = &[];
                self.0 = State::Inside;
                break;
            };
            let found = rest.split_at_checked(at).map_or(rest, |(_, found)| found);
            match found {
                [b'\r', b'\n', next @ ..] => {
                    rest = next;
                    self.0 = State::LineStart;
                    if rest.first().is_none_or(|&b| b == b'.') {
                        break;
                    }
                }
                [b'\r'] => {
                    rest = &[];
                    self.0 = State::Cr;
                    break;
                }
                _ => {
                    rest = found.split_first().map_or(found, |(_, next)| next);
                    self.0 = State::Inside;
                    scan = Scan::Bare;
                    break;
                }
            }
        }
        keep(start.split_at_checked(start.len() - rest.len()).map_or(start, |(kept, _)| kept));
        *input = rest;
        scan
    }

    /// The input ended behind a CR, which is kept already.
    fn behind_cr(&mut self, input: &mut &[u8], keep: &mut impl FnMut(&[u8])) -> Scan {
        if !input.starts_with(b"\n") {
            self.0 = State::Inside;
            return Scan::Bare;
        }
        input.split_off_first();
        keep(b"\n");
        self.0 = State::LineStart;
        Scan::More
    }
}

/// Finds a CR or LF that stands alone in octets whose end is known otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Whether every CR and LF so far has its partner; one at the very end may still get it.
    pub(super) fn are_whole(&mut self, mut octets: &[u8]) -> bool {
        if octets.is_empty() {
            return true;
        }
        if std::mem::take(&mut self.after_cr) && octets.split_off_first() != Some(&b'\n') {
            return false;
        }
        while let Some(at) = memchr2(b'\r', b'\n', octets) {
            match octets.split_at_checked(at).map_or(octets, |(_, found)| found) {
                [b'\r', b'\n', next @ ..] => octets = next,
                [b'\r'] => {
                    self.after_cr = true;
                    return true;
                }
                _ => return false,
            }
        }
        true
    }

    /// Whether a CR waits for its LF.
    pub(super) fn is_open(&self) -> bool {
        self.after_cr
    }
}

#[cfg(test)]
mod tests;
