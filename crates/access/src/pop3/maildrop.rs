//! The maildrop: INBOX as it was at log-in, and what the client did with it since.

use super::failure;
use mailstore::{Account, Error, FlagBits, INBOX_ID, Member, View};
use model::{SeqNum, Uid};
use pop3::{Answer, Text};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An open maildrop. Dropping it changes nothing (RFC 1939 §6: without QUIT there is no UPDATE).
pub(crate) struct Maildrop {
    pub account: Arc<Account>,
    /// Messages keep their numbers (RFC 1939 §4), whatever others do. Those that IMAP has marked `\Deleted` are among them: they
    /// are there until they are expunged.
    pub view: Arc<View>,
    octets: u64,
    /// Numbers that DELE marked.
    deleted: BTreeSet<u32>,
    /// Numbers that RETR gave whole and that were unread.
    read: BTreeSet<u32>,
}

impl Maildrop {
    /// Opens it.
    pub async fn open(account: Arc<Account>) -> Result<Maildrop, Error> {
        let view = account.open(INBOX_ID).await?;
        let octets = view.iter().map(|(_, member)| member.size_octets).sum();
        Ok(Maildrop { account, view, octets, deleted: BTreeSet::new(), read: BTreeSet::new() })
    }

    /// How many messages are not marked as deleted.
    pub fn messages(&self) -> u32 {
        let deleted = u32::try_from(self.deleted.len()).unwrap_or(u32::MAX);
        self.view.len().saturating_sub(deleted)
    }

    /// `2 messages (320 octets)`
    pub fn summary(&self) -> Text {
        Text::Maildrop { messages: self.messages(), octets: self.octets }
    }

    /// STAT's drop listing (RFC 1939 §5).
    pub fn stat(&self) -> Text {
        Text::Data(format!("{} {}", self.messages(), self.octets))
    }

    /// Whether DELE marked it.
    pub fn is_deleted(&self, number: u32) -> bool {
        self.deleted.contains(&number)
    }

    /// A message that is not marked as deleted.
    pub fn message(&self, number: u32) -> Result<Member, Answer> {
        if self.is_deleted(number) {
            return Err(Answer::err(Text::MarkedDeleted(number)));
        }
        let missing = || Answer::err(Text::NoMessage { number, count: self.view.len() });
        self.view.get(SeqNum(number)).ok_or_else(missing)
    }

    /// DELE (RFC 1939 §5).
    pub fn delete(&mut self, number: u32) -> Answer {
        match self.message(number).map(|member| member.size_octets) {
            Ok(octets) => {
                self.deleted.insert(number);
                self.octets = self.octets.saturating_sub(octets);
                Answer::ok(Text::Deleted(number))
            }
            Err(answer) => answer,
        }
    }

    /// RSET (RFC 1939 §5).
    pub fn reset(&mut self) -> Answer {
        for number in std::mem::take(&mut self.deleted) {
            self.octets += self.view.get(SeqNum(number)).map_or(0, |member| member.size_octets);
        }
        Answer::ok(self.summary())
    }

    /// RETR gave it whole: it is read, as it is for those who look at it by IMAP.
    pub fn was_read(&mut self, number: u32) {
        if self.view.get(SeqNum(number)).is_some_and(|member| !member.flags.contains(FlagBits::SEEN)) {
            self.read.insert(number);
        }
    }

    /// What QUIT removes.
    pub fn uids_deleted(&self) -> Vec<Uid> {
        self.uids(self.deleted.iter())
    }

    /// What QUIT marks as seen.
    pub fn uids_read(&self) -> Vec<Uid> {
        self.uids(self.read.difference(&self.deleted))
    }

    fn uids<'a>(&self, numbers: impl Iterator<Item = &'a u32>) -> Vec<Uid> {
        numbers.filter_map(|number| self.view.get(SeqNum(*number))).map(|member| member.uid).collect()
    }

    /// Why the octets of a message cannot be had: whether another client has removed it is looked up.
    pub fn unreadable(&self, number: u32, uid: Uid, error: &Error) -> Answer {
        let there = self.account.current_view(INBOX_ID).is_none_or(|now| now.by_uid(uid).is_some());
        match (failure::is_damage(error), there) {
            (true, false) => Answer::err(Text::RemovedElsewhere(number)),
            (true, true) => {
                tracing::error!(event = "mail.damaged", cause = %error);
                Answer::err(Text::Damaged(number)).code(pop3::Code::SysPerm)
            }
            (false, _) => failure::store(error),
        }
    }
}
