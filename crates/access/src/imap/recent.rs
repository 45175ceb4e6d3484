//! `\\Recent` (RFC 3501 §2.3.2, §7.3.2): of which messages this session is the first to be told. RFC 9051 did away with it.

use super::client::Revision;
use super::out::Out;
use super::selected::Access;
use imap::{NumberSet, response};
use mailstore::{Account, View};
use model::Uid;

/// The messages that are recent to one session, from SELECT on.
#[derive(Default)]
pub(crate) struct Recent {
    uids: NumberSet,
    /// What the client was told last.
    told: Option<u32>,
    revision: Revision,
}

impl Recent {
    /// For a mailbox that is selected now.
    pub fn new(revision: Revision) -> Recent {
        Recent { revision, ..Recent::default() }
    }

    /// The client is told of all messages in `view`: those of which nobody was told yet are recent to it. One that only
    /// examines the mailbox leaves them to others (RFC 3501 §6.3.3).
    pub fn learn(&mut self, account: &Account, view: &View, access: Access) {
        let first = match access {
            Access::ReadWrite => account.take_recent(&view.mailbox),
            Access::ReadOnly => account.recent_from(&view.mailbox),
        };
        if first < view.mailbox.uid_next && self.revision == Revision::Rev1 {
            let first = Uid(self.uids.max().map_or(first.0, |last| first.0.max(last + 1)));
            view.uid_range(first, Uid(u32::MAX)).for_each(|(_, member)| self.uids.push(member.uid.0));
        }
    }

    /// `* n RECENT`, for whom it is a word: after SELECT, and when the number has changed.
    pub fn tell(&mut self, view: &View, out: &mut Out) {
        let count = self.uids.ranges().map(|(first, last)| view.count_of(Uid(first), Uid(last))).sum::<u32>();
        if self.revision == Revision::Rev1 && self.told.replace(count) != Some(count) {
            response::recent(out, count);
        }
    }

    /// Their UIDs; some may be gone. Empty for whom there is no such flag.
    pub fn uids(&self) -> &NumberSet {
        &self.uids
    }
}
