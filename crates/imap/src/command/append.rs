//! APPEND (RFC 9051 §6.3.12): all but the message, which streams.

use model::Flag;

use super::{Encoder, Tag};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::date::DateTime;
use crate::limits::FLAGS_MAX;
use crate::mailbox::{MailboxName, NameForm};

/// Where a message goes and with what; the message follows as a literal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// The destination.
    pub mailbox: MailboxName,
    /// Flags to set on it.
    pub flags: Vec<Flag>,
    /// Its internal date; now, when absent.
    pub date: Option<DateTime>,
    /// How the message is sent.
    pub data: AppendData,
}

/// What the message's header may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AppendData {
    /// ASCII, says the client; IMAP4rev2 leaves it open.
    #[default]
    Plain,
    /// `UTF8 (~{n}…)`: UTF-8 (RFC 6855 §4).
    Utf8,
}

/// What stands before a literal that might be a message.
pub(crate) enum Head {
    /// An APPEND, whose message comes now.
    Message(Tag, Append),
    /// An APPEND that is none.
    Wrong(ParseError),
    /// Another command, or APPEND's mailbox name.
    Other,
}

/// Looks at a command up to a literal, which is not in `octets`.
pub(crate) fn head(octets: &[u8], form: NameForm) -> Head {
    let mut cursor = Cursor::new(octets, form);
    let Ok(tag) = super::parse::tag(&mut cursor) else { return Head::Other };
    if !cursor.take_word(" APPEND ") || cursor.is_at_end() {
        return Head::Other;
    }
    match arguments(&mut cursor) {
        Ok(append) => Head::Message(tag, append),
        Err(error) => Head::Wrong(error.within("APPEND")),
    }
}

fn arguments(cursor: &mut Cursor<'_>) -> Parsed<Append> {
    let mailbox = cursor.mailbox()?;
    cursor.space()?;
    let mut append = Append { mailbox, flags: Vec::new(), date: None, data: AppendData::Plain };
    if cursor.peek() == Some(b'(') {
        append.flags = cursor.list(FLAGS_MAX, Cursor::flag)?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'"') {
        append.date = Some(DateTime::parse(cursor)?);
        cursor.space()?;
    }
    if cursor.take_word("UTF8 (") {
        append.data = AppendData::Utf8;
    }
    cursor.end()?;
    Ok(append)
}

impl Append {
    /// The command up to its message literal, of which the size is announced; with [`AppendData::Utf8`] a `)` must follow it: `a1 APPEND INBOX (\Seen) {310}` CRLF.
    pub fn encode(&self, tag: &Tag, size_octets: u64, form: NameForm) -> Vec<u8> {
        let mut to = Encoder::new(form);
        to.raw(tag.as_str()).raw(" APPEND").mailbox(&self.mailbox);
        if !self.flags.is_empty() {
            to.raw(" ").flags(&self.flags);
        }
        if let Some(date) = self.date {
            to.raw(&format!(" \"{date}\""));
        }
        to.raw(if self.data == AppendData::Utf8 { " UTF8 (~" } else { " " });
        to.raw(&format!("{{{size_octets}}}\r\n"));
        to.done()
    }
}
