//! How an import, export or fetch goes: a bar on a terminal, else now and then a line on standard error.

use crate::language::say;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two looks of the bar.
const TICK_EVERY: Duration = Duration::from_millis(120);

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Messages,
    /// Of a store.
    Rows,
    /// Of a backup, or a store.
    Objects,
    Accounts,
}

/// What is shown while mail moves.
pub struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    told: Instant,
    total: u64,
    unit: Unit,
}

impl Progress {
    /// Begins; `total` is how many messages there are, 0 where nobody knows.
    pub fn new(total: u64) -> Progress {
        Progress::of(total, Unit::Messages)
    }

    /// As [`new`](Self::new), for other things than messages.
    pub fn of(total: u64, unit: Unit) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match total {
                0 => (ProgressBar::new_spinner(), "{spinner} {msg}"),
                total => (ProgressBar::new(total), "{bar:24} {percent}% {msg}"),
            };
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(TICK_EVERY);
            bar
        });
        let now = Instant::now();
        Progress { bar, began: now, told: now, total, unit }
    }

    /// So many messages are through; `text` says what became of them.
    pub fn at(&mut self, done: u64, text: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            let rate = done as f64 / self.began.elapsed().as_secs_f64().max(0.1);
            bar.set_position(done.min(self.total.max(done)));
            bar.set_message(format!("{}; {rate:.0}/s", text()));
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            let (total, text) = (self.total, text());
            let unit = match self.unit {
                Unit::Messages => say!("messages", "Nachrichten"),
                Unit::Rows => say!("rows", "Datensätze"),
                Unit::Objects => say!("objects", "Objekte"),
                Unit::Accounts => say!("accounts", "Konten"),
            };
            let line = match total {
                0 => format!("{done} {unit}: {text}"),
                _ => say!("{done} of {total} {unit}: {text}", "{done} von {total} {unit}: {text}"),
            };
            eprintln!("{line}");
        }
    }

    /// Says something that stays.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Ends.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
