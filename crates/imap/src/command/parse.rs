//! From octets to [`Command`]: tag, name, and who parses the rest.

use super::{
    Authenticate, Command, Copy, Create, Expunge, Fetch, Id, List, Login, Lsub, Numbering, Search, Select, SetQuota,
    Sort, StatusCommand, Store, Tag, Tagged, Thread, auth, quota,
};
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

/// Each command's name, and what parses from behind the name to the end.
type Arguments = fn(&mut Cursor<'_>) -> Parsed<Command>;
const COMMANDS: &[(&str, Arguments)] = &[
    ("CAPABILITY", |_| Ok(Command::Capability)),
    ("NOOP", |_| Ok(Command::Noop)),
    ("LOGOUT", |_| Ok(Command::Logout)),
    ("COMPRESS", auth::compress),
    ("UNAUTHENTICATE", |_| Ok(Command::Unauthenticate)),
    ("ID", |c| Id::parse(c).map(Command::Id)),
    ("STARTTLS", |_| Ok(Command::StartTls)),
    ("AUTHENTICATE", |c| Authenticate::parse(c).map(Command::Authenticate)),
    ("LOGIN", |c| Login::parse(c).map(Command::Login)),
    ("ENABLE", |c| auth::enable(c).map(Command::Enable)),
    ("SELECT", |c| Select::parse(c).map(Command::Select)),
    ("EXAMINE", |c| Select::parse(c).map(Command::Examine)),
    ("CREATE", |c| Create::parse(c).map(Command::Create)),
    ("DELETE", |c| c.space().and_then(|()| c.mailbox()).map(Command::Delete)),
    ("RENAME", rename),
    ("SUBSCRIBE", |c| c.space().and_then(|()| c.mailbox()).map(Command::Subscribe)),
    ("UNSUBSCRIBE", |c| c.space().and_then(|()| c.mailbox()).map(Command::Unsubscribe)),
    ("LIST", |c| List::parse(c).map(Command::List)),
    ("LSUB", |c| Lsub::parse(c).map(Command::Lsub)),
    ("NAMESPACE", |_| Ok(Command::Namespace)),
    ("STATUS", |c| StatusCommand::parse(c).map(Command::Status)),
    ("GETQUOTA", |c| quota::root(c).map(Command::GetQuota)),
    ("GETQUOTAROOT", |c| c.space().and_then(|()| c.mailbox()).map(Command::GetQuotaRoot)),
    ("SETQUOTA", |c| SetQuota::parse(c).map(Command::SetQuota)),
    ("APPEND", |c| c.expected("a message literal behind mailbox, flags and date")),
    ("REPLACE", |c| c.expected("a message literal behind number, mailbox, flags and date")),
    ("IDLE", |_| Ok(Command::Idle)),
    ("CHECK", |_| Ok(Command::Check)),
    ("CLOSE", |_| Ok(Command::Close)),
    ("UNSELECT", |_| Ok(Command::Unselect)),
    ("EXPUNGE", |_| Ok(Command::Expunge(Expunge { uids: None }))),
    ("SEARCH", |c| Search::parse(c, Numbering::SeqNum).map(Command::Search)),
    ("SORT", |c| Sort::parse(c, Numbering::SeqNum).map(Command::Sort)),
    ("THREAD", |c| Thread::parse(c, Numbering::SeqNum).map(Command::Thread)),
    ("FETCH", |c| Fetch::parse(c, Numbering::SeqNum).map(Command::Fetch)),
    ("STORE", |c| Store::parse(c, Numbering::SeqNum).map(Command::Store)),
    ("COPY", |c| Copy::parse(c, Numbering::SeqNum).map(Command::Copy)),
    ("MOVE", |c| Copy::parse(c, Numbering::SeqNum).map(Command::Move)),
    ("UID", uid),
];

/// RFC 9051 §6.4.9
const UID_COMMANDS: &[(&str, Arguments)] = &[
    ("UID EXPUNGE", |c| Expunge::parse_uid(c).map(Command::Expunge)),
    ("UID SEARCH", |c| Search::parse(c, Numbering::Uid).map(Command::Search)),
    ("UID SORT", |c| Sort::parse(c, Numbering::Uid).map(Command::Sort)),
    ("UID THREAD", |c| Thread::parse(c, Numbering::Uid).map(Command::Thread)),
    ("UID FETCH", |c| Fetch::parse(c, Numbering::Uid).map(Command::Fetch)),
    ("UID STORE", |c| Store::parse(c, Numbering::Uid).map(Command::Store)),
    ("UID COPY", |c| Copy::parse(c, Numbering::Uid).map(Command::Copy)),
    ("UID REPLACE", |c| c.expected("a message literal behind UID, mailbox, flags and date")),
    ("UID MOVE", |c| Copy::parse(c, Numbering::Uid).map(Command::Move)),
];

fn command(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let name = cursor.atom("a command")?;
    let Some((name, arguments)) = COMMANDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        return Err(ParseError::bad("unknown command".to_owned()));
    };
    let command = arguments(cursor).map_err(|error| error.within(name))?;
    cursor.end().map_err(|error| error.within(name))?;
    Ok(command)
}

fn uid(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let before = cursor.clone();
    let second = cursor.atom("a command")?;
    let known = |name: &str| name.strip_prefix("UID ").is_some_and(|name| name.eq_ignore_ascii_case(second));
    let Some((name, arguments)) = UID_COMMANDS.iter().find(|(name, _)| known(name)) else {
        return before.expected("FETCH, STORE, SEARCH, SORT, THREAD, COPY, MOVE, REPLACE or EXPUNGE");
    };
    arguments(cursor).and_then(|command| cursor.end().map(|()| command)).map_err(|error| error.within(name))
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let from = cursor.mailbox()?;
    cursor.space()?;
    Ok(Command::Rename { from, to: cursor.mailbox()? })
}
