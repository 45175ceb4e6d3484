//! Commands (RFC 5321 §4.1.1), parsed from a line and printed to one.

use crate::extension::auth::Attempt;
use crate::extension::chunking::{self, Chunk};
use crate::extension::{MailParams, RcptParams};
use crate::path::{self, PathError};
use crate::reply::Reply;
use model::{ForwardPath, ReversePath};
use std::fmt;

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// RFC 5321 §4.1.1.1, RFC 2033 §4.1.
    Hello(Hello, HelloName),
    /// RFC 5321 §4.1.1.2.
    Mail(ReversePath, MailParams),
    /// RFC 5321 §4.1.1.3.
    Rcpt(ForwardPath, RcptParams),
    /// RFC 5321 §4.1.1.4.
    Data,
    /// RFC 3030 §2: so many octets follow.
    Bdat(u64, Chunk),
    /// RFC 5321 §4.1.1.5.
    Rset,
    /// RFC 5321 §4.1.1.6; what is asked for is not told, so it is not kept.
    Vrfy,
    /// RFC 5321 §4.1.1.7, as VRFY.
    Expn,
    /// RFC 5321 §4.1.1.8.
    Help,
    /// RFC 5321 §4.1.1.9.
    Noop,
    /// RFC 5321 §4.1.1.10.
    Quit,
    /// RFC 3207 §4.
    StartTls,
    /// RFC 4954 §4.
    Auth(Attempt),
}

/// The three ways to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hello {
    /// RFC 5321 §4.1.1.1 without extensions.
    Helo,
    /// RFC 5321 §4.1.1.1.
    Ehlo,
    /// RFC 2033 §4.1.
    Lhlo,
}

/// What a client calls itself: 1 to 255 printable ASCII characters that mean nothing in a comment of `Received`.
///
/// It proves nothing and is often wrong, so it is kept as it came, with `?` for what could do harm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HelloName(Box<str>);

impl HelloName {
    /// As it may stand in a header field.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<HelloName, CommandError> {
        if text.is_empty() || text.len() > model::Domain::OCTETS_MAX {
            return Err(CommandError::Syntax("the host name of the client, in up to 255 octets"));
        }
        let harmless = |c: char| c.is_ascii_alphanumeric() || "-._:[]!#$%&'*+/=?^`{|}~@".contains(c);
        Ok(HelloName(text.chars().map(|c| if harmless(c) { c } else { '?' }).collect::<String>().into()))
    }
}

/// Why a line is no command.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// No such command.
    #[error("command not recognised")]
    Unknown,
    /// A NUL, CR, LF or other control in the line, or no UTF-8.
    #[error("a command is one line of text without control characters, ended by CR LF")]
    Octets,
    /// The arguments have another form.
    #[error("arguments wanted: {0}")]
    Syntax(&'static str),
    /// The command has no arguments.
    #[error("no arguments wanted")]
    Arguments,
    /// What follows `FROM:`.
    #[error("sender: {0}")]
    ReversePath(PathError),
    /// What follows `TO:`.
    #[error("recipient: {0}")]
    ForwardPath(PathError),
    /// RFC 6531 §3.5: a sender in UTF-8 without SMTPUTF8.
    #[error("an address beyond ASCII needs the parameter SMTPUTF8")]
    SmtpUtf8,
    /// A parameter nobody told of.
    #[error("parameter {0} is not supported")]
    ParameterUnknown(String),
    /// A parameter's value, or a parameter given twice.
    #[error("{0}")]
    Parameter(&'static str),
    /// RFC 4954 §4.
    #[error("what should be base64 is none")]
    Base64,
    /// BDAT without a count: nobody knows where its octets end.
    #[error("arguments wanted: the number of octets, and LAST if no more follow")]
    ChunkSize,
}

impl CommandError {
    /// What the client is told.
    pub fn reply(&self) -> Reply {
        let (code, enhanced) = match self {
            CommandError::Unknown => (500, (5, 5, 1)),
            CommandError::Octets => (500, (5, 5, 2)),
            CommandError::Syntax(_) | CommandError::ChunkSize | CommandError::Base64 => (501, (5, 5, 2)),
            CommandError::Arguments | CommandError::Parameter(_) => (501, (5, 5, 4)),
            CommandError::ReversePath(_) => (501, (5, 1, 7)),
            CommandError::ForwardPath(_) => (501, (5, 1, 3)),
            CommandError::SmtpUtf8 => (550, (5, 6, 7)),
            CommandError::ParameterUnknown(_) => (555, (5, 5, 4)),
        };
        Reply::new(code, enhanced, self.to_string())
    }
}

impl Command {
    /// Reads a line without its CRLF. Verbs and keywords may be in any case (RFC 5321 §2.4), and trailing spaces are
    /// ignored (§4.1.1).
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Octets)?;
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(CommandError::Octets);
        }
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let none = |command| if arguments.is_empty() { Ok(command) } else { Err(CommandError::Arguments) };
        let some = |command| if arguments.is_empty() { Err(CommandError::Syntax("a name")) } else { Ok(command) };
        let hello = |hello| HelloName::parse(arguments.trim()).map(|name| Command::Hello(hello, name));
        match verb.to_ascii_uppercase().as_str() {
            "MAIL" => mail(arguments),
            "RCPT" => rcpt(arguments),
            "DATA" => none(Command::Data),
            "BDAT" => chunking::parse(arguments).map(|(octets, chunk)| Command::Bdat(octets, chunk)),
            "EHLO" => hello(Hello::Ehlo),
            "HELO" => hello(Hello::Helo),
            "LHLO" => hello(Hello::Lhlo),
            "RSET" => none(Command::Rset),
            "QUIT" => none(Command::Quit),
            "NOOP" => Ok(Command::Noop),
            "HELP" => Ok(Command::Help),
            "STARTTLS" => none(Command::StartTls),
            "VRFY" => some(Command::Vrfy),
            "EXPN" => some(Command::Expn),
            "AUTH" => Attempt::parse(arguments).map(Command::Auth),
            _ => Err(CommandError::Unknown),
        }
    }
}

fn mail(arguments: &str) -> Result<Command, CommandError> {
    let mut cursor = after(arguments, "FROM:").ok_or(CommandError::Syntax("FROM:<address> and parameters"))?;
    let path_begins = cursor;
    let path = path::reverse(&mut cursor).map_err(CommandError::ReversePath)?;
    let ascii = path_begins.strip_suffix(cursor).is_none_or(str::is_ascii);
    let params = match cursor {
        "" => MailParams::default(),
        _ => MailParams::parse(cursor.strip_prefix(' ').ok_or(CommandError::ReversePath(PathError::Form))?)?,
    };
    if !ascii && !params.smtputf8 {
        return Err(CommandError::SmtpUtf8);
    }
    Ok(Command::Mail(path, params))
}

fn rcpt(arguments: &str) -> Result<Command, CommandError> {
    let mut cursor = after(arguments, "TO:").ok_or(CommandError::Syntax("TO:<address> and parameters"))?;
    let path = path::forward(&mut cursor).map_err(CommandError::ForwardPath)?;
    let params = match cursor {
        "" => RcptParams::default(),
        _ => RcptParams::parse(cursor.strip_prefix(' ').ok_or(CommandError::ForwardPath(PathError::Form))?)?,
    };
    Ok(Command::Rcpt(path, params))
}

/// What follows `keyword`. RFC 5321 §3.3 allows no space around the colon; we skip those behind it, because many programs
/// send one and it means the same.
fn after<'a>(arguments: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = arguments.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches(' '))
}

/// The line without CRLF, in its one form; of AUTH with all that is secret.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Hello(Hello::Helo, name) => write!(f, "HELO {}", name.as_str()),
            Command::Hello(Hello::Ehlo, name) => write!(f, "EHLO {}", name.as_str()),
            Command::Hello(Hello::Lhlo, name) => write!(f, "LHLO {}", name.as_str()),
            Command::Mail(path, params) => write!(f, "MAIL FROM:{path}{params}"),
            Command::Rcpt(path, params) => write!(f, "RCPT TO:<{path}>{params}"),
            Command::Data => f.write_str("DATA"),
            Command::Bdat(octets, Chunk::More) => write!(f, "BDAT {octets}"),
            Command::Bdat(octets, Chunk::Last) => write!(f, "BDAT {octets} LAST"),
            Command::Rset => f.write_str("RSET"),
            Command::Vrfy => f.write_str("VRFY ?"),
            Command::Expn => f.write_str("EXPN ?"),
            Command::Help => f.write_str("HELP"),
            Command::Noop => f.write_str("NOOP"),
            Command::Quit => f.write_str("QUIT"),
            Command::StartTls => f.write_str("STARTTLS"),
            Command::Auth(attempt) => write!(f, "AUTH {attempt}"),
        }
    }
}

#[cfg(test)]
mod tests;
