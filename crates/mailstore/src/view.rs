//! An open mailbox as its sessions see it: immutable, shared, and cheap to derive the next one from.
//!
//! Members lie in chunks in order of their UIDs, packed but for those that changed and the last chunk, which grows. A change copies the chunks it touches and shares the rest, so two views of
//! one mailbox are compared by looking only where they differ: that comparison is what IDLE, NOOP and the other commands
//! tell their clients.

mod chunk;
mod packed;
#[cfg(test)]
mod tests;

pub(crate) use packed::Packed;

use crate::flags::{FlagBits, KeywordTable};
use crate::mailbox::MailboxRecord;
use chunk::Chunk;
use model::{Decoder, EmailId, Encoder, MailboxId, ModSeq, RecordError, SeqNum, ThreadId, Timestamp, Uid};
use std::sync::Arc;

/// Members of a chunk: small enough to copy for one flag, large enough that a million messages are some thousand chunks.
pub(crate) const CHUNK_MEMBERS: usize = 256;

/// So many that were just read are packed, though a chunk has room for more.
pub(crate) const TAIL_PACKED_MIN: usize = 16;

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

/// Chunks that are kept loose; more of them are packed again. They take 24 KiB each, so 1.5 MiB.
const LOOSE_MAX: usize = if cfg!(test) { 2 } else { 64 };

/// The chunks before the tail; shared by all views between which only the tail changed.
#[derive(Clone, Debug, Default)]
struct Chunks {
    /// None of them is empty.
    all: Vec<Arc<Chunk>>,
    /// How many members lie before each.
    before: Vec<u32>,
    len: u32,
}

impl Chunks {
    fn push(&mut self, packed: Packed) {
        self.before.push(self.len);
        self.len += packed.len() as u32;
        self.all.push(Arc::new(Chunk::Packed(packed)));
    }

    /// The chunk in which `uid` is or would be.
    fn of(&self, uid: Uid) -> usize {
        self.all.partition_point(|chunk| chunk.last_uid().is_some_and(|last| last < uid))
    }

    fn last_uid(&self) -> Option<Uid> {
        self.all.last()?.last_uid()
    }

    fn before(&self, chunk: usize) -> u32 {
        self.before.get(chunk).copied().unwrap_or(self.len)
    }

    fn pack(&mut self) {
        for chunk in &mut self.all {
            if let Chunk::Loose(members) = &**chunk {
                *chunk = Arc::new(Chunk::Packed(Packed::new(members)));
            }
        }
    }

    /// Changes each chunk in which some of `of` may lie, all at once; they are in ascending order.
    fn change<T>(&mut self, of: &[T], uid: impl Fn(&T) -> Uid, change: impl Fn(&mut Vec<Member>, &[T])) {
        let (mut rest, mut emptied) = (of, Vec::new());
        while let Some(next) = rest.first().map(&uid) {
            let at = self.of(next);
            let Some(chunk) = self.all.get_mut(at) else { break };
            let Some((first, last)) = chunk.uid(0).zip(chunk.last_uid()) else { break };
            let (here, behind) = rest.split_at(rest.partition_point(|one| uid(one) <= last));
            rest = behind;
            if here.last().is_none_or(|one| uid(one) < first) {
                continue;
            }
            let mut members: Vec<Member> = chunk.iter_from(0).collect();
            change(&mut members, here);
            match members.as_slice() {
                // It keeps its place until the walk is over.
                [] => emptied.push(at),
                left => *chunk = Arc::new(Chunk::Loose(left.into())),
            }
        }
        let mut at = 0;
        self.all.retain(|_| {
            at += 1;
            emptied.binary_search(&(at - 1)).is_err()
        });
        if self.all.iter().filter(|chunk| chunk.is_loose()).count() > LOOSE_MAX {
            self.pack();
        }
        self.before.clear();
        self.len = 0;
        for chunk in &self.all {
            self.before.push(self.len);
            self.len += chunk.len() as u32;
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
    packed: Arc<Chunks>,
    /// Those behind them, to which more are added.
    tail: Arc<Vec<Member>>,
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
        View { mailbox, keywords, packed: Arc::default(), tail: Arc::default(), kin: Arc::default() }
    }

    /// Messages in it.
    pub fn len(&self) -> u32 {
        self.packed.len + self.tail.len() as u32
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member at a position, from 1.
    pub fn get(&self, seq: SeqNum) -> Option<Member> {
        let index = seq.0.checked_sub(1)?;
        if let Some(behind) = index.checked_sub(self.packed.len) {
            return self.tail.get(behind as usize).copied();
        }
        let chunk = self.packed.before.partition_point(|&before| before <= index).checked_sub(1)?;
        self.at((chunk, (index - self.packed.before(chunk)) as usize))
    }

    /// The position of a UID, if it is there.
    pub fn seq_of(&self, uid: Uid) -> Option<SeqNum> {
        Some(SeqNum(self.members_before(self.find(uid).ok()?) + 1))
    }

    /// The member with a UID.
    pub fn by_uid(&self, uid: Uid) -> Option<Member> {
        self.at(self.find(uid).ok()?)
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
        self.tail.last().map(|member| member.uid).or_else(|| self.packed.last_uid())
    }

    /// All members with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNum, Member)> + '_ {
        self.iter_from((0, 0))
    }

    /// The members whose UIDs lie in `first..=last`, with their positions, in order.
    pub fn uid_range(&self, first: Uid, last: Uid) -> impl Iterator<Item = (SeqNum, Member)> + '_ {
        self.iter_from(self.find(first).unwrap_or_else(|at| at)).take_while(move |(_, member)| member.uid <= last)
    }

    /// How many UIDs of `first..=last` are there.
    pub fn count_of(&self, first: Uid, last: Uid) -> u32 {
        let before = |uid| self.members_before(self.find(uid).unwrap_or_else(|at| at));
        let behind = last.0.checked_add(1).map_or_else(|| self.len(), |next| before(Uid(next)));
        behind.saturating_sub(before(first))
    }

    /// The position of the first message without `\Seen` (RFC 3501 §7.1 UNSEEN).
    pub fn first_unseen(&self) -> Option<SeqNum> {
        if self.mailbox.unseen == 0 {
            return None;
        }
        let chunks = &*self.packed;
        let packed = chunks.all.iter().zip(&chunks.before);
        let mut first = packed.filter_map(|(chunk, before)| Some(before + chunk.first_without(FlagBits::SEEN)? as u32));
        let behind = || self.tail.iter().position(|member| !member.flags.contains(FlagBits::SEEN));
        let index = first.next().or_else(|| Some(chunks.len + behind()? as u32));
        index.map(|index| SeqNum(index + 1))
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

    /// The chunk and the place in it of `uid`, or where it would be; the tail is the chunk behind the last.
    fn find(&self, uid: Uid) -> Result<Place, Place> {
        let chunk = self.packed.of(uid);
        let within = match self.packed.all.get(chunk) {
            Some(packed) => packed.find(uid),
            None => self.tail.binary_search_by_key(&uid, |member| member.uid),
        };
        within.map(|within| (chunk, within)).map_err(|within| (chunk, within))
    }

    fn at(&self, (chunk, within): Place) -> Option<Member> {
        match self.packed.all.get(chunk) {
            Some(packed) => packed.get(within),
            None => self.tail.get(within).copied(),
        }
    }

    fn members_before(&self, (chunk, within): Place) -> u32 {
        self.packed.before(chunk) + within as u32
    }

    fn iter_from(&self, place: Place) -> impl Iterator<Item = (SeqNum, Member)> + '_ {
        let (first, within) = place;
        let chunks = self.packed.all.get(first..).unwrap_or_default().iter().enumerate();
        let packed = chunks.flat_map(move |(n, chunk)| chunk.iter_from(if n == 0 { within } else { 0 }));
        let behind = if first < self.packed.all.len() { 0 } else { within };
        let tail = self.tail.iter().skip(behind).copied();
        let skipped = self.members_before(place);
        packed.chain(tail).zip(skipped + 1..).map(|(member, seq)| (SeqNum(seq), member))
    }

    /// Adds a member whose UID is greater than all.
    pub(crate) fn push(&mut self, member: Member) {
        let tail = Arc::make_mut(&mut self.tail);
        tail.push(member);
        if tail.len() >= CHUNK_MEMBERS {
            self.pack_tail(1);
        }
    }

    /// Packs what was pushed, if it is so many: it takes a fifth of the room then.
    pub(crate) fn pack_tail(&mut self, members_min: usize) {
        if self.tail.len() >= members_min {
            Arc::make_mut(&mut self.packed).push(Packed::new(&self.tail));
            self.tail = Arc::default();
        }
    }

    /// Adds packed members whose UIDs are greater than all, before any is pushed.
    pub(crate) fn push_packed(&mut self, packed: Packed) {
        assert!(self.tail.is_empty(), "the tail is behind all that is packed");
        Arc::make_mut(&mut self.packed).push(packed);
    }

    /// Puts members in place of those with their UIDs; `members` in ascending order.
    pub(crate) fn update(&mut self, members: &[Member]) {
        self.change(
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
        self.change(uids, |uid| *uid, |chunk, gone| chunk.retain(|member| gone.binary_search(&member.uid).is_err()));
    }

    fn change<T>(&mut self, of: &[T], uid: impl Fn(&T) -> Uid, change: impl Fn(&mut Vec<Member>, &[T])) {
        let last = self.packed.last_uid();
        let (packed, tail) = of.split_at(of.partition_point(|one| Some(uid(one)) <= last));
        if !tail.is_empty() {
            change(Arc::make_mut(&mut self.tail), tail);
        }
        if !packed.is_empty() {
            Arc::make_mut(&mut self.packed).change(packed, uid, change);
        }
    }
}

/// A chunk and a place in it.
type Place = (usize, usize);

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
        self.view.at((self.chunk, self.within))
    }

    fn step(&mut self) {
        self.position += 1;
        self.within += 1;
        if self.view.packed.all.get(self.chunk).is_some_and(|chunk| self.within >= chunk.len()) {
            (self.chunk, self.within) = (self.chunk + 1, 0);
        }
    }

    fn skip_to(&mut self, chunk: usize) {
        (self.chunk, self.position) = (chunk, self.view.packed.before(chunk));
    }

    /// Looks at pointers only: of a large mailbox no chunk is near.
    fn skip_shared(&mut self, other: &mut Walk<'_>) {
        if self.within > 0 || other.within > 0 {
            return;
        }
        let (mine, theirs) = (&self.view.packed, &other.view.packed);
        let shared = if Arc::ptr_eq(mine, theirs) && self.chunk == other.chunk {
            mine.all.len().saturating_sub(self.chunk)
        } else {
            let (my, their) = (mine.all.iter().skip(self.chunk), theirs.all.iter().skip(other.chunk));
            my.zip(their).take_while(|(my, their)| Arc::ptr_eq(my, their)).count()
        };
        if shared > 0 {
            self.skip_to(self.chunk + shared);
            other.skip_to(other.chunk + shared);
        }
    }
}
