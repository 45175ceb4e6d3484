//! A body whose blob fails while the client has gone on: one answer where one is due, never a panic.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use directory::{AccountSpec, Credential, Directory, DirectorySpec};
use env::virtual_net::Net;
use env::virtual_world::World;
use env::{Conversation, Random, Sleep};
use mailstore::Mailstore;
use model::{Domain, Moment};
use mta::{
    BodiesInFlight, Caller, Means, Peer, Post, Queue, QueuePolicy, Relaying, Role, SmtpConversation, SmtpPolicy,
};
use mta::{Transport, TransportPolicy};
use smtp::Policy;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Answer, BlobId, BlobPage, BlobWriter, Blobs, Bytes, CommitError, ReadError, later};

/// A disk that thinks for a second and then is full.
struct FullDisk(World, MemoryBlobs);

impl Blobs for FullDisk {
    fn begin(&self) -> Answer<'_, Result<Box<dyn BlobWriter>, CommitError>> {
        let pause = self.0.sleep_until(Moment(Duration::from_secs(1)));
        later(async move {
            pause.await;
            Err(CommitError::NoSpace("full".into()))
        })
    }
    fn get(&self, id: BlobId, range: Range<u64>) -> Answer<'_, Result<Option<Bytes>, ReadError>> {
        self.1.get(id, range)
    }
    fn doubt(&self, id: BlobId) -> bool {
        self.1.doubt(id)
    }
    fn delete(&self, id: BlobId) -> Answer<'_, Result<bool, CommitError>> {
        self.1.delete(id)
    }
    fn list(&self, after: Option<BlobId>) -> Answer<'_, Result<BlobPage, ReadError>> {
        self.1.list(after)
    }
}

fn conversation(world: &World) -> SmtpConversation {
    let (env, store) = (world.env(), Arc::new(MemoryStore::new()));
    let blobs = Arc::new(FullDisk(world.clone(), MemoryBlobs::new()));
    let mailstore = Mailstore::new(store.clone(), blobs, env.spawn.clone(), env.clock.clone());
    let mut spec = DirectorySpec::new(vec![Domain::new("example.test").unwrap()]);
    spec.accounts.push(AccountSpec::new("anna@example.test".parse().unwrap(), Credential::Clear("x".into())));
    let random: &dyn Random = world;
    let open = Directory::open(store.clone(), env.spawn.clone(), env.clock.clone(), random, spec);
    let directory = Arc::new(world.block_on(open).unwrap());
    let host = Domain::new("mx.example.test").unwrap();
    let net = Arc::new(Net::new(env.spawn.clone()));
    let relay = Transport::new(net.clone(), net, &env, TransportPolicy::new(host.clone()));
    let books = (store as Arc<dyn store::Store>, mailstore.clone(), directory.clone());
    let queue = Queue::new(books, relay, &env, QueuePolicy::new(host));
    let post = Post { mailstore, directory, queue, in_flight: BodiesInFlight::new(64 << 20), clock: env.clock };
    let session = Arc::new(Policy::new(Domain::new("mx.example.test").unwrap()));
    let policy = Arc::new(SmtpPolicy { session, role: Role::Exchanger });
    let peer = Peer { address: None, session_id: 1 };
    let caller = Caller { peer, tls: None, relaying: Relaying::Refused };
    let means = Means { sleep: env.sleep, random: env.random };
    SmtpConversation::new(Arc::new(post), means, policy, caller, Moment::default())
}

/// Feeds `input` as far as it is taken, with the world at a standstill; returns what was answered.
fn say(world: &World, conversation: &mut SmtpConversation, input: &mut Vec<u8>) -> String {
    let (mut answered, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
    loop {
        let now = env::Clock::monotonic(world);
        conversation.advance(&mut cx, now);
        world.run_until_stalled();
        conversation.advance(&mut cx, now);
        answered.extend_from_slice(conversation.output());
        conversation.sent(conversation.output().len());
        let taken = conversation.receive(input, now);
        input.drain(..taken);
        if taken == 0 {
            return String::from_utf8(answered).unwrap();
        }
    }
}

fn check(behind_the_body: &[u8], want: &str) {
    let world = World::new(1);
    let mut conversation = conversation(&world);
    let mut input = b"EHLO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.test>\r\nBDAT 70000\r\n".to_vec();
    input.resize(input.len() + 70_000, b'x');
    input.extend_from_slice(behind_the_body);
    let mut answered = say(&world, &mut conversation, &mut input);
    for _ in 0..3 {
        world.pass(Duration::from_secs(2));
        answered += &say(&world, &mut conversation, &mut input);
    }
    assert_eq!(input, b"");
    assert!(answered.contains(want), "{answered:?}");
}

#[test]
fn a_failing_blob_meets_a_client_that_goes_on() {
    check(b"RSET\r\n", "250 2.0.0 forgotten");
    check(b"EHLO again.test\r\n", "greets again.test");
    check(b"QUIT\r\n", "221");
    check(b"BDAT 1 LAST\r\ny", "452 4.3.1 the server's disk is full");
}
