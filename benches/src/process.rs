//! What a process uses, as `/proc` tells it.

use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Of `/proc/PID/stat`; the kernel has told programs 100 for ever, whatever it counts in.
const TICKS_PER_SECOND: u64 = 100;
/// Between two looks at the memory; a look at a large process takes a millisecond.
const LOOK: Duration = Duration::from_millis(100);

/// Processor time so far, all threads together, also of those that ended.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    fields(&pid.to_string(), [14, 15])
}

/// Processor time of the children of this process that ended.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn cpu_of_children() -> Result<Duration> {
    fields("self", [16, 17])
}

fn fields(process: &str, numbers: [usize; 2]) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name in parentheses, with whatever in it.
    let rest = stat.rsplit_once(") ").context("stat")?.1;
    let field = |number: usize| rest.split(' ').nth(number - 3).and_then(|word| word.parse::<u64>().ok());
    let [a, b] = numbers.map(field);
    Ok(Duration::from_millis((a.context("stat")? + b.context("stat")?) * 1000 / TICKS_PER_SECOND))
}

/// Its share of memory (PSS) in KiB.
///
/// # Errors
/// When there is no such process.
pub fn pss_kib(pid: u32) -> Result<u64> {
    named(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// Octets it has read, from whatever.
///
/// # Errors
/// When there is no such process.
pub fn octets_read(pid: u32) -> Result<u64> {
    named(&format!("/proc/{pid}/io"), "rchar:")
}

fn named(file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{file}: no {name}"))?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

/// Looks again and again at how much memory a process takes.
pub struct Peak {
    kib: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peak {
    /// Begins to look.
    pub fn of(pid: u32) -> Peak {
        let (kib, end) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (kib, end) = (kib.clone(), end.clone());
            move || {
                while !end.load(Ordering::Relaxed) {
                    // It may have ended: what was seen counts.
                    kib.fetch_max(pss_kib(pid).unwrap_or(0), Ordering::Relaxed);
                    std::thread::sleep(LOOK);
                }
            }
        });
        Peak { kib, end, thread: Some(thread) }
    }

    /// The most that was seen, in MiB; looking goes on with the next peak.
    pub fn mib(&self) -> f64 {
        self.kib.swap(0, Ordering::Relaxed) as f64 / 1024.0
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only ever looks.
            let _ = thread.join();
        }
    }
}

/// Lets this process have as many files as the system allows; returns how many.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}

/// Binds this process to processors, as `taskset` names them; threads that it starts later too.
///
/// # Errors
/// When `taskset` (util-linux) is not there, or does not do it.
pub fn bind_self(processors: &str) -> Result<()> {
    let own = std::process::id().to_string();
    let done = Command::new("taskset").args(["-a", "-p", "-c", processors, &own]).output().context("taskset")?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The machine's load of the last minute.
pub fn machine_load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
