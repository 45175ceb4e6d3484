//! Messages leave a mailbox (RFC 9051 §6.4.3, §6.4.9), and with their last place the account.

use crate::error::Error;
use crate::flags::FlagBits;
use crate::gone::{self, Was};
use crate::lane::Operation;
use crate::log;
use crate::mailbox::MailboxRecord;
use crate::op::{check_count, octets_of};
use crate::rows::{self, Places};
use crate::view::Member;
use crate::working::{Sign, Working, row_error};
use model::{MailboxId, Uid};

/// Which messages leave.
#[derive(Clone, Debug)]
pub struct Expunge {
    /// Where.
    pub mailbox: MailboxId,
    /// Which; those that are gone are passed over.
    pub uids: Vec<Uid>,
    /// Which of these.
    pub leaving: Leaving,
}

/// Whether a message has to be marked before it leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaving {
    /// Only those with `\Deleted` (RFC 9051 §6.4.9).
    Deleted,
    /// All, whatever their flags (RFC 1939 §6).
    Any,
}

impl Operation for Expunge {
    type Done = Vec<Uid>;

    fn looks_at(&self) -> Vec<MailboxId> {
        vec![self.mailbox]
    }

    fn octets(&self) -> usize {
        octets_of(&self.uids)
    }

    fn makes_room(&self) -> bool {
        true
    }

    async fn fold(&self, w: &mut Working) -> Result<Vec<Uid>, Error> {
        check_count(&self.uids)?;
        let mut mailbox = (*w.mailbox(self.mailbox)?).clone();
        let mut leaving = w.view(self.mailbox)?.members(&self.uids);
        if self.leaving == Leaving::Deleted {
            leaving.retain(|member| member.flags.contains(FlagBits::DELETED));
        }
        let places = places_of(w, &leaving).await?;
        leave(w, &mut mailbox, &leaving, places, Trail::Kept);
        Ok(leaving.iter().map(|member| member.uid).collect())
    }
}

/// The places of the members' emails, in their order.
pub(super) async fn places_of(w: &Working, members: &[Member]) -> Result<Vec<Option<Places>>, Error> {
    let keys: Vec<_> = members.iter().map(|member| rows::places(member.email)).collect();
    let decode = |(row, member): (Option<store::Bytes>, &Member)| {
        let decode = |row: store::Bytes| Places::decode(member.email, &row);
        row.map(decode).transpose().map_err(row_error(format_args!("places of email {}", member.email)))
    };
    w.rows(&keys).await?.into_iter().zip(members).map(decode).collect()
}

/// Whether a message that leaves can be restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trail {
    /// For as long as [`Keeping`](crate::Keeping) says.
    Kept,
    /// It is elsewhere now.
    None,
}

/// Takes members, each once and in order, out of a mailbox and its record; emails that have no other place are kept for a
/// while, or end.
pub(super) fn leave(
    w: &mut Working,
    mailbox: &mut MailboxRecord,
    leaving: &[Member],
    places: Vec<Option<Places>>,
    trail: Trail,
) {
    if leaving.is_empty() {
        return;
    }
    mailbox.highest_modseq = w.log(|_| log::expunged(mailbox.id, leaving));
    for (member, places) in leaving.iter().zip(places) {
        w.delete(rows::member(mailbox.id, member.uid));
        Working::count(mailbox, member, Sign::Left);
        leave_place(w, member, places, mailbox.id, trail);
    }
    let uids: Vec<_> = leaving.iter().map(|member| member.uid).collect();
    w.change_view(mailbox.id, |view| view.remove(&uids));
    w.put_mailbox(mailbox.clone());
}

/// One place less for an email.
pub(super) fn leave_place(w: &mut Working, member: &Member, places: Option<Places>, mailbox: MailboxId, trail: Trail) {
    // Two memberships of one email may leave in one operation: what stands in the draft counts.
    let Some(mut places) = gone::current(w, member.email, places) else { return };
    places.memberships.retain(|&other| other != (mailbox, member.uid));
    if trail == Trail::Kept && w.keeps {
        gone::depart(w, member, mailbox, &mut places);
    }
    gone::settle(w, member.email, Was::There, &places);
}
