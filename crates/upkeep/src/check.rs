//! Everything that must hold, looked at once.

use crate::finding::{Finding, Kind};
use crate::row::{Owner, links, owner};
use mailstore::{Violation, linked_by, whereabouts};
use model::{AccountId, EmailId};
use std::collections::{BTreeMap, BTreeSet};
use store::block_on;
use store::{BlobId, Blobs, ReadError, RowPlace, Space, Store};

/// Octets of a page of rows, and of a piece of a blob.
const PAGE_OCTETS: usize = 256 << 10;
const PIECE_OCTETS: u64 = 256 << 10;
/// More are not told: the store is damaged.
const FINDINGS_MAX: usize = 10_000;

/// What is being looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// All rows, as the engine gives them.
    Rows,
    /// Accounts, one by one.
    Accounts,
    /// Blobs, against their hashes.
    Blobs,
}

/// How far it is, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many rows, accounts or blobs are looked at, of so many; 0: nobody knows.
    At(Stage, u64, u64),
    /// Something is wrong.
    Found(Finding),
}

/// What was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Rows.
    pub rows: u64,
    /// Accounts.
    pub accounts: u64,
    /// Blobs.
    pub blobs: u64,
    /// Their octets.
    pub blob_octets: u64,
    /// Blobs that nothing needs; they go by themselves.
    pub unreferenced: u64,
    /// Accounts that have rows and no address: who they were was lost.
    pub unowned: Vec<AccountId>,
    /// What is wrong; at most some thousands are told.
    pub findings: u64,
}

/// Looks at everything, and tells it step by step; `told` says whether to go on. Each part is judged as it was at one moment,
/// so the store may be used meanwhile.
///
/// # Errors
/// When the store cannot be read for another reason than damage.
pub fn check(store: &dyn Store, blobs: &dyn Blobs, told: &mut dyn FnMut(Step) -> bool) -> Result<Counts, ReadError> {
    let mut checker = Checker { store, blobs, told, ended: false, counts: Counts::default(), known: Known::default() };
    checker.rows()?;
    checker.people()?;
    checker.queue()?;
    checker.accounts()?;
    checker.blobs()?;
    Ok(checker.counts)
}

struct Checker<'a> {
    store: &'a dyn Store,
    blobs: &'a dyn Blobs,
    told: &'a mut dyn FnMut(Step) -> bool,
    /// Nobody wants to hear more.
    ended: bool,
    counts: Counts,
    known: Known,
}

/// What the rows name.
#[derive(Default)]
struct Known {
    accounts: BTreeSet<AccountId>,
    addresses: BTreeMap<AccountId, String>,
    /// That are being ended.
    erasing: BTreeSet<AccountId>,
    /// That have links, in order.
    linked: Vec<BlobId>,
}

impl Checker<'_> {
    fn tell(&mut self, mut finding: Finding) {
        self.counts.findings += 1;
        if finding.address.is_none() {
            finding.address = finding.account.and_then(|id| self.known.addresses.get(&AccountId(id)).cloned());
        }
        if self.counts.findings <= FINDINGS_MAX as u64 && !self.ended {
            self.ended = !(self.told)(Step::Found(finding));
        }
    }

    fn at(&mut self, stage: Stage, done: u64, of: u64) {
        self.ended = self.ended || !(self.told)(Step::At(stage, done, of));
    }

    /// What was read, if it is not damage that kept it from being read: that is told.
    fn readable<T>(&mut self, read: Result<T, ReadError>, kind: Kind, what: &str) -> Result<Option<T>, ReadError> {
        match read {
            Err(ReadError::Damaged(wrong)) => {
                self.tell(Finding::new(kind, what, wrong));
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// Every row is read once: the engine checks what it reads.
    fn rows(&mut self) -> Result<(), ReadError> {
        let Some(snapshot) = self.readable(block_on(self.store.snapshot()), Kind::Files, "rows")? else {
            return Ok(());
        };
        for space in [Space::Rows, Space::Bodies] {
            let start = RowPlace { space, cell: store::Cell::new(""), key: store::Bytes::new() };
            let mut after = (space == Space::Bodies).then_some(start);
            while !self.ended {
                let page = block_on(snapshot.rows(after.as_ref(), PAGE_OCTETS));
                let Some(page) = self.readable(page, Kind::Files, "rows")? else { break };
                let here = page.rows.iter().take_while(|(place, _)| place.space == space);
                let mut seen = 0;
                for (place, value) in here {
                    seen += 1;
                    self.row(place, value);
                }
                self.counts.rows += seen as u64;
                self.at(Stage::Rows, self.counts.rows, 0);
                if !page.more || seen < page.rows.len() {
                    break;
                }
                after = page.rows.into_iter().next_back().map(|(place, _)| place);
            }
        }
        Ok(())
    }

    fn row(&mut self, place: &RowPlace, value: &[u8]) {
        match owner(place, value) {
            Owner::Account(account) => drop(self.known.accounts.insert(account)),
            Owner::Blob(blob) if self.known.linked.last() == Some(&blob) => {}
            Owner::Blob(blob) => self.known.linked.push(blob),
            Owner::Address(id, address) => drop(self.known.addresses.insert(id, address)),
            Owner::Erasing(id) => drop(self.known.erasing.insert(id)),
            Owner::Erased(_) | Owner::Known => {}
            Owner::DamagedTrace(cause) => {
                self.tell(Finding::new(Kind::Trace, place.key.escape_ascii().to_string(), cause));
            }
            Owner::Nobody => {
                let what = format!("{}/{}", place.cell.as_bytes().escape_ascii(), place.key.escape_ascii());
                self.tell(Finding::new(Kind::Stray, what, "nobody knows such a row"));
            }
        }
    }

    fn people(&mut self) -> Result<(), ReadError> {
        let found = block_on(async { directory::check(&*self.store.snapshot().await?).await });
        for (row, wrong) in self.readable(found, Kind::People, "directory")?.into_iter().flatten() {
            self.tell(Finding::new(Kind::People, row, wrong));
        }
        Ok(())
    }

    fn queue(&mut self) -> Result<(), ReadError> {
        let found = block_on(async { mta::queue::check(&*self.store.snapshot().await?).await });
        for violation in self.readable(found, Kind::Queue, "queue")?.into_iter().flatten() {
            let finding = Finding::new(Kind::Queue, violation.message, violation.wrong);
            self.tell(Finding { address: violation.recipient, ..finding });
        }
        Ok(())
    }

    fn accounts(&mut self) -> Result<(), ReadError> {
        // Also of those of which not a row could be read.
        let all: BTreeSet<_> = self.known.accounts.iter().chain(self.known.addresses.keys()).copied().collect();
        for (done, account) in all.iter().enumerate() {
            if self.ended {
                break;
            }
            self.at(Stage::Accounts, done as u64, all.len() as u64);
            let of = |finding: Finding| Finding { account: Some(account.0), ..finding };
            match block_on(mailstore::check(self.store, *account)) {
                Ok(violations) => self.violations(*account, violations)?,
                Err(mailstore::Error::Read(ReadError::Damaged(wrong))) => {
                    self.tell(of(Finding::new(Kind::Account, "rows", wrong)));
                }
                Err(mailstore::Error::Read(error)) => return Err(error),
                Err(mailstore::Error::Row { row, cause }) => {
                    self.tell(of(Finding::new(Kind::Account, row, cause.to_string())));
                }
                Err(error) => self.tell(of(Finding::new(Kind::Account, "rows", error.to_string()))),
            }
        }
        self.counts.accounts = all.len() as u64;
        let owned = |id: &AccountId| self.known.addresses.contains_key(id) || self.known.erasing.contains(id);
        self.counts.unowned = self.known.accounts.iter().copied().filter(|id| !owned(id)).collect();
        Ok(())
    }

    fn violations(&mut self, account: AccountId, violations: Vec<Violation>) -> Result<(), ReadError> {
        let damage = violations.into_iter().filter(|violation| !violation.is_harmless());
        for Violation { row, wrong, email } in damage {
            match email {
                Some(email) => self.message(account, email, (&row, &wrong))?,
                None => self.tell(Finding { account: Some(account.0), ..Finding::new(Kind::Account, row, wrong) }),
            }
        }
        Ok(())
    }

    /// A message is told with where it is, as far as that can be read.
    fn message(&mut self, account: AccountId, email: EmailId, (row, wrong): (&str, &str)) -> Result<(), ReadError> {
        let known = block_on(async { whereabouts(&*self.store.snapshot().await?, account, email).await });
        let known = match known {
            Err(ReadError::Damaged(_)) => Default::default(),
            known => known?,
        };
        let place = known.places.into_iter().next();
        let (mailbox, uid) = place.map_or((None, None), |(mailbox, uid)| (mailbox, Some(uid.0)));
        self.tell(Finding {
            account: Some(account.0),
            email: Some(email.0),
            mailbox: mailbox.map(|name| name.to_string()),
            uid,
            subject: known.subject,
            ..Finding::new(Kind::Message, row, wrong)
        });
        Ok(())
    }

    fn blobs(&mut self) -> Result<(), ReadError> {
        let linked = std::mem::take(&mut self.known.linked);
        let (mut there, mut after): (BTreeSet<BlobId>, _) = (BTreeSet::new(), None);
        loop {
            let page = block_on(self.blobs.list(after))?;
            there.extend(&page.ids);
            after = page.ids.last().copied();
            if !page.more || after.is_none() {
                break;
            }
        }
        let total = there.len() as u64;
        for id in linked.iter().filter(|id| !there.contains(id)) {
            // It may have gone with its last link meanwhile.
            if block_on(self.blobs.get(*id, 0..1)).is_ok_and(|octets| octets.is_none()) {
                self.blob(*id, "it is missing")?;
            }
        }
        for id in there {
            if self.ended {
                break;
            }
            self.at(Stage::Blobs, self.counts.blobs, total);
            self.counts.blobs += 1;
            let is_linked = linked.binary_search(&id).is_ok();
            self.counts.unreferenced += u64::from(!is_linked);
            match self.read_blob(id) {
                // What nobody needs may be damaged.
                Err(ReadError::Damaged(_)) if !is_linked => {}
                Err(ReadError::Damaged(wrong)) => self.blob(id, &wrong)?,
                // It is listed, and there is none: a link that leads nowhere.
                Ok(None) => self.blob(id, "it is missing")?,
                read => self.counts.blob_octets += read?.unwrap_or_default(),
            }
            if is_linked {
                self.links(id)?;
            }
        }
        Ok(())
    }

    /// Its octets; `None` if it is not there.
    fn read_blob(&self, id: BlobId) -> Result<Option<u64>, ReadError> {
        let mut at = 0;
        loop {
            match block_on(self.blobs.get(id, at..at + PIECE_OCTETS))? {
                None => return Ok(None),
                Some(octets) if octets.is_empty() => return Ok(Some(at)),
                Some(octets) => at += octets.len() as u64,
            }
        }
    }

    /// Tells of every message that needs the blob.
    fn blob(&mut self, id: BlobId, wrong: &str) -> Result<(), ReadError> {
        let row = format!("blob {id}");
        let mut needed = false;
        let wrong = wrong.strip_prefix(&format!("{row} ")).unwrap_or(wrong);
        let keys = block_on(async { links(&*self.store.snapshot().await?, id).await })?;
        for key in keys {
            needed = true;
            match linked_by(&key) {
                Some((account, email)) => self.message(account, email, (&row, wrong))?,
                None => {
                    let message = mta::queue::name_of(key.get(1..).unwrap_or_default());
                    let wrong = format!("its body: {wrong} ({row})");
                    let to = block_on(async { mta::queue::recipients(&*self.store.snapshot().await?, &key).await })?;
                    let address = Some(to.join(", ")).filter(|to| !to.is_empty());
                    self.tell(Finding { address, ..Finding::new(Kind::Queue, message, wrong) });
                }
            }
        }
        if !needed {
            // Its link went meanwhile, or cannot be read.
            tracing::debug!(event = "blob.unneeded", blob = %id);
        }
        Ok(())
    }

    /// Every link is that of an email which names the blob.
    fn links(&mut self, id: BlobId) -> Result<(), ReadError> {
        let snapshot = block_on(self.store.snapshot())?;
        let found = block_on(mailstore::check_blob(&*snapshot, id));
        let found = self.readable(found, Kind::Blob, &format!("blob {id}"))?;
        for violation in found.into_iter().flatten() {
            self.tell(Finding::new(Kind::Blob, violation.row, violation.wrong));
        }
        Ok(())
    }
}
