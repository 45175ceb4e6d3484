//! Messages as they cross the line: proper line ends, and a dot before a dot (RFC 1939 §3).

/// Octets that are looked at together.
const BLOCK: usize = 32;

/// Writes the lines of a multi-line response, however they come in pieces.
///
/// A line that ends with LF alone gets its CR, so that what one reader takes for `.` on a line of its own is that for every
/// reader; a CR that stands alone stays. NUL becomes 0x80 as in IMAP: POP3 carries lines of text (RFC 6856 §2.1: no binary).
#[derive(Clone, Copy, Debug)]
pub struct Stuffer {
    line_start: bool,
    after_cr: bool,
}

impl Default for Stuffer {
    fn default() -> Stuffer {
        Stuffer { line_start: true, after_cr: false }
    }
}

impl Stuffer {
    /// Appends the next octets.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        out.reserve(octets.len() + octets.len() / 64);
        let mut rest = octets;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.line_start) && *first == b'.' {
                out.push(b'.');
            }
            let at = special(rest);
            let (plain, found) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            out.extend_from_slice(plain);
            if let Some(last) = plain.last() {
                self.after_cr = *last == b'\r';
            }
            let Some((octet, behind)) = found.split_first() else { return };
            rest = behind;
            if *octet == 0 {
                out.push(0x80);
                self.after_cr = false;
                continue;
            }
            self.end_line(out);
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let end: &[u8] = if self.after_cr { b"\n" } else { b"\r\n" };
        out.extend_from_slice(end);
        *self = Stuffer::default();
    }

    /// Ends the response: the last line, if it is open, and the dot.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.line_start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }
}

/// Where the first LF or NUL is, or where the octets end. Whole blocks are tested without a branch per octet: every octet of
/// every message passes here.
fn special(octets: &[u8]) -> usize {
    let is = |octet: &u8| matches!(octet, b'\n' | 0);
    let (blocks, _) = octets.as_chunks::<BLOCK>();
    let clear =
        blocks.iter().take_while(|block| !block.iter().fold(false, |any, octet| any | is(octet))).count() * BLOCK;
    let found = octets.get(clear..).and_then(|rest| rest.iter().position(is));
    found.map_or(octets.len(), |at| clear + at)
}

/// Counts what TOP shows: the header, its blank line, and so many lines of the body (RFC 1939 §7).
#[derive(Clone, Copy, Debug)]
pub struct Top {
    lines_left: u32,
    in_body: bool,
    line: LineSoFar,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LineSoFar {
    Empty,
    Cr,
    Text,
}

impl Top {
    /// The header and `lines` of the body.
    pub fn new(lines: u32) -> Top {
        Top { lines_left: lines, in_body: false, line: LineSoFar::Empty }
    }

    /// How many of the next octets are shown.
    pub fn take(&mut self, octets: &[u8]) -> usize {
        let mut shown = 0;
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            if self.is_over() {
                return shown;
            }
            shown += line.len();
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.line = match (self.line, text) {
                (so_far, b"") => so_far,
                (LineSoFar::Empty, b"\r") => LineSoFar::Cr,
                _ => LineSoFar::Text,
            };
            if text.len() == line.len() {
                continue;
            }
            if self.in_body {
                self.lines_left -= 1;
            } else {
                self.in_body = self.line != LineSoFar::Text;
            }
            self.line = LineSoFar::Empty;
        }
        shown
    }

    /// Whether nothing more is shown.
    pub fn is_over(&self) -> bool {
        self.in_body && self.lines_left == 0
    }
}

#[cfg(test)]
mod tests;
