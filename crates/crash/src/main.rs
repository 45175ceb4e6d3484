//! Runs sequences on all cores and prints what came of them: `cargo xtask crash-states`.

use crash::run::{Depth, Finding, Report, Walk, build_shim, record, workplace};
use crash::states::Class;
use crash::{record as records, writer};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;
use store_local::Backend;

const HELP: &str =
    "crash [--engine fjall|redb] [--seeds N] [--from S] [--points P] [--percent Q] [--random R]   runs seeds S, S+1, …
crash --engine fjall|redb --seed S [--state K]   one sequence, or one state of it; of its record if it was kept";

#[derive(Clone)]
struct Asked {
    engines: Vec<Backend>,
    from: u64,
    seeds: u64,
    state: Option<usize>,
    depth: Depth,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["write", engine, seed, data] = words[..] {
        let (Some(engine), Ok(seed)) = (backend(engine), seed.parse()) else { return ExitCode::FAILURE };
        writer::run(Path::new(data), engine, seed);
        return ExitCode::SUCCESS;
    }
    let Some(asked) = asked(&words) else {
        eprintln!("{HELP}");
        return ExitCode::FAILURE;
    };
    let mut failed = false;
    for engine in asked.engines.clone() {
        match run_all(engine, &asked) {
            Ok(total) => failed |= total.violations > 0,
            Err(error) => {
                eprintln!("crash: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn backend(name: &str) -> Option<Backend> {
    Backend::ALL.into_iter().find(|backend| backend.name() == name)
}

fn asked(words: &[&str]) -> Option<Asked> {
    let depth = Depth { random: 3, points: 100, states: 25 };
    let mut asked = Asked { engines: Backend::ALL.to_vec(), from: 0, seeds: 200, state: None, depth };
    for pair in words.chunks(2) {
        let [name, value] = *pair else { return None };
        match name {
            "--engine" => asked.engines = vec![backend(value)?],
            "--seeds" => asked.seeds = value.parse().ok()?,
            "--from" => asked.from = value.parse().ok()?,
            "--seed" => (asked.from, asked.seeds) = (value.parse().ok()?, 1),
            "--state" => asked.state = Some(value.parse().ok()?),
            "--random" => asked.depth.random = value.parse().ok()?,
            "--percent" => asked.depth.states = value.parse().ok()?,
            "--points" => asked.depth.points = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(asked)
}

/// Where records with findings stay.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/crash")
}

fn record_of(engine: Backend, seed: u64) -> PathBuf {
    kept().join(format!("{engine}-{seed}.record"))
}

/// What came of all seeds.
#[derive(Default)]
struct Total {
    seeds: u64,
    records: usize,
    points: usize,
    states: u64,
    judged: BTreeMap<Class, u64>,
    violations: usize,
}

fn run_all(engine: Backend, asked: &Asked) -> io::Result<Total> {
    fs::create_dir_all(kept())?;
    let folder = tempfile::tempdir()?;
    let shim = build_shim(folder.path())?;
    let (next, threads) = (AtomicU64::new(asked.from), std::thread::available_parallelism().map_or(1, usize::from));
    let (sender, reports) = mpsc::channel();
    let begun = Instant::now();
    let mut total = Total::default();
    std::thread::scope(|scope| -> io::Result<()> {
        for _ in 0..threads.min(asked.seeds as usize) {
            let (sender, next, shim) = (sender.clone(), &next, &shim);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let over = seed >= asked.from + asked.seeds;
                    // Nobody hears when the main thread is gone, and then this is over.
                    if over || sender.send((seed, one(engine, seed, shim, asked))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (seed, report) in reports {
            let report = report?;
            report.findings.iter().for_each(|finding| tell(engine, seed, finding));
            total.add(report);
            if total.seeds.is_multiple_of(10) {
                let judged: u64 = total.judged.values().sum();
                let seconds = begun.elapsed().as_secs();
                eprintln!(
                    "{engine}: {} sequences, {judged} states, {} violations, {seconds} s",
                    total.seeds, total.violations
                );
            }
        }
        Ok(())
    })?;
    total.print(engine, asked, begun);
    if asked.state.is_none() {
        total.note(engine)?;
    }
    Ok(total)
}

fn one(engine: Backend, seed: u64, shim: &Path, asked: &Asked) -> io::Result<Report> {
    let path = record_of(engine, seed);
    if asked.state.is_none() || !path.exists() {
        record(&std::env::current_exe()?, shim, engine, seed, &path)?;
    }
    let folder = workplace()?;
    let data = folder.path().join("data");
    let walk = Walk { seed, backend: engine, depth: asked.depth, only: asked.state, folder: &data };
    let report = walk.go(&records::read(&path));
    if asked.state.is_some() {
        println!("left behind: {}", folder.keep().display());
    } else if report.findings.is_empty() {
        fs::remove_file(&path)?;
    }
    Ok(report)
}

fn tell(engine: Backend, seed: u64, finding: &Finding) {
    let Finding { state, point, class, wrong } = finding;
    println!(
        "{engine} seed {seed} state {state} ({class:?}, point {point}) FAILED; see: cargo xtask crash-states --engine {engine} --seed {seed} --state {state}"
    );
    wrong.iter().for_each(|wrong| println!("    {wrong}"));
}

impl Total {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.records += report.records;
        self.points += report.points;
        self.states += report.states;
        self.violations += report.findings.len();
        for (class, count) in report.judged {
            *self.judged.entry(class).or_default() += count;
        }
    }

    fn judged(&self) -> u64 {
        self.judged.values().sum()
    }

    fn print(&self, engine: Backend, asked: &Asked, begun: Instant) {
        let last = asked.from + asked.seeds;
        println!(
            "{engine}: seeds {}..{last}: {} violations, {:.0} s",
            asked.from,
            self.violations,
            begun.elapsed().as_secs_f64()
        );
        println!(
            "{} operations recorded, {} points, {} states, {} of them judged, no two alike",
            self.records,
            self.points,
            self.states,
            self.judged()
        );
        for class in Class::ALL {
            println!("{:<18} {:>10}", format!("{class:?}"), self.judged.get(&class).copied().unwrap_or(0));
        }
    }

    /// Adds a line to what the drivers of crashes found.
    fn note(&self, engine: Backend) -> io::Result<()> {
        let said = |program: &str, words: &[&str]| -> io::Result<String> {
            let said = Command::new(program).args(words).output()?;
            Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
        };
        let date = said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])?;
        let commit = said("git", &["rev-parse", "--short", "HEAD"])?;
        let path = kept().join("../crash-results.jsonl");
        let mut file = File::options().create(true).append(true).open(path)?;
        writeln!(
            file,
            r#"{{"kind":"states","engine":"{engine}","seeds":{},"states":{},"violations":{},"date":"{date}","commit":"{commit}"}}"#,
            self.seeds,
            self.judged(),
            self.violations,
        )
    }
}
