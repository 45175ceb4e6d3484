//! The project's own chores: `cargo xtask` lists them.
//!
//! | module | what |
//! |---|---|
//! | `run` | starts programs and says so |
//! | `test` | everything that has to hold before a change lands |
//! | `tidy` | what no compiler checks: the crates' arrows, purity, citations, licences |
//! | `suites` | a fresh server for outside suites |

mod run;
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
  serve-suites    a fresh server for outside suites; the last line is the path of its suites.ini
  bench NAME      the benchmark NAME of whichever crate has it
  fuzz NAME [ARGS]  the fuzz target NAME (needs a nightly toolchain and cargo-fuzz)";

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
        ["serve-suites"] => suites::serve(),
        ["bench", name, rest @ ..] => cargo(&[&["bench", "--workspace", "--bench", name, "--"], rest].concat()),
        ["fuzz", name, rest @ ..] => cargo(&[&["+nightly", "fuzz", "run", name], rest].concat()),
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

fn deny() -> Result<()> {
    if !installed("cargo-deny") {
        bail!("cargo-deny is not installed: cargo install --locked cargo-deny");
    }
    cargo(&["deny", "check"])
}
