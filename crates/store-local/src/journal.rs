//! fjall's journal, read before fjall reads it.
//!
//! Left to itself fjall cuts the journal silently at the first entry that does not decode, whatever follows, fails to open at a
//! checksum that does not fit, and believes lengths of up to 4 GiB. We sync each batch before the next is written, so only the
//! last one can be torn by a crash: that is cut, and kept aside. A bad batch with good ones behind it is damage: the journal
//! is kept aside whole, but for what the disk cannot read, the good batches are kept for reading, and the store is opened read-only until somebody has looked.

mod scan;
mod sectors;
#[cfg(test)]
mod tests;

use crate::aside::{self, DAMAGED, LOST, MARKER, TORN};
use crate::lock::sync_folder;
use crate::salvage::Latest;
use fjall::SeqNo;
use scan::{Ending, Scanned};
use sectors::Sectors;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use store::Bytes;

/// What the journals were found to be; they are fit for fjall now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// As they were closed.
    Sound,
    /// The same, and no batch is in them.
    Empty,
    /// The end was torn off; kept in the file.
    Cut(PathBuf),
    /// Batches are lost or were; the story, for the operator.
    Damaged(String),
}

/// Where the journals and what is kept aside of them lie.
#[derive(Clone)]
pub(crate) struct Journals {
    /// fjall's folder.
    pub(crate) rows: PathBuf,
    /// Ours, for what was cut or is damaged.
    pub(crate) aside: PathBuf,
}

/// Torn ends that are kept: each is of a batch that nobody was promised.
const TORN_KEPT_MAX: usize = 16;
/// fjall's list of keyspaces, and our two.
const KEYSPACES: u64 = 3;
/// What the system counts a file's blocks in.
const BLOCK_OCTETS: u64 = 512;
/// Disks write so many octets whole or not at all.
const SECTOR_OCTETS: usize = 512;

impl Journals {
    /// Those of the store in `folder`.
    pub(crate) fn of(folder: &Path) -> Journals {
        Journals { rows: folder.join("rows"), aside: aside::place(folder) }
    }

    /// As long as fjall's folder is being made.
    pub(crate) fn in_the_making(&self) -> Journals {
        self.named("new")
    }

    /// Those of a folder beside fjall's own.
    pub(crate) fn named(&self, extension: &str) -> Journals {
        Journals { rows: self.rows.with_extension(extension), aside: self.aside.clone() }
    }

    /// Checks all journals, cuts a torn end, sets damage aside.
    pub(crate) fn guard(&self) -> io::Result<Found> {
        self.forget_unfinished_creation()?;
        let scans = self.scans()?;
        let is_empty = scans.iter().all(|(_, scanned)| scanned.batches == 0 && scanned.ending == Ending::Clean);
        let mut found = if is_empty { Found::Empty } else { Found::Sound };
        for (place, (journal, scanned)) in scans.iter().enumerate() {
            let others_follow = scans.iter().skip(place + 1).any(|(_, later)| later.batches > 0);
            match &scanned.ending {
                Ending::Clean => {}
                Ending::Torn { at, end } if !others_follow => found = Found::Cut(self.cut(journal, *at..*end)?),
                Ending::Torn { at, end } => self.set_aside(journal, scanned, std::slice::from_ref(&(*at..*end)))?,
                Ending::Damaged { bad } => self.set_aside(journal, scanned, bad)?,
            }
        }
        Ok(aside::story(&self.aside)?.map_or(found, Found::Damaged))
    }

    /// Cuts off all batches from number `seqno` on: a write or sync failed, and what the system says of its pages since is
    /// not to be believed. What was synced before is on the disk.
    pub(crate) fn cut_from(&self, seqno: SeqNo) -> io::Result<()> {
        for journal in self.list()? {
            if let Some(at) = scan::position_of(&journal, seqno)? {
                truncate(&journal, at)?;
            }
        }
        Ok(())
    }

    /// Empties all journals, once the engine's files hold everything. The oldest first: what a crash leaves is then the end of
    /// the story, and telling that once more changes nothing.
    pub(crate) fn forget(&self) -> io::Result<()> {
        self.list()?.iter().try_for_each(|journal| truncate(journal, 0))
    }

    /// Puts empty journals away, so that fjall makes a new one, of 64 MiB. One that it finds it appends to, and a file that grows
    /// with each write is slow to sync. A name is left that says why there is none.
    pub(crate) fn renew(&self) -> io::Result<()> {
        let mut journals = self.list()?;
        let newest = journals.pop();
        journals.iter().try_for_each(fs::remove_file)?;
        if let Some(newest) = newest {
            fs::rename(newest, self.renewal())?;
        }
        sync_folder(&self.rows)
    }

    /// Once there is a new journal.
    pub(crate) fn end_renewal(&self) -> io::Result<()> {
        match fs::remove_file(self.renewal()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether there are none, and nothing says why.
    pub(crate) fn are_missing(&self) -> io::Result<bool> {
        Ok(self.list()?.is_empty() && !self.renewal().try_exists()?)
    }

    fn renewal(&self) -> PathBuf {
        self.rows.join("renewing")
    }

    /// Cuts off what the newest journal was made longer by than what is in it. Nobody has it open.
    pub(crate) fn cut_padding(&self) -> io::Result<()> {
        let Some(journal) = self.list()?.pop() else { return Ok(()) };
        let end = scan::scan(&journal, None)?.end;
        if fs::metadata(&journal)?.len() > end { truncate(&journal, end) } else { Ok(()) }
    }

    /// What the journals take of the disk: less than their lengths, for they have holes.
    pub(crate) fn octets_on_disk(&self) -> io::Result<u64> {
        self.list()?.iter().map(|journal| Ok(fs::metadata(journal)?.blocks() * BLOCK_OCTETS)).sum()
    }

    /// The journals, oldest first.
    pub(crate) fn list(&self) -> io::Result<Vec<PathBuf>> {
        let mut journals = Vec::new();
        let entries = match fs::read_dir(&self.rows) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            if let Some(number) = number.filter(|_| path.extension().is_some_and(|extension| extension == "jnl")) {
                journals.push((number, path));
            }
        }
        journals.sort();
        Ok(journals.into_iter().map(|(_, path)| path).collect())
    }

    /// Makes the names of fjall's files durable. It syncs neither the folder that its own stands in nor, for a new keyspace,
    /// that of keyspaces; and what a process that was killed had made may be seen by the next one and not be on the disk.
    pub(crate) fn sync_folders(&self) -> io::Result<()> {
        let keyspaces = self.keyspaces();
        if keyspaces.is_dir() {
            for keyspace in fs::read_dir(&keyspaces)? {
                let keyspace = keyspace?.path();
                let tables = keyspace.join("tables");
                [tables, keyspace]
                    .iter()
                    .filter(|folder| folder.is_dir())
                    .try_for_each(|folder| sync_folder(folder))?;
            }
            sync_folder(&keyspaces)?;
        }
        [Some(&*self.rows), self.rows.parent()].into_iter().flatten().try_for_each(sync_folder)
    }

    fn keyspaces(&self) -> PathBuf {
        self.rows.join("keyspaces")
    }

    /// fjall cannot open what it did not finish creating: it trips over its own first journal. The version file is the last
    /// it writes before it makes keyspaces, and no batch comes before. Its name can be there without its octets.
    fn forget_unfinished_creation(&self) -> io::Result<()> {
        let version = self.rows.join("version");
        let is_whole = |octets: Vec<u8>| matches!(octets[..], [b'F', b'J', b'L', number] if number > 0);
        let has_keyspaces = || fs::read_dir(self.keyspaces()).is_ok_and(|mut found| found.next().is_some());
        if !self.rows.exists() || fs::read(&version).is_ok_and(is_whole) || has_keyspaces() {
            return Ok(());
        }
        for journal in self.list()? {
            if scan::scan(&journal, None)?.batches > 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "there are rows, yet no version file"));
            }
            fs::remove_file(journal)?;
        }
        match fs::remove_file(version) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What all good batches make of the rows of each keyspace, and nothing is changed. What is bad is told; not the end that a
    /// crash tore.
    pub(crate) fn latest(&self, told: &mut dyn FnMut(&Path, Range<u64>)) -> io::Result<BTreeMap<u64, Latest>> {
        let mut latest: BTreeMap<u64, Latest> = BTreeMap::new();
        let scans = self.scans()?;
        for (place, (journal, scanned)) in scans.iter().enumerate() {
            let bad = match &scanned.ending {
                Ending::Clean => Vec::new(),
                Ending::Torn { at, end } => std::iter::once(*at..*end).collect(),
                Ending::Damaged { bad } => bad.clone(),
            };
            let by_crash = place + 1 == scans.len() && is_torn(journal, scanned)?;
            bad.iter().filter(|_| !by_crash).for_each(|bad| told(journal, bad.clone()));
            for good in good_parts(&bad, scanned.end) {
                scan::items(journal, &good, &mut |seqno, scan::Item { keyspace, key, value }| {
                    latest.entry(keyspace).or_default().insert(key, (seqno, value.map(Bytes::from)));
                })?;
            }
        }
        Ok(latest)
    }

    /// Journals in which changes are damaged that were promised; nothing is changed.
    pub(crate) fn damaged(&self) -> io::Result<Vec<PathBuf>> {
        let mut damaged = Vec::new();
        let scans = self.scans()?;
        for (place, (journal, scanned)) in scans.iter().enumerate() {
            let by_crash = place + 1 == scans.len() && is_torn(journal, scanned)?;
            if scanned.ending != Ending::Clean && !by_crash {
                damaged.push(journal.clone());
            }
        }
        Ok(damaged)
    }

    /// What is in each journal, the oldest first.
    fn scans(&self) -> io::Result<Vec<(PathBuf, Scanned)>> {
        let mut after = None;
        let scanned = self.list()?.into_iter().map(|journal| {
            let scanned = scan::scan(&journal, after)?;
            after = scanned.last_seqno.or(after);
            Ok((journal, scanned))
        });
        scanned.collect()
    }

    /// What is missing of files that fjall never lacks once a store is in use.
    pub(crate) fn missing(&self) -> io::Result<Option<PathBuf>> {
        if !self.rows.try_exists()? {
            return Ok(Some(self.rows.clone()));
        }
        if self.are_missing()? {
            return Ok(Some(self.rows.join("1.jnl")));
        }
        let kept = (0..KEYSPACES).map(|id| self.keyspaces().join(id.to_string()).join("current"));
        for path in kept.chain([self.rows.join("version")]) {
            if !path.try_exists()? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn cut(&self, journal: &Path, torn: Range<u64>) -> io::Result<PathBuf> {
        let by_crash = part(journal, &torn)?.is_some_and(|octets| looks_torn(&octets, torn.start));
        let ending = if by_crash { TORN } else { LOST };
        let kept = format!("{}-at-{}.{ending}", name(journal), torn.start);
        let kept = aside::free(&self.aside, Path::new(&kept));
        // Nobody was promised what a crash tore: a disk too full to keep it is no reason to stay closed.
        if let Err(error) = self.keep(journal, &torn, &kept) {
            tracing::warn!(event = "journal.torn_end_not_kept", %error);
        }
        truncate(journal, torn.start)?;
        let journal = journal.display();
        if by_crash {
            tracing::warn!(event = "journal.cut", %journal, at = torn.start, kept = %kept.display());
        } else {
            tracing::error!(event = "journal.end_lost", %journal, at = torn.start, kept = %kept.display());
        }
        Ok(kept)
    }

    fn keep(&self, journal: &Path, part: &Range<u64>, kept: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.aside)?;
        let is_torn = |path: &PathBuf| path.extension().is_some_and(|extension| extension == TORN);
        let entries = fs::read_dir(&self.aside)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let mut torn: Vec<_> = entries.filter(is_torn).map(|path| (modified(&path), path)).collect();
        torn.sort();
        let surplus = (torn.len() + 1).saturating_sub(TORN_KEPT_MAX);
        torn.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))?;
        copy_parts(journal, std::slice::from_ref(part), kept)
    }

    /// Keeps the whole journal and the story, then leaves its good batches in place.
    fn set_aside(&self, journal: &Path, scanned: &Scanned, bad: &[Range<u64>]) -> io::Result<()> {
        fs::create_dir_all(&self.aside)?;
        let kept = aside::free(&self.aside, Path::new(&format!("{}-1.{DAMAGED}", name(journal))));
        copy_parts(journal, std::slice::from_ref(&(0..scanned.end)), &kept)?;
        let ranges: Vec<String> = bad.iter().map(|bad| format!("{}..{}", bad.start, bad.end)).collect();
        let story = format!(
            "the journal {} is damaged at {} of its {} octets; it is kept as {}. Mail may be missing. Stop the server and run \
             `postamt store repair`, which passes numbers over that may have been given out; or remove {} to write again all the \
             same",
            journal.display(),
            ranges.join(", "),
            scanned.end,
            kept.display(),
            self.aside.join(MARKER).display(),
        );
        aside::mark(&self.aside, &story)?;
        let salvaged = journal.with_extension("salvaged");
        copy_parts(journal, &good_parts(bad, scanned.end), &salvaged)?;
        fs::rename(&salvaged, journal)?;
        sync_folder(&self.rows)
    }
}

/// Whether a crash tore its end, if it is the last journal.
fn is_torn(journal: &Path, scanned: &Scanned) -> io::Result<bool> {
    match &scanned.ending {
        Ending::Torn { at, end } => Ok(part(journal, &(*at..*end))?.is_some_and(|octets| looks_torn(&octets, *at))),
        Ending::Clean | Ending::Damaged { .. } => Ok(false),
    }
}

/// Whether the end of a journal, which lies at `start`, is what a crash leaves of the last batch: its own end was not written yet,
/// or a sector of it never was. What is written to its end became bad later.
fn looks_torn(octets: &[u8], start: u64) -> bool {
    let first = octets.len().min((SECTOR_OCTETS as u64 - start % SECTOR_OCTETS as u64) as usize);
    let (head, rest) = octets.split_at(first);
    let is_hole = |part: &[u8]| !part.is_empty() && part.iter().all(|octet| *octet == 0);
    is_hole(head) || rest.chunks(SECTOR_OCTETS).any(is_hole) || !scan::ends_like_a_batch(octets)
}

/// What lies between the bad parts.
fn good_parts(bad: &[Range<u64>], end: u64) -> Vec<Range<u64>> {
    let from = std::iter::once(0).chain(bad.iter().map(|bad| bad.end));
    let to = bad.iter().map(|bad| bad.start).chain([end]);
    from.zip(to).map(|(from, to)| from..to).collect()
}

/// `None`: the disk cannot read all of it.
fn part(journal: &Path, part: &Range<u64>) -> io::Result<Option<Vec<u8>>> {
    let (mut octets, mut file) = (Vec::new(), Sectors::open(journal)?);
    file.seek(SeekFrom::Start(part.start))?;
    (&mut file).take(part.end - part.start).read_to_end(&mut octets)?;
    Ok((!file.lacks_some()).then_some(octets))
}

fn name(journal: &Path) -> std::borrow::Cow<'_, str> {
    journal.file_name().unwrap_or_default().to_string_lossy()
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

fn truncate(journal: &Path, at: u64) -> io::Result<()> {
    let file = File::options().write(true).open(journal)?;
    file.set_len(at)?;
    file.sync_all()
}

/// Writes the parts of `from` one after the other to `to`, durably.
fn copy_parts(from: &Path, parts: &[Range<u64>], to: &Path) -> io::Result<()> {
    let (mut source, mut target) = (Sectors::open(from)?, File::create(to)?);
    for part in parts {
        source.seek(SeekFrom::Start(part.start))?;
        io::copy(&mut (&mut source).take(part.end - part.start), &mut target)?;
    }
    target.sync_all()?;
    to.parent().map_or(Ok(()), sync_folder)
}
