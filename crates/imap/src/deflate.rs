//! The octets of a connection under COMPRESS=DEFLATE (RFC 4978, RFC 1951), in pieces that the caller bounds.
//!
//! Both directions can [rest](Inflater::rest): a connection that is quiet keeps what its peer may still refer to, and none
//! of the machinery. That is a raw stream's freedom: behind a flush, which ends at an octet's border, a new deflater may go on,
//! and a new inflater that knows the last 32 KiB.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

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
/// Room made for output at a time.
const OUTPUT_STEP_OCTETS: usize = 4 * 1024;

/// What is not deflated data, or goes on behind its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the compressed data are damaged")]
pub struct Damaged;

/// From what comes to what is meant.
#[derive(Debug, Default)]
pub struct Inflater {
    machine: Option<Decompress>,
    /// The last octets that came out; a little more than may be referred to while data flow.
    history: Vec<u8>,
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
        self.remember(output.get(..given).unwrap_or_default());
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

    /// Gives back memory where the peer has flushed behind a line. In the midst of a block nothing can be given back.
    pub fn rest(&mut self) {
        // The line's end excludes that what looks like a flush is part of stored data.
        if self.flush == FLUSH.len() && !self.has_more && !self.ended && self.history.ends_with(b"\n") {
            self.machine = None;
            self.forget_old();
            self.history.shrink_to_fit();
        }
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

    fn remember(&mut self, output: &[u8]) {
        self.history.extend_from_slice(output);
        if self.history.len() > 2 * HISTORY_OCTETS_MAX {
            self.forget_old();
        }
    }

    fn forget_old(&mut self) {
        let old = self.history.len().saturating_sub(HISTORY_OCTETS_MAX);
        self.history.drain(..old);
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

fn machine_with(history: &[u8]) -> Result<Decompress, Damaged> {
    let mut machine = Decompress::new(false);
    let old = history.len().saturating_sub(HISTORY_OCTETS_MAX);
    if let Some(known) = history.get(old..).filter(|known| !known.is_empty()) {
        machine.set_dictionary(known).map_err(|_| Damaged)?;
    }
    Ok(machine)
}

/// From what is meant to what goes out.
#[derive(Debug, Default)]
pub struct Deflater {
    machine: Option<Compress>,
}

impl Deflater {
    /// Adds `input` to what goes out; some of it may be held back until [`Self::flush`].
    pub fn deflate(&mut self, input: &[u8], output: &mut Vec<u8>) {
        self.run(input, output, FlushCompress::None);
    }

    /// Adds what was held back, so that the peer can read all.
    pub fn flush(&mut self, output: &mut Vec<u8>) {
        self.run(&[], output, FlushCompress::Sync);
    }

    /// The last of it: nothing deflated follows.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        self.run(&[], output, FlushCompress::Finish);
        self.machine = None;
    }

    /// Gives back memory, between a flush and what follows.
    pub fn rest(&mut self) {
        self.machine = None;
    }

    fn run(&mut self, mut input: &[u8], output: &mut Vec<u8>, flush: FlushCompress) {
        let machine = self
            .machine
            .get_or_insert_with(|| Compress::new_with_window_bits(Compression::new(LEVEL), false, WINDOW_BITS));
        loop {
            output.reserve(OUTPUT_STEP_OCTETS);
            let before = machine.total_in();
            let status = machine.compress_vec(input, output, flush).expect("a deflater takes any octets");
            input = input.get(octets(machine.total_in() - before)..).unwrap_or_default();
            // Room that is left says that all is out.
            if input.is_empty() && (output.len() < output.capacity() || status == Status::StreamEnd) {
                return;
            }
        }
    }
}

/// Of one step, which is within memory.
fn octets(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
