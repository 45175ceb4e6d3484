//! The project's own chores: `cargo xtask` lists them.
//!
//! | module | what |
//! |---|---|
//! | `run` | starts programs and says so |
//! | `test` | everything that has to hold before a change lands |
//! | `tidy` | what no compiler checks: the crates' arrows, purity, citations, licences |
//! | `standards` | the page of what is implemented where and proved by what |
//! | `benches` | what is measured |
//! | `suites` | a fresh server for outside suites |

mod benches;
mod run;
mod standards;
mod suites;
mod tidy;

use anyhow::{Result, bail};
use run::{cargo, installed};
use std::process::ExitCode;

const HELP: &str = "cargo xtask VERB

  test            formatting, clippy, tidy, tests, doctests
  tidy            the crates' arrows, purity below layer 3, citations, licences
  deny            licences, advisories, sources and duplicates (needs cargo-deny)
  rfc NUMBER      which section of RFC NUMBER is cited where
  standards       writes docs/standards.md: what is implemented where and proved by what
  serve-suites [--debug]  a fresh server for outside suites; the last line is the path of its suites.ini
  sim --seeds N [--from S] [--letters L]  worlds with everything that goes wrong, on all cores; `--seed S` shows one
  bench [NAME …]  the benchmark NAME of whichever crate has it; without a name, all there are
  crash [WAY…]    the real server killed and cut off in every way under load; `--list`, `--sum` (docs/crashes.md)
  month [ENGINE]  forty days of the real server in a few minutes: what it does by itself, as it is wired together
  moments [SEEDS [FROM]]  histories drawn by lot, and each of their moments restored from backups
  crash-states [--seeds N] [--engine fjall|redb]  all that a power cut may leave of the store; `--seed S --state K` shows one
  flips [N]       every octet, or every Nth, of a small store flipped in turn: found and named, never wrong mail
  fuzz NAME [SECONDS]  the fuzz target NAME for a minute or so long (needs a nightly toolchain and cargo-fuzz)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match verb(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn verb(words: &[&str]) -> Result<()> {
    match words {
        ["test"] => test(),
        ["tidy"] => tidy::run(),
        ["deny"] => deny(),
        ["rfc", number] => tidy::citations::print(number),
        ["standards"] => standards::write(&tidy::sources()?),
        ["serve-suites"] => suites::serve(suites::Build::Release),
        ["serve-suites", "--debug"] => suites::serve(suites::Build::Debug),
        ["sim", rest @ ..] => cargo(&[&["run", "--release", "-p", "sim", "--"], rest].concat()),
        ["bench"] => benches::list(),
        ["bench", name, rest @ ..] => benches::run(name, rest),
        ["crash", rest @ ..] => crash(rest),
        ["month", rest @ ..] => released("interop/month.py", rest),
        ["moments", rest @ ..] => released("interop/moments.py", rest),
        ["crash-states", rest @ ..] => cargo(&[&["run", "--release", "-p", "crash", "--"], rest].concat()),
        ["flips"] => flips("1"),
        ["flips", every] => flips(every),
        ["fuzz", name] => fuzz(name, "60"),
        ["fuzz", name, seconds] => fuzz(name, seconds),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("unknown: {}\n\n{HELP}", words.join(" ")),
    }
}

/// Everything that has to hold before a change lands; the runner's closing lines stay visible.
fn test() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    if installed("cargo-nextest") {
        // Doctests are not nextest's; tidy is a test among the others.
        cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])?;
        cargo(&["test", "--workspace", "--doc"])
    } else {
        cargo(&["test", "--workspace", "--no-fail-fast"])
    }
}

fn crash(args: &[&str]) -> Result<()> {
    const DRIVER: &str = "interop/crash.py";
    let only_tells = args.iter().any(|arg| ["--sum", "--list", "--help", "-h"].contains(arg));
    if only_tells { run::python(DRIVER, args) } else { released(DRIVER, args) }
}

/// Drivers compile their shims themselves. `POSTAMT` names another binary.
fn released(driver: &str, args: &[&str]) -> Result<()> {
    if std::env::var_os("POSTAMT").is_none() {
        cargo(&["build", "--release", "-p", "postamt"])?;
    }
    run::python(driver, args)
}

fn deny() -> Result<()> {
    if !installed("cargo-deny") {
        bail!("cargo-deny is not installed: cargo install --locked cargo-deny");
    }
    cargo(&["deny", "check"])
}

/// Some hours for every octet with both engines; the ordinary suite looks at some hundred.
fn flips(every: &str) -> Result<()> {
    if every.parse::<usize>().is_err() {
        bail!("{every}: not a number");
    }
    let every = format!("env.FLIPS_EVERY=\"{every}\"");
    cargo(&["test", "--release", "-p", "postamt", "--test", "flips", "--config", &every, "--", "--nocapture"])
}

/// What it finds goes to `fuzz/found`, which is not committed. Nothing of ours is unsafe, so the sanitizers stay off: twice as
/// many inputs in the same time.
fn fuzz(name: &str, seconds: &str) -> Result<()> {
    if !installed("cargo-fuzz") {
        bail!("cargo-fuzz is not installed: cargo install --locked cargo-fuzz");
    }
    let family = name.split('_').next().unwrap_or(name);
    let words = format!("fuzz/dictionaries/{family}.dict");
    let (found, seeds) = (format!("fuzz/found/{name}"), format!("fuzz/corpus/{name}"));
    std::fs::create_dir_all(run::root().join(&found))?;
    let (time, dict) = (format!("-max_total_time={seconds}"), format!("-dict={words}"));
    let mut args = vec!["+nightly", "fuzz", "run", "--sanitizer", "none", name, &found, &seeds, "--", &time];
    if run::root().join(&words).is_file() {
        args.push(&dict);
    }
    cargo(&args)
}
