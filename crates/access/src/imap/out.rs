//! A running command's output, bounded: the command waits until the peer has read.

use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Octets that a command gathers before it hands them over.
const PIECE_OCTETS: usize = 16 * 1024;

/// Steps that a conversation goes before others get their turn: one of a command's two or three, or 8 KiB inflated, takes some
/// microseconds, and who pipelines thousands of commands shall not hold up who says one.
pub(crate) const STEPS_AT_ONCE: usize = 16;

/// Octets that a command looks at before others get their turn: well under a millisecond, whatever it does with them.
pub(crate) const OCTETS_AT_ONCE: usize = 256 * 1024;

/// Where a running command writes. One response may go beyond the piece; between responses it asks for [`Out::room`].
#[derive(Default)]
pub(crate) struct Out {
    piece: Vec<u8>,
    pipe: Pipe,
    /// Octets that were looked at since others had their turn.
    looked_at: usize,
}

/// The other end, which the conversation empties into its session.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Out {
    pub fn pipe(&self) -> Pipe {
        self.pipe.clone()
    }

    /// Ready when there is room for more.
    pub async fn room(&mut self) {
        if self.piece.len() >= PIECE_OCTETS {
            self.flush().await;
        }
    }

    /// Hands over what is gathered, however little. The conversation polls its command after every octet it sent, so no
    /// waker is kept.
    pub async fn flush(&mut self) {
        poll_fn(|_| if self.pipe.offer(&mut self.piece) { Poll::Ready(()) } else { Poll::Pending }).await
    }

    /// Counts `octets` as looked at, and lets others run when it is their turn; whether it was.
    pub async fn looked_at(&mut self, octets: usize) -> bool {
        self.looked_at = self.looked_at.saturating_add(octets);
        let turn = self.looked_at >= OCTETS_AT_ONCE;
        if turn {
            self.looked_at = 0;
            env::yield_now().await;
        }
        turn
    }

    /// Leaves what is gathered to the conversation, when the command ends.
    pub fn hand_over(&mut self) {
        self.pipe.waiting().append(&mut self.piece);
    }

    /// Octets of a message, as they are but for NUL, which no literal may hold (RFC 9051 §4.3): it becomes 0x80, so that
    /// sizes stay true.
    pub fn message_octets(&mut self, octets: &[u8]) {
        let start = self.piece.len();
        self.piece.extend_from_slice(octets);
        if memchr::memchr(0, octets).is_some() {
            self.piece.iter_mut().skip(start).filter(|octet| **octet == 0).for_each(|octet| *octet = 0x80);
        }
    }
}

impl Deref for Out {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.piece
    }
}

impl DerefMut for Out {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.piece
    }
}

/// A session that a command's output goes to.
pub(crate) trait Sink {
    /// How much it takes now.
    fn room(&self) -> usize;
    /// Where to put it.
    fn out(&mut self) -> &mut Vec<u8>;
}

impl Sink for imap::Session {
    fn room(&self) -> usize {
        self.room()
    }

    fn out(&mut self) -> &mut Vec<u8> {
        self.out()
    }
}

impl Pipe {
    /// Takes the piece if the one before is gone.
    fn offer(&self, piece: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting();
        if waiting.is_empty() {
            std::mem::swap(&mut *waiting, piece);
        }
        piece.is_empty()
    }

    /// Moves what waits into the session, if that has room for all of it or nothing else to say; whether anything moved. Who
    /// reads as fast as we write gets the buffer itself, and nothing grows.
    pub fn empty_into(&self, session: &mut impl Sink) -> bool {
        let mut waiting = self.waiting();
        let fits = session.room() >= waiting.len();
        let out = session.out();
        match (waiting.is_empty(), out.is_empty()) {
            (false, true) => std::mem::swap(out, &mut waiting),
            (false, false) if fits => out.append(&mut waiting),
            _ => return false,
        }
        true
    }

    /// Moves all the rest into the session, when the command has ended.
    pub fn finish_into(&self, session: &mut impl Sink) {
        session.out().append(&mut self.waiting());
    }

    /// What waits, for tests.
    #[cfg(test)]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
