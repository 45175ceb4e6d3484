//! A message comes from elsewhere, where it has a name: of one name it comes once.

use super::append::{Append, Outcome};
use crate::error::Error;
use crate::lane::Operation;
use crate::rows::{self, SourceId};
use crate::working::Working;
use model::{Encoder, MailboxId};

/// A message to be added unless one of the same source was added before.
#[derive(Clone, Debug)]
pub struct Import {
    /// The message and where it goes.
    pub append: Append,
    /// What it was elsewhere.
    pub source: SourceId,
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
        if w.row(key.clone()).await?.is_some() {
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
