//! Messages come in together, or one takes another's place: all of it or nothing (RFC 3502 §6.3.11, RFC 8508 §3.4).

use crate::email::NewEmail;
use crate::error::Error;
use crate::lane::Operation;
use crate::log;
use crate::op::append::{Coming, Threads};
use crate::op::check_count;
use crate::op::expunge::{Trail, leave, places_of};
use crate::rows::Places;
use crate::view::Member;
use crate::working::Working;
use model::{Flag, MailboxId, ModSeq, Quota, Timestamp, Uid, UidValidity};
use std::collections::BTreeSet;

/// Messages to be added to a mailbox; all of them or, on an error, none.
#[derive(Clone, Debug)]
pub struct AppendAll {
    /// Where.
    pub mailbox: MailboxId,
    /// At least one, in the order of their UIDs.
    pub messages: Vec<NewMessage>,
    /// What the account may hold.
    pub quota: Quota,
    /// A message that leaves when they come: what it frees is there for them.
    pub replaces: Option<(MailboxId, Uid)>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message.
    pub email: NewEmail,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// `None`: now.
    pub internal_date: Option<Timestamp>,
}

/// Where appended messages are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllAppended {
    /// Of the mailbox.
    pub uid_validity: UidValidity,
    /// In the mailbox, ascending.
    pub uids: Vec<Uid>,
}

/// The message that leaves.
struct Leaving {
    mailbox: MailboxId,
    member: Member,
    places: Option<Places>,
}

impl Operation for AppendAll {
    type Done = AllAppended;

    fn looks_at(&self) -> Vec<MailboxId> {
        self.replaces.iter().map(|(mailbox, _)| *mailbox).collect()
    }

    fn octets(&self) -> usize {
        self.messages.iter().map(|message| message.email.held_octets()).sum()
    }

    async fn fold(&self, w: &mut Working) -> Result<AllAppended, Error> {
        let mut mailbox = (*w.mailbox(self.mailbox)?).clone();
        let leaving = self.leaving(w).await?;
        self.check_quota(w, leaving.as_ref())?;
        let flags: BTreeSet<&Flag> = self.messages.iter().flat_map(|message| &message.flags).collect();
        w.keywords().fits(flags)?;
        let uids: Vec<Uid> = self.messages.iter().map(|_| Working::next_uid(&mut mailbox)).collect::<Result<_, _>>()?;
        check_count(&uids)?;
        let mut threads = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            threads.push(Threads::read(w, &message.email).await?);
        }

        // From here on nothing fails.
        let modseq = ModSeq(w.head.modseq.0 + 1);
        let mut members = Vec::with_capacity(self.messages.len());
        for ((NewMessage { email, flags, internal_date }, threads), &uid) in
            self.messages.iter().zip(threads).zip(&uids)
        {
            let coming = Coming { email, flags, internal_date: *internal_date };
            members.push(coming.arrive(w, &mut mailbox, (uid, modseq), threads));
        }
        mailbox.highest_modseq = w.log(|_| log::appended(mailbox.id, &members));
        let uid_validity = mailbox.uid_validity;
        w.put_mailbox(mailbox);
        if let Some(Leaving { mailbox, member, places }) = leaving {
            // Its record as it is now: it may be the same mailbox.
            let mut source = (*w.mailbox(mailbox)?).clone();
            leave(w, &mut source, &[member], vec![places], Trail::Kept);
        }
        Ok(AllAppended { uid_validity, uids })
    }
}

impl AppendAll {
    async fn leaving(&self, w: &Working) -> Result<Option<Leaving>, Error> {
        let Some((mailbox, uid)) = self.replaces else { return Ok(None) };
        w.mailbox(mailbox)?;
        let member = w.view(mailbox)?.by_uid(uid).ok_or(Error::MessageMissing)?;
        let places = places_of(w, &[member]).await?.pop().flatten();
        Ok(Some(Leaving { mailbox, member, places }))
    }

    /// Only what the account has more afterwards counts (RFC 8508 §3.4).
    fn check_quota(&self, w: &Working, leaving: Option<&Leaving>) -> Result<(), Error> {
        let mut added = crate::Usage { octets: 0, messages: self.messages.len() as u64 };
        added.octets = self.messages.iter().map(|message| message.email.size_octets()).sum();
        // One that lies elsewhere as well frees nothing.
        let ends = leaving.and_then(|leaving| leaving.places.as_ref()).filter(|places| places.memberships.len() == 1);
        let freed = ends.map_or(crate::Usage { octets: 0, messages: 0 }, |places| crate::Usage {
            octets: places.size_octets,
            messages: 1,
        });
        w.usage().room_for_swap(added, freed, &self.quota)
    }
}
