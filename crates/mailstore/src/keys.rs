//! By what a mailbox's messages are sorted and put into conversations: read from their rows once, then kept while used.

mod pool;
mod read;
mod row;
#[cfg(test)]
mod tests;

pub use pool::{KEYS_KEPT_OCTETS_MAX, KEYS_OCTETS_MAX};
pub use read::KEYS_AT_ONCE;
pub(crate) use row::EmailKeys;
pub use row::WantedKeys;

use crate::error::Error;
use message::text::fold_into;
use model::{EmailId, Timestamp};
pub(crate) use pool::{KeysPool, Lease};
use std::collections::HashMap;
use std::sync::Arc;

/// The keys of many emails. Texts and identifiers are numbered, so that equal ones are one number.
#[derive(Clone, Debug)]
pub struct Keys {
    places: HashMap<EmailId, u32>,
    rows: Vec<Row>,
    texts: Vec<Arc<str>>,
    text_numbers: HashMap<Arc<str>, u32>,
    id_numbers: HashMap<message::IdKey, u32>,
    ancestors: Vec<u32>,
    /// Where a text is folded before it is looked up.
    folded: String,
    wanted: WantedKeys,
    lease: Lease,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    sent_at: Option<Timestamp>,
    subject: u32,
    from: u32,
    to: u32,
    cc: u32,
    display_from: u32,
    display_to: u32,
    message_id: Option<u32>,
    /// Where its ancestors begin in the list of all.
    ancestors: u32,
    ancestors_count: u32,
    is_reply: bool,
}

/// A folded text's number; equal texts of one [`Keys`] have equal numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TextId(pub u32);

impl TextId {
    /// The empty text's.
    pub const EMPTY: TextId = TextId(0);

    /// Its place among [`Keys::texts_count`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What one email is sorted by; what was not [`WantedKeys`] is empty.
#[derive(Clone, Copy, Debug)]
pub struct SortKeys<'a> {
    /// The Date field's moment, if it can be read.
    pub sent_at: Option<Timestamp>,
    /// Base subject (RFC 5256 §2.1).
    pub subject: TextId,
    /// Mailbox part of the first From address.
    pub from: TextId,
    /// Of the first To address.
    pub to: TextId,
    /// Of the first Cc address.
    pub cc: TextId,
    /// How the first From address is shown (RFC 5957 §3).
    pub display_from: TextId,
    /// How the first To address is shown.
    pub display_to: TextId,
    /// Whether the subject says that it is a reply or forwarded.
    pub is_reply: bool,
    /// The number of its Message-ID.
    pub message_id: Option<u32>,
    /// The numbers of the Message-IDs it answers, the oldest first.
    pub ancestors: &'a [u32],
}

/// What a row, an entry of `places`, and the room they leave take in memory.
const ROW_OCTETS: usize = 160;
/// What a text takes beside its octets, likewise an identifier.
const TEXT_OCTETS: usize = 96;
const ID_OCTETS: usize = 32;
/// How much longer a text may become when it is folded: U+FDFA is three octets, and taken apart 33.
const FOLDED_GROWTH: usize = 11;

impl Keys {
    fn new(wanted: WantedKeys, lease: Lease) -> Keys {
        let empty: Arc<str> = "".into();
        Keys {
            places: HashMap::new(),
            rows: Vec::new(),
            texts: vec![empty.clone()],
            text_numbers: [(empty, 0)].into(),
            id_numbers: HashMap::new(),
            ancestors: Vec::new(),
            folded: String::new(),
            wanted,
            lease,
        }
    }

    /// Those of `emails` that are not in it, ascending, each once.
    pub fn lacking(&self, emails: impl Iterator<Item = EmailId>) -> Vec<EmailId> {
        let mut lacking: Vec<EmailId> = emails.filter(|email| !self.places.contains_key(email)).collect();
        lacking.sort_unstable();
        lacking.dedup();
        lacking
    }

    /// The keys of an email; `None` if it has ended or its row is damaged.
    pub fn get(&self, email: EmailId) -> Option<SortKeys<'_>> {
        let row = self.rows.get(*self.places.get(&email)? as usize)?;
        let ancestors = row.ancestors as usize..(row.ancestors + row.ancestors_count) as usize;
        Some(SortKeys {
            sent_at: row.sent_at,
            subject: TextId(row.subject),
            from: TextId(row.from),
            to: TextId(row.to),
            cc: TextId(row.cc),
            display_from: TextId(row.display_from),
            display_to: TextId(row.display_to),
            is_reply: row.is_reply,
            message_id: row.message_id,
            ancestors: self.ancestors.get(ancestors).unwrap_or_default(),
        })
    }

    /// A text by its number, as `i;unicode-casemap` compares it.
    pub fn text(&self, id: TextId) -> &str {
        self.texts.get(id.index()).map_or("", |text| text)
    }

    /// How many texts are numbered.
    pub fn texts_count(&self) -> usize {
        self.texts.len()
    }

    /// How many Message-IDs are numbered.
    pub fn ids_count(&self) -> usize {
        self.id_numbers.len()
    }

    /// Makes room for so many more emails at once.
    pub fn reserve(&mut self, emails: usize) {
        self.places.reserve(emails);
        self.rows.reserve(emails);
    }

    /// Emails in it.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What it takes in memory, about.
    pub(crate) fn octets(&self) -> usize {
        self.lease.octets()
    }

    /// Adds an email's keys.
    ///
    /// # Errors
    /// [`Error::TooManyAtOnce`] when all that is in memory would become too large.
    pub(crate) fn add(&mut self, email: EmailId, keys: &EmailKeys<'_>) -> Result<(), Error> {
        // A folded text is at most some times longer.
        let octets = ROW_OCTETS
            + keys.texts().map(|text| TEXT_OCTETS + FOLDED_GROWTH * text.len()).into_iter().sum::<usize>()
            + (keys.ancestors.len() + 1) * (ID_OCTETS + size_of::<u32>());
        let counts = [self.rows.len(), self.texts.len(), self.id_numbers.len(), self.ancestors.len()];
        let room = counts.iter().all(|count| *count < u32::MAX as usize / 2);
        if !room || self.places.contains_key(&email) {
            return if room { Ok(()) } else { Err(Error::TooManyAtOnce) };
        }
        self.lease.grow(octets)?;
        let before = (self.texts.len(), self.id_numbers.len());
        let [subject, from, to, cc, display_from, display_to] = keys.texts().map(|text| self.text_number(text));
        let row = Row {
            sent_at: keys.sent_at,
            subject,
            from,
            to,
            cc,
            display_from,
            display_to,
            message_id: keys.message_id.map(|id| self.id_number(id)),
            ancestors: self.ancestors.len() as u32,
            ancestors_count: keys.ancestors.len() as u32,
            is_reply: keys.is_reply,
        };
        for id in &keys.ancestors {
            let number = self.id_number(*id);
            self.ancestors.push(number);
        }
        self.places.insert(email, self.rows.len() as u32);
        self.rows.push(row);
        // What was there already takes no room again.
        let texts: usize = self.texts.iter().skip(before.0).map(|text| TEXT_OCTETS + text.len()).sum();
        let ids = (self.id_numbers.len() - before.1) * ID_OCTETS + keys.ancestors.len() * size_of::<u32>();
        self.lease.shrink(octets - (ROW_OCTETS + texts + ids).min(octets));
        Ok(())
    }

    fn text_number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return TextId::EMPTY.0;
        }
        self.folded.clear();
        fold_into(text, &mut self.folded);
        if let Some(number) = self.text_numbers.get(self.folded.as_str()) {
            return *number;
        }
        let (text, number): (Arc<str>, u32) = (self.folded.as_str().into(), self.texts.len() as u32);
        self.texts.push(text.clone());
        self.text_numbers.insert(text, number);
        number
    }

    fn id_number(&mut self, id: message::IdKey) -> u32 {
        let next = self.id_numbers.len() as u32;
        *self.id_numbers.entry(id).or_insert(next)
    }
}
