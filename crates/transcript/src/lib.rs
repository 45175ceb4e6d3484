//! Protocol transcripts: text files that say what a client sends and what the server must answer, run against
//! conversations on a virtual clock.
//!
//! It knows no protocol and no service: a [`Harness`] connects and sets up. It opens no socket and never waits.
//!
//! | module | nouns |
//! |---|---|
//! | `script` | the lines of a transcript |
//! | `pattern` | an expected line with `…` and `$name` |
//! | `connection` | one driven conversation |
//! | `run` | script against connections, and what `UPDATE=1` writes back |
//!
//! | line | meaning |
//! |---|---|
//! | `# …`, empty | for the reader |
//! | `C: text` | the client sends the text and CRLF; `$name` stands for what was bound |
//! | `C\| text\r\n\0\xff` | the client sends exactly this; escapes `\r \n \t \0 \\ \xNN` |
//! | `C-cut`, `C-eof` | the client vanishes; the client sends no more but still reads |
//! | `S: text` | the server's next line; `…` is any text, `$name` (lower case) one word, the same each time |
//! | `S*` | any further lines, up to the one that the next `S:` names |
//! | `S-none`, `S-close`, `S-starttls` | nothing more for now; it closes; it begins TLS, and the conversation goes on secured |
//! | `wait 10m` | the clock moves: `s`, `m`, `h` or `d` |
//! | anything else | given to [`Harness::set_up`] |
//!
//! `C2:`, `S2:` and so on are further connections, each opened where it is first named. What the server said must be
//! read by `S` lines before the client goes on; several `C` lines in a row are sent one after another.
//!
//! ```no_run
//! # fn example(harness: fn() -> Box<dyn transcript::Harness>) {
//! transcript::run_folder("tests/transcripts/rfc5321".as_ref(), |_| harness());
//! # }
//! ```

mod connection;
mod pattern;
mod run;
mod script;

use env::Conversation;
use env::virtual_world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Deepest folder that [`run_folder`] looks into.
const DEPTH_MAX: usize = 8;

/// What a transcript is run against.
pub trait Harness {
    /// The clock and the tasks behind the conversations.
    fn world(&self) -> World;

    /// Does what a line says that neither client nor server says.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn set_up(&mut self, line: &str) -> Result<(), String>;

    /// Opens connection `number`, counted from 1.
    fn connect(&mut self, number: u32) -> Box<dyn Conversation>;
}

/// Runs the transcript in a file; with `UPDATE=1` in the environment it is rewritten to what was said.
///
/// # Panics
/// With file, line, what was expected and what came, when they differ.
pub fn check(path: &Path, harness: &mut dyn Harness) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if std::env::var_os("UPDATE").is_none_or(|update| update != "1") {
        return check_text(&path.display().to_string(), &text, harness);
    }
    let updated = update(&text, harness).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
    if updated != text {
        std::fs::write(path, updated).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Runs a transcript that a test holds itself; `name` is told when it fails.
///
/// # Panics
/// As [`check`].
pub fn check_text(name: &str, text: &str, harness: &mut dyn Harness) {
    if let Err(mismatch) = run::run(text, harness, run::Mode::Check) {
        panic!("{name}:{mismatch}");
    }
}

/// The transcript with its `S:` lines as they were said; lines that match stay as they stand.
///
/// # Errors
/// A line that can neither be run nor rewritten.
pub fn update(text: &str, harness: &mut dyn Harness) -> Result<String, Mismatch> {
    run::run(text, harness, run::Mode::Update)
}

/// Runs every `*.txt` below a folder, each against a harness of its own.
///
/// # Panics
/// After all have run, with the names and faults of those that failed; or if there is none.
pub fn run_folder(folder: &Path, mut harness: impl FnMut(&Path) -> Box<dyn Harness>) {
    let mut paths = Vec::new();
    collect(folder, DEPTH_MAX, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no transcript in {}", folder.display());
    let mut faults = Vec::new();
    for path in &paths {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(path, &mut *harness(path))));
        if let Err(panic) = outcome {
            let text = panic.downcast_ref::<String>().cloned();
            faults.push(text.unwrap_or_else(|| format!("{}: panicked", path.display())));
        }
    }
    assert!(faults.is_empty(), "{} of {} transcripts fail:\n\n{}", faults.len(), paths.len(), faults.join("\n\n"));
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, paths);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
}

/// Where transcript and server part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Counted from 1.
    pub line: usize,
    /// What the line wants.
    pub expected: String,
    /// What came instead, and what came behind it.
    pub got: Vec<String>,
}

/// `12: expected …, got …`, to be put behind a file name and a colon.
impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:\n  expected  {}\n  got       ", self.line, self.expected)?;
        match self.got.split_first() {
            None => f.write_str("nothing"),
            Some((first, rest)) => {
                f.write_str(first)?;
                rest.iter().try_for_each(|line| write!(f, "\n  and then  {line}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
