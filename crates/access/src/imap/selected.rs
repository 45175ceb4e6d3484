//! The selected mailbox as this client knows it, and how it learns what others did.

use super::client::Client;
use super::flag_names::{self, FlagNames};
use super::modseq::{Awareness, Reckoned};
use super::out::Out;
use super::recent::Recent;
use super::vanished;
use imap::{Code, FetchWriter, NumberSet, response};
use mailstore::{Account, Error, View};
use model::{MailboxId, SeqNum, Uid};
use std::sync::Arc;

/// Why a client is sent away (RFC 2180 §3.3: of the ways to treat those who have a deleted mailbox open, the only one
/// that no client can misread).
pub(crate) const MAILBOX_DELETED: &str = "the selected mailbox was deleted";

/// SELECT or EXAMINE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// What is selected.
pub(crate) struct Selected {
    pub account: Arc<Account>,
    pub mailbox: MailboxId,
    pub access: Access,
    /// What the client was told: its sequence numbers are positions in here.
    pub known: Arc<View>,
    /// The messages of which it was the first to be told.
    pub recent: Recent,
    /// `$`, as UIDs, so that it shrinks by itself when messages go (RFC 9051 §6.4.4.1).
    pub saved: NumberSet,
    /// As the client's.
    pub aware: Awareness,
    /// What an aware client takes for HIGHESTMODSEQ.
    pub reckoned: Reckoned,
}

/// What the client may be told now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    All,
    /// Everything, what came before what went (RFC 8508 §3.2).
    AppendedFirst,
    /// Nothing that changes sequence numbers.
    AllButExpunged,
    Nothing,
}

impl Selected {
    /// A mailbox whose HIGHESTMODSEQ the client has just been told.
    pub fn new(
        account: Arc<Account>,
        (known, recent): (Arc<View>, Recent),
        access: Access,
        aware: Awareness,
    ) -> Selected {
        let (mailbox, reckoned) = (known.mailbox.id, Reckoned::told(known.mailbox.highest_modseq));
        Selected { account, mailbox, access, known, recent, saved: NumberSet::new(), aware, reckoned }
    }

    /// Whether there is something to tell, as far as can be said at once.
    pub fn is_behind(&self) -> bool {
        self.account.current_view(self.mailbox).is_none_or(|current| !Arc::ptr_eq(&current, &self.known))
    }

    /// Notes that the client was told the flags which `uids` (ascending) have in `later`.
    pub fn learn(&mut self, uids: &[Uid], later: &Arc<View>) {
        let changes = self.known.changes_to(later);
        let others = changes.flags.iter().chain(&changes.touched).any(|uid| uids.binary_search(uid).is_err());
        self.known = if others || !changes.expunged.is_empty() || changes.appended > 0 {
            Arc::new(self.known.with_flags_of(uids.iter().copied(), later))
        } else {
            later.clone()
        };
    }

    /// Tells what changed: EXPUNGE from the end, or VANISHED, EXISTS, then flags (RFC 9051 §7.5.1, §7.4.1, §7.5.2).
    ///
    /// # Errors
    /// [`Error::MailboxMissing`] when the mailbox was deleted.
    pub async fn tell(&mut self, told: Told, out: &mut Out) -> Result<(), Error> {
        let later = self.account.open(self.mailbox).await?;
        if Arc::ptr_eq(&later, &self.known) {
            return Ok(());
        }
        let mut changes = self.known.changes_to(&later);
        if self.aware > Awareness::None {
            // Its MODSEQ is news too.
            changes.flags.append(&mut changes.touched);
            changes.flags.sort_unstable();
        }
        let keywords_grew = self.known.keywords != later.keywords;
        if told == Told::AllButExpunged && !changes.expunged.is_empty() {
            // Later sequence numbers would not be the client's: it learns flags now, the rest when it may.
            if changes.flags.is_empty() {
                return Ok(());
            }
            self.known = Arc::new(self.known.with_flags_of(changes.flags.iter().copied(), &later));
        } else {
            let appended_first = told == Told::AppendedFirst && changes.appended > 0;
            if appended_first {
                response::exists(out, self.known.len() + changes.appended);
            }
            let before = std::mem::replace(&mut self.known, later);
            self.tell_expunged(&before, &changes.expunged, out).await;
            if changes.appended > 0 && !appended_first {
                response::exists(out, self.known.len());
            }
            self.recent.learn(&self.account, &self.known, self.access);
            self.recent.tell(&self.known, out);
        }
        if keywords_grew && (changes.appended > 0 || !changes.flags.is_empty()) {
            response::flags(out, &flag_names::all(&self.known.keywords));
        }
        let names = FlagNames::new(&self.known.keywords, &self.recent);
        for uid in changes.flags {
            self.tell_flags(uid, &names, out);
            out.room().await;
        }
        Ok(())
    }

    /// EXPUNGE for each, or VANISHED; `expunged` from the end.
    async fn tell_expunged(&mut self, before: &View, expunged: &[SeqNum], out: &mut Out) {
        if !expunged.is_empty() {
            self.reckoned.owe();
        }
        if self.aware == Awareness::Qresync {
            let uids: Vec<Uid> = expunged.iter().rev().filter_map(|seq| Some(before.get(*seq)?.uid)).collect();
            return vanished::tell_now(&uids, out).await;
        }
        for seq in expunged {
            response::expunge(out, seq.0);
            out.room().await;
        }
    }

    /// `* n FETCH (UID u FLAGS (…))`, with MODSEQ if the client reads it.
    pub fn tell_flags(&mut self, uid: Uid, names: &FlagNames, out: &mut Out) {
        let Some((seq, member)) = self.known.seq_of(uid).zip(self.known.by_uid(uid)) else { return };
        let mut fetch = FetchWriter::begin(out, seq);
        fetch.uid(out, uid);
        fetch.flags(out, names.of(uid, member.flags));
        if self.aware > Awareness::None {
            fetch.mod_seq(out, member.modseq);
            self.reckoned.saw(member.modseq);
        }
        fetch.end(out);
    }
}

/// Tells a client what others did, if it may be told; why it is sent away, if it must be.
pub(crate) async fn sync(client: &mut Client, told: Told, out: &mut Out) -> Option<&'static str> {
    let selected = client.selected.as_mut().filter(|_| told != Told::Nothing)?;
    match selected.tell(told, out).await {
        Ok(()) => None,
        Err(Error::MailboxMissing) => {
            client.selected = None;
            Some(MAILBOX_DELETED)
        }
        Err(error) => {
            // The client is told with its next command.
            tracing::warn!(event = "changes.not_told", cause = %error);
            None
        }
    }
}

/// `* OK [CLOSED]`: what follows is not about the mailbox that was selected (RFC 9051 §7.1).
pub(crate) fn closed(out: &mut Out) {
    response::answer(out, None, &imap::Answer::ok("the mailbox selected before is closed").code(Code::Closed));
}
