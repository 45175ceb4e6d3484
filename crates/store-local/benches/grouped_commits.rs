//! Commits per second, CPU and syncs per commit, as more committers come; beside them what the disk does alone.
//!
//! `cargo bench -p store-local` ; the folder is made beneath the current one (a temporary one may lie in memory).

mod load;

use load::delivery;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use store::block_on;
use store_local::{Backend, LocalStore, Options};

const EACH: Duration = Duration::from_millis(2500);
const COMMITTERS: [usize; 5] = [1, 4, 20, 100, 400];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir_in(".")?;
    println!(
        "beside each: pieces of 4 and 64 KiB that the disk alone takes in a second, each synced, and the ratio to them"
    );
    println!(
        "engine committers  commits/s  CPU µs/commit  syncs/s  commits/sync  p50 ms  p99 ms   4 KiB/s  ratio  64 KiB/s  ratio"
    );
    for (committers, backend) in COMMITTERS.into_iter().flat_map(|n| Backend::ALL.map(|backend| (n, backend))) {
        // Measured anew each time: a disk shared with others changes from one second to the next.
        let (small, large) = (synced_writes(folder.path(), 4 << 10)?, synced_writes(folder.path(), 64 << 10)?);
        let folder = tempfile::tempdir_in(".")?;
        let store = LocalStore::open(folder.path(), Options { backend: Some(backend), ..Options::default() })?;
        let run = commit_for(&store, committers);
        let seconds = run.elapsed.as_secs_f64();
        let rate = run.commits as f64 / seconds;
        println!(
            "{backend:6} {committers:10}  {rate:9.0}  {:13.1}  {:7.0}  {:12.1}  {:6.2}  {:6.2}  {small:8.0}  {:5.2}  {large:8.0}  {:5.2}",
            run.cpu.as_secs_f64() * 1e6 / run.commits as f64,
            run.syncs as f64 / seconds,
            run.commits as f64 / run.syncs.max(1) as f64,
            run.latency(50).as_secs_f64() * 1e3,
            run.latency(99).as_secs_f64() * 1e3,
            rate / small,
            rate / large,
        );
    }
    println!("resident after all: {} KiB", resident_kib());
    Ok(())
}

/// How many pieces the disk takes in a second, each synced.
fn synced_writes(folder: &Path, octets: usize) -> std::io::Result<f64> {
    let mut file = File::create(folder.join("raw"))?;
    file.set_len(64 << 20)?; // as fjall makes its journal
    file.sync_all()?;
    let piece = vec![7; octets];
    let (start, mut written) = (Instant::now(), 0);
    while start.elapsed() < EACH / 5 && (written + 1) * octets < 64 << 20 {
        file.write_all(&piece)?;
        file.sync_data()?;
        written += 1;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

struct Run {
    commits: u64,
    syncs: u64,
    cpu: Duration,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Run {
    fn latency(&self, percent: usize) -> Duration {
        self.latencies.get(self.latencies.len() * percent / 100).copied().unwrap_or_default()
    }
}

/// Each committer is a thread that waits for its answer, so part of the CPU is theirs.
fn commit_for(store: &LocalStore, committers: usize) -> Run {
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(0));
    let (start, cpu, syncs) = (Instant::now(), cpu(), store.syncs());
    let mut latencies: Vec<Duration> = std::thread::scope(|scope| {
        let (stop, next) = (&stop, &next);
        let commit = move || {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                block_on(store.commit(delivery(next.fetch_add(1, Ordering::Relaxed)))).expect("the disk has room");
                latencies.push(begun.elapsed());
            }
            latencies
        };
        let threads: Vec<_> = (0..committers).map(|_| scope.spawn(commit)).collect();
        std::thread::sleep(EACH);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    latencies.sort_unstable();
    let (commits, syncs) = (latencies.len() as u64, store.syncs() - syncs);
    Run { commits, syncs, cpu: self::cpu() - cpu, elapsed: start.elapsed(), latencies }
}

/// CPU of this process so far.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or(0))
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
