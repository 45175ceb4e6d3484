//! From octets to [`Command`]: tag, name, and who parses the rest.

use super::{Command, Tag, Tagged};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::mailbox::NameForm;

/// Parses a whole command, without its last CRLF; its literals stand in it as `{n}`, CRLF and n octets.
///
/// # Errors
/// What the client is told; [`crate::Session`] does so with the command's tag.
pub fn parse(octets: &[u8], form: NameForm) -> Result<Tagged, ParseError> {
    let mut cursor = Cursor::new(octets, form);
    let tag = tag(&mut cursor)?;
    cursor.space()?;
    let command = command(&mut cursor)?;
    Ok(Tagged { tag, command })
}

/// The tag, if the command has one.
pub(crate) fn tag_of(octets: &[u8]) -> Option<Tag> {
    tag(&mut Cursor::new(octets, NameForm::default())).ok()
}

pub(super) fn tag(cursor: &mut Cursor<'_>) -> Parsed<Tag> {
    let before = cursor.clone();
    let run = cursor.run(|b| b.is_ascii_graphic());
    match std::str::from_utf8(run).ok().and_then(Tag::new) {
        Some(tag) => Ok(tag),
        None => before.expected("a tag"),
    }
}

fn command(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let name = cursor.atom("a command")?.to_ascii_uppercase();
    let plain = match name.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        _ => return Err(ParseError::bad(format!("unknown command {name}"))),
    };
    cursor.end()?;
    Ok(plain)
}
