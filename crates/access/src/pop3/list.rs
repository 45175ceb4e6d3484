//! LIST and UIDL (RFC 1939 §5, §7).

use super::maildrop::Maildrop;
use super::running::End;
use crate::imap::out::Out;
use mailstore::Member;
use pop3::{Answer, Language, Text};
use std::fmt::Write;

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listing {
    /// Octets as RETR sends them, but for the rare message whose lines do not end with CRLF, or whose header has to be said in
    /// ASCII: sizes are those of what is stored (RFC 6856 §2.1 asks that they SHOULD match).
    Sizes,
    /// UIDVALIDITY and UID: for ever of this message alone, whatever server or mailbox is made anew. The form stays, for clients
    /// would fetch all mail again.
    Uids,
}

/// `LIST n`, `UIDL n`.
pub(crate) fn one(maildrop: &Maildrop, listing: Listing, number: u32) -> Answer {
    match maildrop.message(number) {
        Ok(member) => {
            let mut line = String::new();
            line_of(maildrop, listing, (number, member), &mut line);
            Answer::ok(Text::Data(line))
        }
        Err(answer) => answer,
    }
}

/// `LIST`, `UIDL`: all that is not marked as deleted.
pub(crate) async fn all(maildrop: &Maildrop, listing: Listing, language: Language, out: &mut Out) -> End {
    let text = match listing {
        Listing::Sizes => maildrop.summary(),
        Listing::Uids => Text::UidsFollow,
    };
    Answer::ok(text).print(language, out);
    let mut line = String::new();
    for (number, member) in maildrop.view.iter() {
        if maildrop.is_deleted(number.0) {
            continue;
        }
        line.clear();
        line_of(maildrop, listing, (number.0, member), &mut line);
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.room().await;
    }
    out.extend_from_slice(b".\r\n");
    End::Finished
}

fn line_of(maildrop: &Maildrop, listing: Listing, (number, member): (u32, &Member), line: &mut String) {
    // Writing to a String does not fail.
    let _ = match listing {
        Listing::Sizes => write!(line, "{number} {}", member.size_octets),
        Listing::Uids => write!(line, "{number} {}.{}", maildrop.view.mailbox.uid_validity.0, member.uid.0),
    };
}
