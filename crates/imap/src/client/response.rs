//! What a server says (RFC 9051 §7), as far as a client that fetches mail needs it.

use super::fetched::Fetched;
use crate::command::Tag;
use crate::cursor::{Cursor, Parsed};
use crate::mailbox::{self, NameForm};
use crate::response::Status;

/// Words of a list that are kept: capabilities, attributes, flags. Real servers have some dozens.
const WORDS_MAX: usize = 1000;

/// A response.
#[derive(Clone, PartialEq, Debug)]
pub enum Response {
    /// The end of a command.
    Tagged {
        /// Of the command.
        tag: Tag,
        /// How it went.
        status: Status,
        /// For programs.
        code: Option<ResponseCode>,
        /// For people.
        text: String,
    },
    /// `* OK` and the like.
    Untagged {
        /// What it is.
        condition: Condition,
        /// For programs.
        code: Option<ResponseCode>,
        /// For people.
        text: String,
    },
    /// `+`: the server waits for the rest of a command; in AUTHENTICATE with a challenge.
    Continue(String),
    /// `CAPABILITY`
    Capability(Vec<String>),
    /// `LIST`
    List(Listed),
    /// `FLAGS`
    Flags(Vec<String>),
    /// `EXISTS`
    Exists(u32),
    /// `EXPUNGE`
    Expunge(u32),
    /// `FETCH`
    Fetch(Box<Fetched>),
    /// `SEARCH`
    Search(Vec<u32>),
    /// What is not of interest here, by its name.
    Other(String),
}

/// What an untagged status says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// `OK`
    Ok,
    /// `NO`: a warning
    No,
    /// `BAD`
    Bad,
    /// `PREAUTH`: the connection is logged in already (RFC 9051 §7.1.4).
    PreAuth,
    /// `BYE`: it ends.
    Bye,
}

/// What a status says for programs (RFC 9051 §7.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ResponseCode {
    /// `CAPABILITY`
    Capability(Vec<String>),
    /// `UIDVALIDITY`
    UidValidity(u32),
    /// `UIDNEXT`
    UidNext(u32),
    /// Any other, by its name.
    Other(String),
}

/// A mailbox of LIST (RFC 9051 §7.3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// As `\Noselect` and `\Sent`.
    pub attributes: Vec<String>,
    /// Between levels; none where there are no levels.
    pub delimiter: Option<char>,
    /// The name for people; as it is on the wire where that is neither modified UTF-7 nor UTF-8.
    pub name: String,
    /// The name by which the server is asked for it.
    pub wire: Vec<u8>,
}

impl Listed {
    /// Whether it has an attribute.
    pub fn is(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute))
    }
}

impl Response {
    /// Reads a response with its literals, without its CRLF.
    pub(super) fn parse(line: &[u8]) -> Parsed<Response> {
        let mut c = Cursor::new(line, NameForm::ModifiedUtf7);
        if c.take(b'+') {
            c.take(b' ');
            return Ok(Response::Continue(rest(&mut c)));
        }
        if c.take(b'*') {
            c.space()?;
            return untagged(&mut c);
        }
        let tag = c.run(|octet| octet != b' ');
        let Some(tag) = std::str::from_utf8(tag).ok().and_then(Tag::new) else { return c.expected("a tag") };
        c.space()?;
        let status = match condition(&mut c)? {
            Condition::Ok => Status::Ok,
            Condition::No => Status::No,
            Condition::Bad => Status::Bad,
            _ => return c.expected("OK, NO or BAD"),
        };
        let (code, text) = status_text(&mut c)?;
        Ok(Response::Tagged { tag, status, code, text })
    }
}

fn untagged(c: &mut Cursor<'_>) -> Parsed<Response> {
    if c.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        return numbered(c);
    }
    let mut ahead = c.clone();
    if let Ok(condition) = condition(&mut ahead) {
        let (code, text) = status_text(&mut ahead)?;
        return Ok(Response::Untagged { condition, code, text });
    }
    let name = c.word("a response")?.to_ascii_uppercase();
    c.take(b' ');
    Ok(match name.as_str() {
        "CAPABILITY" => Response::Capability(words(c)),
        "LIST" => Response::List(listed(c)?),
        "FLAGS" => Response::Flags(flags(c)?),
        "SEARCH" => Response::Search(words(c).iter().filter_map(|word| word.parse().ok()).collect()),
        _ => Response::Other(name),
    })
}

fn numbered(c: &mut Cursor<'_>) -> Parsed<Response> {
    let Ok(number) = u32::try_from(c.number64()?) else { return c.expected("a message number") };
    c.space()?;
    let name = c.word("a response")?.to_ascii_uppercase();
    match name.as_str() {
        "EXISTS" => Ok(Response::Exists(number)),
        "EXPUNGE" => Ok(Response::Expunge(number)),
        "FETCH" => {
            c.space()?;
            Ok(Response::Fetch(Box::new(Fetched::parse(c, number)?)))
        }
        _ => Ok(Response::Other(name)),
    }
}

fn condition(c: &mut Cursor<'_>) -> Parsed<Condition> {
    let all = [
        ("OK", Condition::Ok),
        ("NO", Condition::No),
        ("BAD", Condition::Bad),
        ("PREAUTH", Condition::PreAuth),
        ("BYE", Condition::Bye),
    ];
    let before = c.clone();
    let word = c.word("a status")?;
    match all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        Some((_, condition)) => Ok(condition),
        None => before.expected("a status"),
    }
}

/// `[CODE …] text`; the text may be missing, which servers do.
fn status_text(c: &mut Cursor<'_>) -> Parsed<(Option<ResponseCode>, String)> {
    c.take(b' ');
    let mut code = None;
    if c.take(b'[') {
        let name = c.run(|octet| !matches!(octet, b' ' | b']'));
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        c.take(b' ');
        let arguments = c.run(|octet| octet != b']');
        c.need(b']', "the end of the response code")?;
        c.take(b' ');
        let number = || std::str::from_utf8(arguments).ok()?.trim().parse::<u32>().ok();
        code = Some(match (name.as_str(), number()) {
            ("CAPABILITY", _) => ResponseCode::Capability(words(&mut Cursor::new(arguments, NameForm::default()))),
            ("UIDVALIDITY", Some(number)) => ResponseCode::UidValidity(number),
            ("UIDNEXT", Some(number)) => ResponseCode::UidNext(number),
            _ => ResponseCode::Other(name),
        });
    }
    Ok((code, rest(c)))
}

fn rest(c: &mut Cursor<'_>) -> String {
    String::from_utf8_lossy(c.run(|_| true)).into_owned()
}

/// Words with spaces between, up to the end; a server may have many, and says nothing with those behind.
fn words(c: &mut Cursor<'_>) -> Vec<String> {
    rest(c).split_ascii_whitespace().take(WORDS_MAX).map(str::to_owned).collect()
}

fn listed(c: &mut Cursor<'_>) -> Parsed<Listed> {
    let attributes = flags(c)?;
    c.space()?;
    let delimiter = if c.take_word("NIL") { None } else { c.text("a delimiter")?.chars().next() };
    c.space()?;
    let wire = c.astring("a mailbox name")?;
    let name = mailbox::decode(&wire, NameForm::ModifiedUtf7);
    let name = name.unwrap_or_else(|_| String::from_utf8_lossy(&wire).into_owned());
    Ok(Listed { attributes, delimiter, name, wire })
}

/// `(\Seen $Junk)`: whatever stands between spaces, for servers are free in what they call so.
pub(super) fn flags(c: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    c.need(b'(', "an opening parenthesis")?;
    let mut flags = Vec::new();
    loop {
        c.run(|octet| octet == b' ');
        if c.take(b')') {
            return Ok(flags);
        }
        let flag = c.run(|octet| !matches!(octet, b' ' | b'(' | b')'));
        if flag.is_empty() {
            return c.expected("a flag");
        }
        if flags.len() == WORDS_MAX {
            return c.expected("fewer flags");
        }
        flags.push(String::from_utf8_lossy(flag).into_owned());
    }
}
