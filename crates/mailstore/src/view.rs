//! An open mailbox as its sessions see it: immutable, shared, and cheap to derive the next one from.
//!
//! Members lie in chunks in order of their UIDs, packed but for the last chunk, which grows. A change copies the chunks it touches and shares the rest, so two views of
//! one mailbox are compared by looking only where they differ: that comparison is what IDLE, NOOP and the other commands
//! tell their clients.

mod packed;
#[cfg(test)]
mod tests;

pub(crate) use packed::Packed;

use crate::flags::{FlagBits, KeywordTable};
use crate::mailbox::MailboxRecord;
use model::{Decoder, EmailId, Encoder, MailboxId, ModSeq, RecordError, SeqNum, ThreadId, Timestamp, Uid};
use std::sync::Arc;

/// Members of a chunk: small enough to copy for one flag, large enough that a million messages are some thousand chunks.
pub(crate) const CHUNK_MEMBERS: usize = 256;

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

/// Some members, at least one, in order of their UIDs.
#[derive(Clone, Debug)]
enum Chunk {
    /// To which more are added.
    Open(Vec<Member>),
    Packed(Packed),
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Chunk::Open(members) => members.len(),
            Chunk::Packed(packed) => packed.len(),
        }
    }

    fn get(&self, index: usize) -> Option<Member> {
        match self {
            Chunk::Open(members) => members.get(index).copied(),
            Chunk::Packed(packed) => packed.get(index),
        }
    }

    fn uid(&self, index: usize) -> Option<Uid> {
        match self {
            Chunk::Open(members) => members.get(index).map(|member| member.uid),
            Chunk::Packed(packed) => packed.uid(index),
        }
    }

    fn first_uid(&self) -> Option<Uid> {
        self.uid(0)
    }

    fn last_uid(&self) -> Option<Uid> {
        self.uid(self.len().checked_sub(1)?)
    }

    /// Where `uid` is, or would be.
    fn find(&self, uid: Uid) -> Result<usize, usize> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.uid(middle).is_some_and(|other| other < uid) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        if self.uid(from) == Some(uid) { Ok(from) } else { Err(from) }
    }

    fn iter_from(&self, index: usize) -> impl Iterator<Item = Member> + '_ {
        (index..self.len()).filter_map(|index| self.get(index))
    }

    fn first_without(&self, flags: FlagBits) -> Option<usize> {
        match self {
            Chunk::Open(members) => members.iter().position(|member| !member.flags.contains(flags)),
            Chunk::Packed(packed) => packed.first_without(flags),
        }
    }

    /// This chunk after `change`, which keeps the order; `None` if nobody is left.
    fn changed(&self, change: impl FnOnce(&mut Vec<Member>)) -> Option<Chunk> {
        let (mut members, packed) = match self {
            Chunk::Open(members) => (members.clone(), false),
            Chunk::Packed(packed) => (packed.unpacked(), true),
        };
        change(&mut members);
        match members.as_slice() {
            [] => None,
            all if packed => Some(Chunk::Packed(Packed::new(all))),
            _ => Some(Chunk::Open(members)),
        }
    }
}

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
    pub fn get(&self, seq: SeqNum) -> Option<Member> {
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
    pub fn by_uid(&self, uid: Uid) -> Option<Member> {
        let (chunk, within) = self.find(uid).ok()?;
        self.chunks.get(chunk)?.get(within)
    }

    /// The members with these UIDs, each once and in order, whatever a client's sequence set looked like.
    pub(crate) fn members(&self, uids: &[Uid]) -> Vec<Member> {
        let mut members: Vec<_> = uids.iter().filter_map(|uid| self.by_uid(*uid)).collect();
        if !members.is_sorted_by(|a, b| a.uid < b.uid) {
            members.sort_unstable_by_key(|member| member.uid);
            members.dedup_by_key(|member| member.uid);
        }
        members
    }

    /// The greatest UID in it.
    pub fn last_uid(&self) -> Option<Uid> {
        self.chunks.last()?.last_uid()
    }

    /// All members with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNum, Member)> + '_ {
        let members = self.chunks.iter().flat_map(|chunk| chunk.iter_from(0));
        members.enumerate().map(|(i, member)| (SeqNum(i as u32 + 1), member))
    }

    /// The members whose UIDs lie in `first..=last`, with their positions, in order.
    pub fn uid_range(&self, first: Uid, last: Uid) -> impl Iterator<Item = (SeqNum, Member)> + '_ {
        let (chunk, within) = self.find(first).unwrap_or_else(|at| at);
        let skip = self.before.get(chunk).copied().unwrap_or(self.len) + within as u32;
        let chunks = self.chunks.get(chunk..).unwrap_or_default().iter().enumerate();
        let members = chunks.flat_map(move |(n, chunk)| chunk.iter_from(if n == 0 { within } else { 0 }));
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
        let mut chunks = self.chunks.iter().zip(&self.before);
        chunks.find_map(|(chunk, before)| Some(SeqNum(before + chunk.first_without(FlagBits::SEEN)? as u32 + 1)))
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
        let uids: Vec<Uid> = uids.into_iter().collect();
        let mut is = known.members(&uids);
        is.retain_mut(|member| match later.by_uid(member.uid) {
            Some(later) => {
                (member.flags, member.modseq) = (later.flags, later.modseq);
                true
            }
            None => false,
        });
        known.update(&is);
        known
    }

    /// Whether anybody holds an earlier or later view of the mailbox.
    pub(crate) fn has_others(&self) -> bool {
        Arc::strong_count(&self.kin) > 1
    }

    /// The chunk and the place in it of `uid`, or where it would be.
    fn find(&self, uid: Uid) -> Result<(usize, usize), (usize, usize)> {
        let chunk = self.chunks.partition_point(|chunk| chunk.last_uid().is_some_and(|last| last < uid));
        match self.chunks.get(chunk).map_or(Err(0), |chunk| chunk.find(uid)) {
            Ok(within) => Ok((chunk, within)),
            Err(within) => Err((chunk, within)),
        }
    }

    /// Adds a member whose UID is greater than all.
    pub(crate) fn push(&mut self, member: Member) {
        // A packed one is not even copied.
        let last = self.chunks.last_mut().filter(|chunk| matches!(***chunk, Chunk::Open(_)));
        if let Some(Chunk::Open(members)) = last.map(Arc::make_mut) {
            members.push(member);
            if members.len() >= CHUNK_MEMBERS {
                let packed = Chunk::Packed(Packed::new(members));
                self.chunks.pop();
                self.chunks.push(Arc::new(packed));
            }
        } else {
            self.before.push(self.len);
            self.chunks.push(Arc::new(Chunk::Open(vec![member])));
        }
        self.len += 1;
    }

    /// Adds packed members whose UIDs are greater than all.
    pub(crate) fn push_packed(&mut self, packed: Packed) {
        self.before.push(self.len);
        self.len += packed.len() as u32;
        self.chunks.push(Arc::new(Chunk::Packed(packed)));
    }

    /// Puts members in place of those with their UIDs; `members` in ascending order.
    pub(crate) fn update(&mut self, members: &[Member]) {
        self.rebuild(
            members,
            |member| member.uid,
            |chunk, changed| {
                for is in changed {
                    if let Ok(at) = chunk.binary_search_by_key(&is.uid, |member| member.uid)
                        && let Some(member) = chunk.get_mut(at)
                    {
                        *member = *is;
                    }
                }
            },
        );
    }

    /// Takes out members; `uids` in ascending order.
    pub(crate) fn remove(&mut self, uids: &[Uid]) {
        self.rebuild(
            uids,
            |uid| *uid,
            |chunk, gone| {
                chunk.retain(|member| gone.binary_search(&member.uid).is_err());
            },
        );
        self.before.clear();
        self.len = 0;
        for chunk in &self.chunks {
            self.before.push(self.len);
            self.len += chunk.len() as u32;
        }
    }

    /// Changes each chunk in which some of `of` may lie, all at once; they are in ascending order.
    fn rebuild<T>(&mut self, of: &[T], uid: impl Fn(&T) -> Uid, change: impl Fn(&mut Vec<Member>, &[T])) {
        let mut rest = of;
        let mut emptied = Vec::new();
        while let Some(next) = rest.first().map(&uid) {
            let at = self.chunks.partition_point(|chunk| chunk.last_uid().is_some_and(|last| last < next));
            let Some(chunk) = self.chunks.get_mut(at) else { break };
            let Some((first, last)) = chunk.first_uid().zip(chunk.last_uid()) else { break };
            let (here, behind) = rest.split_at(rest.partition_point(|one| uid(one) <= last));
            rest = behind;
            if here.last().is_none_or(|one| uid(one) < first) {
                continue;
            }
            match chunk.changed(|members| change(members, here)) {
                Some(changed) => *chunk = Arc::new(changed),
                // It keeps its place until the walk is over.
                None => emptied.push(at),
            }
        }
        let mut at = 0;
        self.chunks.retain(|_| {
            at += 1;
            emptied.binary_search(&(at - 1)).is_err()
        });
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

    fn peek(&self) -> Option<Member> {
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
