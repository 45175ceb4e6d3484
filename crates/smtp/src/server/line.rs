//! Cuts the input into command lines. CRLF ends a line, and nothing else does: a line that two servers would end at
//! different places is how one of them is made to see commands that the other took for text.

use memchr::memchr;

/// Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4 wants 512 and every extension adds to it (SIZE 26, BODY 16,
/// SMTPUTF8 10, AUTH= 500, DSN's ORCPT 500): 4096 holds all of them.
const LINE_OCTETS_MAX: usize = 4096;

/// Octets of a line of AUTH with its CRLF: what RFC 4954 §4 finds sufficient for all mechanisms.
const AUTH_OCTETS_MAX: usize = 12_288;

/// Octets of a refused line that are read over before the connection ends.
const SKIP_OCTETS_MAX: usize = 64 << 10;

/// First octet of a TLS record that carries a handshake (RFC 8446 §5.1); no command begins so.
const TLS_HANDSHAKE: u8 = 0x16;

/// What reading came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Read {
    /// All input is taken and the line goes on.
    More,
    /// A line is complete.
    Line,
    /// A LF without CR: the rest up to CRLF will be skipped.
    BareLf,
    /// Longer than a line may be: the rest up to CRLF will be skipped.
    TooLong,
    /// Skipping does not end.
    Endless,
    /// TLS where text is spoken.
    Tls,
}

/// Which lines may be as long as those of AUTH.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Long {
    /// None: nobody can authenticate.
    Never,
    /// The command itself.
    Auth,
    /// Any: the next one is a response.
    Always,
}

impl Long {
    /// Octets that a line with this beginning may have. The answer stays the same from the fifth octet on.
    fn octets_max(self, line: &[u8]) -> usize {
        if self == Long::Always || self == Long::Auth && is_auth(line) { AUTH_OCTETS_MAX } else { LINE_OCTETS_MAX }
    }
}

/// Whether a line is the command AUTH.
pub(super) fn is_auth(line: &[u8]) -> bool {
    line.split_at_checked(5).is_some_and(|(verb, _)| verb.eq_ignore_ascii_case(b"AUTH "))
}

/// The line so far.
#[derive(Default)]
pub(super) struct LineReader {
    line: Vec<u8>,
    skip: Option<Skip>,
}

/// The rest of a refused line.
#[derive(Clone, Copy, Debug)]
struct Skip {
    octets: usize,
    after_cr: bool,
}

/// A line may hold a password.
impl std::fmt::Debug for LineReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LineReader({} octets, {:?})", self.line.len(), self.skip)
    }
}

impl LineReader {
    /// Takes input up to the end of a line.
    pub(super) fn read(&mut self, input: &mut &[u8], long: Long) -> Read {
        if let Some(skip) = self.skip
            && !self.skip_over(skip, input)
        {
            return if self.skip.is_some_and(|skip| skip.octets > SKIP_OCTETS_MAX) {
                Read::Endless
            } else {
                Read::More
            };
        }
        let room = (long.octets_max(&self.line) + 1).saturating_sub(self.line.len()).min(input.len());
        let window = input.get(..room).unwrap_or(input);
        let end = memchr(b'\n', window).map_or(room, |at| at + 1);
        self.line.extend_from_slice(input.split_off(..end).unwrap_or_default());
        if self.line.first() == Some(&TLS_HANDSHAKE) {
            return Read::Tls;
        }
        if self.line.len() > long.octets_max(&self.line) {
            self.skip = Some(Skip { octets: 0, after_cr: self.line.ends_with(b"\r") });
            return if self.line.ends_with(b"\r\n") { self.whole_but_long() } else { Read::TooLong };
        }
        match self.line.as_slice() {
            [.., b'\r', b'\n'] => Read::Line,
            [.., b'\n'] => {
                self.skip = Some(Skip { octets: 0, after_cr: false });
                Read::BareLf
            }
            _ => Read::More,
        }
    }

    /// One octet too long and complete: nothing is left to skip.
    fn whole_but_long(&mut self) -> Read {
        self.skip = None;
        Read::TooLong
    }

    /// The line without its CRLF; the next one begins empty. Its memory can be given back with [`Self::reuse`].
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.line);
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
        }
        line
    }

    /// Takes memory back.
    pub(super) fn reuse(&mut self, mut line: Vec<u8>) {
        line.clear();
        self.line = line;
    }

    /// Gives memory back that no line needs now.
    pub(super) fn rest(&mut self) {
        self.line.shrink_to_fit();
    }

    /// Whether the CRLF came. No octet is looked at beyond the one too many, wherever the input is cut.
    fn skip_over(&mut self, mut skip: Skip, input: &mut &[u8]) -> bool {
        let room = (SKIP_OCTETS_MAX + 1).saturating_sub(skip.octets).min(input.len());
        let mut window = input.get(..room).unwrap_or(input);
        while let Some(line_end) = memchr(b'\n', window) {
            let line = window.split_off(..=line_end).unwrap_or_default();
            let ends = line == b"\n" && skip.after_cr || line.ends_with(b"\r\n");
            skip.after_cr = false;
            if ends {
                *input = input.get(room - window.len()..).unwrap_or_default();
                self.skip = None;
                return true;
            }
        }
        if let Some(&last) = window.last() {
            skip.after_cr = last == b'\r';
        }
        *input = input.get(room..).unwrap_or_default();
        skip.octets += room;
        self.skip = Some(skip);
        false
    }
}
