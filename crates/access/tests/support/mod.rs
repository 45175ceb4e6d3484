//! A server for tests: a virtual world, a store in memory, a directory with two people.

use access::imap::{ImapConversation, ImapPolicy, Peer, PlaintextLogin, Services, TlsOffer};
use directory::{AccountSpec, Credential, Directory, DirectorySpec};
use env::virtual_world::World;
use env::{Clock, Conversation, Tls};
use mailstore::{Account, Mailstore};
use model::{Flag, Quota, Timestamp};
use mta::{AppendTo, BodiesInFlight, Incoming};
use std::sync::Arc;
use store::memory::{MemoryBlobs, MemoryStore};

/// The server behind all connections of a test.
pub struct Server {
    pub world: World,
    pub services: Arc<Services>,
    pub policy: ImapPolicy,
    /// Whether connections come under TLS.
    pub tls: bool,
}

impl Server {
    pub fn new() -> Server {
        let world = World::new(1);
        let env = world.env();
        let store = Arc::new(MemoryStore::new());
        let blobs = Arc::new(MemoryBlobs::new());
        let mailstore = Mailstore::new(store.clone(), blobs, env.spawn.clone(), env.clock.clone());
        let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
        for (address, quota) in [("anna@demo.test", None), ("berta@demo.test", Some(1000))] {
            let mut account = AccountSpec::new(address.parse().unwrap(), Credential::Clear("secret".into()));
            account.quota = Quota { octets: quota, messages: None };
            spec.accounts.push(account);
        }
        let opening = Directory::open(store, env.spawn, env.clock, &*env.random, spec);
        let directory = Arc::new(world.block_on(opening).unwrap());
        let in_flight = BodiesInFlight::new(64 << 20);
        let services = Arc::new(Services { mailstore, directory, in_flight });
        let policy = ImapPolicy {
            tls: TlsOffer::StartTls,
            plaintext_login: PlaintextLogin::Allowed,
            limits: imap::Limits { append_octets_max: 100_000, ..imap::Limits::default() },
        };
        Server { world, services, policy, tls: false }
    }

    pub fn account(&self, login: &str) -> Arc<Account> {
        let user = self.world.block_on(self.services.directory.authenticate(login, b"secret", None)).unwrap();
        self.world.block_on(self.services.mailstore.account(user.id)).unwrap()
    }

    /// Puts a message into a mailbox of anna's, which is made if it is not there.
    pub fn put(&self, mailbox: &str, message: &[u8], flags: Vec<Flag>, date: Option<Timestamp>) {
        let account = self.account("anna");
        let work = async {
            let mailbox = match account.mailboxes().named(mailbox) {
                Some(record) => record.clone(),
                None => account.create(mailbox, None).await.unwrap(),
            };
            let mut incoming = Incoming::begin(self.services.mailstore.blobs(), &self.services.in_flight).unwrap();
            incoming.take(message);
            let to = AppendTo { mailbox: mailbox.id, flags, internal_date: date, quota: Quota::default() };
            mta::append(&account, to, incoming.finish().await.unwrap()).await.unwrap();
        };
        self.world.block_on(work);
    }

    pub fn connect(&self, number: u32) -> Box<dyn Conversation> {
        let peer = Peer { address: Some("192.0.2.1".parse().unwrap()), session_id: number.into() };
        let tls = Tls { version: "TLSv1.3".into(), cipher: "TLS13_AES_256_GCM_SHA384".into() };
        let tls = self.tls.then_some(tls);
        let policy = Arc::new(self.policy.clone());
        Box::new(ImapConversation::new(self.services.clone(), policy, (peer, tls), self.world.monotonic()))
    }
}
