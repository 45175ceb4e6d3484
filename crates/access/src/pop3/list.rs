//! LIST and UIDL (RFC 1939 §5, §7).

use super::maildrop::Maildrop;
use super::running::End;
use crate::imap::out::Out;
use mailstore::Member;
use pop3::{Answer, Language, Text};

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
            let mut line = Vec::new();
            line_of(maildrop, listing, (number, &member), &mut line);
            Answer::ok(Text::Data(String::from_utf8_lossy(&line).into_owned()))
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
    for (number, member) in maildrop.view.iter() {
        if maildrop.is_deleted(number.0) {
            continue;
        }
        line_of(maildrop, listing, (number.0, &member), out);
        out.extend_from_slice(b"\r\n");
        out.room().await;
    }
    out.extend_from_slice(b".\r\n");
    End::Finished
}

fn line_of(maildrop: &Maildrop, listing: Listing, (number, member): (u32, &Member), line: &mut Vec<u8>) {
    decimal(number.into(), line);
    line.push(b' ');
    match listing {
        Listing::Sizes => decimal(member.size_octets, line),
        Listing::Uids => {
            decimal(maildrop.view.mailbox.uid_validity.0.into(), line);
            line.push(b'.');
            decimal(member.uid.0.into(), line);
        }
    }
}

/// A list of ten thousand messages has thirty thousand numbers: `write!` takes several times as long.
fn decimal(mut number: u64, line: &mut Vec<u8>) {
    let start = line.len();
    loop {
        line.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = line.get_mut(start..) {
        digits.reverse();
    }
}
