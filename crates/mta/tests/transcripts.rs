//! What SMTP and LMTP peers see, and what lies in the mailboxes afterwards.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use directory::{AccountSpec, CatchAll, Credential, Directory, DirectorySpec};
use env::virtual_net::Net;
use env::virtual_world::World;
use env::{Conversation, Random};
use mailstore::{INBOX_ID, Mailstore};
use model::{Domain, Quota, SeqNum};
use mta::{
    BodiesInFlight, Caller, Means, Peer, Post, Queue, QueuePolicy, Relaying, Role, SmtpConversation, SmtpPolicy,
};
use mta::{Transport, TransportPolicy};
use smtp::{Flavour, Policy, StartTls};
use std::path::Path;
use std::sync::Arc;
use store::memory::{MemoryBlobs, MemoryStore};
use transcript::Harness;

/// A server of `example.test` with the accounts anna, ben (room for three messages), carl (room for 1,000 octets) and admin.
struct Server {
    world: World,
    store: Arc<MemoryStore>,
    post: Arc<Post>,
    policy: Policy,
}

impl Server {
    fn new(flavour: Flavour, catch_all: CatchAll) -> Server {
        let world = World::new(1);
        let env = world.env();
        let store = Arc::new(MemoryStore::new());
        let mailstore =
            Mailstore::new(store.clone(), Arc::new(MemoryBlobs::new()), env.spawn.clone(), env.clock.clone());
        let account = |name: &str, octets, messages| AccountSpec {
            quota: Quota { octets, messages },
            ..AccountSpec::new(format!("{name}@example.test").parse().unwrap(), Credential::Clear(name.into()))
        };
        let accounts = vec![
            account("anna", None, None),
            account("ben", None, Some(3)),
            account("carl", Some(1000), None),
            account("admin", None, None),
        ];
        let mut spec = DirectorySpec::new(vec![Domain::new("example.test").unwrap()]);
        (spec.accounts, spec.catch_all) = (accounts, catch_all);
        let random: &dyn Random = &world;
        let open = Directory::open(store.clone(), env.spawn.clone(), env.clock.clone(), random, spec);
        let directory = Arc::new(world.block_on(open).unwrap());
        let host = Domain::new("mx.example.test").unwrap();
        let net = Arc::new(Net::new(env.spawn.clone()));
        let relay = Transport::new(net.clone(), net, &env, TransportPolicy::new(host.clone()));
        let books = (store.clone() as Arc<dyn store::Store>, mailstore.clone(), directory.clone());
        let queue = Queue::new(books, relay, &env, QueuePolicy::new(host));
        world.block_on(queue.resume()).unwrap();
        let in_flight = BodiesInFlight::new(64 << 20);
        let clock = env.clock;
        let post = Arc::new(Post { mailstore, directory, queue, in_flight, clock });
        let mut policy = Policy::new(Domain::new("mx.example.test").unwrap());
        (policy.flavour, policy.start_tls) = (flavour, StartTls::Offered);
        Server { world, store, post, policy }
    }

    /// The octets of a message in somebody's INBOX, counted from 1.
    fn octets(&self, name: &str, number: u32) -> Result<String, String> {
        let address = format!("{name}@example.test").parse().map_err(|e| format!("{e}"))?;
        let id = self.post.directory.account(&address).ok_or("no such account")?.id;
        self.world.block_on(async {
            let account = self.post.mailstore.account(id).await.map_err(|e| e.to_string())?;
            let view = account.open(INBOX_ID).await.map_err(|e| e.to_string())?;
            let member = view.get(SeqNum(number)).ok_or(format!("{name} has {} messages", view.len()))?;
            let emails = account.emails(&[member.email]).await.map_err(|e| e.to_string())?;
            let email = emails.into_iter().flatten().next().ok_or("the email has ended")?;
            let octets = account.octets(&email, 0..email.size_octets()).await.map_err(|e| e.to_string())?;
            Ok(String::from_utf8_lossy(&octets).into_owned())
        })
    }

    fn count(&self, name: &str) -> Result<u32, String> {
        let address = format!("{name}@example.test").parse().map_err(|e| format!("{e}"))?;
        let id = self.post.directory.account(&address).ok_or("no such account")?.id;
        let account = self.world.block_on(self.post.mailstore.account(id)).map_err(|e| e.to_string())?;
        Ok(account.mailboxes().get(INBOX_ID).map_or(0, |inbox| inbox.messages))
    }
}

impl Harness for Server {
    fn world(&self) -> World {
        self.world.clone()
    }

    /// `holds anna 2` · `reads anna 1: text` · `lacks anna 1: text` · `disk full|roomy` · `size-max 100`
    fn set_up(&mut self, line: &str) -> Result<(), String> {
        let (what, text) = line.split_once(": ").unwrap_or((line, ""));
        let text = text.replace("\\r\\n", "\r\n").replace("\\t", "\t");
        match what.split(' ').collect::<Vec<_>>().as_slice() {
            ["holds", name, number] => {
                self.world.run_until_stalled();
                let count = self.count(name)?;
                if count.to_string() == *number { Ok(()) } else { Err(format!("{name} has {count} messages")) }
            }
            [verb @ ("reads" | "lacks"), name, number] => {
                let octets = self.octets(name, number.parse().map_err(|_| "which message?")?)?;
                if octets.contains(&text) == (*verb == "reads") { Ok(()) } else { Err(format!("it is {octets:?}")) }
            }
            ["disk", state] => {
                self.store.set_full(*state == "full");
                Ok(())
            }
            ["size-max", octets] => {
                self.policy.size_max_octets = octets.parse().map_err(|_| "how many octets?")?;
                Ok(())
            }
            _ => Err("unknown line".into()),
        }
    }

    fn connect(&mut self, number: u32) -> Box<dyn Conversation> {
        let (address, session_id) = (Some([192, 0, 2, 1].into()), number.into());
        let caller = Caller { peer: Peer { address, session_id }, tls: None, relaying: Relaying::Refused };
        let (post, env) = (self.post.clone(), self.world.env());
        let policy = SmtpPolicy { session: Arc::new(self.policy.clone()), role: Role::Exchanger };
        let means = Means { sleep: env.sleep, random: env.random };
        Box::new(SmtpConversation::new(post, means, Arc::new(policy), caller, env.clock.monotonic()))
    }
}

#[test]
fn smtp() {
    for rfc in ["rfc5321", "rfc3030", "rfc2920", "rfc1870", "rfc6531", "rfc3207"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(rfc);
        transcript::run_folder(&folder, |_| Box::new(Server::new(Flavour::Smtp, CatchAll::Refuse)));
    }
}

#[test]
fn lmtp() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/rfc2033");
    transcript::run_folder(&folder, |_| Box::new(Server::new(Flavour::Lmtp, CatchAll::Refuse)));
}

#[test]
fn the_demo_catches_everything() {
    let text = include_str!("transcripts/demo.txt");
    let anna = "anna@example.test".parse().unwrap();
    transcript::check_text("demo.txt", text, &mut Server::new(Flavour::Smtp, CatchAll::Demo(anna)));
}
