//! Commands as they stand on a line (RFC 1939 §5 to §7, RFC 2449 §3).

use crate::session::State;
use crate::text::Text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Secret;

/// RFC 4422 §3.1.
const MECHANISM_OCTETS_MAX: usize = 20;
/// Longer than any language range that means something (RFC 5646 §2.1 has subtags of eight).
const RANGE_OCTETS_MAX: usize = 64;

/// A command. Numbers of messages may be of none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// RFC 1939 §7.
    User(String),
    /// RFC 1939 §7; spaces belong to the password.
    Pass(Secret),
    /// RFC 1939 §7.
    Apop {
        /// Who.
        login: String,
        /// MD5 of the greeting's timestamp and the secret.
        digest: [u8; 16],
    },
    /// RFC 5034 §4.
    Auth {
        /// In upper case; `None` asks which there are, as old clients do.
        mechanism: Option<String>,
        /// What the client says at once; it may be empty, which is written `=`.
        initial: Option<Secret>,
    },
    /// RFC 1939 §5.
    Stat,
    /// RFC 1939 §5.
    List(Option<u32>),
    /// RFC 1939 §5.
    Retr(u32),
    /// RFC 1939 §5.
    Dele(u32),
    /// RFC 1939 §5.
    Noop,
    /// RFC 1939 §5.
    Rset,
    /// RFC 1939 §4, §6.
    Quit,
    /// RFC 1939 §7.
    Top {
        /// Which message.
        message: u32,
        /// Lines of its body.
        lines: u32,
    },
    /// RFC 1939 §7.
    Uidl(Option<u32>),
    /// RFC 2449 §5.
    Capa,
    /// RFC 2595 §4.
    Stls,
    /// RFC 6856 §2.1.
    Utf8,
    /// RFC 6856 §3.
    Lang(Option<String>),
}

/// Why a line is no command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// Nobody knows it.
    Unknown,
    /// It looks otherwise.
    Usage(&'static str),
    /// Control characters, or not UTF-8 (RFC 6856 §2.2).
    Octets,
    /// The initial response is no base64.
    Base64,
}

impl CommandError {
    /// What the client is told.
    pub fn text(self) -> Text {
        match self {
            CommandError::Unknown => Text::UnknownCommand,
            CommandError::Usage(form) => Text::Usage(form),
            CommandError::Octets => Text::BadOctets,
            CommandError::Base64 => Text::NotBase64,
        }
    }
}

impl Command {
    /// Reads a line without its end. Keywords may be in any case (RFC 1939 §3); a blank too many harms nobody, but in PASS.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        let space = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
        let (keyword, rest) = line.split_at_checked(space).unwrap_or((line, &[]));
        let rest = rest.strip_prefix(b" ").unwrap_or_default();
        if keyword.eq_ignore_ascii_case(b"PASS") {
            return pass(rest);
        }
        let text = std::str::from_utf8(rest).ok().filter(|text| !text.contains(char::is_control));
        let text = text.ok_or(CommandError::Octets)?;
        let keyword = keyword.to_ascii_uppercase();
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let alone =
            |command: Command, form| if words.is_empty() { Ok(command) } else { Err(CommandError::Usage(form)) };
        match keyword.as_slice() {
            b"USER" => user(text.trim_matches(' ')),
            b"APOP" => apop(text.trim_matches(' ')),
            b"AUTH" => auth(&words),
            b"STAT" => alone(Command::Stat, "STAT"),
            b"LIST" => optional(&words).map(Command::List).ok_or(CommandError::Usage("LIST [message]")),
            b"RETR" => one(&words).map(Command::Retr).ok_or(CommandError::Usage("RETR message")),
            b"DELE" => one(&words).map(Command::Dele).ok_or(CommandError::Usage("DELE message")),
            b"NOOP" => alone(Command::Noop, "NOOP"),
            b"RSET" => alone(Command::Rset, "RSET"),
            b"QUIT" => alone(Command::Quit, "QUIT"),
            b"TOP" => top(&words).ok_or(CommandError::Usage("TOP message lines")),
            b"UIDL" => optional(&words).map(Command::Uidl).ok_or(CommandError::Usage("UIDL [message]")),
            b"CAPA" => alone(Command::Capa, "CAPA"),
            b"STLS" => alone(Command::Stls, "STLS"),
            b"UTF8" => alone(Command::Utf8, "UTF8"),
            b"LANG" => lang(&words),
            _ => Err(CommandError::Unknown),
        }
    }

    /// Why it cannot be said in this state (RFC 1939 §4 to §6), if it cannot.
    pub fn misplaced(&self, state: State) -> Option<Text> {
        let before_login = matches!(
            self,
            Command::User(_)
                | Command::Pass(_)
                | Command::Apop { .. }
                | Command::Auth { .. }
                | Command::Stls
                | Command::Utf8
        );
        let anywhere = matches!(self, Command::Quit | Command::Capa | Command::Lang(_));
        match state {
            _ if anywhere => None,
            State::Authorization => (!before_login).then_some(Text::LogInFirst),
            State::Transaction => before_login.then_some(Text::LoggedInAlready),
        }
    }
}

/// All behind the space is the password (RFC 1939 §7). It holds no NUL: no mechanism could carry that either.
fn pass(rest: &[u8]) -> Result<Command, CommandError> {
    if rest.is_empty() {
        return Err(CommandError::Usage("PASS password"));
    }
    if rest.contains(&0) || std::str::from_utf8(rest).is_err() {
        return Err(CommandError::Octets);
    }
    Ok(Command::Pass(Secret::new(rest.to_vec())))
}

fn user(name: &str) -> Result<Command, CommandError> {
    if name.is_empty() { Err(CommandError::Usage("USER name")) } else { Ok(Command::User(name.to_owned())) }
}

/// The digest is the last word: names may have spaces.
fn apop(text: &str) -> Result<Command, CommandError> {
    let usage = CommandError::Usage("APOP name digest");
    let (login, digits) = text.rsplit_once(' ').ok_or(usage)?;
    let digit = |octet: &u8| char::from(*octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    let octet = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    let digest: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    let digest = digest.filter(|_| odd.is_empty()).and_then(|octets| octets.try_into().ok()).ok_or(usage)?;
    let login = login.trim_end_matches(' ');
    if login.is_empty() { Err(usage) } else { Ok(Command::Apop { login: login.to_owned(), digest }) }
}

fn auth(words: &[&str]) -> Result<Command, CommandError> {
    let usage = CommandError::Usage("AUTH mechanism [initial-response]");
    let (mechanism, initial) = match words {
        [] => return Ok(Command::Auth { mechanism: None, initial: None }),
        [mechanism] => (mechanism, None),
        [mechanism, "="] => (mechanism, Some(Secret::new(Vec::new()))),
        [mechanism, text] => (mechanism, Some(decode(text.as_bytes()).ok_or(CommandError::Base64)?)),
        _ => return Err(usage),
    };
    let named = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if mechanism.len() > MECHANISM_OCTETS_MAX || !mechanism.bytes().all(named) {
        return Err(usage);
    }
    Ok(Command::Auth { mechanism: Some(mechanism.to_ascii_uppercase()), initial })
}

fn lang(words: &[&str]) -> Result<Command, CommandError> {
    let fits = |range: &str| {
        range.len() <= RANGE_OCTETS_MAX && range.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'*')
    };
    match words {
        [] => Ok(Command::Lang(None)),
        [range] if fits(range) => Ok(Command::Lang(Some((*range).to_owned()))),
        _ => Err(CommandError::Usage("LANG [range]")),
    }
}

fn top(words: &[&str]) -> Option<Command> {
    let [message, lines] = words else { return None };
    Some(Command::Top { message: number(message)?, lines: number(lines)? })
}

fn one(words: &[&str]) -> Option<u32> {
    let [word] = words else { return None };
    number(word)
}

fn optional(words: &[&str]) -> Option<Option<u32>> {
    if words.is_empty() { Some(None) } else { one(words).map(Some) }
}

/// What is too large to be counted is as large as can be: there is no such message.
fn number(word: &str) -> Option<u32> {
    let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| word.parse().unwrap_or(u32::MAX))
}

/// The octets of a line of base64.
pub(crate) fn decode(line: &[u8]) -> Option<Secret> {
    STANDARD.decode(line).ok().map(Secret::new)
}

#[cfg(test)]
mod tests;
