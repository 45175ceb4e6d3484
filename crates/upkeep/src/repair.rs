//! Makes a store whole again that nobody else has open.

use crate::finding::Kind;
use crate::row::{Owner, links, owner};
use mailstore::{Body, Deed, Gap, Kept, linked_by};
use model::{AccountId, EmailId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use store::block_on;
use store::{Batch, BlobId, Blobs, CommitError, ReadError, RowPlace, Space, Store, Write};

/// Octets of a page of rows.
const PAGE_OCTETS: usize = 256 << 10;
/// Writes in one commit: some hundreds of KiB.
const WRITES_AT_ONCE: usize = 500;
/// Numbers of accounts that are passed over where the last ones may be lost: more than anybody makes between two versions of
/// the row that counts them.
const ACCOUNTS_PASSED_OVER: u32 = 1 << 20;

/// Why a store was not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// Rows cannot be read at all: the engine's files are damaged. See `store_local::salvage`; else only a backup has them.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store takes nothing.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What is taken away could not be kept.
    #[error("what is taken away cannot be kept: {0}")]
    Aside(#[from] io::Error),
}

/// Something that was done, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repaired {
    /// To an account.
    Account {
        /// Which.
        account: AccountId,
        /// Its address, where the directory knows it.
        address: Option<String>,
        /// What.
        deed: Deed,
    },
    /// A queued message that cannot be delivered any more was taken out.
    Queued {
        /// Which.
        message: String,
        /// Why.
        why: String,
        /// To whom it was to go.
        recipients: Vec<String>,
    },
    /// Something else: of which kind, which row, what became of it.
    Other(Kind, String, String),
}

/// What is taken away, for whoever keeps it.
pub enum Aside<'a> {
    /// A row.
    Row(&'a RowPlace, &'a [u8]),
    /// A message's octets, damaged as they are.
    Message(AccountId, EmailId, &'a [u8]),
    /// A message's prefix, and the blob that has the rest of it, damaged as it is or missing.
    Blob(AccountId, EmailId, &'a [u8], BlobId),
    /// Of a queued message what we put before it, if that is known, and the blob that has the rest.
    Queued(&'a str, &'a [u8], BlobId),
    /// The same of a small one, and the rest.
    Small(&'a str, &'a [u8], &'a [u8]),
}

/// Keeps what is taken away, and hears what is done.
pub trait Witness {
    /// Keeps it durably.
    ///
    /// # Errors
    /// Nothing is taken away then.
    fn keep(&mut self, aside: Aside<'_>) -> io::Result<()>;
    /// Remembers durably that more may be lost than what is seen, as a [`Gap`], until a repair was brought to its end.
    ///
    /// # Errors
    /// Nothing is mended then.
    fn doubt(&mut self) -> io::Result<()>;
    /// Something was done, or would be.
    fn tell(&mut self, repaired: Repaired);
}

/// Repairs everything; `dry`: tells only what would be done. What is taken away is kept first. It may be broken off and begun
/// again at any time. After a [`Gap`] numbers are raised each time.
///
/// # Errors
/// [`RepairError::Read`] where rows cannot be read at all.
pub fn repair(
    (store, blobs): (&dyn Store, &dyn Blobs),
    (now, gap): (Timestamp, Gap),
    dry: bool,
    witness: &mut dyn Witness,
) -> Result<(), RepairError> {
    let (addresses, told, doubted) = (BTreeMap::new(), BTreeMap::new(), false);
    let mut repairer = Repairer { store, gap, dry, witness, addresses, told, doubted };
    let mut known = repairer.rows()?;
    let mut lost = repairer.lost_emails(&mut known)?;
    repairer.people(&known)?;
    repairer.queue(blobs)?;
    let mut found = false;
    for account in &known.accounts {
        found |= repairer.account(blobs, *account, of(&lost, *account), now)?;
    }
    // Rows of one commit that do not fit together are no crash's work: something that was promised is lost, here or elsewhere.
    if found && gap == Gap::None {
        repairer.gap = Gap::Possible;
        if !dry {
            repairer.people(&known)?; // the numbers of accounts, too
        }
        lost = repairer.lost_emails(&mut known)?;
        for account in &known.accounts {
            repairer.account(blobs, *account, of(&lost, *account), now)?;
        }
    }
    let of_account =
        |(account, lost): (AccountId, Vec<_>)| lost.into_iter().map(move |(email, blob)| (account, email, blob));
    let adopted: BTreeSet<_> = lost.into_iter().flat_map(of_account).collect();
    for blob in &known.blobs {
        repairer.links(*blob, &adopted)?;
    }
    Ok(())
}

/// Of each account the emails of which only links to blobs are known.
type LostEmails = BTreeMap<AccountId, Vec<(EmailId, BlobId)>>;

fn of(lost: &LostEmails, account: AccountId) -> &[(EmailId, BlobId)] {
    lost.get(&account).map_or(&[], Vec::as_slice)
}

#[derive(Default)]
struct Known {
    accounts: BTreeSet<AccountId>,
    blobs: BTreeSet<BlobId>,
}

struct Repairer<'a> {
    store: &'a dyn Store,
    gap: Gap,
    dry: bool,
    witness: &'a mut dyn Witness,
    addresses: BTreeMap<AccountId, String>,
    /// What was told of each account and, where nothing is done, will be found again.
    told: BTreeMap<AccountId, HashSet<Deed>>,
    /// The witness remembers that there may be a gap.
    doubted: bool,
}

impl Repairer<'_> {
    /// What there is; what is nobody's goes.
    fn rows(&mut self) -> Result<Known, RepairError> {
        let (mut known, mut after) = (Known::default(), None);
        let snapshot = block_on(self.store.snapshot())?;
        loop {
            let page = block_on(snapshot.rows(after.as_ref(), PAGE_OCTETS))?;
            let mut stray = Vec::new();
            for (place, row) in &page.rows {
                match owner(place, row) {
                    Owner::Account(account) | Owner::Erased(account) => drop(known.accounts.insert(account)),
                    Owner::Blob(blob) => drop(known.blobs.insert(blob)),
                    Owner::Address(id, address) => drop(self.addresses.insert(id, address)),
                    Owner::Erasing(_) | Owner::Known => {}
                    Owner::DamagedTrace(why) => stray.push((Kind::Trace, place, row, why)),
                    Owner::Nobody => stray.push((Kind::Stray, place, row, "nobody knows such a row".to_owned())),
                }
            }
            let mut writes = Vec::new();
            for (kind, place, row, why) in stray {
                let RowPlace { space, cell, key } = place.clone();
                let what = format!("{}/{}", cell.as_bytes().escape_ascii(), key.escape_ascii());
                self.witness.tell(Repaired::Other(kind, what, why));
                self.keep(Aside::Row(place, row))?;
                writes.push(Write { space, cell, key, value: None });
            }
            self.write(writes)?;
            after = page.rows.into_iter().next_back().map(|(place, _)| place);
            if !page.more {
                return Ok(known);
            }
        }
    }

    fn people(&mut self, known: &Known) -> Result<(), RepairError> {
        let used = known.accounts.last().map_or(0, |account| account.0);
        let snapshot = block_on(self.store.snapshot())?;
        let passed_over = if self.gap == Gap::Possible { ACCOUNTS_PASSED_OVER } else { 0 };
        let mended = block_on(directory::mend(&*snapshot, used, passed_over))?;
        for (row, what) in mended.deeds {
            self.witness.tell(Repaired::Other(Kind::People, row, what.to_owned()));
        }
        mended.kept.iter().try_for_each(|(place, row)| self.keep(Aside::Row(place, row)))?;
        self.write(mended.writes)
    }

    fn queue(&mut self, blobs: &dyn Blobs) -> Result<(), RepairError> {
        let snapshot = block_on(self.store.snapshot())?;
        let mended = block_on(mta::queue::mend(&*snapshot, blobs))?;
        for (message, why, recipients) in mended.lost {
            self.witness.tell(Repaired::Queued { message, why, recipients });
        }
        mended.kept.iter().try_for_each(|(place, row)| self.keep(Aside::Row(place, row)))?;
        for (message, trace, body) in &mended.contents {
            self.keep(match body {
                Body::Row(octets) => Aside::Small(message, trace.as_bytes(), octets),
                Body::Blob { id, .. } => Aside::Queued(message, trace.as_bytes(), *id),
            })?;
        }
        self.write(mended.writes)
    }

    /// After a gap the email of a link may be lost whose octets are there.
    fn lost_emails(&self, known: &mut Known) -> Result<LostEmails, RepairError> {
        let mut lost = LostEmails::new();
        if self.gap == Gap::None {
            return Ok(lost);
        }
        let snapshot = block_on(self.store.snapshot())?;
        for blob in &known.blobs {
            for (account, email) in block_on(links(&*snapshot, *blob))?.iter().filter_map(|key| linked_by(key)) {
                if !block_on(mailstore::names_blob(&*snapshot, account, email, *blob))? {
                    known.accounts.insert(account);
                    lost.entry(account).or_default().push((email, *blob));
                }
            }
        }
        Ok(lost)
    }

    /// Whether rows did not fit together.
    fn account(
        &mut self,
        blobs: &dyn Blobs,
        account: AccountId,
        linked: &[(EmailId, BlobId)],
        now: Timestamp,
    ) -> Result<bool, RepairError> {
        let snapshot = block_on(self.store.snapshot())?;
        let mended = block_on(mailstore::mend(&*snapshot, blobs, account, (now, self.gap), linked))?;
        let found = mended.deeds.iter().any(|deed| !matches!(deed, Deed::Lost { .. } | Deed::Raised));
        let told = self.told.remove(&account).unwrap_or_default();
        for deed in mended.deeds.iter().filter(|deed| !told.contains(deed)) {
            let address = self.addresses.get(&account).cloned();
            self.witness.tell(Repaired::Account { account, address, deed: deed.clone() });
        }
        if self.dry && found {
            self.told.insert(account, mended.deeds.into_iter().collect());
        }
        for kept in &mended.kept {
            self.keep(match kept {
                Kept::Row(place, row) => Aside::Row(place, row),
                Kept::Message(email, octets) => Aside::Message(account, *email, octets),
                Kept::Blob(email, prefix, blob) => Aside::Blob(account, *email, prefix, *blob),
            })?;
        }
        // Once they are mended nobody sees any more that they did not fit.
        if found && self.gap == Gap::None && !self.dry && !self.doubted {
            self.witness.doubt()?;
            self.doubted = true;
        }
        self.write(mended.writes)?;
        Ok(found)
    }

    /// A link that no email knows would keep the blob for ever; emails are made anew of those that are `adopted`.
    fn links(&mut self, blob: BlobId, adopted: &BTreeSet<(AccountId, EmailId, BlobId)>) -> Result<(), RepairError> {
        let (cell, snapshot) = (mailstore::links_of(blob), block_on(self.store.snapshot())?);
        let mut writes = Vec::new();
        for key in block_on(links(&*snapshot, blob))? {
            let named = match linked_by(&key) {
                Some((account, email)) if self.dry && adopted.contains(&(account, email, blob)) => true,
                Some((account, email)) => block_on(mailstore::names_blob(&*snapshot, account, email, blob))?,
                None => {
                    let queued = block_on(mta::queue::is_queued(&*snapshot, &key))?;
                    if queued == Some(false) {
                        // Its row was taken out, or never there: the blob is all that is left of the message.
                        let message = mta::queue::name_of(key.get(1..).unwrap_or_default());
                        self.keep(Aside::Queued(&message, b"", blob))?;
                    }
                    queued == Some(true)
                }
            };
            if !named {
                let mut what = "nothing needs it";
                if let Some((account, email)) = linked_by(&key) {
                    // A link goes with its email's row: that one was lost.
                    self.keep(Aside::Blob(account, email, b"", blob))?;
                    what = "of a message that is lost; kept aside";
                }
                self.witness.tell(Repaired::Other(Kind::Blob, format!("link of blob {blob}"), what.into()));
                writes.push(Write { space: Space::Rows, cell: cell.clone(), key, value: None });
            }
        }
        self.write(writes)
    }

    fn keep(&mut self, aside: Aside<'_>) -> io::Result<()> {
        if self.dry { Ok(()) } else { self.witness.keep(aside) }
    }

    fn write(&self, writes: Vec<Write>) -> Result<(), RepairError> {
        if self.dry {
            return Ok(());
        }
        for some in writes.chunks(WRITES_AT_ONCE) {
            let Some(first) = some.first() else { continue };
            let mut batch = Batch::new(first.cell.clone());
            batch.writes = some.to_vec();
            block_on(self.store.commit(batch))?;
        }
        Ok(())
    }
}
