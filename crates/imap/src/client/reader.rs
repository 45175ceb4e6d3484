//! From octets to responses: lines, and the literals in them (RFC 9051 §2.2.2, §4.3).

use super::response::Response;
use crate::cursor::ParseError;

/// Longest response with the literals that are held, which are names, subjects and the like: a mailbox of a million messages
/// makes no longer one when it is asked with FETCH rather than SEARCH.
pub const LINE_OCTETS_MAX: usize = 1 << 20;

/// Why nothing more can be read from this server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// A response without end, or with a huge name.
    #[error("the server sent a response of more than {LINE_OCTETS_MAX} octets")]
    TooLong,
    /// A response that makes no sense.
    #[error("the server's response cannot be read: {cause}: {line}")]
    Malformed {
        /// What was expected.
        cause: String,
        /// The response's first octets.
        line: String,
    },
}

/// What happens next.
#[derive(PartialEq, Debug)]
pub enum Event<'a> {
    /// A response is whole.
    Response(Response),
    /// So many octets of a message follow as [`Event::Body`]; whose they are says the response in which they stand, later.
    BodyBegins(u64),
    /// Some of them.
    Body(&'a [u8]),
}

/// Reads responses. A streamed literal stands in the line as NUL, its size in digits, NUL.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Line,
    /// So many octets of a literal go into the line.
    Held(usize),
    /// So many octets go by.
    Streamed(u64),
}

impl Reader {
    /// Takes octets from the front of `input` up to the next event; all of them when there is none.
    ///
    /// # Errors
    /// After one, the connection is of no use.
    pub fn read<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, ReadError> {
        loop {
            match self.state {
                State::Streamed(0) | State::Held(0) => self.state = State::Line,
                _ if input.is_empty() => return Ok(None),
                State::Streamed(left) => {
                    let piece = take(input, usize::try_from(left).unwrap_or(usize::MAX));
                    self.state = State::Streamed(left - piece.len() as u64);
                    return Ok(Some(Event::Body(piece)));
                }
                State::Held(left) => {
                    let piece = take(input, left);
                    self.line.extend_from_slice(piece);
                    self.state = State::Held(left - piece.len());
                }
                State::Line => {
                    if let Some(event) = self.line(input)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn line(&mut self, input: &mut &[u8]) -> Result<Option<Event<'static>>, ReadError> {
        let end = input.iter().position(|&octet| octet == b'\n');
        let piece = take(input, end.map_or(usize::MAX, |end| end + 1));
        let (piece, has_nul) = match piece.iter().position(|&octet| octet == 0) {
            Some(nul) => (piece.get(..nul).unwrap_or_default(), true),
            None => (piece, false),
        };
        if self.line.len() + piece.len() > LINE_OCTETS_MAX {
            return Err(ReadError::TooLong);
        }
        self.line.extend_from_slice(piece);
        if has_nul {
            return Err(self.malformed("a NUL outside of a literal"));
        }
        if end.is_none() {
            return Ok(None);
        }
        let kept = self.line.strip_suffix(b"\r\n").or_else(|| self.line.strip_suffix(b"\n")).map_or(0, <[u8]>::len);
        self.line.truncate(kept);
        match announced(&self.line) {
            None => self.response().map(Some),
            Some((at, octets)) if self.is_message(at) => {
                self.line.truncate(at);
                self.line.extend_from_slice(format!("\0{octets}\0").as_bytes());
                self.state = State::Streamed(octets);
                Ok(Some(Event::BodyBegins(octets)))
            }
            Some((at, octets)) => {
                let octets = usize::try_from(octets).unwrap_or(usize::MAX);
                if octets > LINE_OCTETS_MAX - self.line.len().min(LINE_OCTETS_MAX) {
                    return Err(ReadError::TooLong);
                }
                // As our own cursor reads it.
                self.line.truncate(at);
                self.line.extend_from_slice(format!("{{{octets}}}\r\n").as_bytes());
                self.state = State::Held(octets);
                Ok(None)
            }
        }
    }

    /// Whether the literal at `at` is a section of a message: behind `BODY[…] ` or `BODY[…]<0> ` of a FETCH response.
    fn is_message(&self, at: usize) -> bool {
        let before = self.line.get(..at).unwrap_or_default();
        let fetch = before.strip_prefix(b"* ").is_some_and(|rest| {
            let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
            rest.get(digits..).and_then(|rest| rest.get(..8)).is_some_and(|word| word.eq_ignore_ascii_case(b" FETCH ("))
        });
        let word = |word: &[u8]| {
            before.len() > word.len()
                && before.get(before.len() - word.len()..).is_some_and(|end| end.eq_ignore_ascii_case(word))
        };
        fetch && (before.ends_with(b"] ") || before.ends_with(b"> ") || word(b"RFC822 "))
    }

    fn response(&mut self) -> Result<Event<'static>, ReadError> {
        let line = std::mem::take(&mut self.line);
        match Response::parse(&line) {
            Ok(response) => Ok(Event::Response(response)),
            Err(error) => {
                self.line = line;
                Err(self.malformed(&cause(&error)))
            }
        }
    }

    fn malformed(&self, cause: &str) -> ReadError {
        const SHOWN_OCTETS_MAX: usize = 100;
        let shown = self.line.get(..SHOWN_OCTETS_MAX).unwrap_or(&self.line);
        let line = String::from_utf8_lossy(shown).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        ReadError::Malformed { cause: cause.to_owned(), line }
    }
}

fn cause(error: &ParseError) -> String {
    error.answer().text.into_owned()
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (piece, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    piece
}

/// Where the literal at the line's end begins, `{n}`, `{n+}` or `~{n}`, and how many octets it has.
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let brace = inner.iter().rposition(|&octet| octet == b'{')?;
    let digits = inner.get(brace + 1..).filter(|digits| !digits.is_empty() && digits.len() <= 19)?;
    let octets = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let octets = octets.parse::<u64>().ok().filter(|octets| *octets <= i64::MAX as u64)?;
    let before = inner.get(..brace).unwrap_or_default();
    // A status text may end so; a literal stands behind a space or parenthesis.
    let at = brace - usize::from(before.ends_with(b"~"));
    let stands = matches!(at.checked_sub(1).and_then(|i| line.get(i)), Some(b' ' | b'('));
    (stands && !is_text(line)).then_some((at, octets))
}

/// Whether the line ends in text for people, which has no literals (RFC 9051 §7.1).
fn is_text(line: &[u8]) -> bool {
    let mut words = line.split(|&octet| octet == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let status: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];
    first == b"+" || status.iter().any(|word| word.eq_ignore_ascii_case(second))
}
