//! What a server said, as it is kept and shown.

use std::fmt;

/// A reply that was read (RFC 5321 §4.2): printable ASCII, bounded, whatever was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// 200 to 599.
    pub code: u16,
    /// Class, subject and detail (RFC 3463 §2), if the class fits the code.
    pub enhanced: Option<(u8, u16, u16)>,
    /// Without codes; lines with `\n` between them.
    pub text: String,
}

impl Answer {
    /// Octets of text kept: it goes into logs and reports, and a report quotes one per recipient.
    pub const TEXT_OCTETS_MAX: usize = 2048;

    /// From a reply's code and its clean lines; status codes are taken off the lines that begin with the first one's.
    pub(super) fn new(code: u16, lines: &str) -> Answer {
        let enhanced = status(lines.split('\n').next().unwrap_or_default()).filter(|found| fits(code, found.0));
        let mut text = String::with_capacity(lines.len().min(Answer::TEXT_OCTETS_MAX));
        for (n, line) in lines.split('\n').enumerate() {
            let line = match (enhanced, status(line)) {
                (Some((_, mark)), Some((_, same))) if same == mark => {
                    line.strip_prefix(mark).unwrap_or(line).trim_start()
                }
                _ => line,
            };
            if n > 0 {
                text.push('\n');
            }
            text.push_str(line);
        }
        text.truncate(Answer::TEXT_OCTETS_MAX);
        Answer { code, enhanced: enhanced.map(|(status, _)| status), text }
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

    pub(super) fn class(&self) -> Class {
        match self.code / 100 {
            2 => Class::Done,
            3 => Class::GoOn,
            _ => Class::No,
        }
    }
}

/// The first digit, which is all that a client may act on (RFC 5321 §4.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Done,
    GoOn,
    No,
}

/// On one line, as logs and traces show it.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        self.text.split('\n').filter(|line| !line.is_empty()).try_for_each(|line| write!(f, " {line}"))
    }
}

/// RFC 2034 §4: the class of the status is the first digit of the code.
fn fits(code: u16, (class, ..): (u8, u16, u16)) -> bool {
    code / 100 == u16::from(class)
}

/// A status code at the beginning of a line (RFC 3463 §2), and how it is written.
fn status(line: &str) -> Option<((u8, u16, u16), &str)> {
    let word = line.split(' ').next()?;
    let mut numbers = word.split('.');
    let mut number = |digits_max| {
        let digits = numbers.next().filter(|d| d.len() <= digits_max && d.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<u16>().ok()
    };
    let class = u8::try_from(number(1)?).ok()?;
    let status = (class, number(3)?, number(3)?);
    numbers.next().is_none().then_some((status, word))
}
