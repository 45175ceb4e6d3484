//! What a mail submission agent mends in a header (RFC 6409 §8): adds what is missing, takes out what must not travel.

use std::fmt;
use std::ops::Range;

use model::{Address, Timestamp};

use crate::address::parse_addresses;
use crate::date::SentAt;
use crate::header::{Field, Fields, field, unfold};

/// Changes of a submitted message's header; body and other fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixups {
    /// Fields that go before the header, each with its CRLF.
    pub add: Vec<u8>,
    /// Where fields lie in the header that go, in rising order.
    pub remove: Vec<Range<usize>>,
}

/// Why a message cannot be mended and has to be refused with 550 5.6.0: its text is for the person who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// More than one `From` (RFC 5322 §3.6): programs differ in which they show, so it hides who writes.
    SeveralFrom,
    /// A header longer than [`Fixups::HEADER_OCTETS_MAX`].
    HeaderTooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::SeveralFrom => "The message has several From fields, and may have only one",
            Malformed::HeaderTooLong => "The header of the message is too long",
        })
    }
}

impl std::error::Error for Malformed {}

/// Addresses looked at in one field: more authors than that a message does not have.
const ADDRESSES_MAX: usize = 100;

impl Fixups {
    /// A header is kept whole while it is mended, and a `Bcc` behind what is looked at would be told to everyone: so
    /// longer ones are refused. As much as the scanner keeps.
    pub const HEADER_OCTETS_MAX: usize = 512 * 1024;

    /// What to change in `header`: all octets up to and including the blank line, or to the end if there is none.
    ///
    /// `message_id` has its angle brackets. `may_send_as` tells which addresses (ASCII or UTF-8, without brackets) are
    /// the account's own; `sender` is the one it is known by.
    ///
    /// # Errors
    /// If the header cannot be mended.
    pub fn of(
        header: &[u8],
        now: Timestamp,
        message_id: &str,
        sender: &Address,
        may_send_as: &dyn Fn(&str) -> bool,
    ) -> Result<Fixups, Malformed> {
        if header.len() > Self::HEADER_OCTETS_MAX {
            return Err(Malformed::HeaderTooLong);
        }
        let mut fixups = Fixups::default();
        let mut seen = Seen::default();
        for field in Fields::new(header) {
            seen.look_at(&field, may_send_as, &mut fixups.remove)?;
        }
        fixups.add_missing(&seen, (now, message_id), sender);
        fixups.remove.extend(seen.removed());
        fixups.remove.sort_by_key(|range| range.start);
        Ok(fixups)
    }

    /// The header as it shall travel.
    pub fn apply(&self, header: &[u8]) -> Vec<u8> {
        let mut out = self.add.clone();
        let mut at = 0;
        for range in &self.remove {
            out.extend_from_slice(header.get(at..range.start).unwrap_or_default());
            at = range.end;
        }
        out.extend_from_slice(header.get(at..).unwrap_or_default());
        out
    }

    fn add_missing(&mut self, seen: &Seen, (now, message_id): (Timestamp, &str), sender: &Address) {
        if !seen.has_date {
            field(&mut self.add, "Date", &now.rfc5322());
        }
        if !seen.has_message_id {
            field(&mut self.add, "Message-ID", message_id);
        }
        if seen.authors == 0 {
            field(&mut self.add, "From", &format!("<{sender}>"));
        }
        if seen.needs_sender() && !seen.keeps_sender() {
            field(&mut self.add, "Sender", &format!("<{sender}>"));
        }
    }
}

/// What the fields told.
#[derive(Debug, Default)]
struct Seen {
    has_date: bool,
    has_message_id: bool,
    from: Option<Range<usize>>,
    authors: usize,
    author_is_own: bool,
    /// Where they lie, and whether each names an address of the account.
    senders: Vec<(Range<usize>, bool)>,
}

impl Seen {
    /// Takes note of a field, and of its range in `remove` if it has to go whatever else there is.
    fn look_at(
        &mut self,
        field: &Field<'_>,
        may_send_as: &dyn Fn(&str) -> bool,
        remove: &mut Vec<Range<usize>>,
    ) -> Result<(), Malformed> {
        match &*field.name.to_ascii_lowercase() {
            // Blind copies stay blind (RFC 5322 §3.6.3); the path is written at delivery (RFC 5321 §4.4).
            b"bcc" | b"resent-bcc" | b"return-path" => remove.push(field.range.clone()),
            b"date" if !self.has_date && SentAt::parse(&unfold(field.value)).is_some() => self.has_date = true,
            // A second one, or one that cannot be read (RFC 6409 §8.2).
            b"date" => remove.push(field.range.clone()),
            b"message-id" if unfold(field.value).is_empty() => remove.push(field.range.clone()),
            b"message-id" => self.has_message_id = true,
            b"from" if self.from.is_some() => return Err(Malformed::SeveralFrom),
            b"from" => {
                self.from = Some(field.range.clone());
                let own = addresses(field.value).into_iter().map(|address| may_send_as(&address)).collect::<Vec<_>>();
                (self.authors, self.author_is_own) = (own.len(), own.contains(&true));
            }
            b"sender" => {
                let own = addresses(field.value).iter().any(|address| may_send_as(address));
                self.senders.push((field.range.clone(), own));
            }
            // It would become part of the field that is put before it.
            _ if field.range.start == 0 && matches!(field.raw, [b' ' | b'\t', ..]) => {
                remove.push(field.range.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// RFC 6409 §8.1: who sent it is told if no author is the account; RFC 5322 §3.6.2: and if there are several.
    fn needs_sender(&self) -> bool {
        self.authors > 1 || (self.authors == 1 && !self.author_is_own)
    }

    fn keeps_sender(&self) -> bool {
        matches!(self.senders.as_slice(), [(_, true)])
    }

    /// An empty `From`, and a `Sender` that is foreign or one of several.
    fn removed(self) -> Vec<Range<usize>> {
        let keeps = self.keeps_sender();
        let from = self.from.filter(|_| self.authors == 0);
        let senders = self.senders.into_iter().filter(|_| !keeps).map(|(range, _)| range);
        from.into_iter().chain(senders).collect()
    }
}

/// The addresses of a field as `local@domain`.
fn addresses(value: &[u8]) -> Vec<String> {
    let (addresses, _) = parse_addresses(&unfold(value), ADDRESSES_MAX);
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let full = addresses.iter().filter_map(|address| {
        let (local, domain) = (address.mailbox.as_deref()?, address.host.as_deref()?);
        (!local.is_empty() && !domain.is_empty()).then(|| format!("{}@{}", text(local), text(domain)))
    });
    full.collect()
}

#[cfg(test)]
mod tests;
