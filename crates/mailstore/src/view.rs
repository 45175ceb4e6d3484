//! An open mailbox as its sessions see it: immutable, shared, and cheap to derive the next one from.
//!
//! Members lie in chunks in order of their UIDs. A change copies the chunks it touches and shares the rest, so two views of
//! one mailbox are compared by looking only where they differ: that comparison is what IDLE, NOOP and the other commands
//! tell their clients.

#[cfg(test)]
mod tests;

use crate::flags::{FlagBits, KeywordTable};
use crate::mailbox::MailboxRecord;
use model::{Decoder, EmailId, Encoder, MailboxId, ModSeq, RecordError, SeqNum, ThreadId, Timestamp, Uid};
use std::sync::Arc;

/// Members of a chunk: small enough to copy for one flag, large enough that a million messages are some thousand chunks.
const CHUNK_MEMBERS: usize = 128;

/// A message's place in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// In this mailbox.
    pub uid: Uid,
    /// Which message.
    pub email: EmailId,
    /// Which conversation.
    pub thread: ThreadId,
    /// Of this membership.
    pub flags: FlagBits,
    /// Of the last change.
    pub modseq: ModSeq,
    /// When it was received, or what APPEND said (RFC 9051 §2.3.3).
    pub internal_date: Timestamp,
    /// When it came into this mailbox (RFC 8514).
    pub save_date: Timestamp,
    /// RFC822.SIZE.
    pub size_octets: u64,
}

impl Member {
    const FORMAT: u8 = 1;

    /// The row of its place in `mailbox`; at its end stands which place that is.
    pub(crate) fn encode(&self, mailbox: MailboxId) -> Vec<u8> {
        let mut e = Encoder::new(Self::FORMAT);
        self.encode_into(&mut e);
        e.u32(mailbox.0).u32(self.uid.0);
        e.finish()
    }

    pub(crate) fn encode_into(&self, e: &mut Encoder) {
        e.u64(self.email.0).u64(self.thread.0);
        self.flags.encode(e);
        e.u64(self.modseq.0).time(self.internal_date).time(self.save_date).u64(self.size_octets);
    }

    pub(crate) fn decode((mailbox, uid): (MailboxId, Uid), row: &[u8]) -> Result<Member, RecordError> {
        let mut d = Decoder::new(row, Self::FORMAT)?;
        let member = Member::decode_from(uid, &mut d)?;
        // Rows of programs that did not write it do not say.
        if !d.is_empty() && (d.mailbox()?, d.uid()?) != (mailbox, uid) {
            return Err(RecordError::Elsewhere);
        }
        Ok(member)
    }

    pub(crate) fn decode_from(uid: Uid, d: &mut Decoder<'_>) -> Result<Member, RecordError> {
        Ok(Member {
            uid,
            email: d.email()?,
            thread: ThreadId(d.u64()?),
            flags: FlagBits::decode(d)?,
            modseq: d.modseq()?,
            internal_date: d.time()?,
            save_date: d.time()?,
            size_octets: d.u64()?,
        })
    }
}

type Chunk = Vec<Member>;

/// A mailbox at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The mailbox's record at that moment.
    pub mailbox: Arc<MailboxRecord>,
    /// The names of the keywords' bits.
    pub keywords: Arc<KeywordTable>,
    chunks: Vec<Arc<Chunk>>,
    /// How many members lie before each chunk.
    before: Vec<u32>,
    len: u32,
    /// Held by this view and those it became or came from.
    kin: Arc<()>,
}

/// What changed from one view to a later one of the same mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewChanges {
    /// Sequence numbers in the old view of what is gone, greatest first: each can be told as it stands.
    pub expunged: Vec<SeqNum>,
    /// UIDs of messages in both whose flags differ.
    pub flags: Vec<Uid>,
    /// UIDs of messages in both whose flags are the same again, but not their MODSEQ.
    pub touched: Vec<Uid>,
    /// How many messages came.
    pub appended: u32,
}

impl View {
    pub(crate) fn new(mailbox: Arc<MailboxRecord>, keywords: Arc<KeywordTable>) -> View {
        View { mailbox, keywords, chunks: Vec::new(), before: Vec::new(), len: 0, kin: Arc::default() }
    }

    /// Messages in it.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The member at a position, from 1.
    pub fn get(&self, seq: SeqNum) -> Option<&Member> {
        let index = seq.0.checked_sub(1)?;
        let chunk = self.before.partition_point(|&before| before <= index).checked_sub(1)?;
        self.chunks.get(chunk)?.get((index - self.before.get(chunk)?) as usize)
    }

    /// The position of a UID, if it is there.
    pub fn seq_of(&self, uid: Uid) -> Option<SeqNum> {
        let (chunk, within) = self.find(uid).ok()?;
        Some(SeqNum(self.before.get(chunk)? + within as u32 + 1))
    }

    /// The member with a UID.
    pub fn by_uid(&self, uid: Uid) -> Option<&Member> {
        let (chunk, within) = self.find(uid).ok()?;
        self.chunks.get(chunk)?.get(within)
    }

    /// The members with these UIDs, each once and in order, whatever a client's sequence set looked like.
    pub(crate) fn members(&self, uids: &[Uid]) -> Vec<Member> {
        let mut members: Vec<_> = uids.iter().filter_map(|uid| self.by_uid(*uid)).copied().collect();
        if !members.is_sorted_by(|a, b| a.uid < b.uid) {
            members.sort_unstable_by_key(|member| member.uid);
            members.dedup_by_key(|member| member.uid);
        }
        members
    }

    /// The greatest UID in it.
    pub fn last_uid(&self) -> Option<Uid> {
        self.chunks.last()?.last().map(|member| member.uid)
    }

    /// All members with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNum, &Member)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).enumerate().map(|(i, m)| (SeqNum(i as u32 + 1), m))
    }

    /// The members whose UIDs lie in `first..=last`, with their positions, in order.
    pub fn uid_range(&self, first: Uid, last: Uid) -> impl Iterator<Item = (SeqNum, &Member)> {
        let (chunk, within) = self.find(first).unwrap_or_else(|at| at);
        let skip = self.before.get(chunk).copied().unwrap_or(self.len) + within as u32;
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        let members = chunks.iter().flat_map(|chunk| chunk.iter()).skip(within);
        members
            .enumerate()
            .map(move |(i, member)| (SeqNum(skip + i as u32 + 1), member))
            .take_while(move |(_, member)| member.uid <= last)
    }

    /// The position of the first message without `\Seen` (RFC 3501 §7.1 UNSEEN).
    pub fn first_unseen(&self) -> Option<SeqNum> {
        if self.mailbox.unseen == 0 {
            return None;
        }
        self.iter().find(|(_, member)| !member.flags.contains(FlagBits::SEEN)).map(|(seq, _)| seq)
    }

    /// What a session that knows this view must be told to know `later`.
    pub fn changes_to(&self, later: &View) -> ViewChanges {
        let mut changes = ViewChanges::default();
        let (mut old, mut new) = (Walk::new(self), Walk::new(later));
        loop {
            old.skip_shared(&mut new);
            match (old.peek(), new.peek()) {
                (Some(was), Some(is)) if was.uid == is.uid => {
                    if was.flags != is.flags {
                        changes.flags.push(is.uid);
                    } else if was.modseq != is.modseq {
                        changes.touched.push(is.uid);
                    }
                    old.step();
                    new.step();
                }
                (Some(was), is) if is.is_none_or(|is| was.uid < is.uid) => {
                    changes.expunged.push(SeqNum(old.position + 1));
                    old.step();
                }
                (_, Some(_)) => {
                    changes.appended += 1;
                    new.step();
                }
                _ => break,
            }
        }
        changes.expunged.reverse();
        changes
    }

    /// This view with the flags that `uids` have in `later`: what a session knows once it was told just those.
    pub fn with_flags_of(&self, uids: impl IntoIterator<Item = Uid>, later: &View) -> View {
        let mut known = self.clone();
        known.keywords = later.keywords.clone();
        for uid in uids {
            if let Some(is) = later.by_uid(uid) {
                known.update(uid, |member| (member.flags, member.modseq) = (is.flags, is.modseq));
            }
        }
        known
    }

    /// Whether anybody holds an earlier or later view of the mailbox.
    pub(crate) fn has_others(&self) -> bool {
        Arc::strong_count(&self.kin) > 1
    }

    /// The chunk and the place in it of `uid`, or where it would be.
    fn find(&self, uid: Uid) -> Result<(usize, usize), (usize, usize)> {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.uid < uid));
        let members = self.chunks.get(chunk).map(|chunk| chunk.as_slice()).unwrap_or_default();
        match members.binary_search_by_key(&uid, |member| member.uid) {
            Ok(within) => Ok((chunk, within)),
            Err(within) => Err((chunk, within)),
        }
    }

    /// Adds a member whose UID is greater than all.
    pub(crate) fn push(&mut self, member: Member) {
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK_MEMBERS) {
            Some(chunk) => Arc::make_mut(chunk).push(member),
            None => {
                self.before.push(self.len);
                self.chunks.push(Arc::new(vec![member]));
            }
        }
        self.len += 1;
    }

    pub(crate) fn update(&mut self, uid: Uid, change: impl FnOnce(&mut Member)) {
        let Ok((chunk, within)) = self.find(uid) else { return };
        if let Some(member) = self.chunks.get_mut(chunk).and_then(|chunk| Arc::make_mut(chunk).get_mut(within)) {
            change(member);
        }
    }

    /// Takes out members; `uids` in ascending order.
    pub(crate) fn remove(&mut self, uids: &[Uid]) {
        for chunk in &mut self.chunks {
            let touched = match (chunk.first(), chunk.last()) {
                (Some(first), Some(last)) => {
                    let from = uids.partition_point(|&uid| uid < first.uid);
                    uids.get(from).is_some_and(|&uid| uid <= last.uid)
                }
                _ => false,
            };
            if touched {
                Arc::make_mut(chunk).retain(|member| uids.binary_search(&member.uid).is_err());
            }
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.before.clear();
        self.len = 0;
        for chunk in &self.chunks {
            self.before.push(self.len);
            self.len += chunk.len() as u32;
        }
    }
}

/// A walk over a view's members that can leap over chunks which two views share.
struct Walk<'a> {
    view: &'a View,
    chunk: usize,
    within: usize,
    position: u32,
}

impl<'a> Walk<'a> {
    fn new(view: &'a View) -> Walk<'a> {
        Walk { view, chunk: 0, within: 0, position: 0 }
    }

    fn peek(&self) -> Option<&'a Member> {
        self.view.chunks.get(self.chunk)?.get(self.within)
    }

    fn step(&mut self) {
        self.position += 1;
        self.within += 1;
        if self.view.chunks.get(self.chunk).is_some_and(|chunk| self.within >= chunk.len()) {
            (self.chunk, self.within) = (self.chunk + 1, 0);
        }
    }

    fn leap(&mut self, members: usize) {
        self.chunk += 1;
        self.position += members as u32;
    }

    fn skip_shared(&mut self, other: &mut Walk<'_>) {
        while self.within == 0 && other.within == 0 {
            match (self.view.chunks.get(self.chunk), other.view.chunks.get(other.chunk)) {
                (Some(mine), Some(theirs)) if Arc::ptr_eq(mine, theirs) => {
                    self.leap(mine.len());
                    other.leap(mine.len());
                }
                _ => return,
            }
        }
    }
}
