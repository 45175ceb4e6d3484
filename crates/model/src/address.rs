//! Addresses and paths of the envelope (RFC 5321 §4.1.2), after parsing: what is in here cannot be wrong.

use std::fmt;
use std::str::FromStr;

/// Why a text is no address, domain or local part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing before or behind it.
    #[error("an address is local-part@domain")]
    Form,
    /// RFC 5321 §4.5.3.1.1.
    #[error("the local part is longer than 64 octets")]
    LocalPartLong,
    /// RFC 5321 §4.1.2.
    #[error("the local part holds a character that is not allowed there")]
    LocalPart,
    /// RFC 5321 §4.5.3.1.2.
    #[error("the domain is longer than 255 octets")]
    DomainLong,
    /// RFC 5321 §4.1.2, RFC 5890.
    #[error("the domain is not a valid domain name")]
    Domain,
}

/// A domain name in lower-case ASCII (A-labels), or an address literal with its brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Domain(Box<str>);

impl Domain {
    /// RFC 5321 §4.5.3.1.2.
    pub const OCTETS_MAX: usize = 255;

    /// Reads a domain name (U-labels are turned to A-labels) or an address literal as `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    pub fn new(text: &str) -> Result<Domain, AddressError> {
        if text.len() > Self::OCTETS_MAX {
            return Err(AddressError::DomainLong);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(AddressError::Domain)?;
            return Self::literal(inner);
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(text).map_err(|_| AddressError::Domain)?
        };
        if ascii.len() > Self::OCTETS_MAX {
            return Err(AddressError::DomainLong);
        }
        let label = |l: &str| {
            let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
            l.len() <= 63
                && edge(l.bytes().next())
                && edge(l.bytes().last())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if ascii.split('.').all(label) { Ok(Domain(ascii.into())) } else { Err(AddressError::Domain) }
    }

    fn literal(inner: &str) -> Result<Domain, AddressError> {
        let v6 = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).and_then(|_| inner.get(5..));
        let valid = match v6 {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => inner.parse::<std::net::Ipv4Addr>().is_ok(),
        };
        if valid { Ok(Domain(format!("[{}]", inner.to_ascii_lowercase()).into())) } else { Err(AddressError::Domain) }
    }

    /// Lower-case ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address literal (RFC 5321 §4.1.3).
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Domain, AddressError> {
        Domain::new(text)
    }
}

/// The part before the `@`, without the quotes of a quoted string; ASCII without controls, or UTF-8 (RFC 6531 §3.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// RFC 5321 §4.5.3.1.1.
    pub const OCTETS_MAX: usize = 64;

    /// From the text between the quotes, or the bare text.
    pub fn new(text: &str) -> Result<LocalPart, AddressError> {
        if text.len() > Self::OCTETS_MAX {
            return Err(AddressError::LocalPartLong);
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(AddressError::LocalPart);
        }
        Ok(LocalPart(text.into()))
    }

    /// The text without quotes, in the case it came in.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may stand without quotes: a `Dot-string` (RFC 5321 §4.1.2).
    pub fn is_dot_string(&self) -> bool {
        let atext = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        self.0.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
    }
}

/// As it stands in a path: quoted where it must be.
impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_dot_string() {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// A mailbox address: `local-part@domain`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// Before the `@`.
    pub local: LocalPart,
    /// Behind the `@`.
    pub domain: Domain,
}

impl Address {
    /// Whether any part of it needs SMTPUTF8 (RFC 6531 §3.2).
    pub fn is_ascii(&self) -> bool {
        self.local.as_str().is_ascii()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Reads `local-part@domain` as a person writes it; a quoted local part keeps its meaning.
impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Form)?;
        let domain = Domain::new(domain)?;
        let local = match local.strip_prefix('"').and_then(|l| l.strip_suffix('"')) {
            Some(quoted) => LocalPart::new(&unquote(quoted).ok_or(AddressError::LocalPart)?)?,
            None => {
                let local = LocalPart::new(local)?;
                if !local.is_dot_string() {
                    return Err(AddressError::LocalPart);
                }
                local
            }
        };
        Ok(Address { local, domain })
    }
}

/// The meaning of a quoted string's inside; `None` at a bare quote or a trailing backslash.
fn unquote(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    Some(out)
}

/// Where failures are reported: `<>` or an address (RFC 5321 §4.1.2 `Reverse-path`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ReversePath {
    /// `<>`: a bounce or notice, which must never bounce itself (RFC 5321 §4.5.5).
    Null,
    /// A mailbox.
    Address(Address),
}

/// With angle brackets, as in `Return-Path`.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// Who shall get the message (RFC 5321 §4.1.2 `Forward-path`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// A mailbox.
    Address(Address),
}

/// Without angle brackets, as in `Delivered-To`.
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("postmaster"),
            ForwardPath::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_read_is_printed_in_its_one_form() {
        let check = |text: &str, printed: &str| assert_eq!(text.parse::<Address>().unwrap().to_string(), printed);
        check("Anna@DEMO.test", "Anna@demo.test");
        check("\"a b\"@demo.test", "\"a b\"@demo.test");
        check("\"anna\"@demo.test", "anna@demo.test");
        check("jörg@bücher.test", "jörg@xn--bcher-kva.test");
        check("a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]");
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "a",
            "@b.test",
            "a@",
            "a@b..test",
            "a@-b.test",
            "a b@c.test",
            "a@b\r\n.test",
            "\"a\"b\"@c.test",
            "a@[1.2.3]",
            "a.@b.test",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(local in "[^\\x00-\\x1f\\x7f-\\x9f]{1,16}", domain in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}") {
            prop_assume!(local.len() <= LocalPart::OCTETS_MAX);
            let address = Address { local: LocalPart::new(&local).unwrap(), domain: Domain::new(&domain).unwrap() };
            prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }
}
