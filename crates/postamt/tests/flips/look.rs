//! A store of which one octet is another one is opened, checked and read.

use super::flush::options;
use super::house::{House, Place, scratch};
use env::Env;
use mailstore::{Gap, Mailstore};
use model::{AccountId, SeqNum, Timestamp};
use net::runtime::TokioEnv;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use store::block_on;
use store::{Bytes, RowPlace, Store};
use store_local::{Aside, Health, LocalBlobs, LocalStore, Lost, LostKind};
use tempfile::TempDir;
use upkeep::{Repaired, Step, Witness};

/// Octets and flags of each message.
type Mail = BTreeMap<Place, (Vec<u8>, Vec<String>)>;

/// What was seen.
pub enum Sight {
    /// All is as it was.
    Same,
    /// The store says why it does not open; repaired, what of it was lost.
    Unopened { why: String, missing: usize },
    /// It is told that something is wrong; so many messages are refused.
    Named { refused: usize },
    /// What must not be.
    Hole(String),
}

type Rows = BTreeMap<RowPlace, Bytes>;

pub struct Look<'a> {
    house: &'a House,
    rows: Rows,
    mail: Mail,
    copy: TempDir,
    runtime: tokio::runtime::Runtime,
    env: Env,
}

impl<'a> Look<'a> {
    pub fn of(house: &'a House) -> Look<'a> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let env = runtime.block_on(async { TokioEnv::new().unwrap().env() });
        let mut look = Look { house, rows: Rows::new(), mail: BTreeMap::new(), copy: scratch(), runtime, env };
        look.restore();
        let (store, blobs) = look.open().unwrap();
        look.rows = rows(&*store).unwrap();
        let (mail, refused) = look.read(store.clone(), blobs.clone());
        assert!(refused.is_empty() && mail.len() == house.mail.len(), "{refused:?}");
        assert!(mail.iter().all(|(place, (octets, _))| house.mail[place] == *octets));
        assert_eq!(findings(&*store, &blobs), Vec::<String>::new());
        look.mail = mail;
        look
    }

    /// The copy is the house as it was.
    pub fn restore(&self) {
        for folder in ["store", "blobs"] {
            let _ = fs::remove_dir_all(self.copy.path().join(folder)); // it may not be there yet
        }
        let (folders, files) = self.house.walk();
        folders.iter().for_each(|folder| fs::create_dir_all(self.copy.path().join(folder)).unwrap());
        for file in files {
            fs::copy(self.house.path().join(&file), self.copy.path().join(&file)).unwrap();
        }
    }

    fn put(&self, file: &Path, octets: &[u8]) {
        self.restore();
        fs::write(self.copy.path().join(file), octets).unwrap();
    }

    pub fn at(&self, file: &Path, octets: &[u8]) -> Sight {
        self.put(file, octets);
        let store = self.copy.path().join("store");
        let mut named = match store_local::integrity(&store) {
            Ok(found) => found.into_iter().collect::<Vec<String>>(),
            Err(error) => return self.repaired(error.to_string(), Salvage::Needed),
        };
        let salvage = if named.is_empty() { Salvage::Not } else { Salvage::Needed };
        let (store, blobs) = match self.open() {
            Ok(opened) => opened,
            Err(error) => return self.repaired(error, Salvage::Needed),
        };
        let is_left_open = !named.is_empty() && file.ends_with("rows.redb");
        if is_left_open {
            std::mem::forget(store.clone()); // redb ends the process if it panics while it cleans up after a panic
        }
        named.extend(findings(&*store, &blobs));
        if store.health() != Health::Ok {
            named.push(store.health().to_string());
        }
        named.extend(Aside::all(&self.copy.path().join("store")).unwrap().iter().map(|aside| format!("{aside:?}")));
        let rows = rows(&*store);
        let (mail, refused) = self.read(store, blobs);
        if is_left_open {
            self.put(file, octets);
        }
        match self.judge(named, rows, mail, &refused) {
            Sight::Named { .. } if file.starts_with("store") => match self.repaired("it opened".into(), salvage) {
                Sight::Unopened { missing, .. } => Sight::Named { refused: missing },
                hole => hole,
            },
            sight => sight,
        }
    }

    /// As an administrator repairs it: it opens, and what is not there is named.
    fn repaired(&self, why: String, salvage: Salvage) -> Sight {
        let store = self.copy.path().join("store");
        let mut lost = 0;
        let told = &mut |one: &Lost| lost += u64::from(one.kind != LostKind::List);
        let salvaged = match salvage {
            Salvage::Needed => store_local::mend_format(&store, false)
                .and_then(|_| store_local::salvage(&store, &options(), false, told).map(drop)),
            Salvage::Not => Ok(()),
        };
        if let Err(error) = salvaged {
            return Sight::Hole(format!("{why}: not salvaged: {error}"));
        }
        let named = match self.repair() {
            Ok(named) => named,
            Err(error) => return Sight::Hole(format!("{why}: not repaired: {error}")),
        };
        let (store, blobs) = self.open().unwrap();
        let (found, health) = (findings(&*store, &blobs), store.health());
        let (mail, refused) = self.read(store, blobs);
        if !found.is_empty() || !refused.is_empty() || health != Health::Ok {
            return Sight::Hole(format!("{why}: repaired, yet: {health}, {found:?}, {refused:?}"));
        }
        self.judge_repaired(why, named + lost, &mail)
    }

    /// How many deeds were told.
    fn repair(&self) -> Result<u64, String> {
        let store = self.copy.path().join("store");
        let lost = store_local::loss(&store).unwrap() || !store_local::damaged_journals(&store).unwrap().is_empty();
        let gap = if lost { Gap::Possible } else { Gap::None };
        let store = LocalStore::open_to_repair(store, options()).map_err(|error| error.to_string())?;
        let blobs = LocalBlobs::open(self.copy.path().join("blobs"), options()).map_err(|error| error.to_string())?;
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let mut told = Told(0);
        upkeep::repair((&store, &blobs), (now, gap), false, &mut told).map_err(|error| error.to_string())?;
        Aside::all_seen(&self.copy.path().join("store")).unwrap();
        Ok(told.0)
    }

    /// Mail is as it was, in whichever mailbox, or missing and that was told.
    fn judge_repaired(&self, why: String, named: u64, mail: &Mail) -> Sight {
        // A message whose row is lost is made anew from its content: without what was written in front of it on its arrival.
        let same = |((account, ..), (octets, _)): (&Place, &(Vec<u8>, Vec<String>))| {
            self.mail.iter().any(|((of, ..), (was, _))| of == account && was.ends_with(octets) && !octets.is_empty())
        };
        let strange = mail.iter().filter(|message| !same(*message)).count();
        let (was, missing) = (self.mail.len(), self.mail.len().saturating_sub(mail.len()));
        match (strange, missing, named) {
            (0, 0, _) => Sight::Unopened { why, missing: 0 },
            (0, _, 1..) if missing < was => Sight::Unopened { why, missing },
            _ => Sight::Hole(format!("{why}: repaired, {strange} strange and {missing} missing, {named} told")),
        }
    }

    fn judge(&self, named: Vec<String>, rows: Result<Rows, String>, mail: Mail, refused: &[String]) -> Sight {
        for (place, seen) in &mail {
            match self.mail.get(place) {
                None => return Sight::Hole(format!("a message at {place:?}, where none was; {named:?}")),
                Some(was) if was != seen => return Sight::Hole(format!("another message at {place:?}; {named:?}")),
                Some(_) => {}
            }
        }
        let missing = self.mail.len() - mail.len();
        match (named.is_empty(), rows) {
            (false, _) => Sight::Named { refused: missing },
            (true, Ok(rows)) if rows == self.rows && missing == 0 => Sight::Same,
            (true, Ok(rows)) => {
                let gone: Vec<_> = self.rows.iter().filter(|(place, row)| rows.get(*place) != Some(*row)).collect();
                Sight::Hole(format!("nothing is named; {missing} missing, {refused:?}, other rows: {gone:?}"))
            }
            (true, Err(error)) => Sight::Hole(format!("nothing is named, yet: {error}")),
        }
    }

    fn open(&self) -> Result<(Arc<LocalStore>, Arc<LocalBlobs>), String> {
        let store = LocalStore::open(self.copy.path().join("store"), options()).map_err(|error| error.to_string())?;
        let blobs = LocalBlobs::open(self.copy.path().join("blobs"), options()).map_err(|error| error.to_string())?;
        Ok((Arc::new(store), Arc::new(blobs)))
    }

    /// What a server shows, and what it refuses.
    fn read(&self, store: Arc<LocalStore>, blobs: Arc<LocalBlobs>) -> (Mail, Vec<String>) {
        let (spawn, clock) = (self.env.spawn.clone(), self.env.clock.clone());
        let mailstore = Mailstore::new(store, blobs, spawn, clock);
        let (mut mail, mut refused) = (BTreeMap::new(), Vec::new());
        self.runtime.block_on(async {
            for account in [1, 2] {
                if let Err(error) = of_account(&mailstore, account, &mut mail, &mut refused).await {
                    refused.push(format!("account {account}: {error}"));
                }
            }
        });
        (mail, refused)
    }
}

/// Whether a new store is made first.
#[derive(Clone, Copy)]
enum Salvage {
    Needed,
    Not,
}

/// Counts what is told; what is kept is of no use here.
struct Told(u64);

impl Witness for Told {
    fn keep(&mut self, _: upkeep::Aside<'_>) -> std::io::Result<()> {
        Ok(())
    }

    fn doubt(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, _: Repaired) {
        self.0 += 1;
    }
}

async fn of_account(
    mailstore: &Arc<Mailstore>,
    number: u32,
    mail: &mut Mail,
    refused: &mut Vec<String>,
) -> Result<(), mailstore::Error> {
    let account = mailstore.account(AccountId(number)).await?;
    let mailboxes: Vec<_> = account.mailboxes().iter().map(|record| record.id).collect();
    for mailbox in mailboxes {
        let view = match account.open(mailbox).await {
            Ok(view) => view,
            Err(error) => {
                refused.push(format!("mailbox {mailbox}: {error}"));
                continue;
            }
        };
        for seq in 1..=view.len() {
            let member = view.get(SeqNum(seq)).unwrap();
            let read = async {
                let email = account.emails(&[member.email]).await?.pop().flatten();
                let email = email.ok_or(mailstore::Error::BodyMissing(member.email))?;
                account.octets(&email, 0..u64::MAX).await
            };
            match read.await {
                Ok(octets) => {
                    let flags = view.keywords.names(member.flags).map(str::to_owned).collect();
                    mail.insert((number, mailbox.0, member.uid.0), (octets.to_vec(), flags));
                }
                Err(error) => refused.push(error.to_string()),
            }
        }
    }
    Ok(())
}

fn findings(store: &dyn Store, blobs: &Arc<LocalBlobs>) -> Vec<String> {
    let mut found = Vec::new();
    let checked = upkeep::check(store, &**blobs, &mut |step| {
        if let Step::Found(finding) = step {
            found.push(format!("{finding:?}"));
        }
        true
    });
    found.extend(checked.err().map(|error| error.to_string()));
    found
}

fn rows(store: &dyn Store) -> Result<Rows, String> {
    let snapshot = block_on(store.snapshot()).map_err(|error| error.to_string())?;
    let page = block_on(snapshot.rows(None, usize::MAX)).map_err(|error| error.to_string())?;
    Ok(page.rows.into_iter().collect())
}
