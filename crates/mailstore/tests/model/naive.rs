//! What an account should hold, as simply as it can be said.

use crate::script::{Mail, Op, Since};
use mailstore::{FlagChange, Transfer};
use std::collections::{BTreeMap, BTreeSet};

/// What an operation answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Answer {
    Appended(u32),
    AlreadyDelivered,
    Modified(Vec<u32>),
    Left(Vec<u32>),
    Transferred(Vec<(u32, u32)>),
    Made(u32),
    Done,
    Refused(&'static str),
}

/// What the caller learned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Answered(Answer),
    /// The store refused.
    NotDone,
    /// The caller went away, or the power.
    Unknown,
}

/// A message in a mailbox.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Item {
    pub tag: u32,
    pub thread: u32,
    pub flags: BTreeSet<String>,
    pub date_ms: i64,
    pub saved_ms: i64,
    /// The window in which it last changed.
    pub window: usize,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Folder {
    pub name: String,
    pub uid_next: u32,
    pub items: BTreeMap<u32, Item>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Model {
    pub folders: BTreeMap<u32, Folder>,
    /// Deleted, and perhaps not emptied yet.
    pub emptying: BTreeMap<u32, Folder>,
    pub subscriptions: BTreeSet<String>,
    next_folder: u32,
    sizes: BTreeMap<u32, u64>,
    deliveries: BTreeMap<(u64, u32), i64>,
    threads: BTreeMap<(u8, u8), u32>,
    /// Of each message there ever was.
    thread_of: BTreeMap<u32, u32>,
    /// Messages that left a mailbox and did not end.
    pub left: BTreeSet<u32>,
    /// The power went before this point: what is unknown and comes later did not happen.
    pub cut: bool,
}

/// When an operation was asked, and the tag of its message.
#[derive(Clone, Copy)]
pub struct Asked {
    pub now_ms: i64,
    pub window: usize,
    pub tag: u32,
    pub size: u64,
}

pub fn canonical(name: &str) -> Option<String> {
    let mut levels: Vec<String> = name.split('/').map(str::to_owned).collect();
    if levels.iter().any(String::is_empty) {
        return None;
    }
    if levels[0].eq_ignore_ascii_case("inbox") {
        levels[0] = "INBOX".into();
    }
    Some(levels.join("/"))
}

fn distinct(uids: &[u32]) -> BTreeSet<u32> {
    uids.iter().copied().collect()
}

impl Model {
    pub fn new() -> Model {
        let mut model = Model {
            folders: BTreeMap::new(),
            emptying: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            next_folder: 1,
            sizes: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            threads: BTreeMap::new(),
            thread_of: BTreeMap::new(),
            left: BTreeSet::new(),
            cut: false,
        };
        for name in ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"] {
            model.make(name.into());
            model.subscriptions.insert(name.into());
        }
        model
    }

    fn make(&mut self, name: String) -> u32 {
        let id = self.next_folder;
        self.next_folder += 1;
        self.folders.insert(id, Folder { name, uid_next: 1, items: BTreeMap::new() });
        id
    }

    fn named(&self, name: &str) -> Option<u32> {
        self.folders.iter().find(|(_, folder)| folder.name == name).map(|(id, _)| *id)
    }

    /// Octets and emails, each once; with those that are still being emptied, or without.
    pub fn used(&self, with_emptying: bool) -> (u64, u64) {
        let emptying = self.emptying.values().filter(|_| with_emptying);
        let items = self.folders.values().chain(emptying).flat_map(|folder| folder.items.values());
        let tags: BTreeSet<u32> = items.map(|item| item.tag).collect();
        (tags.iter().map(|tag| self.sizes[tag]).sum(), tags.len() as u64)
    }

    /// The folders that are not in `emptying` any more are empty: their messages left.
    pub fn emptied(&mut self, emptying: &BTreeSet<u32>) {
        let done: Vec<u32> = self.emptying.keys().copied().filter(|id| !emptying.contains(id)).collect();
        for folder in done.iter().filter_map(|id| self.emptying.remove(id)) {
            self.left.extend(folder.items.values().map(|item| item.tag));
        }
    }

    /// What was brought back is there from now on.
    pub fn adopt(&mut self, folders: &BTreeMap<u32, Folder>, subscriptions: BTreeSet<String>, window: usize) {
        for (id, folder) in folders {
            let known = self.folders.entry(*id).or_insert_with(|| Folder { items: BTreeMap::new(), ..folder.clone() });
            known.uid_next = folder.uid_next;
            for (uid, item) in &folder.items {
                let thread = self.thread_of[&item.tag];
                known.items.entry(*uid).or_insert_with(|| Item { thread, window, ..item.clone() });
            }
        }
        self.next_folder = self.next_folder.max(folders.keys().max().map_or(0, |id| id + 1));
        self.subscriptions = subscriptions;
    }

    /// The states that may follow from an operation with this outcome.
    pub fn after(&self, op: &Op, asked: Asked, outcome: &Outcome, power_went: bool) -> Vec<Model> {
        match outcome {
            // What is published is answered at once, whatever waits before it.
            Outcome::Answered(_) if matches!(op, Op::Open(_)) => vec![self.clone()],
            Outcome::Answered(answer) => {
                self.apply(op, asked).into_iter().filter(|(_, a)| a == answer).map(|(m, _)| m).collect()
            }
            Outcome::NotDone => vec![self.clone()],
            Outcome::Unknown if self.cut => vec![self.clone()],
            Outcome::Unknown => {
                let mut all: Vec<_> = self.apply(op, asked).into_iter().map(|(m, _)| m).collect();
                all.push(Model { cut: power_went, ..self.clone() });
                all
            }
        }
    }

    /// The states that may follow if the operation is done: several when it cannot be known whether a deleted mailbox
    /// still counts.
    pub fn apply(&self, op: &Op, asked: Asked) -> Vec<(Model, Answer)> {
        let mut m = self.clone();
        if let Op::Append { octets_max, messages_max, mailbox, delivery, .. } = op
            && self.folders.contains_key(mailbox)
            && !delivery.is_some_and(|delivery| self.deliveries.contains_key(&delivery))
        {
            let fits = |(octets, emails): (u64, u64)| {
                octets_max.is_none_or(|max| octets + asked.size <= max) && messages_max.is_none_or(|max| emails < max)
            };
            let mut all = Vec::new();
            if !fits(self.used(true)) {
                all.push((self.clone(), Answer::Refused("quota")));
            }
            if fits(self.used(false)) {
                let answer = m.append(op, asked);
                all.push((m, answer));
            }
            return all;
        }
        let answer = m.run(op, asked).unwrap_or_else(Answer::Refused);
        vec![(m, answer)]
    }

    fn append(&mut self, op: &Op, asked: Asked) -> Answer {
        let Op::Append { mailbox, mail, flags, date, delivery, .. } = op else { unreachable!() };
        let thread = self.thread(mail, asked.tag);
        let folder = self.folders.get_mut(mailbox).unwrap();
        let uid = folder.uid_next;
        folder.uid_next += 1;
        let item = Item {
            tag: asked.tag,
            thread,
            flags: flags.iter().map(|flag| flag.to_string()).collect(),
            date_ms: date.unwrap_or(asked.now_ms),
            saved_ms: asked.now_ms,
            window: asked.window,
        };
        folder.items.insert(uid, item);
        self.sizes.insert(asked.tag, asked.size);
        self.thread_of.insert(asked.tag, thread);
        self.deliveries.extend(delivery.map(|delivery| (delivery, asked.now_ms)));
        Answer::Appended(uid)
    }

    fn thread(&mut self, mail: &Mail, tag: u32) -> u32 {
        let keys: Vec<_> = mail.id.iter().chain(&mail.references).map(|id| (*id, mail.subject)).collect();
        let thread = keys.iter().find_map(|key| self.threads.get(key)).copied().unwrap_or(tag);
        for key in keys {
            self.threads.entry(key).or_insert(thread);
        }
        thread
    }

    fn run(&mut self, op: &Op, asked: Asked) -> Result<Answer, &'static str> {
        match op {
            Op::Append { mailbox, .. } => {
                self.folders.get(mailbox).ok_or("missing")?;
                Ok(Answer::AlreadyDelivered)
            }
            Op::Store { mailbox, uids, change, flags, since } => {
                let folder = self.folders.get_mut(mailbox).ok_or("missing")?;
                let named: BTreeSet<String> = flags.iter().map(|flag| flag.to_string()).collect();
                let mut modified = Vec::new();
                for uid in distinct(uids) {
                    let Some(item) = folder.items.get_mut(&uid) else { continue };
                    let newer = match since {
                        None | Some(Since::Max) => false,
                        Some(Since::Zero) => {
                            let keywords = !named.is_empty() && named.iter().all(|name| !name.starts_with('\\'));
                            let absent = keywords && named.is_disjoint(&item.flags);
                            *change == FlagChange::Replace || !absent
                        }
                        Some(Since::Start) => item.window == asked.window,
                    };
                    let flags = match change {
                        FlagChange::Replace => named.clone(),
                        FlagChange::Add => &item.flags | &named,
                        FlagChange::Remove => &item.flags - &named,
                    };
                    if newer {
                        modified.push(uid);
                    } else if flags != item.flags {
                        (item.flags, item.window) = (flags, asked.window);
                    }
                }
                Ok(Answer::Modified(modified))
            }
            Op::Expunge { mailbox, uids } => {
                let folder = self.folders.get_mut(mailbox).ok_or("missing")?;
                let uids = distinct(uids);
                let goes = |uid: &u32, item: &Item| uids.contains(uid) && item.flags.contains("\\Deleted");
                let left: Vec<u32> = folder.items.iter().filter(|(u, i)| goes(u, i)).map(|(u, _)| *u).collect();
                self.left.extend(left.iter().map(|uid| folder.items[uid].tag));
                folder.items.retain(|uid, item| !goes(uid, item));
                Ok(Answer::Left(left))
            }
            Op::Discard { mailbox, uids } => {
                let folder = self.folders.get_mut(mailbox).ok_or("missing")?;
                let uids = distinct(uids);
                let left: Vec<u32> = folder.items.keys().copied().filter(|uid| uids.contains(uid)).collect();
                self.left.extend(left.iter().map(|uid| folder.items[uid].tag));
                folder.items.retain(|uid, _| !uids.contains(uid));
                Ok(Answer::Left(left))
            }
            Op::Copy { from, to, uids, transfer } => self.transfer((*from, *to), uids, *transfer, asked),
            Op::Create(name) => {
                let name = canonical(name).ok_or("name")?;
                match self.named(&name) {
                    Some(_) => Err("exists"),
                    None => Ok(Answer::Made(self.make(name))),
                }
            }
            Op::Rename(from, to) => self.rename(from, to, asked),
            Op::Delete(name) => {
                let name = canonical(name).unwrap_or_default();
                let id = self.named(&name).ok_or("missing")?;
                if id == 1 {
                    return Err("inbox");
                }
                let folder = self.folders.remove(&id).unwrap();
                self.emptying.insert(id, folder);
                Ok(Answer::Done)
            }
            Op::Subscribe(name, on) => {
                let name = canonical(name).ok_or("name")?;
                if *on {
                    self.subscriptions.insert(name)
                } else {
                    self.subscriptions.remove(&name)
                };
                Ok(Answer::Done)
            }
            Op::Open(mailbox) => self.folders.get(mailbox).map(|_| Answer::Done).ok_or("missing"),
            Op::Trim => {
                self.deliveries.retain(|_, at| *at >= asked.now_ms - 7 * 24 * 3600 * 1000);
                Ok(Answer::Done)
            }
        }
    }

    fn transfer(
        &mut self,
        (from, to): (u32, u32),
        uids: &[u32],
        how: Transfer,
        asked: Asked,
    ) -> Result<Answer, &'static str> {
        let source = self.folders.get(&from).ok_or("missing")?;
        let moving: Vec<_> =
            distinct(uids).into_iter().filter_map(|uid| Some((uid, source.items.get(&uid)?.clone()))).collect();
        let target = self.folders.get_mut(&to).ok_or("missing")?;
        let mut pairs = Vec::new();
        for (uid, item) in moving {
            let new = target.uid_next;
            target.uid_next += 1;
            target.items.insert(new, Item { saved_ms: asked.now_ms, window: asked.window, ..item });
            pairs.push((uid, new));
        }
        if how == Transfer::Move {
            let source = self.folders.get_mut(&from).unwrap();
            pairs.iter().for_each(|(uid, _)| {
                source.items.remove(uid);
            });
        }
        Ok(Answer::Transferred(pairs))
    }

    fn rename(&mut self, from: &str, to: &str, asked: Asked) -> Result<Answer, &'static str> {
        let from = canonical(from).ok_or("missing")?;
        let to = canonical(to).ok_or("name")?;
        if from == "INBOX" {
            if self.named(&to).is_some() {
                return Err("exists");
            }
            let id = self.make(to);
            let uids: Vec<u32> = self.folders[&1].items.keys().copied().collect();
            self.transfer((1, id), &uids, Transfer::Move, asked)?;
            return Ok(Answer::Done);
        }
        let below = format!("{from}/");
        let moves = |name: &str| name == from || name.starts_with(&below);
        let moving: BTreeSet<u32> = self.folders.iter().filter(|(_, f)| moves(&f.name)).map(|(id, _)| *id).collect();
        if moving.is_empty() {
            return Err("missing");
        }
        if from == to || self.named(&to).is_some() {
            return Err("exists");
        }
        let new = |name: &str| format!("{to}{}", &name[from.len()..]);
        let stays: BTreeSet<_> =
            self.folders.iter().filter(|(id, _)| !moving.contains(id)).map(|(_, f)| &f.name).collect();
        if moving.iter().any(|id| stays.contains(&new(&self.folders[id].name))) {
            return Err("exists");
        }
        for id in moving {
            let folder = self.folders.get_mut(&id).unwrap();
            folder.name = new(&folder.name);
        }
        Ok(Answer::Done)
    }
}
