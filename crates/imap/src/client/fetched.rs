//! FETCH responses (RFC 9051 §7.5.2).

use super::response::flags;
use crate::cursor::{Cursor, Parsed};
use crate::date::DateTime;
use model::Timestamp;

/// Deepest nesting of an item that is passed over, as a BODYSTRUCTURE.
const DEPTH_MAX: usize = 200;
/// Items of a response; more than there are kinds of.
const ITEMS_MAX: usize = 200;

/// What a server says of a message; `None` is not said.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Fetched {
    /// Its place in the mailbox.
    pub seq: u32,
    /// `UID`
    pub uid: Option<u32>,
    /// `FLAGS`
    pub flags: Option<Vec<String>>,
    /// `INTERNALDATE`
    pub internal_date: Option<Timestamp>,
    /// `RFC822.SIZE`
    pub size_octets: Option<u64>,
    /// `BODY[…]`
    pub sections: Vec<SectionFetched>,
}

/// A section of a message.
#[derive(Clone, PartialEq, Debug)]
pub struct SectionFetched {
    /// What stands in the brackets; empty for the whole message.
    pub section: String,
    /// Its octets.
    pub octets: Octets,
}

/// The octets of a section.
#[derive(Clone, PartialEq, Debug)]
pub enum Octets {
    /// So many passed by before.
    Streamed(u64),
    /// They stood in quotes.
    Here(Vec<u8>),
    /// `NIL`: there is no such section.
    Nil,
}

impl Fetched {
    pub(super) fn parse(c: &mut Cursor<'_>, seq: u32) -> Parsed<Fetched> {
        let mut fetched = Fetched { seq, ..Fetched::default() };
        c.need(b'(', "an opening parenthesis")?;
        for _ in 0..ITEMS_MAX {
            c.run(|octet| octet == b' ');
            if c.take(b')') {
                return Ok(fetched);
            }
            fetched.item(c)?;
        }
        c.expected("fewer items")
    }

    fn item(&mut self, c: &mut Cursor<'_>) -> Parsed<()> {
        let name = c.word("a data item")?.to_ascii_uppercase();
        if c.peek() == Some(b'[') {
            c.take(b'[');
            let section = String::from_utf8_lossy(c.run(|octet| octet != b']')).into_owned();
            c.need(b']', "the end of the section")?;
            if c.take(b'<') {
                c.run(|octet| octet != b'>');
                c.need(b'>', "the end of the offset")?;
            }
            c.space()?;
            let octets = octets(c)?;
            self.sections.push(SectionFetched { section, octets });
            return Ok(());
        }
        c.space()?;
        match name.as_str() {
            "UID" => self.uid = Some(c.nz_number("a UID")?),
            "FLAGS" => self.flags = Some(flags(c)?),
            "RFC822.SIZE" => self.size_octets = Some(c.number64()?),
            "INTERNALDATE" => {
                // Some servers know none, or write nonsense; a message is worth more than its date.
                let mut ahead = c.clone();
                self.internal_date = DateTime::parse(&mut ahead).ok().map(|date| date.timestamp);
                skip(c)?;
            }
            "RFC822" => {
                let octets = octets(c)?;
                self.sections.push(SectionFetched { section: String::new(), octets });
            }
            _ => skip(c)?,
        }
        Ok(())
    }
}

fn octets(c: &mut Cursor<'_>) -> Parsed<Octets> {
    if c.take(0) {
        let octets = c.number64()?;
        c.need(0, "the end of the literal")?;
        return Ok(Octets::Streamed(octets));
    }
    if c.take_word("NIL") {
        return Ok(Octets::Nil);
    }
    c.string("a string").map(Octets::Here)
}

/// Passes over a value of any kind: a word, a string, or a list of values.
fn skip(c: &mut Cursor<'_>) -> Parsed<()> {
    let mut depth = 0;
    loop {
        match c.peek() {
            Some(b'(') if depth < DEPTH_MAX => {
                c.take(b'(');
                depth += 1;
            }
            Some(b')') if depth > 0 => {
                c.take(b')');
                depth -= 1;
            }
            Some(b'"' | b'{') => {
                c.string("a string")?;
            }
            Some(b' ') if depth > 0 => {
                c.take(b' ');
                continue;
            }
            _ if c.run(|octet| !matches!(octet, b' ' | b'(' | b')' | b'"' | b'{' | 0)).is_empty() => {
                return c.expected("a value");
            }
            _ => {}
        }
        if depth == 0 {
            return Ok(());
        }
    }
}
