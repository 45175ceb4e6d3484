//! A server for tests: a virtual world, a store in memory, a directory with two people.

use access::imap::{ImapConversation, ImapPolicy, Peer, PlaintextLogin, Services, TlsOffer};
use directory::{AccountSpec, Credential, Directory, DirectorySpec};
use env::virtual_world::World;
use env::{Clock, Conversation, Random, Tls};
use mailstore::{Account, Mailstore};
use model::Quota;
use mta::BodiesInFlight;
use sasl::Mechanism;
use std::sync::Arc;
use store::memory::{MemoryBlobs, MemoryStore};

/// So that transcripts can hold nonces.
struct Fixed;

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0x2a);
    }
}

/// The server behind all connections of a test.
pub struct Server {
    pub world: World,
    pub services: Arc<Services>,
    pub policy: ImapPolicy,
    /// Whether connections come under TLS.
    pub tls: bool,
}

impl Server {
    /// Over a store whose commits the test itself may have to make durable.
    pub fn with_store(memory: MemoryStore) -> Server {
        let world = World::new(1);
        let env = world.env();
        let store = Arc::new(memory.clone());
        let blobs = Arc::new(MemoryBlobs::new());
        let mailstore = Mailstore::new(store.clone(), blobs, env.spawn.clone(), env.clock.clone());
        let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
        for (address, quota) in [("anna@demo.test", None), ("berta@demo.test", Some(1000))] {
            let mut account = AccountSpec::new(address.parse().unwrap(), Credential::Clear("secret".into()));
            account.quota = Quota { octets: quota, messages: None };
            spec.accounts.push(account);
        }
        let opening = Directory::open(store, env.spawn, env.clock, &*env.random, spec);
        let mut opening = std::pin::pin!(opening);
        let directory = loop {
            match world.poll_once(opening.as_mut()) {
                Some(opened) => break Arc::new(opened.unwrap()),
                None => assert!(memory.sync_all() > 0, "the directory opens"),
            }
        };
        let in_flight = BodiesInFlight::new(64 << 20);
        let services = Arc::new(Services { mailstore, directory, in_flight, random: Arc::new(Fixed) });
        let policy = ImapPolicy {
            tls: TlsOffer::StartTls,
            plaintext_login: PlaintextLogin::Allowed,
            mechanisms: vec![Mechanism::Plain],
            limits: imap::Limits { append_octets_max: 100_000, ..imap::Limits::default() },
        };
        Server { world, services, policy, tls: false }
    }

    pub fn account(&self, login: &str) -> Arc<Account> {
        let user = self.world.block_on(self.services.directory.authenticate(login, b"secret", None)).unwrap();
        self.world.block_on(self.services.mailstore.account(user.id)).unwrap()
    }

    pub fn connect(&self, number: u32) -> Box<dyn Conversation> {
        let peer = Peer { address: Some("192.0.2.1".parse().unwrap()), session_id: number.into() };
        let tls = Tls {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_256_GCM_SHA384".into(),
            exporter: Some([7; 32]),
            ..Tls::default()
        };
        let tls = self.tls.then_some(tls);
        let policy = Arc::new(self.policy.clone());
        Box::new(ImapConversation::new(self.services.clone(), policy, (peer, tls), self.world.monotonic()))
    }
}
