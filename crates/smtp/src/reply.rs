//! What a server says (RFC 5321 §4.2), with enhanced status (RFC 3463, RFC 2034).

use std::borrow::Cow;
use std::fmt;

/// A reply: code, enhanced status, and a text of one or more lines of printable ASCII.
///
/// Whatever text it is made of, no CR, LF or other control gets into a line of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    code: u16,
    enhanced: Option<(u8, u16, u16)>,
    /// Lines with `\n` between them.
    text: Cow<'static, str>,
}

/// Octets of text on one line: with code, status and CRLF it stays under the 512 of RFC 5321 §4.5.3.1.5.
const LINE_OCTETS_MAX: usize = 480;

impl Reply {
    /// Octets of text a reply keeps; what is longer is cut, since texts may quote what a peer sent.
    pub const TEXT_OCTETS_MAX: usize = 2048;

    /// Lines a reply keeps apart; the rest is joined.
    pub const LINES_MAX: usize = 20;

    /// A reply with enhanced status; `\n` in the text begins a further line, and what is not printable ASCII becomes `?`.
    pub fn new(code: u16, enhanced: (u8, u16, u16), text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { code, enhanced: Some(enhanced), text: clean(text.into()) }
    }

    /// A reply without enhanced status, as greeting, HELO, EHLO and 354 are (RFC 2034 §4).
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { code, enhanced: None, text: clean(text.into()) }
    }

    /// `451 4.3.0`: something here is out of order, which is no fault of the message.
    pub fn local_error(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply::new(451, (4, 3, 0), text)
    }

    /// The same, beginning with who says it, as RFC 5321 §4.2.2 has it for 421.
    #[must_use]
    pub(crate) fn said_by(&self, host: &model::Domain) -> Reply {
        Reply { text: clean(format!("{host} {}", self.text).into()), ..*self }
    }

    /// The three-digit code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Class, subject and detail (RFC 3463 §2).
    pub fn enhanced(&self) -> Option<(u8, u16, u16)> {
        self.enhanced
    }

    /// The text without codes, line by line.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// 2yz or 3yz: what was asked for is done, or goes on.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// 4yz: the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5yz: the same will fail again.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Appends the reply as it goes over the wire; long lines are folded at a space.
    pub fn print(&self, out: &mut Vec<u8>) {
        let mut pieces = self.lines().flat_map(fold).peekable();
        while let Some(piece) = pieces.next() {
            let mark = if pieces.peek().is_some() { '-' } else { ' ' };
            let head = match self.enhanced {
                Some((class, subject, detail)) => format!("{}{mark}{class}.{subject}.{detail} ", self.code),
                None => format!("{}{mark}", self.code),
            };
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(piece.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// On one line, as logs and traces show it.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        self.lines().try_for_each(|line| write!(f, " {line}"))
    }
}

fn clean(text: Cow<'static, str>) -> Cow<'static, str> {
    let printable = |b: u8| (b' '..=b'~').contains(&b);
    if text.len() <= Reply::TEXT_OCTETS_MAX && text.bytes().all(printable) {
        return text;
    }
    let mut lines = 1;
    let mut safe = |c: char| match c {
        '\n' if lines < Reply::LINES_MAX => {
            lines += 1;
            '\n'
        }
        '\n' => ' ',
        c if u8::try_from(c).is_ok_and(printable) => c,
        _ => '?',
    };
    let text = text.replace("\r\n", "\n");
    text.chars().take(Reply::TEXT_OCTETS_MAX).map(&mut safe).collect::<String>().into()
}

/// Cuts an ASCII line into pieces that fit, at spaces where there are any.
fn fold(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let Some((piece, after)) = line.split_at_checked(LINE_OCTETS_MAX).filter(|(_, after)| !after.is_empty()) else {
            rest = None;
            return Some(line);
        };
        let (piece, after) = match piece.rfind(' ').filter(|&at| at > 0).and_then(|at| line.split_at_checked(at)) {
            Some((piece, after)) => (piece, after.trim_start_matches(' ')),
            None => (piece, after),
        };
        rest = Some(after);
        Some(piece)
    })
}

#[cfg(test)]
mod tests;
