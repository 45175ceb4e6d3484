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
    /// Messages changed after this are left alone (UNCHANGEDSINCE).
    pub unchanged_since: Option<ModSeq>,
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

    /// `\Deleted` is the step before EXPUNGE.
    fn makes_room(&self) -> bool {
        true
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
            if self.unchanged_since.is_some_and(|since| member.modseq > since) {
                modified.push(member.uid);
            } else if flags != member.flags {
                changed.push((member, flags));
            }
        }
        if !changed.is_empty() {
            let logged = changed.iter().map(|(member, flags)| (member.uid, *flags)).collect();
            let modseq = w.log(|_| Change::Flags { mailbox: mailbox.id, members: logged });
            for (was, flags) in changed {
                let is = Member { flags, modseq, ..was };
                Working::count(&mut mailbox, &was, Sign::Left);
                Working::count(&mut mailbox, &is, Sign::Came);
                w.put_member(mailbox.id, &is);
                w.change_view(mailbox.id, |view| view.update(is.uid, |member| *member = is));
            }
            mailbox.highest_modseq = modseq;
            w.put_mailbox(mailbox);
        }
        Ok(FlagsStored { view: w.current_view(self.mailbox)?, modified })
    }
}
