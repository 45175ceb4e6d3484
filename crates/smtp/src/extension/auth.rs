//! AUTH (RFC 4954): what the client sends to prove who it is. What it proves, SASL knows.

use super::xtext;
use crate::command::CommandError;
use crate::policy::Auth;
use crate::server::Security;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use std::fmt;

/// In EHLO, as command and as parameter of MAIL.
pub(crate) const KEYWORD: &str = "AUTH";

/// Octets of a mechanism's name (RFC 4422 §3.1).
const MECHANISM_OCTETS_MAX: usize = 20;
/// Octets that `AUTH=` adds to MAIL (RFC 4954 §3).
const PARAMETER_OCTETS_MAX: usize = 500;
/// The end of the names of mechanisms that are bound to the TLS channel (RFC 5801 §4).
const PLUS: &str = "-PLUS";

/// The arguments of AUTH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// SASL mechanism in upper case.
    pub mechanism: String,
    /// The decoded initial response, which may be empty.
    pub initial: Option<Secret>,
}

impl Attempt {
    /// RFC 4954 §4: `mechanism [SP initial-response]`.
    pub(crate) fn parse(arguments: &str) -> Result<Attempt, CommandError> {
        let mut words = arguments.split(' ').filter(|word| !word.is_empty());
        let named = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = |name: &&str| name.len() <= MECHANISM_OCTETS_MAX && name.bytes().all(named);
        let mechanism = words.next().filter(fits).ok_or(CommandError::Syntax("a mechanism"))?.to_ascii_uppercase();
        let initial = match words.next() {
            None => None,
            Some("=") => Some(Secret::new(Vec::new())),
            Some(text) => Some(decode(text.as_bytes()).ok_or(CommandError::Base64)?),
        };
        if words.next().is_some() {
            return Err(CommandError::Syntax("a mechanism, and an initial response"));
        }
        Ok(Attempt { mechanism, initial })
    }
}

/// As behind `AUTH `, with all that is secret: what a client sends, and nothing for a log.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mechanism)?;
        match self.initial.as_ref().map(Secret::expose) {
            None => Ok(()),
            Some([]) => f.write_str(" ="),
            Some(octets) => write!(f, " {}", STANDARD.encode(octets)),
        }
    }
}

/// The octets of a line of base64 (RFC 4954 §4).
pub(crate) fn decode(line: &[u8]) -> Option<Secret> {
    STANDARD.decode(line).ok().map(Secret::new)
}

/// A challenge as it goes over the wire.
pub(crate) fn challenge(octets: &[u8]) -> String {
    format!("334 {}\r\n", STANDARD.encode(octets))
}

/// The mechanisms that may be used on a connection: none in the clear unless the policy says so, and those that are bound to
/// TLS only with it.
pub(crate) fn mechanisms(auth: &Auth, security: Security) -> impl Iterator<Item = &'static str> + '_ {
    let (mechanisms, clear) = match auth {
        Auth::NotOffered => (&[][..], false),
        Auth::Offered { mechanisms, clear } => (mechanisms.as_slice(), *clear),
    };
    let tls = security == Security::Tls;
    mechanisms.iter().copied().filter(move |name| tls || clear && !name.ends_with(PLUS))
}

/// The meaning of `AUTH=` (RFC 4954 §5): who submitted the message first, or `<>`.
pub(crate) fn submitter(value: Option<&str>) -> Result<String, CommandError> {
    let text = value.filter(|text| (1..=PARAMETER_OCTETS_MAX).contains(&text.len()));
    text.and_then(xtext::decode).ok_or(CommandError::Parameter("AUTH= wants up to 500 octets of xtext"))
}
