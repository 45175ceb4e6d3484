//! Flags change (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

use crate::error::Error;
use crate::flags::FlagBits;
use crate::lane::Operation;
use crate::log::Change;
use crate::op::{check_count, octets_of};
use crate::view::{Member, View};
use crate::working::{Sign, Working};
use model::{Flag, MailboxId, ModSeq, Uid};
use std::sync::Arc;

/// How STORE combines flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagChange {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// New flags for messages of a mailbox.
#[derive(Clone, Debug)]
pub struct StoreFlags {
    /// Where.
    pub mailbox: MailboxId,
    /// Which; those that are gone are passed over.
    pub uids: Vec<Uid>,
    /// How.
    pub change: FlagChange,
    /// What.
    pub flags: Vec<Flag>,
    /// Messages changed meanwhile are left alone (UNCHANGEDSINCE).
    pub unchanged_since: Option<Unchanged>,
}

/// A condition on messages: that what is named has not changed after a modification (RFC 7162 §3.1.3).
#[derive(Clone, Debug)]
pub struct Unchanged {
    /// Which modification.
    pub since: ModSeq,
    /// The mailbox as whoever asks knows it: adding or removing a flag is no conflict when only other flags changed
    /// (RFC 7162 §3.1.12).
    pub known: Option<Arc<View>>,
}

impl From<ModSeq> for Unchanged {
    fn from(since: ModSeq) -> Unchanged {
        Unchanged { since, known: None }
    }
}

impl Unchanged {
    /// Whether it holds for `member` and a change of the flags that `store` names.
    fn holds(&self, member: &Member, store: &StoreFlags, named: FlagBits) -> bool {
        if member.modseq <= self.since {
            return true;
        }
        if store.change == FlagChange::Replace {
            return false;
        }
        if self.since == ModSeq(0) {
            // A test whether keywords are there; system flags always are (RFC 7162 §3.1.3, examples 7 and 8).
            let keywords = store.flags.iter().all(|flag| matches!(flag, Flag::Keyword(_)));
            return keywords && !store.flags.is_empty() && member.flags.and(named) == FlagBits::NONE;
        }
        // Up to its HIGHESTMODSEQ that view is all that happened: if it is no older, the message was so at that modification.
        let known = self.known.as_ref().filter(|known| known.mailbox.highest_modseq >= self.since);
        let was = known.and_then(|known| known.by_uid(member.uid));
        was.is_some_and(|was| was.modseq <= self.since && was.flags.and(named) == member.flags.and(named))
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct FlagsStored {
    /// The mailbox with the new flags.
    pub view: Arc<View>,
    /// Messages left alone because of `unchanged_since`.
    pub modified: Vec<Uid>,
}

impl Operation for StoreFlags {
    type Done = FlagsStored;

    fn looks_at(&self) -> Vec<MailboxId> {
        vec![self.mailbox]
    }

    fn octets(&self) -> usize {
        octets_of(&self.uids)
    }

    /// `\Deleted` is the step before EXPUNGE; other flags can wait.
    fn makes_room(&self) -> bool {
        self.change != FlagChange::Remove && self.flags.contains(&Flag::Deleted)
    }

    async fn fold(&self, w: &mut Working) -> Result<FlagsStored, Error> {
        check_count(&self.uids)?;
        let mut mailbox = (*w.mailbox(self.mailbox)?).clone();
        let members = w.view(self.mailbox)?.members(&self.uids);
        if self.change != FlagChange::Remove {
            w.keywords().fits(&self.flags)?;
        }
        let named = match self.change {
            // A keyword is named for a message or not at all: there are few.
            _ if members.is_empty() => FlagBits::NONE,
            FlagChange::Remove => {
                self.flags.iter().filter_map(|f| w.keywords().bit(f)).fold(FlagBits::NONE, FlagBits::or)
            }
            _ => w.keyword_bits(&self.flags),
        };
        let (mut changed, mut modified) = (Vec::new(), Vec::new());
        for member in members {
            let flags = match self.change {
                FlagChange::Replace => named,
                FlagChange::Add => member.flags.or(named),
                FlagChange::Remove => member.flags.without(named),
            };
            if self.unchanged_since.as_ref().is_some_and(|unchanged| !unchanged.holds(&member, self, named)) {
                modified.push(member.uid);
            } else if flags != member.flags {
                changed.push((member, flags));
            }
        }
        if !changed.is_empty() {
            let logged = changed.iter().map(|(member, flags)| (member.uid, *flags)).collect();
            let modseq = w.log(|_| Change::Flags { mailbox: mailbox.id, members: logged });
            let mut are = Vec::with_capacity(changed.len());
            for (was, flags) in changed {
                let is = Member { flags, modseq, ..was };
                Working::count(&mut mailbox, &was, Sign::Left);
                Working::count(&mut mailbox, &is, Sign::Came);
                w.put_member(mailbox.id, &is);
                are.push(is);
            }
            w.change_view(mailbox.id, |view| view.update(&are));
            mailbox.highest_modseq = modseq;
            w.put_mailbox(mailbox);
        }
        Ok(FlagsStored { view: w.current_view(self.mailbox)?, modified })
    }
}
