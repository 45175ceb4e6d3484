//! A folder of backups on the disk.
//!
//! | path | what |
//! |---|---|
//! | `postamt-backup` | that it is one, and how to open its files without us |
//! | `objects/ab/cdef…` | pieces of stores, by name; each is written once |
//! | `manifests/20261122-093012` | what a backup consists of; and the same again with `.copy` |
//! | `tmp/` | what is being written |
//! | `lock` | held by whoever writes, and shared by those who read |

mod beginning;

use crate::Error;
use crate::manifest::{Content, Manifest};
use crate::name::Name;
use crate::object::{self, Kind, Opening, Recipients, Writer};
use model::{Decoder, Encoder, Timestamp};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The file by which a folder is known.
const MARK: &str = "postamt-backup";
const MARK_TITLE: &str = "postamt backup folder, format ";
const OBJECTS: &str = "objects";
const MANIFESTS: &str = "manifests";
const TEMPORARY: &str = "tmp";
const LOCK: &str = "lock";
const COPY: &str = ".copy";
/// A manifest is read whole: sixty octets for each chunk, so that this is one of some ten TiB.
const MANIFEST_OCTETS_MAX: u64 = 4 << 30;

/// An open folder.
pub struct Folder {
    path: PathBuf,
    temporary: u64,
    #[cfg(test)]
    pub(crate) fuse: std::sync::Mutex<Option<u32>>,
    _lock: Option<File>,
}

/// What an attempt to read a backup's manifest came to.
pub struct Listed {
    /// The backup.
    pub id: String,
    /// Its manifest, or what is wrong with both copies of it.
    pub manifest: Result<Manifest, Error>,
    /// The packed rest.
    pub(crate) packed: Vec<u8>,
    /// What is wrong with one of the copies.
    pub copy_damaged: Option<Error>,
}

impl Folder {
    /// Opens the folder to write backups into it; makes it if there is nothing yet.
    ///
    /// # Errors
    /// When it holds something else, is of a newer format, or in use.
    pub fn open_or_make(path: &Path) -> Result<Folder, Error> {
        fs::create_dir_all(path).map_err(Error::io(path, "making the folder"))?;
        // Looked for once more behind: another one may be making the folder just now.
        if !path.join(MARK).exists() && !beginning::is_ours(path)? && !path.join(MARK).exists() {
            let why = "there is something else in it; choose an empty folder";
            return Err(Error::Foreign { path: path.to_owned(), why });
        }
        if path.join(MARK).exists() {
            check_mark(path)?;
        }
        Folder::writing(path)
    }

    /// Opens the folder, which is there, to take something out of it for good.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_to_change(path: &Path) -> Result<Folder, Error> {
        check_mark(path)?;
        Folder::writing(path)
    }

    fn writing(path: &Path) -> Result<Folder, Error> {
        let lock = lock(path, true)?;
        let mut folder = Folder::new(path, lock);
        folder.prepare()?;
        Ok(folder)
    }

    /// Opens the folder to take backups out of it; also on a disk that cannot be written.
    ///
    /// # Errors
    /// When it is no folder of backups, of a newer format, or being written.
    pub fn open(path: &Path) -> Result<Folder, Error> {
        check_mark(path)?;
        Ok(Folder::new(path, lock(path, false)?))
    }

    fn new(path: &Path, lock: Option<File>) -> Folder {
        Folder {
            path: path.to_owned(),
            temporary: 0,
            #[cfg(test)]
            fuse: std::sync::Mutex::default(),
            _lock: lock,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn prepare(&mut self) -> Result<(), Error> {
        let temporary = self.path.join(TEMPORARY);
        let make = |path: &Path| fs::create_dir_all(path).map_err(Error::io(path, "making a folder"));
        [&temporary, &self.path.join(MANIFESTS), &self.path.join(OBJECTS)]
            .into_iter()
            .try_for_each(|path| make(path))?;
        let left = fs::read_dir(&temporary).map_err(Error::io(&temporary, "reading the folder"))?;
        for left in left {
            let left = left.map_err(Error::io(&temporary, "reading the folder"))?.path();
            fs::remove_file(&left).map_err(Error::io(&left, "removing what an interrupted run left"))?;
        }
        for first in 0..=u8::MAX {
            make(&self.path.join(OBJECTS).join(format!("{first:02x}")))?;
        }
        let mark = fs::read(self.path.join(MARK)).ok();
        if mark.is_none() {
            [&self.path.join(OBJECTS), &self.path].into_iter().try_for_each(|path| sync(path))?;
        }
        if mark.is_none_or(|mark| mark == MARK_TEXT_BARE.as_bytes()) {
            self.write_mark()?;
        }
        Ok(())
    }

    /// What is wrong with the file by which the folder is known, of which only the first line is needed.
    pub fn mark_damage(&self) -> Option<Error> {
        let mark = self.path.join(MARK);
        let is_whole =
            fs::read(&mark).is_ok_and(|text| text == mark_text().as_bytes() || text == MARK_TEXT_BARE.as_bytes());
        (!is_whole).then(|| Error::damaged(&mark, "it is not as it was written; what it says is only for people"))
    }

    fn write_mark(&mut self) -> Result<(), Error> {
        let (temporary, mark) = (self.temporary(), self.path.join(MARK));
        let write = || -> io::Result<()> {
            let mut file = File::create_new(&temporary)?;
            file.write_all(mark_text().as_bytes())?;
            file.sync_all()
        };
        write().map_err(Error::io(&temporary, "writing"))?;
        self.place(&temporary, &mark)?;
        sync(&self.path)
    }

    /// Where an object lies.
    pub fn object(&self, name: Name) -> PathBuf {
        let text = name.to_string();
        let (fan, rest) = text.split_at(2); // hexadecimal digits
        self.path.join(OBJECTS).join(fan).join(rest)
    }

    /// Whether it is there.
    pub fn has(&self, name: Name) -> bool {
        self.object(name).exists()
    }

    /// Writes an object; `content` gives what is in it. Its name is durable with the next manifest. Returns its length.
    ///
    /// # Errors
    /// Those of the disk, and of `content`.
    pub fn put(
        &mut self,
        name: Name,
        recipients: &Recipients,
        content: impl FnOnce(&mut Writer) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let temporary = self.temporary();
        let octets = self.write(Kind::Object, &temporary, recipients, content)?;
        self.place(&temporary, &self.object(name))?;
        Ok(octets)
    }

    /// Writes the manifest of a backup whose objects are there: now it can be listed. Returns the manifest's octets.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn put_manifest(
        &mut self,
        manifest: &Manifest,
        content: &Content,
        recipients: &Recipients,
    ) -> Result<u64, Error> {
        // Also the names of those that an earlier run wrote, which may have ended before it came to this.
        let fans: BTreeSet<u8> = manifest.objects.iter().map(|Name([first, ..])| *first).collect();
        for first in fans {
            sync(&self.path.join(OBJECTS).join(format!("{first:02x}")))?;
        }
        let mut octets = 0;
        for path in self.lists(&manifest.id) {
            let (open, packed) = (self.temporary(), self.temporary());
            self.write(Kind::Manifest, &packed, recipients, |out| {
                out.write_all(&content.encode()).map_err(Error::io(&packed, "writing"))
            })?;
            let mut all = Encoder::default();
            all.bytes(&manifest.encode()).bytes(&fs::read(&packed).map_err(Error::io(&packed, "reading"))?);
            let all = all.into_fields();
            octets +=
                self.write(Kind::Manifest, &open, &[], |out| out.write_all(&all).map_err(Error::io(&open, "writing")))?;
            fs::remove_file(&packed).map_err(Error::io(&packed, "removing"))?;
            self.place(&open, &path)?;
            sync(&self.path.join(MANIFESTS))?;
        }
        Ok(octets)
    }

    fn write(
        &mut self,
        kind: Kind,
        temporary: &Path,
        recipients: &Recipients,
        content: impl FnOnce(&mut Writer) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        self.step()?;
        let file = File::options().read(true).write(true).create_new(true).open(temporary);
        let file = file.map_err(Error::io(temporary, "making a file"))?;
        let mut writer = Writer::new(kind, file, recipients).map_err(Error::io(temporary, "writing"))?;
        let written = content(&mut writer);
        self.step()?;
        let finished = written.and_then(|()| writer.finish().map_err(Error::io(temporary, "writing")));
        if finished.is_err()
            && let Err(error) = fs::remove_file(temporary)
        {
            tracing::debug!(event = "backup.draft_left", path = %temporary.display(), %error);
        }
        finished
    }

    fn place(&self, temporary: &Path, path: &Path) -> Result<(), Error> {
        self.step()?;
        fs::rename(temporary, path).map_err(Error::io(path, "giving it its name"))
    }

    fn temporary(&mut self) -> PathBuf {
        self.temporary += 1;
        self.path.join(TEMPORARY).join(self.temporary.to_string())
    }

    /// A test may end the run before any step that changes the disk.
    fn step(&self) -> Result<(), Error> {
        #[cfg(test)]
        crate::tests::burn(self)?;
        Ok(())
    }

    /// A free name for a backup taken at this moment, behind those taken before: several may be of one second.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn new_id(&self, taken: Timestamp) -> Result<String, Error> {
        let known = self.ids()?;
        let is_before = |id: &&String| self.listed(id).manifest.is_ok_and(|manifest| manifest.taken <= taken);
        let last = known.iter().rev().find(is_before).map_or("", String::as_str);
        let seconds = (0..).map(|later| id_of(Timestamp::from_unix_ms(taken.unix_ms() + later * 1000)));
        Ok(seconds.into_iter().find(|id| id.as_str() > last && !known.contains(id)).unwrap_or_default())
    }

    /// The backups, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ids(&self) -> Result<Vec<String>, Error> {
        let mut ids = BTreeSet::new();
        let folder = self.path.join(MANIFESTS);
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder, "reading the folder"))? {
            let name = entry.map_err(Error::io(&folder, "reading the folder"))?.file_name();
            let name = name.to_string_lossy();
            // Also one of which a disk has lost the list, and not its copy.
            let id = name.strip_suffix(COPY).unwrap_or(&name);
            if is_id(id) {
                ids.insert(id.to_owned());
            }
        }
        Ok(ids.into_iter().collect())
    }

    /// Reads a backup's manifest, or its copy.
    pub fn listed(&self, id: &str) -> Listed {
        let path = self.path.join(MANIFESTS).join(id);
        let first = read_manifest(&path, id);
        let second = read_manifest(&with_copy(&path), id);
        let (read, copy_damaged) = match (first, second) {
            (Ok(first), second) => (Ok(first), second.err()),
            (Err(error), Ok(second)) => (Ok(second), Some(error)),
            (Err(error), Err(_)) => (Err(error), None),
        };
        let (manifest, packed) = match read {
            Ok((manifest, packed)) => (Ok(manifest), packed),
            Err(error) => (Err(error), Vec::new()),
        };
        Listed { id: id.to_owned(), manifest, packed, copy_damaged }
    }

    /// What a manifest says to those who may open it.
    ///
    /// # Errors
    /// When it is encrypted to somebody else.
    pub fn content(&self, listed: &Listed, opening: Opening<'_>) -> Result<Content, Error> {
        let path = self.path.join(MANIFESTS).join(&listed.id);
        let mut reader = object::unpack(Kind::Manifest, &path, Ok(io::Cursor::new(&listed.packed)), opening)?;
        let mut octets = Vec::new();
        reader.read_to_end(&mut octets).map_err(|error| object::explained(&path, error))?;
        Content::decode(&path, &octets)
    }

    /// The files of a backup's list.
    pub fn lists(&self, id: &str) -> [PathBuf; 2] {
        let path = self.path.join(MANIFESTS).join(id);
        [with_copy(&path), path]
    }

    /// Writes a file anew that [`verify`](crate::verify) found to be damaged, and not beyond mending: a list by its copy, if need be.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn mend(&mut self, path: &Path) -> Result<(), Error> {
        let id = path.strip_prefix(self.path.join(MANIFESTS)).ok().and_then(|name| name.file_stem()?.to_str());
        let kind = if id.is_some() { Kind::Manifest } else { Kind::Object };
        let other = id.and_then(|id| self.lists(id).into_iter().find(|other| other != path));
        let from = other.filter(|_| object::flaw(kind, path).is_err()).unwrap_or_else(|| path.to_owned());
        let temporary = self.temporary();
        let file = File::options().read(true).write(true).create_new(true).open(&temporary);
        let mut file = file.map_err(Error::io(&temporary, "making a file"))?;
        object::mend(kind, &from, &mut file)?;
        self.place(&temporary, path)?;
        path.parent().map_or(Ok(()), sync)
    }

    /// Takes a backup out of the list.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove_manifest(&mut self, id: &str) -> Result<(), Error> {
        let path = self.path.join(MANIFESTS).join(id);
        for path in [path.clone(), with_copy(&path)] {
            self.step()?;
            remove(&path)?;
        }
        sync(&self.path.join(MANIFESTS))
    }

    /// All objects that lie there.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn objects(&self) -> Result<Vec<(Name, u64)>, Error> {
        let mut found = Vec::new();
        for first in 0..=u8::MAX {
            let fan = self.path.join(OBJECTS).join(format!("{first:02x}"));
            let read = || -> io::Result<Vec<(Name, u64)>> {
                let entries = fs::read_dir(&fan)?.map(|entry| {
                    let entry = entry?;
                    Ok((name_of(first, &entry.file_name().to_string_lossy()), entry.metadata()?.len()))
                });
                let entries: Vec<(Option<Name>, u64)> = entries.collect::<io::Result<_>>()?;
                Ok(entries.into_iter().filter_map(|(name, octets)| Some((name?, octets))).collect())
            };
            found.extend(read().map_err(Error::io(&fan, "reading the folder"))?);
        }
        Ok(found)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove_object(&mut self, name: Name) -> Result<(), Error> {
        self.step()?;
        remove(&self.object(name))
    }
}

/// What a backup of this moment is called: `20261122-093012`.
pub fn id_of(taken: Timestamp) -> String {
    let c = taken.civil();
    format!("{:04}{:02}{:02}-{:02}{:02}{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

fn is_id(name: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    name.split_once('-').is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
}

fn name_of(first: u8, rest: &str) -> Option<Name> {
    let mut name = [first; 32];
    let (_, places) = name.split_first_mut()?;
    let digits = rest.as_bytes().chunks(2);
    if rest.len() != places.len() * 2 {
        return None;
    }
    for (place, pair) in places.iter_mut().zip(digits) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Name(name)).filter(|name| name.to_string().ends_with(rest))
}

fn with_copy(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(COPY);
    name.into()
}

fn read_manifest(path: &Path, id: &str) -> Result<(Manifest, Vec<u8>), Error> {
    let mut octets = Vec::new();
    let reader = object::open(Kind::Manifest, path, Opening::Plain)?;
    reader.take(MANIFEST_OCTETS_MAX).read_to_end(&mut octets).map_err(|error| object::explained(path, error))?;
    let mut d = Decoder::fields(&octets, 1);
    let parts = d.bytes().and_then(|manifest| Ok((manifest, d.bytes()?)));
    let (manifest, packed) = parts.map_err(|error| Error::damaged(path, error.to_string()))?;
    Ok((Manifest::decode(path, id, manifest)?, packed.to_vec()))
}

fn mark_text() -> String {
    format!(
        "{MARK_TITLE}{}\n\nBackups of a postamt server; see: postamt backup --help\n\
         A file of objects/ is opened without postamt by\n  tail -n +2 FILE | head -c OCTETS | zstd -d\nor, if it is \
         encrypted, by\n  tail -n +2 FILE | head -c OCTETS | age -d -i KEYFILE | zstd -d\n\
         where OCTETS is what its first line says.\n",
        object::FORMAT
    )
}

/// What stood there when files ended with their content.
pub(crate) const MARK_TEXT_BARE: &str = "postamt backup folder, format 1\n\nBackups of a postamt server; see: postamt backup --help\n\
     A file of objects/ is opened without postamt by\n  tail -n +2 FILE | zstd -d\nor, if it is encrypted, by\n  \
     tail -n +2 FILE | age -d -i KEYFILE | zstd -d\n";

fn check_mark(path: &Path) -> Result<(), Error> {
    let mark = path.join(MARK);
    let text = match fs::read_to_string(&mark) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = "the file postamt-backup is not in it; name the folder that was given to: postamt backup create";
            return Err(Error::Foreign { path: path.to_owned(), why });
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        text => text.map_err(Error::io(&mark, "reading it"))?,
    };
    let format = text.lines().next().and_then(|line| line.strip_prefix(MARK_TITLE)?.parse::<u32>().ok());
    match format {
        None => Err(Error::damaged(
            &mark,
            format!("its first line is not \"{MARK_TITLE}{}\"; write that into it", object::FORMAT),
        )),
        Some(found) if found > object::FORMAT => {
            Err(Error::Newer { path: path.to_owned(), found, known: object::FORMAT })
        }
        Some(_) => Ok(()),
    }
}

/// The lock, exclusive for writers. Readers do without it where nothing can be written.
fn lock(path: &Path, exclusive: bool) -> Result<Option<File>, Error> {
    let file = match File::options().create(true).truncate(false).write(true).open(path.join(LOCK)) {
        Ok(file) => file,
        Err(error) if !exclusive => {
            tracing::debug!(event = "backup.unlocked", path = %path.display(), %error);
            return Ok(None);
        }
        Err(error) => return Err(Error::io(path, "opening the lock file")(error)),
    };
    let locked = if exclusive { file.try_lock() } else { file.try_lock_shared() };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(Error::io(path, "taking the lock")(error)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, "removing it")(error)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(Error::io(folder, "syncing the folder"))
}
