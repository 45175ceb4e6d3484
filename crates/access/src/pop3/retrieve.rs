//! RETR and TOP (RFC 1939 §5, §7): messages as streams.

use super::maildrop::Maildrop;
use super::running::End;
use super::surrogate::AsciiHeader;
use crate::imap::out::Out;
use mailstore::{Email, Error, Member};
use pop3::{Answer, Language, Stuffer, Text, Top};

/// Octets that are read at once.
const PIECE_OCTETS: u64 = 64 * 1024;

/// How much of a message is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// Its header and so many lines of its body.
    Top(u32),
}

/// How it is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    pub language: Language,
    /// Whether the header may be in UTF-8 (RFC 6856 §2.1).
    pub utf8: bool,
}

/// Sends a message. Nothing is promised before its first octets are there.
pub(crate) async fn retrieve(maildrop: &mut Maildrop, number: u32, extent: Extent, form: Form, out: &mut Out) -> End {
    let member = match maildrop.message(number) {
        Ok(member) => member,
        Err(answer) => return End::Finish(answer),
    };
    let (email, first) = match begin(maildrop, &member).await {
        Ok(found) => found,
        Err(error) => return End::Finish(maildrop.unreadable(number, member.uid, &error)),
    };
    let text = match extent {
        Extent::Whole => Text::Octets(email.size_octets()),
        Extent::Top(_) => Text::TopFollows,
    };
    Answer::ok(text).print(form.language, out);
    let mut lines = Lines::new(extent, form);
    let (mut piece, mut at) = (first, 0);
    loop {
        for part in &piece {
            at += part.len() as u64;
            lines.push(part, out);
        }
        if at >= email.size_octets() || lines.are_over() {
            break;
        }
        out.room().await;
        piece = match maildrop.account.parts(&email, at..at.saturating_add(PIECE_OCTETS)).await {
            Ok(piece) if piece.iter().any(|part| !part.is_empty()) => piece,
            outcome => {
                tracing::warn!(event = "message.broken_off", cause = outcome.err().map(tracing::field::display));
                return End::Broken;
            }
        };
    }
    lines.end(out);
    if extent == Extent::Whole {
        maildrop.was_read(number);
    }
    End::Finished
}

/// The email's row, and its first octets.
async fn begin(maildrop: &Maildrop, member: &Member) -> Result<(Email, [bytes::Bytes; 2]), Error> {
    let missing = Error::BodyMissing(member.email);
    let email = maildrop.account.emails(&[member.email]).await?.pop().flatten().ok_or(missing.clone())?;
    let first = maildrop.account.parts(&email, 0..PIECE_OCTETS).await?;
    if first.iter().all(bytes::Bytes::is_empty) && email.size_octets() > 0 { Err(missing) } else { Ok((email, first)) }
}

/// The message's way to the client.
struct Lines {
    header: Option<AsciiHeader>,
    top: Option<Top>,
    stuffer: Stuffer,
}

impl Lines {
    fn new(extent: Extent, form: Form) -> Lines {
        let top = match extent {
            Extent::Whole => None,
            Extent::Top(lines) => Some(Top::new(lines)),
        };
        Lines { header: (!form.utf8).then(AsciiHeader::default), top, stuffer: Stuffer::default() }
    }

    fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match &mut self.header {
            Some(header) => {
                let octets = header.push(octets);
                stuff(&mut self.top, &mut self.stuffer, &octets, out);
            }
            None => stuff(&mut self.top, &mut self.stuffer, octets, out),
        }
    }

    fn are_over(&self) -> bool {
        self.top.is_some_and(|top| top.is_over())
    }

    fn end(mut self, out: &mut Vec<u8>) {
        if let Some(header) = self.header.take() {
            stuff(&mut self.top, &mut self.stuffer, &header.finish(), out);
        }
        self.stuffer.end(out);
    }
}

fn stuff(top: &mut Option<Top>, stuffer: &mut Stuffer, octets: &[u8], out: &mut Vec<u8>) {
    let shown = top.as_mut().map_or(octets.len(), |top| top.take(octets));
    stuffer.push(octets.get(..shown).unwrap_or_default(), out);
}
