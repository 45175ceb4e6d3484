//! What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1).

/// SASL mechanisms kept: more do not exist.
const MECHANISMS_MAX: usize = 32;

/// RFC 4422 §3.1: octets of a mechanism's name.
pub(super) const MECHANISM_OCTETS_MAX: usize = 20;

/// A server's extensions; none after HELO.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extensions {
    /// RFC 1870: octets of the largest message it takes; `u64::MAX` if it names no limit.
    pub size: Option<u64>,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3030: BDAT.
    pub chunking: bool,
    /// RFC 3030 §3.
    pub binarymime: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 2034.
    pub enhanced: bool,
    /// RFC 4954: mechanisms in upper case.
    pub auth: Vec<String>,
    /// RFC 9422: messages per connection.
    pub mail_max: Option<u64>,
    /// RFC 9422: recipients per message.
    pub rcpt_max: Option<u64>,
}

impl Extensions {
    /// Reads the lines of the answer; the first is the server's name. Unknown keywords are left out.
    pub(super) fn parse(lines: &str) -> Extensions {
        let mut found = Extensions::default();
        for line in lines.split('\n').skip(1) {
            // `AUTH=LOGIN` is how it was written once, and some servers still do for old clients.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "SIZE" => found.size = Some(number(words.next()).filter(|&n| n > 0).unwrap_or(u64::MAX)),
                "STARTTLS" => found.starttls = true,
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit_mime = true,
                "SMTPUTF8" => found.smtputf8 = true,
                "CHUNKING" => found.chunking = true,
                "BINARYMIME" => found.binarymime = true,
                "DSN" => found.dsn = true,
                "ENHANCEDSTATUSCODES" => found.enhanced = true,
                "AUTH" => words.for_each(|word| found.add_mechanism(word)),
                "LIMITS" => found.limits(words),
                _ => {}
            }
        }
        found
    }

    fn add_mechanism(&mut self, name: &str) {
        let name = name.to_ascii_uppercase();
        if is_mechanism(&name) && self.auth.len() < MECHANISMS_MAX && !self.auth.contains(&name) {
            self.auth.push(name);
        }
    }

    /// RFC 9422: `MAILMAX=20 RCPTMAX=100`.
    fn limits<'a>(&mut self, mut words: impl Iterator<Item = &'a str>) {
        while let (Some(name), value) = (words.next(), words.next()) {
            match name.to_ascii_uppercase().as_str() {
                "MAILMAX" => self.mail_max = number(value),
                "RCPTMAX" => self.rcpt_max = number(value),
                _ => {}
            }
        }
    }
}

/// RFC 4422 §3.1 `sasl-mech`.
pub(super) fn is_mechanism(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=MECHANISM_OCTETS_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Digits; more than 64 bits hold is as good as no limit.
fn number(word: Option<&str>) -> Option<u64> {
    let digits = word.filter(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit()))?;
    Some(digits.parse().unwrap_or(u64::MAX))
}
