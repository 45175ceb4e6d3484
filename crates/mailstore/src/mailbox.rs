//! Mailboxes: their records, and the immutable list of them that sessions look at.

#[cfg(test)]
mod tests;

use model::{Decoder, Encoder, MailboxId, ModSeq, RecordError, Uid, UidValidity};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Separates the levels of a mailbox's name.
pub const SEPARATOR: char = '/';
/// Longest mailbox name, in octets of UTF-8.
pub const NAME_OCTETS_MAX: usize = 1000;
/// Deepest hierarchy of names.
pub const NAME_LEVELS_MAX: usize = 32;

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All, in the order of their codes on disk.
    pub const ALL: [SpecialUse; 5] =
        [SpecialUse::Archive, SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];

    /// The attribute as IMAP writes it.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    fn code(self) -> u32 {
        Self::ALL.iter().position(|&use_| use_ == self).map_or(0, |i| i as u32 + 1)
    }

    fn from_code(code: u32) -> Result<Option<SpecialUse>, RecordError> {
        match code.checked_sub(1) {
            None => Ok(None),
            Some(i) => Self::ALL.get(i as usize).copied().map(Some).ok_or(RecordError::Value),
        }
    }
}

/// A mailbox as it stands: what STATUS tells without looking at a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxRecord {
    /// Never reused.
    pub id: MailboxId,
    /// The whole name, levels separated by `/`; `INBOX` is written so.
    pub name: Arc<str>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Greater than any before in this account.
    pub uid_validity: UidValidity,
    /// The next message gets this UID or a greater one.
    pub uid_next: Uid,
    /// Of the last change to a message or the mailbox.
    pub highest_modseq: ModSeq,
    /// Memberships.
    pub messages: u32,
    /// Memberships without `\Seen`.
    pub unseen: u32,
    /// Memberships with `\Deleted`.
    pub deleted: u32,
    /// Sum of the messages' sizes.
    pub size_octets: u64,
    /// The first UID that no session was told of when this was written (RFC 3501 §2.3.2).
    pub recent_from: Uid,
}

impl MailboxRecord {
    /// 2 came with `recent_from`: of what was written before, nobody was told.
    const FORMAT: u8 = 2;

    /// Nothing is in it, and nothing ever was.
    pub(crate) fn empty(id: MailboxId, name: Arc<str>, uid_validity: UidValidity) -> MailboxRecord {
        MailboxRecord {
            id,
            name,
            special_use: None,
            uid_validity,
            uid_next: Uid(1),
            highest_modseq: ModSeq(0),
            messages: 0,
            unseen: 0,
            deleted: 0,
            size_octets: 0,
            recent_from: Uid(1),
        }
    }

    pub(crate) fn encode_into(&self, e: &mut Encoder) {
        e.u32(self.id.0).str(&self.name).u32(self.special_use.map_or(0, SpecialUse::code));
        e.u32(self.uid_validity.0).u32(self.uid_next.0).u64(self.highest_modseq.0);
        e.u32(self.messages).u32(self.unseen).u32(self.deleted).u64(self.size_octets);
        e.u32(self.recent_from.0);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Self::FORMAT);
        self.encode_into(&mut e);
        e.finish()
    }

    pub(crate) fn decode(row: &[u8]) -> Result<MailboxRecord, RecordError> {
        let mut d = Decoder::new(row, Self::FORMAT)?;
        Ok(MailboxRecord {
            id: d.mailbox()?,
            name: d.str()?.into(),
            special_use: SpecialUse::from_code(d.u32()?)?,
            uid_validity: UidValidity(d.u32()?),
            uid_next: d.uid()?,
            highest_modseq: d.modseq()?,
            messages: d.u32()?,
            unseen: d.u32()?,
            deleted: d.u32()?,
            size_octets: d.u64()?,
            recent_from: if d.version() < 2 { Uid(1) } else { d.uid()? },
        })
    }
}

/// All mailboxes and subscriptions of an account at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailboxes {
    pub(crate) by_id: BTreeMap<MailboxId, Arc<MailboxRecord>>,
    pub(crate) by_name: BTreeMap<Arc<str>, MailboxId>,
    pub(crate) subscriptions: BTreeSet<Arc<str>>,
}

impl Mailboxes {
    /// By its number.
    pub fn get(&self, id: MailboxId) -> Option<&Arc<MailboxRecord>> {
        self.by_id.get(&id)
    }

    /// By its exact name; `INBOX` as first level may be in any case (RFC 9051 §5.1).
    pub fn named(&self, name: &str) -> Option<&Arc<MailboxRecord>> {
        self.by_name.get(&*canonical_name(name).ok()?).and_then(|id| self.by_id.get(id))
    }

    /// In order of their names, octet by octet.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<MailboxRecord>> {
        self.by_name.values().filter_map(|id| self.by_id.get(id))
    }

    /// The one for a purpose.
    pub fn with_use(&self, special_use: SpecialUse) -> Option<&Arc<MailboxRecord>> {
        self.by_id.values().find(|mailbox| mailbox.special_use == Some(special_use))
    }

    /// Names that are subscribed; a mailbox of that name need not exist (RFC 9051 §6.3.7).
    pub fn subscriptions(&self) -> impl Iterator<Item = &Arc<str>> {
        self.subscriptions.iter()
    }

    /// Whether `name` is subscribed.
    pub fn is_subscribed(&self, name: &str) -> bool {
        canonical_name(name).is_ok_and(|name| self.subscriptions.contains(&name))
    }

    pub(crate) fn put(&mut self, record: MailboxRecord) {
        if let Some(old) = self.by_id.get(&record.id).filter(|old| old.name != record.name) {
            // Unless one that took this name in the same operation came first.
            if self.by_name.get(&old.name) == Some(&record.id) {
                self.by_name.remove(&old.name);
            }
        }
        self.by_name.insert(record.name.clone(), record.id);
        self.by_id.insert(record.id, Arc::new(record));
    }

    pub(crate) fn remove(&mut self, id: MailboxId) {
        if let Some(old) = self.by_id.remove(&id) {
            self.by_name.remove(&old.name);
        }
    }
}

/// The one mailbox that every account has.
pub const INBOX: &str = "INBOX";

/// The form in which a name is kept, or which rule it breaks: no empty level, no control, bounded length and depth;
/// `INBOX` in capitals wherever it is the first level (RFC 9051 §5.1). Names that differ only in how Unicode composes
/// their letters are one name.
pub fn canonical_name(name: &str) -> Result<Arc<str>, &'static str> {
    // Before it is normalised, so that this costs little, and afterwards, for it may have grown.
    if name.len() > NAME_OCTETS_MAX {
        return Err(NAME_LONG);
    }
    let name = normalized(name);
    if name.len() > NAME_OCTETS_MAX {
        return Err(NAME_LONG);
    }
    if name.chars().any(|c| c.is_control() || LINE_ENDS.contains(&c)) {
        return Err("it holds a control character");
    }
    if name.split(SEPARATOR).count() > NAME_LEVELS_MAX {
        return Err("more than 32 levels");
    }
    if name.split(SEPARATOR).any(str::is_empty) {
        return Err("it has an empty level");
    }
    match name.split_once(SEPARATOR) {
        None if name.eq_ignore_ascii_case(INBOX) => Ok(INBOX.into()),
        Some((first, rest)) if first.eq_ignore_ascii_case(INBOX) => Ok(format!("{INBOX}{SEPARATOR}{rest}").into()),
        _ => Ok(name.into()),
    }
}

const NAME_LONG: &str = "longer than 1,000 octets";

/// What ends lines beside controls (RFC 5198 §2).
const LINE_ENDS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// As [`canonical_name`], for a mailbox that shall get the name: levels that mean something to file systems, where
/// mailboxes are exported to, are refused.
pub fn new_name(name: &str) -> Result<Arc<str>, &'static str> {
    let name = canonical_name(name)?;
    let dots = name.split(SEPARATOR).any(|level| level == "." || level == "..");
    if dots { Err("a level is . or ..") } else { Ok(name) }
}

/// Unicode's form C, as Net-Unicode wants names (RFC 9051 §5.1, RFC 5198 §3).
pub fn normalized(name: &str) -> Cow<'_, str> {
    use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => name.into(),
        _ => name.nfc().collect::<String>().into(),
    }
}
