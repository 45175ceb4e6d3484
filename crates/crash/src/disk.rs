//! A file system as the rules see it: what is durable, and what is under way to the disk.
//!
//! A file's octets are durable when a sync of it that began behind the write has succeeded. A name (a file made, renamed,
//! linked or removed; a folder made) is durable when a sync of its folder has; POSIX promises no more, and a synced file
//! has no durable name by that. A rename is one step: its new name's folder decides.

use crate::content::Content;
use crate::record::{Kind, Record};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A file, by its own number here: the system's are used again.
pub type FileId = usize;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    /// A folder.
    Folder,
    /// A file.
    File(FileId),
}

/// All names.
pub type Names = BTreeMap<String, Node>;

/// A change of a file's octets.
#[derive(Clone, Debug)]
pub enum Change {
    /// Octets are written at a place.
    Write(u64, Arc<[u8]>),
    /// The length is set.
    Length(u64),
    /// The length is at least this.
    AtLeast(u64),
}

/// A change of names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Naming {
    /// A name comes to be, or stands for something else now.
    Set(String, Node),
    /// One name becomes another.
    Move(String, String, Node),
    /// A name is gone.
    Remove(String),
}

/// Something under way, with its place in the record.
#[derive(Clone, Debug)]
pub struct Pending<T> {
    /// Its record's number.
    pub number: usize,
    /// What.
    pub change: T,
}

/// A file.
#[derive(Default)]
pub struct Inode {
    /// What a power cut leaves in any case.
    pub durable: Arc<Content>,
    /// What it may leave.
    pub pending: Vec<Pending<Change>>,
}

/// See the module.
#[derive(Default)]
pub struct Disk {
    /// All files that ever were.
    pub files: Vec<Inode>,
    /// Names that stay in any case.
    pub durable: Names,
    /// Changes of names that may have happened.
    pub pending: Vec<Pending<Naming>>,
    now: Names,
    by_number: HashMap<u64, FileId>,
    /// Syncs under way: where each began.
    syncing: HashMap<(u32, u64, bool), usize>,
}

impl Change {
    /// Does it.
    pub fn apply(&self, content: &mut Content) {
        match self {
            Change::Write(at, data) => content.write(*at, data),
            Change::Length(length) => content.set_length(*length),
            Change::AtLeast(length) => content.set_length(content.length().max(*length)),
        }
    }
}

impl Naming {
    /// Does it.
    pub fn apply(&self, names: &mut Names) {
        match self {
            Naming::Set(path, node) => {
                names.insert(path.clone(), *node);
            }
            Naming::Move(from, to, node) => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
                if *node == Node::Folder {
                    let inside = |name: &&String| inside(name, from).is_some();
                    let moved: Vec<String> = names.keys().filter(inside).cloned().collect();
                    for name in moved {
                        let node = names.remove(&name);
                        names.extend(node.map(|node| (moved_to(&name, from, to), node)));
                    }
                }
            }
            Naming::Remove(path) => {
                names.remove(path);
            }
        }
    }

    /// What it is once the folder `from` has become `to`.
    fn within(self, from: &str, to: &str) -> Naming {
        let moved = |name: String| moved_to(&name, from, to);
        match self {
            Naming::Set(path, node) => Naming::Set(moved(path), node),
            Naming::Remove(path) => Naming::Remove(moved(path)),
            Naming::Move(one, other, node) => Naming::Move(moved(one), moved(other), node),
        }
    }

    /// The name whose folder decides.
    pub fn path(&self) -> &str {
        match self {
            Naming::Set(path, _) | Naming::Remove(path) | Naming::Move(_, path, _) => path,
        }
    }
}

/// The rest of a name that lies in a folder.
fn inside<'a>(name: &'a str, folder: &str) -> Option<&'a str> {
    name.strip_prefix(folder)?.strip_prefix('/')
}

fn moved_to(name: &str, from: &str, to: &str) -> String {
    inside(name, from).map_or_else(|| name.to_owned(), |rest| format!("{to}/{rest}"))
}

/// The folder that a name stands in.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk {
    /// One record more.
    ///
    /// # Panics
    /// When the record makes no sense: then nothing that follows from it would.
    pub fn step(&mut self, number: usize, record: &Record) {
        let path = || record.path.clone();
        match record.kind {
            Kind::Mark => {}
            Kind::Create => {
                self.files.push(Inode::default());
                let id = self.files.len() - 1;
                self.by_number.insert(record.inode, id);
                self.name(number, Naming::Set(path(), Node::File(id)));
            }
            Kind::Write => self.change(number, record, Change::Write(record.at, record.data.clone())),
            Kind::Length => self.change(number, record, Change::Length(record.at)),
            Kind::AtLeast => self.change(number, record, Change::AtLeast(record.at)),
            Kind::MakeFolder => self.name(number, Naming::Set(path(), Node::Folder)),
            Kind::Unlink | Kind::RemoveFolder => self.name(number, Naming::Remove(path())),
            Kind::Link => self.name(number, Naming::Set(record.to.clone(), self.node(&record.path))),
            Kind::Rename => {
                let node = self.node(&record.path);
                self.name(number, Naming::Move(path(), record.to.clone(), node));
            }
            Kind::Sync => {
                self.syncing.insert((record.thread, record.inode, record.folder), number);
            }
            Kind::Synced => {
                let begun = self.syncing.remove(&(record.thread, record.inode, record.folder));
                let begun = begun.expect("a sync begins before it ends");
                if record.folder {
                    self.folder_synced(&record.path, begun);
                } else {
                    self.file_synced(record.inode, begun);
                }
            }
        }
    }

    fn node(&self, path: &str) -> Node {
        *self.now.get(path).unwrap_or_else(|| panic!("{path:?} was never made"))
    }

    fn name(&mut self, number: usize, change: Naming) {
        change.apply(&mut self.now);
        self.pending.push(Pending { number, change });
    }

    fn change(&mut self, number: usize, record: &Record, change: Change) {
        let id = *self.by_number.get(&record.inode).unwrap_or_else(|| panic!("{:?} was never made", record.path));
        self.files[id].pending.push(Pending { number, change });
    }

    fn file_synced(&mut self, inode: u64, begun: usize) {
        // Of a file that was never changed nothing is known, and nothing is to be done.
        let Some(file) = self.by_number.get(&inode).map(|id| &mut self.files[*id]) else { return };
        let durable = Arc::make_mut(&mut file.durable);
        file.pending.retain(|pending| {
            let done = pending.number < begun;
            if done {
                pending.change.apply(durable);
            }
            !done
        });
    }

    fn folder_synced(&mut self, folder: &str, begun: usize) {
        let is_done = |pending: &Pending<Naming>| pending.number < begun && folder_of(pending.change.path()) == folder;
        let (done, mut left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending).into_iter().partition(is_done);
        for pending in done {
            pending.change.apply(&mut self.durable);
            if let Naming::Move(from, to, node) = &pending.change {
                // The old name went with it, also in a folder that was not synced; and what lies in it has a new name.
                left.retain(|older| older.number > pending.number || older.change.path() != from);
                for older in left.iter_mut().filter(|older| *node == Node::Folder && older.number < pending.number) {
                    older.change = older.change.clone().within(from, to);
                }
            }
        }
        self.pending = left;
    }
}
