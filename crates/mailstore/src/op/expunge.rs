//! Messages leave a mailbox (RFC 9051 §6.4.3, §6.4.9), and with their last place the account.

use crate::error::Error;
use crate::flags::FlagBits;
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
        leave(w, &mut mailbox, &leaving, places);
        Ok(leaving.iter().map(|member| member.uid).collect())
    }
}

/// The places of the members' emails, in their order.
pub(super) async fn places_of(w: &Working, members: &[Member]) -> Result<Vec<Option<Places>>, Error> {
    let keys: Vec<_> = members.iter().map(|member| rows::places(member.email)).collect();
    let decode = |row: store::Bytes| Places::decode(&row).map_err(row_error("places of an email"));
    w.rows(&keys).await?.into_iter().map(|row| row.map(decode).transpose()).collect()
}

/// Takes members, each once and in order, out of a mailbox and its record; emails that have no other place end.
pub(super) fn leave(w: &mut Working, mailbox: &mut MailboxRecord, leaving: &[Member], places: Vec<Option<Places>>) {
    if leaving.is_empty() {
        return;
    }
    mailbox.highest_modseq = w.log(|_| log::expunged(mailbox.id, leaving));
    for (member, places) in leaving.iter().zip(places) {
        w.delete(rows::member(mailbox.id, member.uid));
        Working::count(mailbox, member, Sign::Left);
        leave_place(w, member, places, (mailbox.id, member.uid));
    }
    let uids: Vec<_> = leaving.iter().map(|member| member.uid).collect();
    w.change_view(mailbox.id, |view| view.remove(&uids));
    w.put_mailbox(mailbox.clone());
}

/// One place less for an email.
pub(super) fn leave_place(w: &mut Working, member: &Member, places: Option<Places>, place: (MailboxId, Uid)) {
    let key = rows::places(member.email);
    let Some(mut places) = places else { return };
    // Two memberships of one email may leave in one operation: what stands in the draft counts.
    match w.folded_row(&key) {
        Some(Some(newer)) => places = newer,
        Some(None) => return,
        None => {}
    }
    places.memberships.retain(|&other| other != place);
    if !places.memberships.is_empty() {
        return w.set_readable(key, Some(places.encode()));
    }
    w.set_readable(key, None);
    w.delete(rows::email(member.email));
    match places.blob {
        Some(blob) => w.delete_elsewhere(rows::blob_cell(blob), rows::blob_link(w.account, member.email)),
        None => w.delete_body(rows::body(member.email)),
    }
    w.head.used_octets = w.head.used_octets.saturating_sub(places.size_octets);
    w.head.used_emails = w.head.used_emails.saturating_sub(1);
}
