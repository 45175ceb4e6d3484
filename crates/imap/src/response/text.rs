//! Strings as IMAP writes them (RFC 9051 §4.3).

use model::Timestamp;
use model::time::MONTHS;

use crate::mailbox::{self, MailboxName, NameForm};

/// Above this a string goes as a literal: some clients read quoted strings into small buffers.
const QUOTED_OCTETS_MAX: usize = 1024;

/// Decimal digits, without formatting machinery.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        start = at;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// The inside of `date-time`, in UTC (RFC 9051 §9): as [`Timestamp::imap`], for the hot path.
pub(crate) fn date_time(out: &mut Vec<u8>, time: Timestamp) {
    let c = time.civil();
    if c.day < 10 {
        out.push(b' ');
    }
    number(out, c.day.into());
    out.push(b'-');
    let month = MONTHS.get(usize::from(c.month).wrapping_sub(1)).copied().unwrap_or_default();
    out.extend_from_slice(month.as_bytes());
    out.push(b'-');
    // RFC 9051 §9 `date-year` has four digits, and no year that a client could mean is outside.
    let year = c.year.clamp(0, 9999).unsigned_abs();
    padded(out, year, 4);
    for (before, value) in [(b' ', c.hour), (b':', c.minute), (b':', c.second)] {
        out.push(before);
        padded(out, value.into(), 2);
    }
    out.extend_from_slice(b" +0000");
}

/// A number with zeros before it, up to `width` digits.
fn padded(out: &mut Vec<u8>, value: u64, width: u32) {
    let digits = value.checked_ilog10().unwrap_or(0) + 1;
    out.extend((digits..width).map(|_| b'0'));
    number(out, value);
}

/// `string`: quoted, or a literal when it is long or holds CR, LF, NUL or 8-bit octets.
pub fn string(out: &mut Vec<u8>, value: &[u8]) {
    let quotable = |&b: &u8| b != b'\r' && b != b'\n' && b != 0 && b < 0x80;
    if value.len() <= QUOTED_OCTETS_MAX && value.iter().all(quotable) {
        quoted(out, value)
    } else {
        literal(out, value)
    }
}

/// `string`, where UTF-8 may stand in quotes because the client enabled it (RFC 9051 §4.3, RFC 6855 §3).
pub fn utf8_string(out: &mut Vec<u8>, value: &str) {
    let quotable = |b: u8| b != b'\r' && b != b'\n' && b != 0;
    let short = value.len() <= QUOTED_OCTETS_MAX;
    if short && value.bytes().all(quotable) { quoted(out, value.as_bytes()) } else { literal(out, value.as_bytes()) }
}

/// `nstring`: `NIL` when there is nothing.
pub fn nstring(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => string(out, value),
        None => nil(out),
    }
}

/// `astring`: bare where it may be.
pub fn astring(out: &mut Vec<u8>, value: &[u8]) {
    if is_astring_atom(value) { out.extend_from_slice(value) } else { string(out, value) }
}

/// `mailbox`, in the form the client reads.
pub fn mailbox(out: &mut Vec<u8>, name: &MailboxName, form: NameForm) {
    mailbox_text(out, name.as_str(), form);
}

pub(crate) fn mailbox_text(out: &mut Vec<u8>, name: &str, form: NameForm) {
    let encoded = mailbox::encode(name, form);
    match form {
        NameForm::ModifiedUtf7 => astring(out, encoded.as_bytes()),
        NameForm::Utf8 if is_astring_atom(encoded.as_bytes()) => out.extend_from_slice(encoded.as_bytes()),
        NameForm::Utf8 => utf8_string(out, &encoded),
    }
}

/// `NIL`
pub fn nil(out: &mut Vec<u8>) {
    out.extend_from_slice(b"NIL");
}

/// `{n}` and the octets.
pub fn literal(out: &mut Vec<u8>, value: &[u8]) {
    literal_start(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// `{n}`, after which the caller writes exactly `octets` octets.
pub fn literal_start(out: &mut Vec<u8>, octets: u64) {
    out.push(b'{');
    number(out, octets);
    out.extend_from_slice(b"}\r\n");
}

/// Text to the end of a line: what would end the line early becomes a space.
pub(crate) fn line_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|b| if b == b'\r' || b == b'\n' || b == 0 { b' ' } else { b }));
}

pub(crate) fn quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'"' | b'\\')) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend(special.first());
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether `value` is `1*ASTRING-CHAR`, and not `NIL`, which some clients take for nothing.
pub(crate) fn is_astring_atom(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|&b| is_astring_char(b)) && !value.eq_ignore_ascii_case(b"NIL")
}

/// RFC 9051 §9 `ASTRING-CHAR`.
pub(crate) fn is_astring_char(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}
