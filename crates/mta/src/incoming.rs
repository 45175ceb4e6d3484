//! A message's body as it comes in: scanned on the way, held in memory while it is small, else streamed to a blob.

use ::smtp::Reply;
use mailstore::{BODY_ROW_OCTETS_MAX, Body};
use message::submission::Fixups;
use message::{Scanned, Scanner};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::{BlobWriter, Blobs, Bytes, CommitError, HeldBlob};

/// Octets gathered before they are written to the blob at once.
const SPILL_OCTETS: usize = 64 * 1024;

/// What bodies on their way into the process hold in memory: while one comes, [`Self::OCTETS_EACH`] are reckoned for it.
#[derive(Debug)]
pub struct BodiesInFlight {
    octets: AtomicUsize,
    max: usize,
}

impl BodiesInFlight {
    /// What one body may hold: what is gathered, and as much again that arrives before it is written.
    pub const OCTETS_EACH: usize = 2 * SPILL_OCTETS;

    /// Room for bodies that hold at most `octets` together.
    pub fn new(octets: usize) -> Arc<BodiesInFlight> {
        Arc::new(BodiesInFlight { octets: AtomicUsize::new(0), max: octets })
    }

    /// What is reckoned now.
    pub fn octets(&self) -> usize {
        self.octets.load(Ordering::Acquire)
    }

    fn enter(self: &Arc<Self>) -> Option<InFlight> {
        let octets = Self::OCTETS_EACH;
        let before = self.octets.fetch_add(octets, Ordering::AcqRel);
        let place = InFlight { all: self.clone(), octets };
        (before + octets <= self.max).then_some(place)
    }
}

/// One body's place; given back when dropped.
pub struct InFlight {
    all: Arc<BodiesInFlight>,
    octets: usize,
}

impl InFlight {
    /// Gives back what is more than `octets`: the body came in whole, and is held until others are there.
    pub fn shrink_to(&mut self, octets: usize) {
        let rest = self.octets.saturating_sub(octets);
        self.octets -= rest;
        self.all.octets.fetch_sub(rest, Ordering::AcqRel);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.all.octets.fetch_sub(self.octets, Ordering::AcqRel);
    }
}

/// Makes of a submitted message's header the one that travels, or says why it cannot.
pub(crate) type Mend = Box<dyn FnOnce(&[u8]) -> Result<Vec<u8>, Reply> + Send>;

/// Why a body could not be taken; each may heal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The process takes in as many bodies as it may.
    #[error("too many messages are coming in at once")]
    Busy,
    /// The header cannot be mended.
    #[error("{0}")]
    Header(Reply),
    /// The blob could not be written.
    #[error(transparent)]
    Blob(#[from] CommitError),
}

/// A body on its way in. Dropping it forgets it.
pub struct Incoming {
    blobs: Arc<dyn Blobs>,
    scanner: Scanner,
    held: Vec<u8>,
    writer: Option<Box<dyn BlobWriter>>,
    size_octets: u64,
    /// The header so far of a message that is to be mended.
    header: Option<(Vec<u8>, Mend)>,
    /// Whether it is looked at as a mailbox needs it.
    for_mailbox: bool,
    place: InFlight,
}

/// A body that came in whole; a blob of it is durable.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where its octets are.
    pub body: Body,
    /// What the scanner read in it.
    pub scanned: Arc<Scanned>,
    /// Whether that is all that a mailbox needs, and not only [the surface](Scanner::surface).
    pub(crate) for_mailbox: bool,
}

impl Incoming {
    /// Begins a body.
    ///
    /// # Errors
    /// [`ReceiveError::Busy`]
    pub fn begin(blobs: &Arc<dyn Blobs>, in_flight: &Arc<BodiesInFlight>) -> Result<Incoming, ReceiveError> {
        let place = in_flight.enter().ok_or(ReceiveError::Busy)?;
        let scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        Ok(Incoming {
            blobs: blobs.clone(),
            scanner,
            held: Vec::new(),
            writer: None,
            size_octets: 0,
            header: None,
            for_mailbox: true,
            place,
        })
    }

    /// Nothing came yet, and what comes goes to the queue: only its surface is looked at.
    pub(crate) fn for_queue(self) -> Incoming {
        Incoming { scanner: Scanner::surface(Scanner::DEFAULT_BUDGET), for_mailbox: false, ..self }
    }

    /// Has the header changed by `mend` once it is there whole, before anything else is made of it.
    pub(crate) fn mended(mut self, mend: Mend) -> Incoming {
        self.header = Some((Vec::new(), mend));
        self
    }

    /// Takes octets into memory. When [`Self::is_full`], [`Self::spill`] before taking more.
    ///
    /// # Errors
    /// What the giver is told when the header cannot be mended; the body is of no use then.
    pub fn take(&mut self, octets: &[u8]) -> Result<(), Reply> {
        let Some((header, _)) = &mut self.header else {
            self.hold(octets);
            return Ok(());
        };
        let from = header.len().saturating_sub(3);
        header.extend_from_slice(octets);
        let ended = header_end(header, from);
        if ended.is_some() || header.len() > Fixups::HEADER_OCTETS_MAX { self.mend_header(ended) } else { Ok(()) }
    }

    /// The header is whole, or as much of it as there is or may be.
    fn mend_header(&mut self, end: Option<usize>) -> Result<(), Reply> {
        let Some((header, mend)) = self.header.take() else { return Ok(()) };
        let (header, body) = header.split_at(end.unwrap_or(header.len()));
        let fields = fields_end(header);
        let (fields, text) = header.split_at(fields);
        if text.is_empty() || text == b"\r\n" {
            let mended = mend(header)?;
            self.hold(&mended);
        } else {
            // Text where a field should be: it is the body, and gets the empty line that tells so (RFC 5322 §2.1).
            let mended = mend(&[fields, b"\r\n"].concat())?;
            self.hold(&mended);
            self.hold(text);
        }
        self.hold(body);
        Ok(())
    }

    fn hold(&mut self, octets: &[u8]) {
        self.scanner.push(octets);
        self.held.extend_from_slice(octets);
        self.size_octets += octets.len() as u64;
    }

    /// Whether what is held should be written before more is taken.
    pub fn is_full(&self) -> bool {
        self.held.len() >= SPILL_OCTETS
    }

    /// Writes what is held to the blob.
    pub async fn spill(&mut self) -> Result<(), ReceiveError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.blobs.begin().await?),
        };
        Ok(writer.write(Bytes::from(std::mem::take(&mut self.held))).await?)
    }

    /// Ends the body. A large one is durable when this returns.
    pub async fn finish(self) -> Result<Received, ReceiveError> {
        Ok(self.finish_and_stay().await?.0)
    }

    /// As [`Self::finish`], keeping the place: for who holds the body while others come.
    pub async fn finish_and_stay(mut self) -> Result<(Received, InFlight), ReceiveError> {
        self.mend_header(None).map_err(ReceiveError::Header)?;
        let small = self.writer.is_none() && self.held.len() <= BODY_ROW_OCTETS_MAX;
        if !small && !self.held.is_empty() {
            self.spill().await?;
        }
        let body = match self.writer {
            None => Body::Row(Bytes::from(self.held)),
            Some(writer) => {
                let HeldBlob { id, hold } = writer.finish().await?;
                Body::Blob { id, size_octets: self.size_octets, hold }
            }
        };
        let received = Received { body, scanned: Arc::new(self.scanner.finish()), for_mailbox: self.for_mailbox };
        Ok((received, self.place))
    }
}

/// Where the first line begins that is neither a field nor goes on with one.
fn fields_end(header: &[u8]) -> usize {
    let mut at = 0;
    for line in header.split_inclusive(|&octet| octet == b'\n') {
        let folded = at > 0 && line.first().is_some_and(|octet| b" \t".contains(octet));
        let name = line.iter().position(|&octet| octet == b':').and_then(|colon| line.get(..colon)).unwrap_or_default();
        let field = !name.is_empty() && name.trim_ascii_end().iter().all(u8::is_ascii_graphic);
        if !folded && !field {
            return at;
        }
        at += line.len();
    }
    at
}

/// Where the header with its blank line ends, looked for from `from` on.
fn header_end(octets: &[u8], from: usize) -> Option<usize> {
    if octets.starts_with(b"\r\n") {
        return Some(2);
    }
    let behind = octets.get(from..)?;
    behind.windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

#[cfg(test)]
mod tests {
    use super::fields_end;

    #[test]
    fn text_where_a_field_should_be_ends_the_header() {
        let check = |header: &[u8], fields: usize| assert_eq!(fields_end(header), fields, "{header:?}");
        check(b"hello world\r\n", 0);
        check(b"Subject: x\r\n folded\r\nhello\r\n", 21);
        check(b"Subject: x\r\n\r\n", 12);
        check(b"Subject : x\r\nTo: y\r\n", 20);
        check(b" a: b\r\n", 0);
        check(b"", 0);
    }
}
