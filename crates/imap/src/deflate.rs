//! The octets of a connection under COMPRESS=DEFLATE (RFC 4978, RFC 1951), in pieces that the caller bounds.
//!
//! Between a flush and what follows a connection keeps what may still be referred to, and none of the machinery, which takes some
//! hundred KiB: a few machines serve all. That is a raw stream's freedom: behind a flush, which ends at an octet's border, a new
//! deflater may go on that knows the last [`WINDOW_BITS`], and a new inflater that knows the last 32 KiB.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
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
/// Machines of each kind that wait for work: more than are at work at once on most hosts, and some MiB.
const SPARE_MAX: usize = 16;

/// Machines that nobody uses now, reset: to make one costs more than to run it on what a command says.
struct Spare<T>(Mutex<Vec<T>>);

static INFLATING: Spare<Decompress> = Spare(Mutex::new(Vec::new()));
static DEFLATING: Spare<Compress> = Spare(Mutex::new(Vec::new()));

impl<T> Spare<T> {
    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, machine: T) {
        let mut machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if machines.len() < SPARE_MAX {
            machines.push(machine);
        }
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
            None => self.machine.insert(machine_with(&self.history)?),
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
        if let Some(mut machine) = self.machine.take_if(|_| flushed) {
            machine.reset(false);
            INFLATING.give(machine);
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

fn machine_with(history: &History<HISTORY_OCTETS_MAX>) -> Result<Decompress, Damaged> {
    let mut machine = INFLATING.take().unwrap_or_else(|| Decompress::new(false));
    if let Some(known) = history.known() {
        machine.set_dictionary(known).map_err(|_| Damaged)?;
    }
    Ok(machine)
}

/// From what is meant to what goes out.
#[derive(Debug, Default)]
pub struct Deflater {
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
        let new = || Compress::new_with_window_bits(Compression::new(LEVEL), false, WINDOW_BITS);
        let mut machine = DEFLATING.take().unwrap_or_else(new);
        if let Some(known) = self.history.known() {
            machine.set_dictionary(known).expect("a new stream takes a dictionary");
        }
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
        machine.reset();
        DEFLATING.give(machine);
    }
}

/// Of one step, which is within memory.
fn octets(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
