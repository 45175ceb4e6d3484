//! A message comes from elsewhere, where it has a name: of one name it comes once.

use super::append::{Append, Outcome};
use crate::error::Error;
use crate::lane::Operation;
use crate::rows::{self, Places, SourceId};
use crate::working::{Working, row_error};
use model::{Decoder, Encoder, MailboxId};

/// A message to be added unless one of the same source was added before.
#[derive(Clone, Debug)]
pub struct Import {
    /// The message and where it goes.
    pub append: Append,
    /// What it was elsewhere.
    pub source: SourceId,
    /// How often it comes.
    pub comes: Comes,
}

/// How often a message of one source comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comes {
    /// Once, whatever became of it: whoever deleted it does not want it again.
    Once,
    /// Again where it is in no mailbox any more: somebody wants it back.
    AgainIfGone,
}

impl Operation for Import {
    type Done = Outcome;

    fn looks_at(&self) -> Vec<MailboxId> {
        self.append.looks_at()
    }

    fn octets(&self) -> usize {
        self.append.octets()
    }

    async fn fold(&self, w: &mut Working) -> Result<Outcome, Error> {
        let key = rows::source(self.source);
        if let Some(row) = w.row(key.clone()).await?
            && (self.comes == Comes::Once || is_there(w, &row).await?)
        {
            return Ok(Outcome::AlreadyDelivered);
        }
        let outcome = self.append.fold(w).await?;
        if let Outcome::Appended(appended) = outcome {
            let mut row = Encoder::new(SOURCE_FORMAT);
            row.u64(appended.email.0);
            w.set_readable(key, Some(row.finish()));
        }
        Ok(outcome)
    }
}

pub(crate) const SOURCE_FORMAT: u8 = 1;

/// Whether the email that was imported is in a mailbox.
async fn is_there(w: &Working, row: &[u8]) -> Result<bool, Error> {
    let email = Decoder::new(row, SOURCE_FORMAT).and_then(|mut d| d.email()).map_err(row_error("source"))?;
    let Some(row) = w.row(rows::places(email)).await? else { return Ok(false) };
    let places = Places::decode(email, &row).map_err(row_error("places of an email"))?;
    Ok(!places.memberships.is_empty())
}
