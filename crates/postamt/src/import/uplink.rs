//! The stream of messages to the server, and of answers back.

use super::letter::Letter;
use super::progress::Progress;
use crate::admin::client::{Client, ClientError};
use crate::admin::protocol::{Answer, Request};
use crate::admin::transfer::{Arrival, ArrivedItem, Arriving, Frame, Source};
use crate::admin::when::When;
use crate::cli::text::{harmless, size};
use crate::language::{say, told};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Messages that may wait for their answers: more than the server takes in at once.
const WAITING_MAX: usize = 4000;
/// Octets written to the socket at once.
const WRITE_OCTETS: usize = 256 << 10;
/// Failures that are told one by one; behind them they are only counted.
const FAILURES_TOLD_MAX: usize = 1000;
/// The server answers within seconds; what takes longer hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// What became of the messages.
#[derive(Serialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Those that are there now.
    pub added: u64,
    pub added_octets: u64,
    /// Those that came before.
    pub known: u64,
    pub failed: u64,
    /// The first of those that failed.
    pub failures: Vec<Failed>,
}

/// A message that was not stored, or something that could not be read.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Failed {
    pub place: String,
    pub cause: String,
}

struct Waiting {
    place: String,
    octets: u64,
}

struct State {
    waiting: HashMap<u64, Waiting>,
    /// Numbers of messages that did not get there.
    lost: Vec<u64>,
    tally: Tally,
    progress: Progress,
    /// Why nothing more should be sent.
    stopped: Option<String>,
    /// Whether answers no longer come.
    ended: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream.
pub struct Uplink {
    writer: BufWriter<UnixStream>,
    answers: JoinHandle<()>,
    shared: Arc<Shared>,
    number: u64,
    again: bool,
}

impl Uplink {
    /// Begins a stream into the account with this address.
    ///
    /// # Errors
    /// As [`Client::stream`].
    pub fn begin(client: Client, address: &str, progress: Progress) -> Result<Uplink, ClientError> {
        let (reader, writer) = client.stream(Request::MailImport { address: address.to_owned() })?;
        writer.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        // The server has nothing to say while nothing is sent.
        writer.set_read_timeout(None)?;
        let state = State {
            waiting: HashMap::new(),
            lost: Vec::new(),
            tally: Tally::default(),
            progress,
            stopped: None,
            ended: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let answers = std::thread::spawn({
            let shared = shared.clone();
            move || hear(reader, &shared)
        });
        Ok(Uplink { writer: BufWriter::with_capacity(WRITE_OCTETS, writer), answers, shared, number: 0, again: false })
    }

    /// What came before and is in no mailbox any more comes again.
    pub fn again(self) -> Uplink {
        Uplink { again: true, ..self }
    }

    /// Sees to it that there is such a mailbox.
    ///
    /// # Errors
    /// Why nothing more can be sent.
    pub fn mailbox(&mut self, name: &str) -> Result<(), String> {
        self.frame(&Frame::Mailbox(name.to_owned()), &[])
    }

    /// Sends a message and returns its number; waits while too many are on their way.
    ///
    /// # Errors
    /// Why nothing more can be sent.
    pub fn send(&mut self, mailbox: &str, source: Source, letter: Letter) -> Result<u64, String> {
        self.number += 1;
        let number = self.number;
        let octets = letter.octets.len() as u64;
        let mut state = self.shared.state();
        while state.waiting.len() >= WAITING_MAX && !state.ended && state.stopped.is_none() {
            drop(state);
            self.writer.flush().map_err(|error| lost(&error))?;
            state = self.shared.state();
            if state.waiting.len() >= WAITING_MAX && !state.ended && state.stopped.is_none() {
                state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if let Some(cause) = &state.stopped {
            return Err(cause.clone());
        }
        state.waiting.insert(number, Waiting { place: letter.place, octets });
        drop(state);
        let arriving = Arriving {
            number,
            mailbox: mailbox.to_owned(),
            flags: letter.flags,
            date: letter.date.map(When),
            source,
            again: self.again,
            size_octets: octets,
        };
        self.frame(&Frame::Message(arriving), &letter.octets)?;
        Ok(number)
    }

    /// Counts something that could not even be sent.
    pub fn trouble(&self, place: String, cause: String) {
        self.shared.state().fail(place, cause);
    }

    /// Counts messages that came before and need not be sent.
    pub fn known(&self, messages: u64) {
        self.shared.state().tally.known += messages;
    }

    /// Waits until all that was sent is durable, or is not; returns the numbers of those lost on the way.
    ///
    /// # Errors
    /// Why nothing more can be sent.
    pub fn settle(&mut self) -> Result<Vec<u64>, String> {
        self.writer.flush().map_err(|error| lost(&error))?;
        let mut state = self.shared.state();
        while !state.waiting.is_empty() && !state.ended {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.stopped {
            Some(cause) => Err(cause.clone()),
            None => Ok(std::mem::take(&mut state.lost)),
        }
    }

    /// Ends the stream: all answers are there then. Also says why not everything was sent, if so.
    pub fn finish(mut self) -> (Tally, Option<String>) {
        // What is wrong with the stream, whoever hears the answers is told too.
        let _ = self.frame(&Frame::End {}, &[]).and_then(|()| self.writer.flush().map_err(|error| lost(&error)));
        let panicked = self.answers.join().is_err();
        let mut state = self.shared.state();
        state.progress.end();
        if panicked {
            state.stopped = Some(say!("the answers could not be read", "die Antworten ließen sich nicht lesen"));
        }
        (std::mem::take(&mut state.tally), state.stopped.take())
    }

    fn frame(&mut self, frame: &Frame, octets: &[u8]) -> Result<(), String> {
        let mut line = serde_json::to_vec(frame).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let written = self.writer.write_all(&line).and_then(|()| self.writer.write_all(octets));
        written.map_err(|error| self.shared.state().stopped.clone().unwrap_or_else(|| lost(&error)))
    }
}

fn lost(error: &io::Error) -> String {
    let cause = told(error);
    say!("the connection to the server is lost ({cause})", "die Verbindung zum Server ist abgebrochen ({cause})")
}

fn hear(mut reader: BufReader<UnixStream>, shared: &Shared) {
    let mut line = Vec::new();
    let ended = loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => {
                break Some(say!("the server has closed the connection", "der Server hat die Verbindung geschlossen"));
            }
            Ok(_) => {}
            Err(error) => break Some(lost(&error)),
        }
        match serde_json::from_slice::<Answer<ArrivedItem>>(&line) {
            Ok(Answer::Item(item)) => shared.state().arrived(item),
            Ok(Answer::GoOn {}) => {}
            Ok(Answer::End {}) => break None,
            Ok(Answer::Trouble(trouble)) => break Some(trouble.text),
            Err(error) => {
                break Some(say!(
                    "the server's answer cannot be read ({error})",
                    "die Antwort des Servers ist nicht lesbar ({error})"
                ));
            }
        }
        shared.changed.notify_all();
    };
    let mut state = shared.state();
    state.ended = true;
    if state.stopped.is_none() {
        state.stopped = ended;
    }
    drop(state);
    shared.changed.notify_all();
}

impl State {
    fn arrived(&mut self, item: ArrivedItem) {
        let waiting = item.number.and_then(|number| self.waiting.remove(&number));
        let (place, octets) =
            waiting.map_or_else(|| (say!("a folder", "ein Ordner"), 0), |waiting| (waiting.place, waiting.octets));
        match (item.outcome, item.text) {
            (Arrival::Added, note) => {
                self.tally.added += 1;
                self.tally.added_octets += octets;
                if let Some(note) = note {
                    self.progress.say(&harmless(&format!("{place}: {note}")));
                }
            }
            (Arrival::Known, _) => self.tally.known += 1,
            (outcome, text) => {
                let text = text.unwrap_or_else(|| say!("the server does not say why", "der Server sagt nicht warum"));
                self.lost.extend(item.number);
                if outcome == Arrival::Stopped {
                    self.stopped.get_or_insert_with(|| text.clone());
                } else {
                    self.fail(place, text);
                }
            }
        }
        let Tally { added, added_octets, known, failed, .. } = self.tally;
        self.progress.at(added + known + failed, || tally(added, added_octets, known, failed));
    }

    fn fail(&mut self, place: String, cause: String) {
        self.tally.failed += 1;
        if self.tally.failures.len() < FAILURES_TOLD_MAX {
            self.progress.say(&harmless(&say!("not imported: {place}: {cause}", "nicht importiert: {place}: {cause}")));
            self.tally.failures.push(Failed { place, cause });
        }
    }
}

/// `12 added (3.4 KiB), 5 there before, 1 failed`.
pub fn tally(added: u64, added_octets: u64, known: u64, failed: u64) -> String {
    let mut text = say!("{added} added ({size})", "{added} hinzugefügt ({size})", size = size(added_octets));
    if known > 0 {
        text += &say!(", {known} there before", ", {known} schon vorhanden");
    }
    if failed > 0 {
        text += &say!(", {failed} failed", ", {failed} gescheitert");
    }
    text
}
