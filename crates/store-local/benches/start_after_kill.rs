//! How long a store takes to open after its process was killed, and what it takes on the disk.
//!
//! `cargo bench -p store-local --bench start_after_kill [MESSAGES]`; the folder is made beneath the current one. A child
//! writes the messages' rows, says so, and goes on writing until it is killed.

mod load;

use load::delivery;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::block_on;
use store::{Cell, Query, Store};
use store_local::{Backend, LocalStore, Options};

type Error = Box<dyn std::error::Error>;

const MESSAGES_DEFAULT: u64 = 100_000;
/// Commits under way at once.
const COMMITTERS: usize = 100;
const KILLS: usize = 3;

fn main() -> Result<(), Error> {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [folder, backend, from, messages] = args.as_slice() {
        let backend = Backend::ALL.into_iter().find(|known| known.name() == backend).ok_or("which engine?")?;
        return write_until_killed(Path::new(folder), backend, from.parse()?, messages.parse()?);
    }
    let messages = args.first().map_or(Ok(MESSAGES_DEFAULT), |arg| arg.parse())?;
    println!("{messages} messages of 4 KiB and six rows; then the writer is killed in the midst of more");
    println!("engine  written/s  MiB on disk  ms until a row is read, after each kill");
    for backend in Backend::ALL {
        let folder = tempfile::tempdir_in(".")?;
        let (rate, starts) = kill_and_start(folder.path(), backend, messages)?;
        println!("{backend:6}  {rate:9.0}  {:11}  {starts:?}", octets(folder.path())? >> 20);
    }
    Ok(())
}

fn kill_and_start(folder: &Path, backend: Backend, messages: u64) -> Result<(f64, Vec<u128>), Error> {
    let (mut rate, mut starts) = (0.0, Vec::new());
    for kill in 0..KILLS as u64 {
        let (from, count) = if kill == 0 { (0, messages) } else { (messages * 10 * kill, 1000) };
        let taken = run_and_kill(folder, backend, from, count)?;
        if kill == 0 {
            rate = messages as f64 / taken.as_secs_f64();
        }
        let begun = Instant::now();
        let store = LocalStore::open(folder, Options { backend: Some(backend), ..Options::default() })?;
        let row = block_on(store.read(vec![Query::row(&Cell::new("account 0"), b"email/\0\0\0\0\0\0\0\0".to_vec())]))?;
        starts.push(begun.elapsed().as_millis());
        row.into_row().ok_or("the first message is gone")?;
    }
    Ok((rate, starts))
}

/// Runs a child until its messages are there, which took so long, and kills it.
fn run_and_kill(folder: &Path, backend: Backend, from: u64, messages: u64) -> Result<Duration, Error> {
    let begun = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .arg(folder)
        .args([backend.name(), &from.to_string(), &messages.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    BufReader::new(child.stdout.take().ok_or("no output")?).lines().next().ok_or("the child ended")??;
    let taken = begun.elapsed();
    child.kill()?;
    child.wait()?;
    Ok(taken)
}

fn write_until_killed(folder: &Path, backend: Backend, from: u64, messages: u64) -> Result<(), Error> {
    let store = LocalStore::open(folder, Options { backend: Some(backend), ..Options::default() })?;
    let next = AtomicU64::new(from);
    std::thread::scope(|scope| {
        let (store, next) = (&store, &next);
        let commit = move || {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                block_on(store.commit(delivery(n))).expect("the disk has room");
                if n == from + messages {
                    println!("there");
                }
            }
        };
        (0..COMMITTERS).for_each(|_| {
            scope.spawn(commit);
        });
    });
    Ok(())
}

/// What the folder takes on the disk.
fn octets(folder: &Path) -> std::io::Result<u64> {
    let (mut octets, mut folders) = (0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            octets += metadata.blocks() * 512;
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(octets)
}
