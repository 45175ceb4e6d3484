//! Cuts the input into replies (RFC 5321 §4.2). A bare LF ends a line too: nothing is smuggled past a client so.

use super::answer::Answer;

/// Octets kept of a line; RFC 5321 §4.5.3.1.5 allows 512, and EHLO lines of some servers are longer. The rest is skipped.
const LINE_OCTETS_MAX: usize = 4096;

/// Lines kept of a reply: no server has so many extensions, and nobody reads a longer excuse.
const LINES_MAX: usize = 100;

/// Octets of a whole reply with its line ends; more of them is an attempt to keep us busy.
const REPLY_OCTETS_MAX: usize = 64 << 10;

/// Octets of a line that is no reply, quoted in the error.
const QUOTE_OCTETS_MAX: usize = 100;

/// Why octets are no reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Garbage {
    #[error("the peer's reply is endless")]
    Endless,
    #[error("the peer's reply changes its code from {0} to {1}")]
    CodeChanged(u16, u16),
    #[error("the peer's line is no reply: {0:?}")]
    NoReply(String),
}

/// A whole reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) code: u16,
    /// Printable ASCII, lines with `\n` between them.
    pub(super) lines: String,
    /// Some of it was too long and is missing.
    pub(super) cut: bool,
}

impl Heard {
    pub(super) fn answer(&self) -> Answer {
        Answer::new(self.code, &self.lines)
    }
}

/// The reply so far.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    line: Vec<u8>,
    line_octets: usize,
    code: Option<u16>,
    lines: String,
    lines_count: usize,
    cut: bool,
    octets: usize,
}

impl ReplyReader {
    /// Takes input up to the end of a reply.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Heard>, Garbage> {
        while !input.is_empty() {
            let room = (REPLY_OCTETS_MAX + 1).saturating_sub(self.octets).min(input.len());
            let window = input.get(..room).unwrap_or(input);
            let end = window.iter().position(|&b| b == b'\n').map_or(room, |at| at + 1);
            let piece = input.split_off(..end).unwrap_or_default();
            self.octets += piece.len();
            if self.octets > REPLY_OCTETS_MAX {
                return Err(Garbage::Endless);
            }
            self.line_octets += piece.len();
            let kept = LINE_OCTETS_MAX.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(piece.get(..kept).unwrap_or(piece));
            if piece.ends_with(b"\n")
                && let Some(heard) = self.end_line()?
            {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    /// Whether no octet of a reply has come.
    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    fn end_line(&mut self) -> Result<Option<Heard>, Garbage> {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, goes_on, text) = split(line).ok_or_else(|| Garbage::NoReply(quote(line)))?;
        if let Some(first) = self.code.replace(code).filter(|&first| first != code) {
            return Err(Garbage::CodeChanged(first, code));
        }
        let fits = self.lines_count < LINES_MAX;
        self.cut |= !fits || self.line_octets > LINE_OCTETS_MAX;
        if fits {
            if self.lines_count > 0 {
                self.lines.push('\n');
            }
            self.lines.push_str(&printable(text));
        }
        self.lines_count += 1;
        self.line.clear();
        self.line_octets = 0;
        if goes_on {
            return Ok(None);
        }
        let whole = std::mem::take(self);
        Ok(Some(Heard { code, lines: whole.lines, cut: whole.cut }))
    }
}

/// RFC 5321 §4.2 `Reply-line`: code, whether more lines follow, text. No text at all is fine; so is any second digit.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !matches!(digits, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9']) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, false, rest)),
        [b' ', text @ ..] => Some((code, false, text)),
        [b'-', text @ ..] => Some((code, true, text)),
        _ => None,
    }
}

/// What is not printable ASCII becomes `?`, a tab a space.
fn printable(text: &[u8]) -> String {
    let safe = |c: char| match c {
        '\t' => ' ',
        ' '..='~' => c,
        _ => '?',
    };
    String::from_utf8_lossy(text).chars().map(safe).collect()
}

fn quote(line: &[u8]) -> String {
    let mut quote = printable(line);
    quote.truncate(QUOTE_OCTETS_MAX);
    quote
}
