//! A small store with everything in it: people, mail in rows and blobs, a queue.

use super::flush::{flush, options};
use directory::{AccountSpec, Credential, Directory, DirectorySpec, Edit};
use env::BoxFuture;
use mailstore::{Append, Body, INBOX_ID, Mailstore, NewEmail};
use message::Scanner;
use model::{AccountId, Address, Flag, Quota};
use mta::queue::{Health, Job, Outcome, OutcomeKind, Relay};
use mta::{BodiesInFlight, Post, Queue, QueuePolicy, Submitting};
use net::runtime::TokioEnv;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Blobs, Bytes, HeldBlob, Store};
use store_local::{Backend, LocalBlobs, LocalStore, Options};
use tempfile::TempDir;

/// Where fjall has the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Journal,
    Tables,
}

/// Account, mailbox, UID.
pub type Place = (u32, u32, u32);

pub struct House {
    folder: TempDir,
    /// What every place holds.
    pub mail: BTreeMap<Place, Vec<u8>>,
}

/// Nobody takes anything: what is queued stays.
struct Shut;

impl Relay for Shut {
    fn next_hop(&self, _: &str, recipient: &Address) -> String {
        recipient.domain.to_string()
    }

    fn deliver(&self, job: Job) -> BoxFuture<'_, (Vec<Outcome>, Health)> {
        let deferred = |_: &_| Outcome::ours(OutcomeKind::Deferred, (4, 4, 1), "nobody listens");
        let outcomes = job.deliveries.iter().map(deferred).collect();
        Box::pin(async move { (outcomes, Health::Reachable) })
    }
}

/// In memory where there is such a file system.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

impl House {
    pub fn new(backend: Backend, state: State) -> House {
        let folder = scratch();
        let (rows, blobs) = (folder.path().join("store"), folder.path().join("blobs"));
        let mail = {
            let store = LocalStore::open(&rows, Options { backend: Some(backend), ..options() }).unwrap();
            let blobs = Arc::new(LocalBlobs::open(&blobs, options()).unwrap());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(fill(Arc::new(store), blobs))
        };
        if state == State::Tables {
            flush(&rows);
        }
        // The opening cuts off what the journal has for later.
        LocalStore::open(&rows, options()).unwrap().close();
        House { folder, mail }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// All files that hold anything, by their path in the house.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = self.walk().1;
        files.retain(|file| fs::metadata(self.path().join(file)).unwrap().len() > 0);
        files
    }

    /// All folders and files, but for what only takes up room.
    pub fn walk(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut folders, mut files, mut left) = (Vec::new(), Vec::new(), vec![self.path().to_owned()]);
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => left.push(entry.path()),
                    false if entry.file_name() == "ballast" => {}
                    false => files.push(entry.path().strip_prefix(self.path()).unwrap().to_owned()),
                }
            }
            folders.push(folder.strip_prefix(self.path()).unwrap().to_owned());
        }
        files.sort();
        (folders, files)
    }
}

async fn fill(store: Arc<LocalStore>, blobs: Arc<LocalBlobs>) -> BTreeMap<Place, Vec<u8>> {
    let env = TokioEnv::new().unwrap().env();
    let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
    for name in ["anna", "ben"] {
        let address = format!("{name}@demo.test").parse().unwrap();
        spec.accounts.push(AccountSpec::new(address, Credential::Clear("secret".into())));
    }
    let (spawn, clock) = (env.spawn.clone(), env.clock.clone());
    let directory = Directory::open(store.clone(), spawn.clone(), clock.clone(), &*env.random, spec).await.unwrap();
    let targets = vec!["anna@demo.test".parse().unwrap()];
    directory.edit(Edit::AddAlias { address: "sales@demo.test".parse().unwrap(), targets }).await.unwrap();
    let mailstore = Mailstore::new(store.clone(), blobs.clone(), spawn, clock.clone());
    let mut mail = BTreeMap::new();
    for (account, sizes) in [(1, &[10, 3000, 40_000][..]), (2, &[200][..])] {
        for size in sizes {
            deliver(&mailstore, &*blobs, account, *size, &mut mail).await;
        }
    }
    let directory = Arc::new(directory);
    let books = (store.clone() as Arc<dyn Store>, mailstore.clone(), directory.clone());
    let queue = Queue::new(books, Arc::new(Shut), &env, QueuePolicy::new("mail.demo.test".parse().unwrap()));
    queue.resume().await.unwrap();
    let in_flight = BodiesInFlight::new(1 << 20);
    let post = Arc::new(Post { mailstore, directory: directory.clone(), queue: queue.clone(), in_flight, clock });
    let anna = directory.account(&"anna@demo.test".parse().unwrap()).unwrap();
    let from = "anna@demo.test".parse().unwrap();
    let to = vec!["carl@far.test".parse().unwrap(), "dora@away.test".parse().unwrap()];
    let mut sent = Submitting::begin(&post, &"mail.demo.test".parse().unwrap(), anna, from, to).unwrap();
    sent.take(&letter(300)).await.unwrap();
    assert_eq!(sent.finish().await.code(), 250);
    queue.drain();
    queue.rests().await;
    mail
}

async fn deliver(
    mailstore: &Arc<Mailstore>,
    blobs: &dyn Blobs,
    account: u32,
    size: usize,
    mail: &mut BTreeMap<Place, Vec<u8>>,
) {
    let octets = letter(size);
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(&octets);
    let body = if size > mailstore::BODY_ROW_OCTETS_MAX {
        let mut writer = blobs.begin().await.unwrap();
        writer.write(Bytes::from(octets.clone())).await.unwrap();
        let HeldBlob { id, hold } = writer.finish().await.unwrap();
        Body::Blob { id, size_octets: octets.len() as u64, hold }
    } else {
        Body::Row(octets.clone().into())
    };
    let prefix = "Return-Path: <ben@far.test>\r\n";
    let append = Append {
        mailbox: INBOX_ID,
        email: NewEmail { prefix: prefix.into(), body, scanned: scanner.finish().into() },
        flags: vec![Flag::Seen],
        internal_date: None,
        quota: Quota::default(),
        delivery: None,
        beside: Vec::new(),
    };
    let account = mailstore.account(AccountId(account)).await.unwrap();
    let mailstore::Outcome::Appended(appended) = account.append(append).await.unwrap() else { panic!("it is new") };
    mail.insert((account.id().0, INBOX_ID.0, appended.uid.0), [prefix.as_bytes(), &octets].concat());
}

fn letter(size: usize) -> Vec<u8> {
    let line = |n: usize| format!("line {n} of a letter\r\n");
    let mut text = format!("From: ben@far.test\r\nSubject: of {size}\r\nMessage-ID: <{size}@far.test>\r\n\r\n");
    (0..).map(line).take_while(|_| true).find(|line| {
        text.push_str(line);
        text.len() >= size
    });
    text.into_bytes()
}
