//! Runs seeds on all cores, a world in each thread, and prints what came of them: `cargo xtask sim`.

use sim::fault::{Fault, Tally};
use sim::run::{LETTERS, Options, Report, run};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

const HELP: &str = "sim --seeds N [--from S] [--letters L]   runs seeds S, S+1, …
sim --seed S [--letters L]                 shows all that happens in one";

/// What is asked for.
#[derive(Clone, Copy)]
struct Asked {
    from: u64,
    seeds: u64,
    letters: u64,
    shown: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(asked) = asked(&words) else {
        eprintln!("{HELP}");
        return ExitCode::FAILURE;
    };
    let total = run_all(asked);
    total.print(asked);
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn asked(words: &[String]) -> Option<Asked> {
    let mut asked = Asked { from: 0, seeds: 0, letters: LETTERS, shown: false };
    for pair in words.chunks(2) {
        let [name, number] = pair else { return None };
        let number = number.parse().ok()?;
        match name.as_str() {
            "--seeds" => asked.seeds = number,
            "--from" => asked.from = number,
            "--letters" => asked.letters = number,
            "--seed" => (asked.from, asked.seeds, asked.shown) = (number, 1, true),
            _ => return None,
        }
    }
    (asked.seeds > 0).then_some(asked)
}

/// What came of all seeds.
#[derive(Default)]
struct Total {
    seeds: u64,
    failed: u64,
    deliveries: u64,
    touched: u64,
    steps: u64,
    clients: usize,
    crowd_max: usize,
    output_octets_max: usize,
    tasks_max: usize,
    tally: Tally,
    worlds_with: [u64; Fault::ALL.len()],
}

fn run_all(asked: Asked) -> Total {
    let (next, threads) = (AtomicU64::new(asked.from), std::thread::available_parallelism().map_or(1, usize::from));
    let (sender, reports) = mpsc::channel();
    let mut total = Total::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let options = Options { letters: asked.letters, shown: asked.shown, sabotage: None };
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody hears when the main thread is gone, and then this is over.
                    if seed >= asked.from + asked.seeds || sender.send(run(seed, &options)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let begun = Instant::now();
        for report in reports {
            total.add(&report);
            tell(&report, asked);
            if total.seeds.is_multiple_of(100) {
                let (seeds, deliveries, seconds) = (total.seeds, total.deliveries, begun.elapsed().as_secs());
                eprintln!("{seeds} seeds, {deliveries} deliveries, {} failed, {seconds} s", total.failed);
            }
        }
        eprintln!("{:.1} s", begun.elapsed().as_secs_f64());
    });
    total
}

fn tell(report: &Report, asked: Asked) {
    if report.violations.is_empty() {
        return;
    }
    println!("seed {} FAILED; see: cargo xtask sim --seed {0} --letters {}", report.seed, asked.letters);
    report.violations.iter().for_each(|wrong| println!("    {wrong}"));
}

impl Total {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.failed += u64::from(!report.violations.is_empty());
        self.deliveries += report.deliveries;
        self.touched += report.touched;
        self.steps += report.steps;
        self.clients += report.crowd;
        self.crowd_max = self.crowd_max.max(report.crowd);
        self.output_octets_max = self.output_octets_max.max(report.output_octets_max);
        self.tasks_max = self.tasks_max.max(report.tasks_max);
        self.tally.add(&report.tally);
        for (worlds, fault) in self.worlds_with.iter_mut().zip(Fault::ALL) {
            *worlds += u64::from(report.tally.of(fault) > 0);
        }
    }

    fn print(&self, asked: Asked) {
        let share = self.touched as f64 * 100.0 / self.deliveries.max(1) as f64;
        println!("seeds {}..{}: {} failed", asked.from, asked.from + asked.seeds, self.failed);
        println!("deliveries {}, {share:.1} % touched by a fault; {} polls", self.deliveries, self.steps);
        println!("clients {}, at most {} in one world", self.clients, self.crowd_max);
        println!("at most {} octets waited to be said, {} tasks at once", self.output_octets_max, self.tasks_max);
        println!("{:<18} {:>10} {:>10}", "fault", "times", "worlds");
        for (fault, worlds) in Fault::ALL.into_iter().zip(self.worlds_with) {
            println!("{:<18} {:>10} {worlds:>10}", format!("{fault:?}"), self.tally.of(fault));
        }
    }
}
