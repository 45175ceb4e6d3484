//! What every measurement needs: a message of a certain size, the processor time used, a store in a folder of its own.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | `--messages 20000` |
//! | [`server`] | the real program with a configuration of its own, on loopback |
//! | [`process`] | what a process uses: processor time, memory, octets read |
//! | [`wire`] | a plain SMTP and IMAP client |
//! | [`fill`] | many messages into mailboxes |
//! | [`load`] | deliveries by SMTP, as fast as they are taken |
//! | [`figures`] | what comes out: a table and a line of JSON |

pub mod args;
pub mod figures;
pub mod fill;
pub mod load;
pub mod process;
pub mod server;
pub mod wire;

use directory::{AccountSpec, Credential, Directory, DirectorySpec};
use env::virtual_net::Net;
use mailstore::Mailstore;
use model::Domain;
use mta::{BodiesInFlight, Post, Queue, QueuePolicy, Transport, TransportPolicy};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store_local::{LocalBlobs, LocalStore, Options};

/// A plain message of about `octets` octets; `n` makes it one of its own.
pub fn message(n: usize, octets: usize) -> Vec<u8> {
    let mut text = format!(
        "From: Sender {n} <sender@remote.test>\r\nTo: Reader <u0@bench.test>\r\nSubject: measurement {n}\r\n\
         Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{n}@remote.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    );
    while text.len() < octets {
        text.push_str("The quick brown fox jumps over the lazy dog and runs away, 0123456789.\r\n");
    }
    text.into_bytes()
}

/// Processor time of this process so far, all threads together.
pub fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A server's stations over a store in `folder`, with accounts u0 to u`accounts`-1 in `bench.test`.
pub async fn post(folder: &Path, accounts: usize, env: &env::Env) -> anyhow::Result<(Arc<LocalStore>, Arc<Post>)> {
    let store = Arc::new(LocalStore::open(folder.join("store"), Options::default())?);
    let blobs = Arc::new(LocalBlobs::open(folder.join("blobs"), Options::default())?);
    let (clock, spawn) = (env.clock.clone(), env.spawn.clone());
    let mailstore = Mailstore::new(store.clone(), blobs, spawn.clone(), clock.clone());
    let mut spec = DirectorySpec::new(vec![Domain::new("bench.test")?]);
    for n in 0..accounts {
        let credential = Credential::Clear(format!("pw{n}").into());
        spec.accounts.push(AccountSpec::new(format!("u{n}@bench.test").parse()?, credential));
    }
    let directory = Arc::new(Directory::open(store.clone(), spawn, clock.clone(), &*env.random, spec).await?);
    let host = Domain::new("bench.test")?;
    let net = Arc::new(Net::new(env.spawn.clone()));
    let relay = Transport::new(net.clone(), net, env, TransportPolicy::new(host.clone()));
    let books = (store.clone() as Arc<dyn store::Store>, mailstore.clone(), directory.clone());
    let queue = Queue::new(books, relay, env, QueuePolicy::new(host));
    queue.resume().await?;
    let in_flight = BodiesInFlight::new(256 << 20);
    Ok((store, Arc::new(Post { mailstore, directory, queue, in_flight, clock })))
}

/// Runs a generator of load: on one thread, the others are the server's.
///
/// # Errors
/// Those of `work`.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
