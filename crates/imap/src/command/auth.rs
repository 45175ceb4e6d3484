//! LOGIN, AUTHENTICATE and ID.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Command, Encoder};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::limits::{ENABLE_MAX, ID_PAIRS_MAX, ID_VALUE_OCTETS_MAX};
use model::Secret;

/// LOGIN (RFC 9051 §6.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The user's name, UTF-8.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// AUTHENTICATE (RFC 9051 §6.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticate {
    /// SASL mechanism in upper case.
    pub mechanism: String,
    /// The decoded initial response, which may be empty (RFC 4959 §3).
    pub initial: Option<Secret>,
}

/// ID (RFC 2971 §3.1): what the client says about itself; empty for NIL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Id {
    /// Field and value, as sent.
    pub fields: Vec<(String, Option<String>)>,
}

impl Login {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Login> {
        cursor.space()?;
        let user = cursor.text("a user name")?;
        cursor.space()?;
        Ok(Login { user, password: Secret::new(cursor.astring("a password")?) })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.astring(self.user.as_bytes()).astring(self.password.expose());
    }
}

impl Authenticate {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Authenticate> {
        cursor.space()?;
        let mechanism = cursor.atom("a mechanism")?.to_ascii_uppercase();
        let mut initial = None;
        if cursor.take(b' ') {
            let before = cursor.clone();
            let text = cursor.run(|b| b.is_ascii_graphic());
            let octets = if text == b"=" { Some(Vec::new()) } else { STANDARD.decode(text).ok() };
            match octets.filter(|_| !text.is_empty()) {
                Some(octets) => initial = Some(Secret::new(octets)),
                None => return before.expected("an initial response in base64"),
            }
        }
        Ok(Authenticate { mechanism, initial })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.raw(" ").raw(&self.mechanism);
        if let Some(initial) = &self.initial {
            let text = STANDARD.encode(initial.expose());
            to.raw(" ").raw(if text.is_empty() { "=" } else { &text });
        }
    }
}

impl Id {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Id> {
        cursor.space()?;
        if cursor.take_word("NIL") {
            return Ok(Id::default());
        }
        let fields = cursor.list(ID_PAIRS_MAX, |c| {
            let field = value(c)?;
            c.space()?;
            Ok((field, if c.take_word("NIL") { None } else { Some(value(c)?) }))
        })?;
        Ok(Id { fields })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        if self.fields.is_empty() {
            to.raw(" NIL");
            return;
        }
        for (i, (field, value)) in self.fields.iter().enumerate() {
            to.raw(if i == 0 { " (" } else { " " }).string(field.as_bytes()).raw(" ");
            match value {
                Some(value) => to.string(value.as_bytes()),
                None => to.raw("NIL"),
            };
        }
        to.raw(")");
    }
}

/// RFC 4978 §5.
pub(super) fn compress(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    if cursor.take_word("DEFLATE") { Ok(Command::Compress) } else { cursor.expected("DEFLATE") }
}

/// A string that goes to logs: short, and UTF-8.
fn value(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let octets = cursor.string("a string")?;
    if octets.len() > ID_VALUE_OCTETS_MAX {
        return Err(ParseError::bad(format!("a string longer than {ID_VALUE_OCTETS_MAX} octets")));
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// ENABLE's arguments, in upper case (RFC 9051 §6.3.1).
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    let mut names = vec![cursor.atom("a capability")?.to_ascii_uppercase()];
    while cursor.take(b' ') {
        if names.len() == ENABLE_MAX {
            return Err(ParseError::bad(format!("more than {ENABLE_MAX} capabilities")));
        }
        names.push(cursor.atom("a capability")?.to_ascii_uppercase());
    }
    Ok(names)
}
