//! An account's mail out of a backup, into a running server's account: by the stream that an import goes, so it may be stopped
//! and repeated at any time.

use crate::admin::transfer::{MailboxItem, MemberItem, Source};
use crate::import::hash;
use crate::import::letter::Letter;
use crate::import::uplink::Uplink;
use crate::language::{say, told};
use backup::Backup;
use mailstore::{Email, Member, Picture, read_email, read_message};
use model::{AccountId, EmailId, MailboxId, Uid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::block_on;

/// What is wanted of an account.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of these mailboxes; empty: of all.
    pub mailboxes: Vec<String>,
    /// This message.
    pub message: Option<EmailId>,
    /// The mailbox that it goes into instead, or below it.
    pub into: Option<String>,
}

/// An account as one backup shows it, or several.
pub struct Shown {
    /// Whose mail.
    pub account: AccountId,
    /// Where its messages are read, the first that has one.
    pub backups: Vec<Arc<Backup>>,
    /// What there was.
    pub picture: Picture,
    /// Messages that are nowhere.
    pub lost: Vec<String>,
    /// Names that were subscribed, or no longer, since the first of the backups.
    pub subscriptions: BTreeMap<String, bool>,
}

impl Shown {
    /// What is kept of a message beside its body.
    ///
    /// # Errors
    /// When none of the backups has it whole.
    pub fn email(&self, email: EmailId) -> Result<Email, mailstore::Error> {
        let mut read = Err(mailstore::Error::BodyMissing(email));
        for backup in &self.backups {
            read = block_on(read_email(&**backup, self.account, email));
            if read.is_ok() {
                break;
            }
        }
        read
    }

    /// A message.
    ///
    /// # Errors
    /// As [`email`](Self::email).
    pub fn read(&self, email: EmailId) -> Result<Vec<u8>, mailstore::Error> {
        let mut read = Err(mailstore::Error::BodyMissing(email));
        for backup in &self.backups {
            read = block_on(read_message((&**backup, &**backup), self.account, email));
            if read.is_ok() {
                break;
            }
        }
        read
    }
}

/// A message that is to come back.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The mailbox that it lay in.
    pub from: String,
    /// The mailbox that it goes to.
    pub to: String,
    /// What it was there.
    pub member: Member,
}

/// What is chosen, in the order of mailboxes and UIDs, and the mailboxes that are to be there.
///
/// # Errors
/// A mailbox or message that is wanted and not there.
pub fn choose(picture: &Picture, wanted: &Wanted) -> Result<(Vec<String>, Vec<Chosen>), String> {
    let (mut mailboxes, mut chosen) = (Vec::new(), Vec::new());
    for (id, mailbox) in &picture.mailboxes {
        let from = mailbox.name.as_deref().map_or_else(|| unnamed(*id), str::to_owned);
        if !wanted.mailboxes.is_empty() && !wanted.mailboxes.iter().any(|name| same(name, &from)) {
            continue;
        }
        let to = match &wanted.into {
            None => from.clone(),
            Some(into) if wanted.mailboxes.len() == 1 || wanted.message.is_some() => into.clone(),
            Some(into) => format!("{into}{}{from}", mailstore::SEPARATOR),
        };
        let members =
            mailbox.members.values().filter(|member| wanted.message.is_none_or(|email| email == member.email));
        let before = chosen.len();
        chosen.extend(members.map(|member| Chosen { from: from.clone(), to: to.clone(), member: *member }));
        if wanted.message.is_none() || chosen.len() > before {
            mailboxes.push(to);
        }
    }
    let names = || picture.mailboxes.values().filter_map(|mailbox| mailbox.name.as_deref());
    if let Some(missing) = wanted.mailboxes.iter().find(|name| !names().any(|there| same(name, there))) {
        let there: Vec<&str> = names().collect();
        let there = there.join(", ");
        return Err(say!(
            "there was no mailbox \"{missing}\" then; there were: {there}",
            "es gab damals keinen Mailordner „{missing}“; es gab: {there}"
        ));
    }
    if let Some(email) = wanted.message.filter(|_| chosen.is_empty()) {
        return Err(say!("there was no message M{email} then", "es gab damals keine Nachricht M{email}"));
    }
    Ok((mailboxes, chosen))
}

/// Where a message was, for people.
pub fn place(mailbox: Option<&str>, uid: Uid, email: EmailId) -> String {
    let mailbox = mailbox.unwrap_or("?");
    say!("{mailbox}, message {uid} (M{email})", "{mailbox}, Nachricht {uid} (M{email})")
}

/// Under which a mailbox comes back whose record is lost.
pub fn unnamed(id: MailboxId) -> String {
    format!("Restored/Mailbox {id}")
}

fn same(name: &str, there: &str) -> bool {
    name == there || (there == mailstore::INBOX && name.eq_ignore_ascii_case(there))
}

/// Messages that an account has, whatever mailbox they lie in.
#[derive(Default)]
pub struct There {
    /// By their number, size and date. The number alone does not tell: an account that was restored has given some out again.
    numbers: HashSet<(u64, u64, i64)>,
    /// How many have these octets: where numbers are another account's.
    contents: HashMap<[u8; 16], u32>,
}

impl There {
    pub fn note(&mut self, item: &MemberItem) {
        self.numbers.insert((item.email, item.size_octets, item.date.0.unix_ms()));
    }

    pub fn note_octets(&mut self, octets: &[u8]) {
        *self.contents.entry(hash(&[octets])).or_default() += 1;
    }

    fn has(&self, member: &Member) -> bool {
        self.numbers.contains(&(member.email.0, member.size_octets, member.internal_date.unix_ms()))
    }

    /// Each that is there stands for one.
    fn has_octets(&mut self, octets: &[u8]) -> bool {
        match self.contents.get_mut(&hash(&[octets])) {
            None | Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// Sends what is chosen and not there; what cannot be read of the backup is told and left out.
///
/// # Errors
/// Why nothing more can be sent.
pub fn send(shown: &Shown, chosen: &[Chosen], there: &mut There, uplink: &mut Uplink) -> Result<(), String> {
    for Chosen { from, to, member } in chosen {
        if there.has(member) {
            uplink.known(1);
            continue;
        }
        let place = place(Some(from), member.uid, member.email);
        let octets = match shown.read(member.email) {
            Ok(octets) => octets,
            Err(error) => {
                uplink.trouble(place, told(&error));
                continue;
            }
        };
        if there.has_octets(&octets) {
            uplink.known(1);
            continue;
        }
        let flags = shown.picture.flags(member);
        let source = source(shown.account, member, to, &octets);
        uplink.send(to, source, Letter { place, octets, flags, date: Some(member.internal_date) })?;
    }
    Ok(())
}

/// A message of a backup in a mailbox: restored a second time it is known, also out of another backup.
fn source(account: AccountId, member: &Member, to: &str, octets: &[u8]) -> Source {
    let (account, email) = (account.0.to_be_bytes(), member.email.0.to_be_bytes());
    Source(hash(&[b"backup", &account, &email, to.as_bytes(), octets]))
}

/// Of all mailboxes.
pub fn messages(mailboxes: &[MailboxItem]) -> u64 {
    mailboxes.iter().map(|mailbox| u64::from(mailbox.messages)).sum()
}
