//! DSN (RFC 3461): which reports the sender wants, and what they shall name; beyond ASCII as RFC 6533 has it.

use super::xtext;
use crate::command::CommandError;
use std::fmt;

/// In EHLO.
pub(crate) const KEYWORD: &str = "DSN";
/// Parameters of MAIL (RFC 3461 §4.3, §4.4).
pub(crate) const RET: &str = "RET";
pub(crate) const ENVID: &str = "ENVID";
/// Parameters of RCPT (RFC 3461 §4.1, §4.2).
pub(crate) const NOTIFY: &str = "NOTIFY";
pub(crate) const ORCPT: &str = "ORCPT";

/// Octets of an encoded envelope id (RFC 3461 §5.4 a).
const ENVID_OCTETS_MAX: usize = 100;
/// Octets of an original recipient with its type. RFC 3461 §5.4 c wants 500 of encoded ones; we count what they mean, because
/// the same address in UTF-8 is longer when it is passed on in ASCII.
const ORCPT_OCTETS_MAX: usize = 500;
/// The address type whose addresses are UTF-8 (RFC 6533 §3).
const UTF8: &str = "utf-8";

/// How much of the message a report of failure returns (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Hdrs,
}

impl Ret {
    pub(crate) fn parse(value: Option<&str>) -> Result<Ret, CommandError> {
        let named = |ret: &Ret| value.is_some_and(|v| v.eq_ignore_ascii_case(ret.keyword()));
        [Ret::Full, Ret::Hdrs].into_iter().find(named).ok_or(CommandError::Parameter("RET= wants FULL or HDRS"))
    }

    /// As in `RET=`.
    pub fn keyword(self) -> &'static str {
        match self {
            Ret::Full => "FULL",
            Ret::Hdrs => "HDRS",
        }
    }
}

/// The meaning of `ENVID=`: printable ASCII that the report repeats.
pub(crate) fn envelope_id(value: Option<&str>) -> Result<String, CommandError> {
    let text = value.filter(|text| (1..=ENVID_OCTETS_MAX).contains(&text.len()));
    text.and_then(xtext::decode).ok_or(CommandError::Parameter("ENVID= wants up to 100 octets of xtext"))
}

/// What a recipient's sender wants to hear of (RFC 3461 §4.1). All `false` is `NEVER`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it never will be.
    pub failure: bool,
    /// That it takes its time.
    pub delay: bool,
}

impl Notify {
    /// No report whatever happens.
    pub const NEVER: Notify = Notify { success: false, failure: false, delay: false };

    pub(crate) fn parse(value: Option<&str>) -> Result<Notify, CommandError> {
        let error = CommandError::Parameter("NOTIFY= wants NEVER, or some of SUCCESS,FAILURE,DELAY");
        let Some(value) = value else { return Err(error) };
        let mut notify = Notify::NEVER;
        if value.eq_ignore_ascii_case("NEVER") {
            return Ok(notify);
        }
        for word in value.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                _ => return Err(error),
            }
        }
        Ok(notify)
    }
}

/// As behind `NOTIFY=`.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Notify::NEVER {
            return f.write_str("NEVER");
        }
        let words = [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        let wanted = words.iter().filter(|(wanted, _)| *wanted);
        for (n, (_, word)) in wanted.enumerate() {
            write!(f, "{}{word}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Whom the message was for before it was forwarded (RFC 3461 §4.2), as the report tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginalRecipient {
    /// The type of the address, mostly `rfc822`.
    pub kind: String,
    /// The address without any encoding: printable ASCII, with the type `utf-8` any text.
    pub address: String,
}

impl OriginalRecipient {
    pub(crate) fn parse(value: Option<&str>) -> Result<OriginalRecipient, CommandError> {
        let error = CommandError::Parameter("ORCPT= wants type;address in xtext, up to 500 octets");
        let Some((kind, text)) = value.and_then(|value| value.split_once(';')) else { return Err(error) };
        let address = if kind.eq_ignore_ascii_case(UTF8) { unitext(text) } else { xtext::decode(text) };
        let fits = |address: &String| !address.is_empty() && kind.len() + address.len() <= ORCPT_OCTETS_MAX;
        match address.filter(|address| is_atom(kind) && fits(address)) {
            Some(address) => Ok(OriginalRecipient { kind: kind.into(), address }),
            None => Err(error),
        }
    }
}

/// As behind `ORCPT=`, in ASCII, so that every server that knows DSN can be sent it; encoded it may be longer than the 500
/// octets that a server has to take.
impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};", self.kind)?;
        if !self.kind.eq_ignore_ascii_case(UTF8) {
            return f.write_str(&xtext::encode(&self.address));
        }
        self.address.chars().try_for_each(|c| match c {
            '\\' | '+' | '=' => write!(f, "\\x{{{:X}}}", u32::from(c)),
            '!'..='~' => write!(f, "{c}"),
            c => write!(f, "\\x{{{:02X}}}", u32::from(c)),
        })
    }
}

/// RFC 3461 §4.2 `addr-type`, an atom of RFC 5322 §3.2.3, without the `=` that no parameter holds.
fn is_atom(kind: &str) -> bool {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/?^_`{|}~".contains(&b);
    !kind.is_empty() && kind.bytes().all(atext)
}

/// The meaning of a `utf-8-enc-addr` (RFC 6533 §3): `\x{…}` stands for a character that must not stand there itself.
/// Octets beyond ASCII need SMTPUTF8, which the session sees to.
fn unitext(text: &str) -> Option<String> {
    let mut meaning = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        meaning.push(match c {
            '\\' => {
                let (digits, behind) = rest.as_str().strip_prefix("x{")?.split_once('}')?;
                rest = behind.chars();
                embedded(digits)?
            }
            '+' | '=' => return None,
            c if c == ' ' || c.is_control() => return None,
            c => c,
        });
    }
    Some(meaning)
}

/// RFC 6533 §3 `HEXPOINT`. Controls are none of an address, whatever it lets stand for them.
fn embedded(digits: &str) -> Option<char> {
    let hex = (2..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let c = u32::from_str_radix(digits, 16).ok().filter(|_| hex).and_then(char::from_u32)?;
    let printable = !c.is_control() && (!c.is_ascii() || [' ', '+', '=', '\\'].contains(&c));
    printable.then_some(c)
}
