//! APPEND (RFC 9051 §6.3.12, RFC 3502 §6.3.11) and REPLACE (RFC 8508 §3.2): all but the messages, which stream.

use model::Flag;

use super::{Encoder, Numbering, Tag};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::date::DateTime;
use crate::limits::FLAGS_MAX;
use crate::mailbox::{MailboxName, NameForm};
use crate::sequence::SeqBound;

/// Where messages go, and what goes for it; the first message follows as a literal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// The destination.
    pub mailbox: MailboxName,
    /// Of REPLACE: the message of the selected mailbox that goes when the new one comes.
    pub replaces: Option<Replaces>,
    /// With what the first message goes.
    pub message: AppendMessage,
}

/// The message that REPLACE removes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaces {
    /// Its number.
    pub message: SeqBound,
    /// `REPLACE` or `UID REPLACE`.
    pub numbering: Numbering,
}

/// With what a message goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AppendMessage {
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

impl AppendData {
    /// What closes it behind the message's octets.
    pub(crate) fn closing(self) -> &'static str {
        match self {
            AppendData::Plain => "",
            AppendData::Utf8 => ")",
        }
    }
}

/// What stands before a literal that might be a message.
pub(crate) enum Head {
    /// An APPEND or REPLACE, whose message comes now.
    Message(Tag, Append),
    /// One that is none.
    Wrong(ParseError),
    /// Another command, or the mailbox name.
    Other,
}

/// Looks at a command up to a literal, which is not in `octets`.
pub(crate) fn head(octets: &[u8], form: NameForm) -> Head {
    let mut cursor = Cursor::new(octets, form);
    let Ok(tag) = super::parse::tag(&mut cursor) else { return Head::Other };
    let (name, numbering) = if cursor.take_word(" APPEND ") {
        ("APPEND", None)
    } else if cursor.take_word(" REPLACE ") {
        ("REPLACE", Some(Numbering::SeqNum))
    } else if cursor.take_word(" UID REPLACE ") {
        ("UID REPLACE", Some(Numbering::Uid))
    } else {
        return Head::Other;
    };
    let replaces = match numbering.map(|numbering| replaced(&mut cursor, numbering)).transpose() {
        Ok(replaces) => replaces,
        Err(error) => return Head::Wrong(error.within(name)),
    };
    if cursor.is_at_end() {
        return Head::Other;
    }
    match arguments(&mut cursor, replaces) {
        Ok(append) => Head::Message(tag, append),
        Err(error) => Head::Wrong(error.within(name)),
    }
}

fn replaced(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Replaces> {
    let message = SeqBound::parse(cursor)?;
    cursor.space()?;
    Ok(Replaces { message, numbering })
}

fn arguments(cursor: &mut Cursor<'_>, replaces: Option<Replaces>) -> Parsed<Append> {
    let mailbox = cursor.mailbox()?;
    Ok(Append { mailbox, replaces, message: message(cursor)? })
}

/// Looks at what stands between a message and the next one (RFC 3502 §6.3.11 `append-message`).
pub(crate) fn another(octets: &[u8], form: NameForm, before: AppendData) -> Parsed<AppendMessage> {
    let mut cursor = Cursor::new(octets, form);
    if !cursor.take_word(before.closing()) {
        return cursor.expected("\")\"");
    }
    message(&mut cursor)
}

/// `append-message`, up to its literal.
fn message(cursor: &mut Cursor<'_>) -> Parsed<AppendMessage> {
    cursor.space()?;
    let mut message = AppendMessage::default();
    if cursor.peek() == Some(b'(') {
        message.flags = cursor.list(FLAGS_MAX, Cursor::flag)?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'"') {
        message.date = Some(DateTime::parse(cursor)?);
        cursor.space()?;
    }
    if cursor.take_word("UTF8 (") {
        message.data = AppendData::Utf8;
    }
    cursor.end()?;
    Ok(message)
}

impl Append {
    /// The command up to its first message, of which the size is announced: `a1 APPEND INBOX (\Seen) {310}` CRLF.
    /// Behind the message follow [`AppendMessage::encode_another`], or [`AppendMessage::encode_end`].
    pub fn encode(&self, tag: &Tag, size_octets: u64, form: NameForm) -> Vec<u8> {
        let mut to = Encoder::new(form);
        to.raw(tag.as_str());
        match &self.replaces {
            None => to.raw(" APPEND"),
            Some(Replaces { message, numbering }) => {
                let name = if *numbering == Numbering::Uid { " UID REPLACE " } else { " REPLACE " };
                to.raw(name).raw(&message.to_string())
            }
        };
        to.mailbox(&self.mailbox);
        self.message.encode(size_octets, &mut to);
        to.done()
    }
}

impl AppendMessage {
    fn encode(&self, size_octets: u64, to: &mut Encoder) {
        if !self.flags.is_empty() {
            to.raw(" ").flags(&self.flags);
        }
        if let Some(date) = self.date {
            to.raw(&format!(" \"{date}\""));
        }
        to.raw(if self.data == AppendData::Utf8 { " UTF8 (~" } else { " " });
        to.raw(&format!("{{{size_octets}}}\r\n"));
    }

    /// What stands between this message and `next`.
    pub fn encode_another(&self, next: &AppendMessage, size_octets: u64) -> Vec<u8> {
        let mut to = Encoder::new(NameForm::default());
        to.raw(self.data.closing());
        next.encode(size_octets, &mut to);
        to.done()
    }

    /// What stands behind this message when it is the last.
    pub fn encode_end(&self) -> &'static str {
        match self.data {
            AppendData::Plain => "\r\n",
            AppendData::Utf8 => ")\r\n",
        }
    }
}
