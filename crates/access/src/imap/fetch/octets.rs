//! Octets of a message, in pieces.

use super::Trouble;
use crate::imap::out::Out;
use crate::imap::running::Refusal;
use imap::command::Partial;
use mailstore::{Account, Email, Error};
use std::ops::Range;
use std::sync::Arc;

/// Octets that are read at once.
pub(super) const PIECE_OCTETS: u64 = 64 * 1024;

/// What was read at once, as it lies in the store: what stands before the message, and the message.
#[derive(Clone, Default)]
pub(super) struct Piece([bytes::Bytes; 2]);

impl Piece {
    pub fn len(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn joined(self) -> bytes::Bytes {
        mailstore::joined(self.0)
    }

    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|part| &**part)
    }
}

/// A message that is being read.
pub(super) struct Reading<'a> {
    pub account: &'a Arc<Account>,
    pub email: &'a Email,
    pub trouble: &'a mut Trouble,
}

impl Reading<'_> {
    /// A part's range as a range of the message as seen.
    pub fn shifted(&self, range: Range<u64>) -> Range<u64> {
        let shift = self.email.prefix().len() as u64;
        range.start + shift..range.end + shift
    }

    /// The first piece of `range`; `None`, and noted, when the octets are gone. It is read before anything is promised.
    pub async fn first(&mut self, range: &Range<u64>) -> Result<Option<Piece>, Error> {
        match self.piece(range).await {
            Ok(piece) if piece.is_empty() && !range.is_empty() => {
                self.trouble.note(&Error::BodyMissing(self.email.id));
                Ok(None)
            }
            Ok(piece) => Ok(Some(piece)),
            Err(error) if error.is_damage() => {
                self.trouble.note(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub async fn piece(&self, range: &Range<u64>) -> Result<Piece, Error> {
        if range.is_empty() {
            return Ok(Piece::default());
        }
        let end = range.end.min(range.start.saturating_add(PIECE_OCTETS));
        self.account.parts(self.email, range.start..end).await.map(Piece)
    }

    /// Writes `range`, of which `first` is the begin, behind a literal's size.
    ///
    /// # Errors
    /// [`Refusal::Broken`] when the octets end early.
    pub async fn rest(&self, first: Piece, mut range: Range<u64>, out: &mut Out) -> Result<(), Refusal> {
        let mut piece = first;
        loop {
            piece.parts().for_each(|part| out.message_octets(part));
            out.looked_at(piece.len()).await;
            range.start += piece.len() as u64;
            if range.is_empty() {
                return Ok(());
            }
            out.room().await;
            piece = match self.piece(&range).await {
                Ok(piece) if !piece.is_empty() => piece,
                _ => return Err(Refusal::Broken),
            };
        }
    }
}

/// `<offset.length>` of something that has `octets`.
pub(super) fn cut(octets: u64, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => 0..octets,
        Some(Partial { offset, length }) => {
            let start = offset.min(octets);
            start..start.saturating_add(length).min(octets)
        }
    }
}
