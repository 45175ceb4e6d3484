//! The octets of a connection under COMPRESS=DEFLATE (RFC 4978, RFC 1951), in pieces that the caller bounds.
//!
//! Between a flush and what follows a connection keeps what may still be referred to, and none of the machinery, which takes some
//! hundred KiB: a few machines serve all. That is a raw stream's freedom: behind a flush, which ends at an octet's border, a new
//! deflater may go on that knows the last [`WINDOW_BITS`], and a new inflater that knows the last 32 KiB.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How far back deflated data may refer (RFC 1951 §2).
const HISTORY_OCTETS_MAX: usize = 32 * 1024;
/// What a flush ends with: the lengths of an empty stored block (RFC 1951 §3.2.4).
const FLUSH: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Octets looked at in one step: a flush is looked for before, and little input can mean much output.
const STEP_OCTETS_MAX: usize = 4 * 1024;
/// A third less memory than with all 32 KiB, and responses resemble what was said just before.
const WINDOW_BITS: u8 = 13;
/// RFC 4978 §4: the least costly levels do well with what IMAP says.
const LEVEL: u32 = 3;
/// How far back we refer.
const WINDOW_OCTETS: usize = 1 << WINDOW_BITS;
/// Room made for output at a time.
const OUTPUT_STEP_OCTETS: usize = 4 * 1024;
/// Machines of each kind that are kept: more connections than these are seldom busy at once, and it is some 8 MiB in all.
const MACHINES_MAX: usize = 32;

/// The machines that are not at work, those used last behind. One is left as it is, so that its connection goes on with it as
/// long as nobody else needs it: what another one has to be told of the connection's past costs more than most answers.
struct Machines<T>(Mutex<Vec<(Owner, T)>>);

static INFLATING: Machines<Decompress> = Machines(Mutex::new(Vec::new()));
static DEFLATING: Machines<Compress> = Machines(Mutex::new(Vec::new()));

impl<T> Machines<T> {
    /// The owner's machine, or the one that was idle for longest.
    fn take(&self, owner: Owner) -> Option<(Owner, T)> {
        let mut machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = machines.iter().position(|(of, _)| *of == owner);
        let oldest = (machines.len() >= MACHINES_MAX).then_some(0);
        own.or(oldest).map(|at| machines.remove(at))
    }

    fn give(&self, owner: Owner, machine: T) {
        let mut machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if machines.len() < MACHINES_MAX {
            machines.push((owner, machine));
        }
    }
}

/// One direction of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Owner(u64);

impl Default for Owner {
    fn default() -> Owner {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Owner(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The last octets of one direction; up to twice as many while data flow, so that they seldom move.
#[derive(Debug, Default)]
struct History<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> History<MAX> {
    /// As many as may be referred to; `None` before there are any.
    fn known(&self) -> Option<&[u8]> {
        let old = self.0.len().saturating_sub(MAX);
        self.0.get(old..).filter(|known| !known.is_empty())
    }

    fn add(&mut self, octets: &[u8]) {
        let new = octets.get(octets.len().saturating_sub(MAX)..).unwrap_or_default();
        if self.0.len() + new.len() > 2 * MAX {
            self.forget_old(MAX - new.len());
        }
        self.0.extend_from_slice(new);
    }

    fn forget_old(&mut self, max: usize) {
        self.0.drain(..self.0.len().saturating_sub(max));
    }

    /// Gives back what is more than has to be known.
    fn rest(&mut self) {
        self.forget_old(MAX);
        self.0.shrink_to_fit();
    }
}

/// What is not deflated data, or goes on behind its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the compressed data are damaged")]
pub struct Damaged;

/// From what comes to what is meant.
#[derive(Debug, Default)]
pub struct Inflater {
    owner: Owner,
    /// From the first octet behind a flush to the next flush.
    machine: Option<Decompress>,
    history: History<HISTORY_OCTETS_MAX>,
    /// How much of [`FLUSH`] came last.
    flush: usize,
    /// Whether more may come out without more going in.
    has_more: bool,
    ended: bool,
}

/// What a step took and gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inflated {
    /// Octets of the input that are done with.
    pub taken: usize,
    /// Octets at the start of the output.
    pub given: usize,
}

impl Inflater {
    /// Inflates until the output is full, the input ends, or a flush in it does: what follows may be something else. To be called
    /// again with what was not taken.
    ///
    /// # Errors
    /// When the peer sent something else than deflated data.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Inflated, Damaged> {
        let unit = self.up_to_flush(input);
        if unit.is_empty() && !self.has_more {
            return Ok(Inflated { taken: 0, given: 0 });
        }
        if self.ended {
            return Err(Damaged);
        }
        let machine = match &mut self.machine {
            Some(machine) => machine,
            None => self.machine.insert(inflating(self.owner, &self.history)?),
        };
        let before = (machine.total_in(), machine.total_out());
        let status = machine.decompress(unit, output, FlushDecompress::Sync).map_err(|_| Damaged)?;
        let taken = octets(machine.total_in() - before.0);
        let given = octets(machine.total_out() - before.1);
        self.ended = status == Status::StreamEnd;
        self.has_more = given == output.len() && !self.ended;
        self.flush = unit.iter().take(taken).fold(self.flush, |matched, &octet| next_matched(matched, octet));
        self.history.add(output.get(..given).unwrap_or_default());
        Ok(Inflated { taken, given })
    }

    /// Whether [`Self::inflate`] may give more without input.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether the peer may end its deflating here: it flushed, or said that this is the end.
    pub fn may_end(&self) -> bool {
        !self.has_more && (self.ended || self.flush == FLUSH.len())
    }

    /// All that came is looked at: gives the machine to others if the peer has flushed behind a line. In the midst of a block
    /// it is needed.
    pub fn pause(&mut self) {
        // The line's end excludes that what looks like a flush is part of stored data.
        let flushed = self.flush == FLUSH.len() && !self.has_more && !self.ended && self.history.0.ends_with(b"\n");
        if let Some(machine) = self.machine.take_if(|_| flushed) {
            INFLATING.give(self.owner, machine);
        }
    }

    /// The connection is quiet: gives back memory as well.
    pub fn rest(&mut self) {
        self.pause();
        self.history.rest();
    }

    fn up_to_flush<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let step = input.get(..STEP_OCTETS_MAX).unwrap_or(input);
        let mut matched = self.flush;
        let end = step.iter().position(|&octet| {
            matched = next_matched(matched, octet);
            matched == FLUSH.len()
        });
        end.and_then(|end| step.get(..=end)).unwrap_or(step)
    }
}

/// How much of [`FLUSH`] stands at the end once `octet` came behind `matched` of it.
fn next_matched(matched: usize, octet: u8) -> usize {
    match (matched, octet) {
        (2 | 3, 0xff) => matched + 1,
        (1 | 2, 0x00) => 2,
        (_, 0x00) => 1,
        _ => 0,
    }
}

/// A machine that knows the owner's past.
fn inflating(owner: Owner, history: &History<HISTORY_OCTETS_MAX>) -> Result<Decompress, Damaged> {
    let mut machine = match INFLATING.take(owner) {
        Some((of, machine)) if of == owner => return Ok(machine),
        Some((_, mut machine)) => {
            machine.reset(false);
            machine
        }
        None => Decompress::new(false),
    };
    if let Some(known) = history.known() {
        machine.set_dictionary(known).map_err(|_| Damaged)?;
    }
    Ok(machine)
}

fn deflating(owner: Owner, history: &History<WINDOW_OCTETS>) -> Compress {
    let mut machine = match DEFLATING.take(owner) {
        Some((of, machine)) if of == owner => return machine,
        Some((_, mut machine)) => {
            machine.reset();
            machine
        }
        None => Compress::new_with_window_bits(Compression::new(LEVEL), false, WINDOW_BITS),
    };
    if let Some(known) = history.known() {
        machine.set_dictionary(known).expect("a new stream takes a dictionary");
    }
    machine
}

/// From what is meant to what goes out.
#[derive(Debug, Default)]
pub struct Deflater {
    owner: Owner,
    history: History<WINDOW_OCTETS>,
}

impl Deflater {
    /// Adds `input` to what goes out, so that the peer can read all of it.
    pub fn deflate(&mut self, input: &[u8], output: &mut Vec<u8>) {
        if !input.is_empty() {
            self.run(input, output, FlushCompress::Sync);
            self.history.add(input);
        }
    }

    /// The same with the last of it: nothing deflated follows.
    pub fn finish(self, input: &[u8], output: &mut Vec<u8>) {
        self.run(input, output, FlushCompress::Finish);
    }

    /// Gives back memory: the connection is quiet.
    pub fn rest(&mut self) {
        self.history.rest();
    }

    fn run(&self, mut input: &[u8], output: &mut Vec<u8>, flush: FlushCompress) {
        let mut machine = deflating(self.owner, &self.history);
        loop {
            output.reserve(OUTPUT_STEP_OCTETS);
            let before = machine.total_in();
            let status = machine.compress_vec(input, output, flush).expect("a deflater takes any octets");
            input = input.get(octets(machine.total_in() - before)..).unwrap_or_default();
            // Room that is left says that all is out.
            if input.is_empty() && (output.len() < output.capacity() || status == Status::StreamEnd) {
                break;
            }
        }
        DEFLATING.give(self.owner, machine);
    }
}

/// Of one step, which is within memory.
fn octets(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
