//! Messages leave a mailbox without having been `\Deleted` (RFC 1939 §6): all that are still there, in one batch.

use crate::error::Error;
use crate::lane::Operation;
use crate::op::expunge::{leave, places_of};
use crate::op::{check_count, octets_of};
use crate::working::Working;
use model::{MailboxId, Uid};

/// Which messages leave.
#[derive(Clone, Debug)]
pub struct Discard {
    /// Where.
    pub mailbox: MailboxId,
    /// Which; those that are gone are passed over.
    pub uids: Vec<Uid>,
}

impl Operation for Discard {
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
        let leaving = w.view(self.mailbox)?.members(&self.uids);
        let places = places_of(w, &leaving).await?;
        leave(w, &mut mailbox, &leaving, places);
        Ok(leaving.iter().map(|member| member.uid).collect())
    }
}
