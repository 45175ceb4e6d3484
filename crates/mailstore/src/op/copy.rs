//! Messages get a second place, or another one (RFC 9051 §6.4.7, §6.4.8).

use crate::error::Error;
use crate::gone;
use crate::lane::Operation;
use crate::log;
use crate::mailbox::MailboxRecord;
use crate::op::expunge::{Trail, leave, places_of};
use crate::op::{check_count, octets_of};
use crate::rows::{self, Places};
use crate::view::Member;
use crate::working::{Sign, Working};
use model::{MailboxId, ModSeq, Uid, UidValidity};

/// Whether the old place stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// COPY: the email is in both mailboxes (RFC 8474 §5.1: its EMAILID stays).
    Copy,
    /// MOVE: in the new one only.
    Move,
}

/// Messages to be copied or moved; all of them or, on an error, none.
#[derive(Clone, Debug)]
pub struct CopyMessages {
    /// Whence.
    pub from: MailboxId,
    /// Which; those that are gone are passed over.
    pub uids: Vec<Uid>,
    /// Whither.
    pub to: MailboxId,
    /// Copy or move.
    pub transfer: Transfer,
}

/// Where they are now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Of the target.
    pub uid_validity: UidValidity,
    /// UIDs there and here, in the order of the source (RFC 4315 §3).
    pub uids: Vec<(Uid, Uid)>,
}

impl Operation for CopyMessages {
    type Done = Copied;

    fn looks_at(&self) -> Vec<MailboxId> {
        vec![self.from]
    }

    fn octets(&self) -> usize {
        octets_of(&self.uids)
    }

    async fn fold(&self, w: &mut Working) -> Result<Copied, Error> {
        check_count(&self.uids)?;
        let members = w.view(self.from)?.members(&self.uids);
        let (source, target) = (w.mailbox(self.from)?, w.mailbox(self.to)?);
        let places = places_of(w, &members).await?;
        transfer(w, (&source, &target), &members, places, self.transfer)
    }
}

/// Copies or moves `members` of `source`. If it fails, then before anything is changed.
pub(super) fn transfer(
    w: &mut Working,
    (source, target): (&MailboxRecord, &MailboxRecord),
    members: &[Member],
    places: Vec<Option<Places>>,
    transfer: Transfer,
) -> Result<Copied, Error> {
    let mut target = target.clone();
    let room = u32::MAX - target.uid_next.0;
    if members.len() as u64 > u64::from(room) {
        return Err(Error::UidsExhausted);
    }
    let arrived = arrive(w, &mut target, members, &places)?;
    let uid_validity = target.uid_validity;
    if !members.is_empty() {
        w.put_mailbox(target);
    }
    if transfer == Transfer::Move {
        // Its record as it is now: it may be the target as well.
        let mut source = (*w.mailbox(source.id)?).clone();
        leave(w, &mut source, members, places, Trail::None);
    }
    Ok(Copied { uid_validity, uids: members.iter().zip(&arrived).map(|(old, new)| (old.uid, new.uid)).collect() })
}

/// New memberships in `target`, with one MODSEQ for all.
fn arrive(
    w: &mut Working,
    target: &mut MailboxRecord,
    members: &[Member],
    places: &[Option<Places>],
) -> Result<Vec<Member>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let modseq = ModSeq(w.head.modseq.0 + 1);
    let mut arrived = Vec::with_capacity(members.len());
    for (member, places) in members.iter().zip(places) {
        let new = Member { uid: Working::next_uid(target)?, modseq, save_date: w.now, ..*member };
        if let Some(mut places) = gone::current(w, member.email, places.clone()) {
            places.memberships.push((target.id, new.uid));
            w.set_readable(rows::places(member.email), Some(places.encode(member.email)));
        }
        come(w, target, new);
        arrived.push(new);
    }
    target.highest_modseq = w.log(|_| log::appended(target.id, &arrived));
    Ok(arrived)
}

/// A membership of an email that is there already: its row, its mailbox's counts and view.
pub(super) fn come(w: &mut Working, target: &mut MailboxRecord, new: Member) {
    w.put_member(target.id, &new);
    Working::count(target, &new, Sign::Came);
    w.change_view(target.id, |view| view.push(new));
}
